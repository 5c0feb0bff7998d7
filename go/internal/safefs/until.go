package safefs

import (
	"context"
	"io"
)

// UntilDone returns a reader that reads from r until ctx ends, and then fails with its error: a manifest may
// hold nothing but comments or blank lines, or expand to them.
func UntilDone(ctx context.Context, r io.Reader) io.Reader { return &untilDone{ctx, r} }

type untilDone struct {
	ctx context.Context
	io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}
