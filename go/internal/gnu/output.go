package gnu

import (
	"io"
	"syscall"
)

// bufferSize is the number of bytes that are collected before they are written.
const bufferSize = 64 << 10

// An output is standard output with the behaviour of C's stdio: an error is kept until it is closed.
type output struct {
	w      io.Writer
	buf    []byte
	byNUL  bool // lines do not end with a newline
	closed bool // the descriptor was closed at the start
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

// close writes the rest, and returns the message about a write error, or "".
//
// If lines end with a newline, coreutils has lost the cause by then, because C's stdio wrote them
// earlier. Only a closed descriptor fails again at the end, with its cause.
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
