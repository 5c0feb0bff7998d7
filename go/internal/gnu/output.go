package gnu

import (
	"io"
	"syscall"
)

// bufferSize is how much output is collected at most before it is written.
const bufferSize = 64 << 10

// An output is standard output as C's stdio has it: errors are remembered until it is closed.
type output struct {
	w      io.Writer
	buf    []byte
	byNUL  bool // lines do not end with a newline
	closed bool // there is no such descriptor
	err    error
}

// add appends what f appends to the output.
func (o *output) add(f func(dst []byte) []byte) {
	o.buf = f(o.buf)
	if len(o.buf) >= bufferSize {
		o.flush()
	}
}

func (o *output) flush() {
	if len(o.buf) == 0 {
		return
	}
	var err error = syscall.EBADF
	if !o.closed {
		_, err = o.w.Write(o.buf)
	}
	if err != nil {
		o.err = err
	}
	o.buf = o.buf[:0]
}

// close writes what is left, and returns the message about what could not be written, or "".
//
// The cause is lost in coreutils where the line was written before the end, as C's stdio does
// whenever lines end with a newline, except that a closed descriptor fails once more at the end.
func (o *output) close() string {
	o.flush()
	switch {
	case o.err == nil:
		return ""
	case o.byNUL, o.closed:
		return "write error: " + strerror(o.err)
	}
	return "write error"
}
