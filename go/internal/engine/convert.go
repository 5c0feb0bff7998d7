package engine

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

// ConvertRequest says which manifest is to be written in which format.
type ConvertRequest struct {
	Path          string // the manifest
	Dir           string // what paths are relative to, absolute; the working folder if empty
	To            string // the format to write
	Output        string // the manifest to write
	Hand          bool   // give it to the sink instead
	Replace       bool   // let it take the place of one that is there
	DropSignature bool   // let the signature around the manifest be lost, an error otherwise
	Format        string // of Path; "" to detect it
	Algorithm     string // of the digests in Path that do not say it; "" for what tells it there
}

// Convert writes the entries of a manifest, in their order, in another format. A line that is not
// understood ends it, as does an entry that the other format cannot say: its name, its algorithm, or
// its file's size. No file is read.
func Convert(ctx context.Context, r ConvertRequest, sink WriteSink, progress *Progress) (written Written, err error) {
	began := time.Now()
	guard := &run{ctx: ctx, fail: func(failed error) { err = failed }}
	guard.guard(func() {
		c := conversion{ctx: ctx, request: r, sink: sink, progress: progress}
		if err = c.convert(); err == nil {
			written = c.writer.written(&c.places)
			written.Elapsed = time.Since(began)
		}
	})
	return written, err
}

// conversion is the state of one [Convert].
type conversion struct {
	ctx      context.Context
	request  ConvertRequest
	sink     WriteSink
	progress *Progress
	listing  *original
	places   places
	writer   writer
}

func (c *conversion) convert() error {
	if err := c.prepare(); err != nil {
		return err
	}
	o, err := newOutput(c.places.output, c.places.shown, c.request.Replace)
	if err != nil {
		return err
	}
	defer o.close()
	c.writer.to = o.file
	if err := c.fill(); err != nil {
		return err
	}
	if err := c.writer.end(); err != nil {
		return atWrite(c.places.shown, err)
	}
	for _, comment := range append(c.listing.headLines(), c.listing.comments...) {
		c.sink.File(comment, Comment)
	}
	if c.request.Hand {
		return o.hand(c.ctx, c.sink.Data)
	}
	return o.commit()
}

func (c *conversion) prepare() (err error) {
	r := &c.request
	options, err := readOptions(r.Format, r.Algorithm)
	if err != nil {
		return err
	}
	if r.To == "" {
		return fmt.Errorf("%w: the format to write has to be named", ErrUsage)
	}
	w := &c.writer
	if w.format, err = formatNamed(r.To, 1); err != nil {
		return err
	}
	if c.listing, err = readOriginal(c.ctx, r.Dir, r.Path, options); err != nil {
		return err
	}
	if c.listing.signature != "" && !r.DropSignature {
		return &WriteError{r.Path, fmt.Errorf("is signed (%s), and its signature would be lost", c.listing.signature)}
	}
	w.algorithms, w.keepSizes = c.listing.algorithms, true
	w.where = func(e manifest.Entry) (string, string) {
		return r.Path, fmt.Sprintf("line %d, %q", e.Line, e.Name)
	}
	if err := c.place(); err != nil {
		return err
	}
	if err := w.begin(nil); err != nil {
		return &WriteError{r.Path, err}
	}
	return nil
}

// place finds out where the new manifest is to be. Where the formats differ in the folder that names
// start from, that has to be the same one all the same.
func (c *conversion) place() (err error) {
	r := &c.request
	from := baseOf(c.listing.format, filepath.Dir(c.listing.path))
	c.places.base = from
	if r.Hand {
		c.writer.options = handed(c.writer.algorithms)
		return nil
	}
	c.places.shown = r.Output
	if c.places.output, err = absolute(r.Dir, r.Output); err != nil {
		return err
	}
	c.writer.options.FileName = filepath.Base(r.Output)
	to := baseOf(c.writer.format, filepath.Dir(c.places.output))
	if c.listing.format.Base != c.writer.format.Base && from != to {
		return &WriteError{r.Path, fmt.Errorf("names of format %s start from %s, and from %s in this manifest of format %s",
			c.listing.format.Name, from, to, c.writer.format.Name)}
	}
	return nil
}

func (c *conversion) fill() error {
	add := func(file listed) error {
		c.progress.Files.Add(1)
		if given := file.entries[0].RawName; given != "" {
			c.sink.File(given, Renamed)
		}
		return c.writer.add(file.entries)
	}
	if !c.listing.uneven {
		return c.listing.each(c.ctx, add)
	}
	// The digests of a file may stand in different places.
	files, err := c.listing.together(c.ctx)
	for _, file := range files {
		if err == nil {
			err = c.ctx.Err()
		}
		if err == nil {
			err = add(file)
		}
	}
	return err
}

// readOptions is how a manifest is to be read.
func readOptions(format, algorithm string) (o manifest.Options, err error) {
	if format != "" {
		if o.Format, err = formatNamed(format, 1); err != nil {
			return o, err
		}
	}
	if algorithm != "" {
		if o.Algorithm = digest.ByName(algorithm); o.Algorithm == nil {
			return o, fmt.Errorf("%w: no algorithm is called %q", ErrUsage, algorithm)
		}
	}
	return o, nil
}
