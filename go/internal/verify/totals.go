package verify

import (
	"context"
	"time"

	"checksig/internal/hashpool"
)

// totalsAfter is how long a run goes on before its totals are looked for: what ends sooner needs none,
// and does not pay for them.
const totalsAfter = 500 * time.Millisecond

// findTotals counts the entries and adds up the sizes of their files.
func findTotals(ctx context.Context, rd *reader, isWide func() bool, progress *hashpool.Progress) {
	select {
	case <-time.After(totalsAfter):
	case <-ctx.Done():
		return
	}
	var files, size int64
	c := coalescer{wide: isWide(), emit: func(joined *claims) {
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
	if ctx.Err() == nil {
		progress.TotalFiles.Store(files)
		progress.TotalBytes.Store(size)
	}
}
