package job

import (
	"sync"

	"checksig/internal/wire"
)

const (
	chunkSize = 16 << 10

	// recordSize is more than most records take. A longer one makes its chunk grow.
	recordSize = 512
)

// freeChunks holds chunks for the next records, 4 MB: new memory costs more than what is written to it.
var freeChunks = make(chan *[chunkSize]byte, 256)

// chunkList is a sequence of records in chunks, which stay where they are while more are appended.
type chunkList struct {
	chunks [][]byte
	size   int // of all records

	// The last record, if it is a 'V' record, which can grow: its chunk, and where it begins there.
	openChunk, openStart int
	isOpen               bool
}

// append appends a record, or another sequence of bytes. It takes about size bytes.
func (l *chunkList) append(size int, record func([]byte) []byte) {
	last := len(l.chunks) - 1
	if last < 0 || cap(l.chunks[last])-len(l.chunks[last]) < size {
		l.chunks = append(l.chunks, newChunk()[:0])
		last++
	}
	before := len(l.chunks[last])
	l.chunks[last] = record(l.chunks[last])
	l.size += len(l.chunks[last]) - before
	l.isOpen = false
}

// appendVerified appends the payload of a 'V' record: to the last record, if that is one.
func (l *chunkList) appendVerified(payload []byte) {
	if !l.isOpen {
		l.append(wire.RecordHeadSize, wire.AppendVerifiedHead)
		l.openChunk = len(l.chunks) - 1
		l.openStart = len(l.chunks[l.openChunk]) - wire.RecordHeadSize
	}
	l.append(len(payload), func(dst []byte) []byte { return append(dst, payload...) })
	wire.GrowRecord(l.chunks[l.openChunk][l.openStart:], len(payload))
	l.isOpen = true
}

// moveTo appends all records to dst, and frees their chunks.
func (l *chunkList) moveTo(dst []byte) []byte {
	for _, chunk := range l.chunks {
		dst = append(dst, chunk...)
		if cap(chunk) == chunkSize {
			select {
			case freeChunks <- (*[chunkSize]byte)(chunk[:chunkSize]):
			default:
			}
		}
	}
	*l = chunkList{}
	return dst
}

func newChunk() *[chunkSize]byte {
	select {
	case chunk := <-freeChunks:
		return chunk
	default:
		return new([chunkSize]byte)
	}
}

const (
	// bufferCount is how many workers can add results without waiting for each other.
	bufferCount = 16
	bufferSize  = 4 << 10
)

var bufferPool = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// resultBuffer holds what a worker has verified until it is worth moving to the job's records: writing
// to memory that is in no cache takes as long for one entry as for many.
type resultBuffer struct {
	mu     sync.Mutex // locked before the job's
	memory *[bufferSize]byte
	items  []byte     // in memory, unless they need more: the payload of a 'V' record
	group  wire.Group // the latest in items
	_      [64]byte   // keeps two buffers out of one cache line
}

// add adds a verified or skipped entry, and reports whether that filled the buffer, which is handed
// over to the job then.
func (b *resultBuffer) add(e *wire.Entry, j *Job) (full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.memory == nil {
		b.memory = bufferPool.Get().(*[bufferSize]byte)
		b.items = b.memory[:0]
	}
	b.items = wire.AppendVerified(b.items, e, &b.group)
	if len(b.items) <= bufferSize-recordSize {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	b.handOver(&j.records)
	j.wake()
	return true
}

// handOver moves what the buffer holds to the end of the job's records. Both are locked.
func (b *resultBuffer) handOver(records *chunkList) {
	if len(b.items) > 0 {
		records.appendVerified(b.items)
	}
	if b.memory != nil {
		b.items, b.group = b.memory[:0], wire.Group{}
	}
}

// free gives the buffer's memory back.
func (b *resultBuffer) free() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.memory != nil {
		bufferPool.Put(b.memory)
		b.memory, b.items = nil, nil
	}
}
