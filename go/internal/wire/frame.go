package wire

import (
	"errors"
	"fmt"
	"io"
)

// MaxContent is the most bytes that a manifest in a request may have.
const MaxContent = 64 << 20

// MaxRequest is the most bytes that a request to the process may have.
const MaxRequest = MaxContent/3*4 + 1<<20

// frameHeadSize is how many bytes hold the size of a frame.
const frameHeadSize = 4

// ErrTooLong is in the chain of the error for a frame over the limit.
var ErrTooLong = errors.New("too long")

// ReadFrame reads a frame of at most limit bytes, and returns what it holds.
func ReadFrame(r io.Reader, limit uint32) ([]byte, error) {
	var head [frameHeadSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := le.Uint32(head[:])
	if size > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrTooLong, size, limit)
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, fmt.Errorf("in a frame of %d bytes: %w", size, err)
	}
	return payload, nil
}

// WriteFrame writes payload as a frame, with one call of Write, so that its reader wakes once.
func WriteFrame(w io.Writer, payload []byte) error {
	frame := make([]byte, 0, frameHeadSize+len(payload))
	frame = le.AppendUint32(frame, uint32(len(payload)))
	_, err := w.Write(append(frame, payload...))
	return err
}
