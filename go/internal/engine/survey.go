package engine

import (
	"context"
	"time"

	"checksig/internal/manifest"
)

// surveyAfter is how long a run goes on before its totals are looked for: what ends sooner needs
// none, and does not pay for them.
const surveyAfter = 500 * time.Millisecond

// survey counts the entries and adds up the sizes of their files, for the totals of Progress.
func (r *run) survey(ctx context.Context) {
	select {
	case <-time.After(surveyAfter):
	case <-ctx.Done():
		return
	}
	var files, size int64
	w := r.window(func(t *task) {
		files += int64(t.claims())
		if tree, err := r.bases.use(t.base); err == nil {
			if info, err := tree.Stat(t.name); err == nil {
				size += info.Size()
			}
			r.bases.done(t.base)
		}
	})
	r.readAgain(ctx, sideBySide, func(_ *listing, c claim) { w.add(c) })
	w.flush()
	if ctx.Err() == nil {
		r.progress.TotalFiles.Store(files)
		r.progress.TotalBytes.Store(size)
	}
}

// readAgain reads the manifests once more, for what can be read of them.
func (r *run) readAgain(ctx context.Context, turns int, entry func(*listing, claim)) {
	rd := reader{
		run: r, ctx: ctx, turns: turns, entry: entry,
		opened: func(*listing, error) {},
		bad:    func(*listing, *manifest.LineError) {},
		ended:  func(*listing) {},
	}
	for more := rd.read(r.found.places); more(); {
		continue
	}
}
