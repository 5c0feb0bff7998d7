package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"checksig/internal/digest"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// ErrUsage says that a request cannot be meant.
var ErrUsage = errors.New("wrong usage")

// CreateRequest says of which files a manifest is to be made, and how.
type CreateRequest struct {
	Selection
	Paths      []string // files and folders
	Dir        string   // what paths are relative to, absolute; the working folder if empty
	Output     string   // the manifest; "" for the usual name in the folder, or beside the file
	Hand       bool     // give the manifest to the sink, and write none
	Replace    bool     // let it take the place of one that is there
	Format     string   // "" for gnu, or bsd where there are several algorithms
	Algorithms []string // "sha256" if empty
	RelativeTo string   // the folder that names are relative to; "" for the manifest's own
	Workers    int      // files read at once; 0 for as many as CPUs may be used
	LeaveCache bool     // leave the page cache as it was
	Survey     bool     // find out the totals of [Progress] when the run takes longer
}

// WriteSink takes what is told while a manifest is written. Its functions may be called from several
// goroutines at once, and may block.
type WriteSink struct {
	File func(name string, change Change)
	Data func([]byte) // the manifest, if it goes to the caller; may keep the slice
}

// Change is what became of a file in a manifest that is written, where there is anything to tell.
type Change uint8

// A file has at most one of these.
const (
	NoChange Change = iota // read, and listed as before
	PassedBy               // not listed: a link to a folder, or as the caller asked
	Added                  // new in the manifest
	Changed                // listed with another digest
	Removed                // missing, and no longer listed
	Lost                   // missing, and still listed
	Unread                 // listed as before and not read: neither size nor times tell of a change
	Suspect                // has another digest and yet no younger time: still listed as before
	Comment                // not a file, but a comment that the new manifest does not have
	Renamed                // not a file, but the name that a manifest had instead of the file's own
)

// Create writes a manifest of files: sorted by the bytes of their names, with the same bytes for the
// same tree, and all or nothing.
//
// A file that cannot be read, changes while it is read, is not regular or leads outside its tree
// ends it, as does a name that the format cannot say; the error is a [*WriteError] then. The
// manifest itself is never listed.
func Create(ctx context.Context, r CreateRequest, sink WriteSink, progress *Progress) (Written, error) {
	c := creation{request: r, sink: sink}
	var end context.CancelFunc
	c.hashing, end = newHashing(ctx, Request{Workers: r.Workers, LeaveCache: r.LeaveCache}, progress)
	defer end()
	c.guard(func() {
		if err := c.create(); err != nil {
			c.fail(err)
		}
	})
	return c.written, context.Cause(c.ctx)
}

// creation is the state of one [Create].
type creation struct {
	*hashing
	request CreateRequest
	sink    WriteSink
	places  places
	writer  writer
	written Written
}

func (c *creation) create() error {
	if err := c.prepare(); err != nil {
		return err
	}
	tree, err := safefs.OpenTree(c.places.base, c.request.FollowOutside)
	if err != nil {
		return atPath(c.places.base, err)
	}
	defer tree.Close()
	c.tree, c.shown = tree, c.places.show
	o, err := newOutput(c.places.output, c.places.shown, c.request.Replace)
	if err != nil {
		return err
	}
	defer o.close()
	c.writer.to = o.file
	if err := c.fill(o); err != nil {
		return err
	}
	if c.request.Hand {
		err = o.hand(c.ctx, c.sink.Data)
	} else {
		err = o.commit()
	}
	c.written = c.writer.written(&c.places)
	c.time(&c.written)
	return err
}

// prepare finds out what is meant.
func (c *creation) prepare() (err error) {
	r := &c.request
	if err := r.valid(); err != nil {
		return err
	}
	if len(r.Algorithms) == 0 {
		r.Algorithms = []string{"sha256"}
	}
	w := &c.writer
	if w.algorithms, err = algorithms(r.Algorithms); err != nil {
		return err
	}
	if w.format, err = formatNamed(r.Format, len(w.algorithms)); err != nil {
		return err
	}
	if c.places, err = r.places(w.format, w.algorithms); err != nil {
		return err
	}
	w.where = func(e manifest.Entry) (string, string) { return c.places.show(e.Name), "this file" }
	w.options.FileName = filepath.Base(c.places.output)
	if r.Hand {
		w.options = handed(w.algorithms)
	}
	if err := w.begin(nil); err != nil {
		return &WriteError{c.places.shown, err}
	}
	return nil
}

// handed is how a manifest without a name is read.
func handed(algorithms []*digest.Algorithm) manifest.Options {
	if len(algorithms) == 1 {
		return manifest.Options{Algorithm: algorithms[0]}
	}
	return manifest.Options{}
}

// fill writes the whole manifest to o.
func (c *creation) fill(o *output) error {
	walker := walker{
		Selection: c.request.Selection, tree: c.tree, isSelf: o.isSelf, shown: c.shown,
		skipped: func(string) {},
	}
	if c.request.Survey {
		ctx, end := context.WithCancel(c.ctx)
		var group sync.WaitGroup
		defer group.Wait()
		defer end()
		survey := walker
		c.spawn(&group, func() { c.survey(ctx, &survey) })
	}
	walker.skipped = func(name string) { c.sink.File(name, PassedBy) }
	produce := func() error {
		return c.each(c.ctx, &walker, func(name string) error {
			return c.put(&subject{name: name, listed: name, by: c.writer.algorithms})
		})
	}
	err := c.all(produce, func(s *subject) error { return c.writer.add(s.entries) })
	if err != nil {
		return err
	}
	if err := c.writer.end(); err != nil {
		return atWrite(c.places.shown, err)
	}
	return nil
}

func (c *creation) each(ctx context.Context, w *walker, each func(string) error) error {
	for _, start := range c.places.starts {
		if err := w.walk(ctx, start, each); err != nil {
			return err
		}
	}
	return nil
}

// survey finds out the totals.
func (c *creation) survey(ctx context.Context, w *walker) {
	select {
	case <-time.After(surveyAfter):
	case <-ctx.Done():
		return
	}
	var files, size int64
	err := c.each(ctx, w, func(name string) error {
		info, err := c.tree.Stat(name)
		if err == nil {
			files, size = files+1, size+info.Size()
		}
		return err
	})
	if err == nil {
		c.progress.TotalFiles.Store(files)
		c.progress.TotalBytes.Store(size)
	}
}

// written says what w has written.
func (w *writer) written(p *places) Written {
	names := make([]string, len(w.algorithms))
	for i, a := range w.algorithms {
		names[i] = a.Name
	}
	return Written{
		Path: p.shown, Base: p.base, Format: w.format.Name, Algorithms: names, Files: w.files, Entries: w.entries,
	}
}

// time notes what it took.
func (h *hashing) time(w *Written) {
	w.Bytes, w.Elapsed = h.progress.Bytes.Load(), time.Since(h.began)
}

// formatNamed returns the format of that name, or the usual one for so many algorithms.
func formatNamed(name string, algorithms int) (*manifest.Format, error) {
	if name == "" {
		name = "gnu"
		if algorithms > 1 {
			name = "bsd"
		}
	}
	for _, f := range manifest.Formats {
		if f.Name == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%w: no format is called %q", ErrUsage, name)
}
