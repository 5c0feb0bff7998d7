package gnu

import (
	"io"
	"syscall"
)

// bufferSize is the number of bytes that are collected before they are written.
const bufferSize = 64 << 10

// An output is standard output. The first error that occurs ends the command.
type output struct {
	w      io.Writer
	buf    []byte
	byNUL  bool // lines do not end with a newline
	closed bool // the descriptor was closed at the start
	err    error
}

// add appends what f appends to the output. It returns false after a write error.
func (o *output) add(f func(dst []byte) []byte) bool {
	if o.err == nil {
		o.buf = f(o.buf)
	}
	if len(o.buf) >= bufferSize {
		o.flush()
	}
	return o.err == nil
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

// close writes the rest, and returns the message about a write error, or "".
func (o *output) close() string {
	o.flush()
	if o.err != nil {
		return "write error: " + strerror(o.err)
	}
	return ""
}
