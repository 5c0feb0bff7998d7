package verify

import "context"

// countTotals counts the entries and adds up the sizes of their files.
func countTotals(ctx context.Context, rd *reader, wide bool) (files, size int64, err error) {
	c := coalescer{wide: wide, emit: func(joined *claims) {
		if ctx.Err() != nil {
			return
		}
		files += int64(joined.len())
		first := &joined.first
		if tree, err := first.root.Acquire(); err == nil {
			if info, err := tree.Stat(first.name); err == nil {
				size += info.Size()
			}
			first.root.Release()
		}
	}}
	rd.again(ctx, sideBySide, func(_ *location, next claim) { c.add(next) })
	c.flush()
	return files, size, ctx.Err()
}
