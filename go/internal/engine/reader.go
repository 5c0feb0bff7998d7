package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

const (
	// sideBySide is how many manifests are read in turns, an entry of each: what they list of one
	// file then comes close together.
	sideBySide = 8

	// smallManifest is the size up to which a manifest is read at once, so that it need not stay open.
	smallManifest = 64 << 10
)

// reader reads manifests and resolves the names in them.
type reader struct {
	run    *run
	ctx    context.Context
	turns  int // manifests read side by side
	opened func(*listing, error)
	bad    func(*listing, *manifest.LineError)
	ended  func(*listing)
	entry  func(*listing, claim)
}

// listing is a manifest that is being read.
type listing struct {
	*Manifest
	place *place
	file  *safefs.File
	next  manifest.Next
	line  int64
}

// read returns a function that reads the next entry of each of some manifests at places, and tells
// whether there may be more.
func (rd *reader) read(places []*place) (more func() bool) {
	var open []*listing
	return func() bool {
		for len(places) > 0 && len(open) < rd.turns && rd.ctx.Err() == nil {
			l, err := rd.open(places[0], len(open) == 0)
			if safefs.IsExhausted(err) && len(open) > 0 {
				break // there will be room when one of the others has ended
			}
			rd.opened(l, err)
			places = places[1:]
			if err == nil {
				open = append(open, l)
			}
		}
		open = slices.DeleteFunc(open, func(l *listing) bool {
			more := rd.step(l)
			if !more {
				l.close()
				rd.ended(l)
			}
			return !more
		})
		if rd.ctx.Err() == nil {
			return len(places)+len(open) > 0
		}
		for _, l := range open {
			l.close()
		}
		return false
	}
}

// step reads the next entry of l, and tells whether there may be more.
func (rd *reader) step(l *listing) bool {
	entry, err := l.next()
	if err == nil {
		l.line = entry.Line
		c := claim{manifest: l.Manifest, base: l.base, entry: entry}
		c.name, c.slashed, c.refused = rd.run.request.Paths.resolve(entry.Name)
		rd.entry(l, c)
		return true
	}
	var bad *manifest.LineError
	switch {
	case errors.As(err, &bad):
		l.line = bad.Line
		rd.bad(l, bad)
		return !bad.Fatal
	case errors.Is(err, io.EOF):
		if l.line == 0 {
			rd.bad(l, &manifest.LineError{Cause: "lists no file"})
		}
	default:
		rd.bad(l, &manifest.LineError{Line: l.line + 1, Cause: "cannot be read further: " + cause(err)})
	}
	return false
}

// open opens the manifest at p and detects its format. The listing is there in any case.
func (rd *reader) open(p *place, patient bool) (*listing, error) {
	r := rd.run
	l := &listing{Manifest: &Manifest{Path: r.found.path(p)}, place: p}
	if p.err != nil {
		return l, p.err
	}
	open := func() (err error) {
		l.file, err = r.openManifest(p)
		return err
	}
	var err error
	if patient {
		err = r.patiently(open)
	} else if err = open(); safefs.IsExhausted(err) {
		r.bases.trim()
	}
	if err == nil {
		err = rd.begin(l)
	}
	if err != nil {
		l.close()
		return l, atPath(l.Path, err)
	}
	return l, nil
}

func (r *run) openManifest(p *place) (*safefs.File, error) {
	if r.found.named != "" {
		return safefs.Open(r.found.named) // the caller named it: it may lie wherever its link leads
	}
	folder := r.bases.at(p.folder, "")
	tree, err := r.bases.use(folder)
	if err != nil {
		return nil, err
	}
	defer r.bases.done(folder)
	return tree.Open(p.name)
}

// begin reads the manifest's beginning.
func (rd *reader) begin(l *listing) error {
	request := &rd.run.request
	var content io.Reader = l.file
	if l.file.Size() <= smallManifest {
		content = rd.whole(l)
	}
	options := manifest.Options{FileName: l.place.name, Algorithm: request.Algorithm, Format: request.Format}
	if l.place.list != nil && options.Format == nil {
		options.Format = manifest.BagIt
	}
	reading, err := manifest.Read(content, options)
	if err != nil {
		return err
	}
	l.next, l.Format, l.Encoding, l.Wrapper = reading.Next, reading.Format.Name, reading.Encoding, reading.Wrapper
	l.folder = rd.run.bases.at(l.place.folder, "")
	l.base = rd.run.baseOf(l, reading.Format.Base)
	return nil
}

// baseOf returns the folder that names in a manifest of a format with that base start from. For
// another folder than its own, the manifest has to lie where such ones do: it could be of any
// format, and is not to say by itself what outside its folder is read.
func (r *run) baseOf(l *listing, base string) *base {
	switch {
	case r.root != nil:
		return r.root
	case base == ".." && strings.HasSuffix(l.folder.dir, ".dist-info"),
		base == "/" && strings.HasSuffix(filepath.ToSlash(l.folder.dir), "/dpkg/info"),
		r.request.Format != nil:
		return r.bases.at(l.place.folder, filepath.FromSlash(base))
	}
	return l.folder
}

// whole reads the manifest and closes its file. An error comes where the reading stopped.
func (rd *reader) whole(l *listing) io.Reader {
	content, err := io.ReadAll(l.file)
	l.close()
	if err == nil {
		err = io.EOF
	}
	return &kept{bytes.NewReader(content), err}
}

// kept reads what is in memory, and ends with an error. Its length is known; see [manifest.Read].
type kept struct {
	*bytes.Reader
	end error
}

func (k *kept) Read(p []byte) (int, error) {
	n, err := k.Reader.Read(p)
	if err != nil {
		err = k.end
	}
	return n, err
}

func (l *listing) close() {
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}

// uses notes an algorithm of the manifest.
func (m *Manifest) uses(e *manifest.Entry) {
	m.Assumed = m.Assumed || e.Assumed
	if !slices.Contains(m.Algorithms, e.Algorithm) {
		m.Algorithms = append(m.Algorithms, e.Algorithm)
	}
}
