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

	fanOutChunk  = 256 << 10 // bytes that go to all hashers at once
	fanOutChunks = 4         // between the reading and the slowest hasher

	// hugeFile is the size from which a file is so read for one hasher, too, in larger chunks and by several
	// goroutines in turn: while one waits for the disk, or for memory for the page cache, another one copies.
	hugeFile    = 32 << 20
	hugeChunk   = 1 << 20
	hugeReaders = 2

	// fanOutWindow is how many bytes the system is asked to read ahead of a file at once.
	fanOutWindow = 8 << 20
)

// chunk is a part of a file on its way to hashers.
type chunk struct {
	data []byte
	size int
	left atomic.Int32 // hashers that have yet to take it
}

// fanOut is a file that is read ahead of its hashers, each of which has a goroutine.
type fanOut[P any] struct {
	pool    *Pool[P]
	file    *safefs.File
	free    chan *chunk
	inputs  []chan *chunk // of the hashers
	total   int64         // bytes that were given to the hashers
	advised int64         // bytes that the system was asked to read ahead
}

// fanOut reads a file ahead of its hashers. It returns what [safefs.File.CopyTo] does.
func (p *Pool[P]) fanOut(file *safefs.File, hashers []hash.Hash) (int64, error) {
	inTurn := file.Size() >= hugeFile && !p.trial.serial.Load()
	size := fanOutChunk
	if inTurn {
		size = hugeChunk
	}
	f := &fanOut[P]{pool: p, file: file, free: make(chan *chunk, fanOutChunks)}
	memory := make([]byte, fanOutChunks*size)
	for i := range fanOutChunks {
		f.free <- &chunk{data: memory[i*size:][:size]}
	}
	var running sync.WaitGroup
	for _, h := range hashers {
		in := make(chan *chunk, fanOutChunks)
		f.inputs = append(f.inputs, in)
		p.group.Go(&running, func() {
			for c := range in {
				h.Write(c.data[:c.size])
				if c.left.Add(-1) == 0 {
					f.free <- c
				}
			}
		})
	}
	err := f.read(inTurn)
	for _, in := range f.inputs {
		close(in)
	}
	running.Wait()
	return f.total, err
}

// read reads the file.
func (f *fanOut[P]) read(inTurn bool) error {
	if inTurn {
		f.readInTurn()
		if err := f.file.Skip(f.total); err != nil {
			return err
		}
	}
	for {
		c := f.take(f.total)
		if c == nil {
			return f.pool.group.Context().Err()
		}
		n, err := f.file.Read(c.data)
		f.give(c, n)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readInTurn has several goroutines read the file, up to what cannot be read so.
func (f *fanOut[P]) readInTurn() {
	var mu sync.Mutex
	next, ended := int64(0), false
	turn := make(chan struct{}) // closed when all that is before next was given to the hashers
	close(turn)
	readNext := func() bool {
		mu.Lock()
		offset, before, after := next, turn, make(chan struct{})
		c := f.take(offset)
		if c == nil {
			mu.Unlock()
			return false
		}
		part := c.data[:min(int64(len(c.data)), f.file.Size()-offset)]
		next, turn = offset+int64(len(part)), after
		mu.Unlock()
		n, _ := f.file.ReadAt(part, offset)
		select {
		case <-before:
		case <-f.pool.group.Context().Done():
			return false
		}
		defer close(after)
		if ended = ended || n < len(part) || n == 0; ended {
			f.free <- c
			return false
		}
		f.give(c, n)
		return true
	}
	var running sync.WaitGroup
	for range hugeReaders {
		f.pool.group.Go(&running, func() {
			for readNext() {
				continue
			}
		})
	}
	running.Wait()
}

// take returns a chunk for what is at offset; nil if the group ended.
func (f *fanOut[P]) take(offset int64) *chunk {
	if size := f.file.Size(); f.advised < size && f.advised-offset <= fanOutWindow/2 {
		until := min(offset+fanOutWindow, size)
		f.file.ReadAhead(f.advised, until-f.advised)
		f.advised = until
	}
	select {
	case c := <-f.free:
		if f.pool.group.Ended() {
			return nil
		}
		return c
	case <-f.pool.group.Context().Done(): // a hasher may have failed, and gives none back
		return nil
	}
}

// give gives a chunk with n bytes to all hashers.
func (f *fanOut[P]) give(c *chunk, n int) {
	c.size = n
	f.total += int64(n)
	f.pool.config.BytesRead.Add(int64(n))
	c.left.Store(int32(len(f.inputs)))
	for _, in := range f.inputs {
		in <- c // it can hold all chunks
	}
}
