package hashpool

import (
	"errors"
	"hash"
	"io"
	"sync"
	"sync/atomic"

	"checksig/internal/safefs"
)

const (
	// fanOutSize is the size from which a file is read by one CPU and hashed by others, if those have
	// nothing else to do.
	fanOutSize = 1 << 20

	// alone is the same for one hasher, where the file is not in the page cache: to fill that takes the CPU about as
	// long as to hash it.
	alone = 32 << 20

	fanOutChunk  = 256 << 10 // bytes that go to all hashers at once
	fanOutChunks = 4         // between the reading and the slowest hasher

	// fanOutWindow is how many bytes the system is asked to read ahead of a file at once.
	fanOutWindow = 8 << 20
)

// chunk is a part of a file on its way to hashers.
type chunk struct {
	data []byte
	size int
	left atomic.Int32 // hashers that have yet to take it
}

// fanOut reads a file ahead of its hashers, each of which has a goroutine. It returns what
// [safefs.File.CopyTo] does.
func (p *Pool[P]) fanOut(file *safefs.File, hashers []hash.Hash) (int64, error) {
	var chunks [fanOutChunks]chunk
	free := make(chan *chunk, fanOutChunks)
	memory := make([]byte, fanOutChunks*fanOutChunk)
	for i := range chunks {
		chunks[i].data = memory[i*fanOutChunk:][:fanOutChunk]
		free <- &chunks[i]
	}
	var running sync.WaitGroup
	inputs := make([]chan *chunk, len(hashers))
	for i, h := range hashers {
		in := make(chan *chunk, fanOutChunks)
		inputs[i] = in
		p.group.Go(&running, func() {
			for c := range in {
				h.Write(c.data[:c.size])
				if c.left.Add(-1) == 0 {
					free <- c
				}
			}
		})
	}
	total, err := p.readTo(file, free, inputs)
	for _, in := range inputs {
		close(in)
	}
	running.Wait()
	return total, err
}

// readTo reads the file into chunks and gives each to all inputs.
func (p *Pool[P]) readTo(file *safefs.File, free <-chan *chunk, inputs []chan *chunk) (total int64, err error) {
	ctx := p.group.Context()
	advised := int64(0)
	for {
		if size := file.Size(); advised < size && advised-total <= fanOutWindow/2 {
			until := min(total+fanOutWindow, size)
			file.ReadAhead(advised, until-advised)
			advised = until
		}
		var c *chunk
		select {
		case c = <-free:
		case <-ctx.Done(): // a hasher may have failed, and gives none back
			return total, ctx.Err()
		}
		if err := ctx.Err(); err != nil {
			return total, err
		}
		c.size, err = file.Read(c.data)
		total += int64(c.size)
		p.config.BytesRead.Add(int64(c.size))
		c.left.Store(int32(len(inputs)))
		for _, in := range inputs {
			in <- c // has room for all chunks
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}
