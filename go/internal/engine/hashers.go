package engine

import (
	"errors"
	"hash"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"checksig/internal/digest"
	"checksig/internal/safefs"
)

const (
	// worthSharing is the size from which the reading of a file and its hashing by several algorithms
	// are shared among CPUs that have nothing else to do.
	worthSharing = 1 << 20

	// relayPiece is how many bytes go to all hashers at once, and relayPieces how many pieces are
	// between the reading and the slowest of them.
	relayPiece  = 64 << 10
	relayPieces = 8
)

// hashers are one for each algorithm, kept for the next file.
type hashers map[*digest.Algorithm]hash.Hash

// start returns those of some algorithms, at their beginning.
func (h hashers) start(algorithms []*digest.Algorithm) several {
	started := make(several, len(algorithms))
	for i, a := range algorithms {
		if h[a] == nil {
			h[a] = a.New()
		}
		h[a].Reset()
		started[i] = h[a]
	}
	return started
}

// several are hashers that are written to together.
type several []hash.Hash

func (s several) Write(p []byte) (int, error) {
	for _, h := range s {
		h.Write(p) // never fails, as hash.Hash says
	}
	return len(p), nil
}

// idleCPUs is how many CPUs no worker has something to do for.
func (r *run) idleCPUs() int {
	processors := r.request.Workers
	if processors == 0 {
		processors = runtime.GOMAXPROCS(0)
	}
	busy := int(r.busy.Load())
	if r.queue != nil {
		busy -= r.queue.idlers()
	}
	return processors - busy
}

// feed reads a whole file into hashers, piece by piece, and returns how many bytes it had. The error
// is that of [safefs.File.CopyTo].
func (r *run) feed(file *safefs.File, to several, buf []byte) (int64, error) {
	if file.Size() >= worthSharing {
		file.Sequential()
		// Where nothing waits for a disk, one hasher alone is not faster for it: what another CPU
		// has read is in that one's cache.
		if r.rotates || len(to) > 1 && r.idleCPUs() > 0 {
			return r.relay(file, to)
		}
	}
	return file.CopyTo(r.ctx, to, buf, r.readBytes)
}

// piece is a part of a file on its way to hashers.
type piece struct {
	data []byte
	size int
	left atomic.Int32 // hashers that have yet to take it
}

// relay reads a file ahead of its hashers, each of which has a goroutine.
func (r *run) relay(file *safefs.File, to several) (int64, error) {
	var pieces [relayPieces]piece
	free := make(chan *piece, relayPieces)
	memory := make([]byte, relayPieces*relayPiece)
	for i := range pieces {
		pieces[i].data = memory[i*relayPiece:][:relayPiece]
		free <- &pieces[i]
	}
	var group sync.WaitGroup
	inputs := make([]chan *piece, len(to))
	for i, h := range to {
		in := make(chan *piece, relayPieces)
		inputs[i] = in
		r.spawn(&group, func() {
			for p := range in {
				h.Write(p.data[:p.size])
				if p.left.Add(-1) == 0 {
					free <- p
				}
			}
		})
	}
	total, err := r.cut(file, free, inputs)
	for _, in := range inputs {
		close(in)
	}
	group.Wait()
	return total, err
}

// cut reads the file into pieces and gives each to all inputs.
func (r *run) cut(file *safefs.File, free <-chan *piece, inputs []chan *piece) (total int64, err error) {
	for {
		var p *piece
		select {
		case p = <-free:
		case <-r.ctx.Done(): // perhaps as a hasher has failed, and gives none back
			return total, r.ctx.Err()
		}
		if err := r.ctx.Err(); err != nil {
			return total, err
		}
		p.size, err = file.Read(p.data)
		total += int64(p.size)
		r.readBytes(p.size)
		p.left.Store(int32(len(inputs)))
		for _, in := range inputs {
			in <- p // there is room for all pieces
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}
