package generate

import (
	"context"
	"path/filepath"
	"sync"

	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// CreateRequest says of which files a manifest is made, and how.
type CreateRequest struct {
	Selection
	Paths      []string            // files and folders
	Dir        string              // what relative paths start from, absolute; the working folder if empty
	Output     string              // the manifest; "" for the usual name in the folder, or next to the file
	ToCaller   bool                // give the manifest to the sink, and write no file
	Replace    bool                // replace a manifest that is there
	Format     string              // "" for gnu, or bsd for several algorithms
	Algorithms []string            // "sha256" if empty
	RelativeTo string              // the folder that names are relative to; "" for the manifest's own
	Workers    int                 // files hashed at once; 0 for one a CPU
	Depth      int                 // files read at once; 0 for as many as help
	Remember   bool                // put into the manifest which files were asked for; see remember.go
	LeaveCache bool                // leave the system's page cache as it was
	Elsewhere  *hashpool.Elsewhere // who hashes the files; nil for this process
	Source     safefs.Source       // that has Paths and RelativeTo, which are absolute then; nil for the file system
	Totals     bool                // find out the totals of the progress if the run takes longer
}

// Create writes a manifest of files: sorted by the bytes of their names, the same bytes for the same tree,
// and all or nothing.
//
// A file that cannot be read, changes while it is read, is not regular or leads outside its tree is an error, and so is
// a name that the format cannot represent: a [*WriteError]; an [*OddFilesError] for several files, of which all are
// looked for. It is a [*UsageError],
// [*digest.UnknownError] or [*manifest.UnknownFormatError] for a request that makes no sense. The manifest
// itself is never listed.
func Create(ctx context.Context, r CreateRequest, sink Sink, progress *hashpool.Progress) (Written, error) {
	return run(ctx, progress, func(group *guard.Group) (Written, error) {
		c := creation{
			hashing: hashing{group: group, progress: progress, workers: r.Workers, depth: r.Depth, leaveCache: r.LeaveCache, elsewhere: r.Elsewhere},
			request: r, sink: sink,
		}
		c.odd.report = sink.Odd
		if err := c.create(); err != nil {
			return Written{}, err
		}
		written := c.writer.written(&c.plan)
		written.Excluded = c.excluded
		return written, nil
	})
}

// creation is the state of one [Create].
type creation struct {
	hashing
	request CreateRequest
	sink    Sink
	plan    outputPlan
	writer  writer

	excluded int64 // files and folders that patterns left out
}

func (c *creation) create() error {
	if err := c.prepare(); err != nil {
		return err
	}
	if s := c.request.Source; s != nil {
		c.roots = safefs.NewSourceRootCache(s, c.plan.base)
	} else if err := c.open(c.plan.base, c.plan.display, c.request.FollowOutside); err != nil {
		return safefs.At(c.plan.base, err)
	}
	defer c.roots.Close()
	c.show = c.plan.show
	o, err := newOutput(c.plan.output, c.plan.shown, c.request.Replace)
	if err != nil {
		return err
	}
	defer o.close()
	if err := o.refuseData(&c.writer); err != nil {
		return err
	}
	c.writer.to = o.file
	if err := c.fill(o); err != nil {
		return err
	}
	if c.request.ToCaller {
		return o.send(c.group.Context(), c.sink.Data)
	}
	return o.commit()
}

// prepare finds out what the request means.
func (c *creation) prepare() (err error) {
	r := &c.request
	if err := r.check(); err != nil {
		return err
	}
	if len(r.Algorithms) == 0 {
		r.Algorithms = []string{"sha256"}
	}
	w := &c.writer
	if w.algorithms, err = algorithmsNamed(r.Algorithms); err != nil {
		return err
	}
	if w.format, err = formatNamed(r.Format, len(w.algorithms)); err != nil {
		return err
	}
	if c.plan, err = r.plan(w.format, w.algorithms); err != nil {
		return err
	}
	w.where = func(e manifest.Entry) (string, string) { return c.plan.show(e.Name), "this file" }
	w.options.FileName = filepath.Base(c.plan.output)
	if r.ToCaller {
		w.options = withoutName(w.algorithms)
	}
	if err := w.begin(c.remember()); err != nil {
		return &WriteError{c.plan.shown, err}
	}
	return nil
}

// fill writes the whole manifest to o.
func (c *creation) fill(o *output) error {
	walker := walker{
		Selection: c.request.Selection, tree: c.tree(), isSelf: o.isSelf, show: c.show,
		skipped: func(string) {}, odd: func(err *WriteError) error { return err },
	}
	if c.request.Totals {
		ctx, end := context.WithCancel(c.group.Context())
		var counting sync.WaitGroup
		defer counting.Wait()
		defer end()
		silent := walker
		c.group.Go(&counting, func() {
			c.progress.FindTotals(ctx, func() (files, size int64, err error) { return c.countTotals(ctx, &silent) })
		})
	}
	walker.skipped = func(name string) { c.sink.File(name, Skipped) }
	walker.odd, walker.excluded = c.odd.add, func() { c.excluded++ }
	produce := func() error {
		return c.each(c.group.Context(), &walker, func(name string) error {
			return c.putUnlessOdd(&item{name: name, listed: name, algorithms: c.writer.algorithms})
		})
	}
	err := c.all(produce, func(i *item) error { return c.writer.add(i.entries) })
	if err != nil {
		return err
	}
	if err := c.writer.end(); err != nil {
		return asWriteError(c.plan.shown, err)
	}
	return nil
}

func (c *creation) each(ctx context.Context, w *walker, each func(string) error) error {
	for _, start := range c.plan.starts {
		if err := w.walk(ctx, start, each); err != nil {
			return err
		}
	}
	return nil
}

// countTotals counts the files and adds up their sizes.
func (c *creation) countTotals(ctx context.Context, w *walker) (files, size int64, err error) {
	err = c.each(ctx, w, func(name string) error {
		info, err := w.tree.Stat(name)
		if err == nil {
			files, size = files+1, size+info.Size()
		}
		return err
	})
	return files, size, err
}
