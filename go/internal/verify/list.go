package verify

import (
	"context"
	"path/filepath"
	"time"

	"checksig/internal/guard"
	"checksig/internal/layout"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// List reads the manifests at path, and gives sink what they list: its Entry is called for each entry,
// in their order, and its Result never. No listed file is opened. The error is that of [Run].
func List(ctx context.Context, r Reading, path string, sink Sink, entry func(*Manifest, *manifest.Entry)) (Summary, error) {
	began := time.Now()
	group := guard.New(ctx)
	defer group.Close()
	found, err := discover(group.Context(), path, &r)
	if err != nil {
		return Summary{}, err
	}
	defer found.roots.Close()
	for _, path := range found.unknown.paths {
		sink.Unknown(path)
	}
	record := &recorder{sink: sink}
	reader := &reader{discovery: found, reading: &r, fail: group.Fail}
	more := reader.read(group.Context(), 1, visitor{
		opened: func(m *openManifest, err error) {
			if err = found.fatal(m, err); err != nil && found.isSingle() {
				group.Fail(err)
				return
			}
			record.manifest(m.Manifest)
			if err != nil {
				record.badLine(m.Manifest, &manifest.LineError{Cause: "cannot be read: " + safefs.Cause(err), Code: manifest.Unread})
			}
		},
		bad: func(m *openManifest, bad *manifest.LineError) {
			if bad.Code == manifest.Ignored {
				record.note(m.Manifest, bad.Line, bad.Cause)
			} else {
				record.badLine(m.Manifest, bad)
			}
		},
		claim: func(m *openManifest, c claim, _ error) {
			m.uses(&c.entry)
			entry(m.Manifest, &c.entry)
		},
		ended: func(m *openManifest) { record.read(m.Manifest) },
	})
	group.Run(func() {
		for more() {
			continue
		}
	})
	s := record.summary()
	s.Elapsed = time.Since(began)
	return s, group.Err()
}

// Recognise returns whether the file at path is a manifest: by its name, or, if other files have such names
// too, by its content. One that cannot be read counts as a manifest: the error is reported when it is verified.
func Recognise(source safefs.Source, dir, path string) manifest.Content {
	name := filepath.Base(path)
	kind := manifest.Classify(name)
	if kind == manifest.Certain || layout.MarkedBy(name) != nil {
		return manifest.Recognised
	}
	reading := Reading{Source: source, Dir: dir, FollowOutside: true} // the caller named it: its link may lead anywhere
	path, err := reading.absolute(path)
	if err != nil {
		return manifest.Recognised
	}
	roots, err := reading.rootsOf(filepath.Dir(path), "")
	if err != nil {
		return manifest.Recognised
	}
	defer roots.Close()
	tree, _ := roots.Top().Acquire() // it is open already
	name = filepath.Base(path)
	content, err := recognise(tree, name, manifest.Options{FileName: name, AllowShort: true})
	if err != nil || content == manifest.Unknown && kind == manifest.Candidate {
		return manifest.Recognised
	}
	return content
}
