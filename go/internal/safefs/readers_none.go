//go:build !cgo || !linux

package safefs

import "context"

func newReaders(ctx context.Context, limit int) readers { return newGoReaders(ctx, limit) }
