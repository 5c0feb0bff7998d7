package generate

import (
	"context"
	"fmt"
	"path/filepath"

	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// ConvertRequest says which manifest to write in which format.
type ConvertRequest struct {
	Path          string   // the manifest
	Dir           string   // what relative paths start from, absolute; the working folder if empty
	To            string   // the format to write
	Output        string   // the manifest to write
	ToCaller      bool     // give it to the sink instead
	Replace       bool     // replace a manifest that is there
	DropSignature bool     // drop the signature around the manifest, an error otherwise
	Format        string   // of Path; "" to detect it
	Algorithm     string   // of the digests in Path that have no tag; "" for what the manifest says
	Columns       []string // groups of columns of Path to read; see [manifest.Options]
}

// Convert writes the entries of a manifest, in their order, in another format. A line that is not understood
// is an error, and so is an entry that the other format cannot represent: its name, its algorithm, or its
// file's size. No listed file is read. The errors are those of [Create].
func Convert(ctx context.Context, r ConvertRequest, sink Sink, progress *hashpool.Progress) (Written, error) {
	return run(ctx, progress, func(group *guard.Group) (Written, error) {
		c := conversion{ctx: group.Context(), request: r, sink: sink, progress: progress}
		if err := c.convert(); err != nil {
			return Written{}, err
		}
		return c.writer.written(&c.plan), nil
	})
}

// conversion is the state of one [Convert].
type conversion struct {
	ctx      context.Context
	request  ConvertRequest
	sink     Sink
	progress *hashpool.Progress
	source   *sourceManifest
	plan     outputPlan
	writer   writer
}

func (c *conversion) convert() error {
	if err := c.prepare(); err != nil {
		return err
	}
	o, err := newOutput(c.plan.output, c.plan.shown, c.request.Replace)
	if err != nil {
		return err
	}
	defer o.close()
	if err := o.refuseData(&c.writer); err != nil {
		return err
	}
	c.writer.to = o.file
	if err := c.fill(); err != nil {
		return err
	}
	if err := c.writer.end(); err != nil {
		return asWriteError(c.plan.shown, err)
	}
	for _, comment := range append(c.source.headLines(), c.source.comments...) {
		c.sink.File(comment, Comment)
	}
	if c.request.ToCaller {
		return o.send(c.ctx, c.sink.Data)
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
		return usage("name the format to write (to)")
	}
	options.Columns = r.Columns
	w := &c.writer
	if w.format, err = manifest.WrittenNamed(r.To); err != nil {
		return err
	}
	if c.source, err = readSource(c.ctx, r.Dir, r.Path, "", options); err != nil {
		return err
	}
	if c.source.signature != "" && !r.DropSignature {
		return &WriteError{r.Path, fmt.Errorf("is signed (%s), and its signature would be lost; --drop-signature (drop_signature=True) drops it", c.source.signature)}
	}
	w.algorithms, w.keepSizes = c.source.algorithms, true
	w.where = func(e manifest.Entry) (string, string) {
		return r.Path, fmt.Sprintf("line %d, %q", e.Line, e.Name)
	}
	if err := c.setOutput(); err != nil {
		return err
	}
	if err := w.begin(nil); err != nil {
		return &WriteError{r.Path, err}
	}
	return nil
}

// setOutput finds out where the new manifest goes. If names of the two formats start from different folders,
// these must be the same one here.
func (c *conversion) setOutput() (err error) {
	r := &c.request
	from := c.source.base
	c.plan.base = from
	if r.ToCaller {
		c.writer.options = withoutName(c.writer.algorithms)
		return nil
	}
	c.plan.shown = r.Output
	if c.plan.output, err = safefs.Absolute(r.Dir, r.Output); err != nil {
		return err
	}
	c.writer.options.FileName = filepath.Base(r.Output)
	to := baseOf(c.writer.format, filepath.Dir(c.plan.output), true)
	if c.source.format.Base != c.writer.format.Base && from != to {
		return &WriteError{r.Path, fmt.Errorf("names of format %s start from %s, and from %s in this manifest of format %s",
			c.source.format.Name, from, to, c.writer.format.Name)}
	}
	return nil
}

func (c *conversion) fill() error {
	add := func(file fileEntries) error {
		c.progress.Files.Add(1)
		if given := file.entries[0].RawName; given != "" {
			c.sink.File(given, Renamed)
		}
		return c.writer.add(file.entries)
	}
	if !c.source.uneven {
		return c.source.each(c.ctx, add)
	}
	// The digests of a file may be in different places.
	files, err := c.source.grouped(c.ctx)
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
