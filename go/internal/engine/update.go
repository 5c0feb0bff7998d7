package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// UpdateRequest says which manifest is to be brought up to date, and how.
type UpdateRequest struct {
	Selection
	Path       string // the manifest
	Dir        string // what Path is relative to, absolute; the working folder if empty
	All        bool   // read every file, also those that seem unchanged
	Prune      bool   // list files no longer that are missing
	KeepFiles  bool   // add no file that is not listed yet
	Format     string // of Path; "" to detect it
	Algorithm  string // of the digests in Path that do not say it; "" for what tells it there
	Workers    int    // files read at once; 0 for as many as CPUs may be used
	LeaveCache bool   // leave the page cache as it was
}

// Update brings a manifest up to date, and sorts it. Its format, its algorithms, and the comments
// that it begins with stay.
//
// A file is not read again if it was last changed, as its times of modification and of status
// change say, before the manifest was modified, and if it has the size that the manifest says, if
// it says one. What [Create] and Update write has the time of its beginning. The time of
// modification can be set back, that of status change, where the system has one, cannot.
//
// All files below the manifest's folder are added, except to a manifest that stands beside its one
// file (disc.iso.sha256), and to those whose names do not start from its folder.
func Update(ctx context.Context, r UpdateRequest, sink WriteSink, progress *Progress) (Written, error) {
	u := updating{request: r, sink: sink}
	var end context.CancelFunc
	u.hashing, end = newHashing(ctx, Request{Workers: r.Workers, LeaveCache: r.LeaveCache}, progress)
	defer end()
	u.guard(func() {
		if err := u.update(); err != nil {
			u.fail(err)
		}
	})
	return u.written, context.Cause(u.ctx)
}

// updating is the state of one [Update].
type updating struct {
	*hashing
	request UpdateRequest
	sink    WriteSink
	listing *original
	places  places
	writer  writer
	walker  walker
	written Written
}

func (u *updating) update() error {
	if err := u.prepare(); err != nil {
		return err
	}
	tree, err := safefs.OpenTree(u.places.base, u.request.FollowOutside)
	if err != nil {
		return atPath(u.request.Path, err)
	}
	defer tree.Close()
	u.tree, u.shown = tree, u.places.show
	o, err := newOutput(u.places.output, u.places.shown, true)
	if err != nil {
		return err
	}
	defer o.close()
	u.writer.to = o.file
	u.walker = walker{Selection: u.request.Selection, tree: tree, isSelf: o.isSelf, shown: u.shown,
		skipped: func(name string) { u.sink.File(name, PassedBy) }}
	if err := u.all(u.produce, u.consume); err != nil {
		return err
	}
	if err := u.writer.end(); err != nil {
		return atWrite(u.places.shown, err)
	}
	for _, comment := range u.listing.comments {
		u.sink.File(comment, Comment)
	}
	err = o.commit()
	u.written = u.writer.written(&u.places)
	u.time(&u.written)
	return err
}

func (u *updating) prepare() (err error) {
	r := &u.request
	if err := r.valid(); err != nil {
		return err
	}
	options, err := readOptions(r.Format, r.Algorithm)
	if err != nil {
		return err
	}
	if u.listing, err = readOriginal(u.ctx, r.Dir, r.Path, options); err != nil {
		return err
	}
	if err := u.listing.updatable(); err != nil {
		return &WriteError{r.Path, err}
	}
	dir := filepath.Dir(u.listing.path)
	u.places = places{base: baseOf(u.listing.format, dir), output: u.listing.path, shown: r.Path, single: filepath.Dir(r.Path)}
	if u.listing.format.Base != "" {
		u.places.single = ""
	}
	u.writer = writer{format: u.listing.format, algorithms: u.listing.algorithms, options: manifest.Options{
		FileName: filepath.Base(u.listing.path), Algorithm: options.Algorithm,
	}}
	u.writer.where = func(e manifest.Entry) (string, string) { return u.places.show(e.Name), "this file" }
	if options.Format != nil { // it may be one that is not detected
		u.writer.options.Format = options.Format
	}
	if err := u.writer.begin(u.listing.head); err != nil {
		return &WriteError{r.Path, err}
	}
	return nil
}

// updatable returns why a manifest cannot be written anew, with nothing lost.
func (l *original) updatable() error {
	switch {
	case l.signature != "":
		return fmt.Errorf("is signed (%s), and its signature would not be true any more", l.signature)
	case l.encoding != "utf-8":
		return fmt.Errorf("is encoded in %s, in which no manifest is written", l.encoding)
	case l.format == manifest.RECORD:
		return errors.New("belongs to the installer of the package, and has lines besides those of digests")
	}
	return nil
}

// produce puts every file that is listed or to be listed, in order: what is listed and what is in
// the tree are merged.
func (u *updating) produce() error {
	listed, end := u.pull()
	defer end()
	old, err := listed()
	if err != nil {
		return err
	}
	if u.adds() {
		err = u.walker.walk(u.ctx, ".", func(name string) error {
			for old != nil && old.key < name {
				if err := u.putListed(old); err != nil {
					return err
				}
				if old, err = listed(); err != nil {
					return err
				}
			}
			if old == nil || old.key != name {
				return u.put(&subject{name: name, listed: u.newName(name), by: u.writer.algorithms, change: Added})
			}
			known := old
			if old, err = listed(); err != nil {
				return err
			}
			return u.putFound(known)
		})
	}
	for err == nil && old != nil {
		if err = u.putListed(old); err == nil {
			old, err = listed()
		}
	}
	return err
}

// adds reports whether files that are not listed are added.
func (u *updating) adds() bool {
	besideOne := u.listing.files == 1 && strings.HasPrefix(filepath.Base(u.listing.path), path.Clean(u.listing.first)+".")
	return !u.request.KeepFiles && u.listing.format.Base == "" && !besideOne
}

func (u *updating) newName(name string) string {
	if u.listing.dotted {
		return "./" + name
	}
	return name
}

// putListed puts a file that the walk did not show: it is missing, excluded, or reached by another
// way.
func (u *updating) putListed(old *listed) error {
	info, err := u.tree.Follow(old.key)
	self := func() (fs.FileInfo, error) { return info, err }
	removed := &subject{name: old.key, listed: old.entries[0].Name, change: Removed}
	switch {
	case u.walker.excludedWithin(old.key):
		return u.put(removed)
	case safefs.IsMissing(err):
		if !u.request.Prune {
			removed.change, removed.entries = Lost, old.entries
		}
		return u.put(removed)
	case err != nil:
		return &WriteError{u.shown(old.key), err}
	case u.walker.isSelf(path.Base(old.key), self):
		return u.put(removed)
	}
	return u.putFound(old)
}

// putFound puts a file that is listed and there.
func (u *updating) putFound(old *listed) error {
	s := &subject{name: old.key, listed: old.entries[0].Name, old: old.entries}
	unchanged, err := u.unchanged(old)
	if err != nil {
		return &WriteError{u.shown(old.key), err}
	}
	if unchanged && !u.request.All {
		s.change, s.entries = Unread, old.entries
		return u.put(s)
	}
	if unchanged {
		s.change = Suspect // if it has another digest
	}
	for _, e := range old.entries {
		s.by = append(s.by, e.Algorithm)
	}
	return u.put(s)
}

// unchanged reports whether neither size nor times tell of a change since the manifest was written.
func (u *updating) unchanged(old *listed) (bool, error) {
	info, err := u.tree.Follow(old.key)
	if err != nil {
		return false, err
	}
	link, err := u.tree.Lstat(old.key)
	if err != nil {
		return false, err
	}
	for _, e := range old.entries {
		if e.HasSize && e.Size != info.Size() {
			return false, nil
		}
	}
	when := u.listing.modified
	return info.Mode().IsRegular() && safefs.ChangedBefore(info, when) && safefs.ChangedBefore(link, when), nil
}

// consume writes what became of a file, and tells of it.
func (u *updating) consume(s *subject) error {
	switch {
	case s.old == nil, s.change == Unread:
	case sameDigests(s.old, s.entries):
		s.change = NoChange
	case s.change == Suspect:
		s.entries = s.old
	default:
		s.change = Changed
	}
	if s.change != NoChange {
		u.sink.File(s.listed, s.change)
	}
	if len(s.entries) == 0 {
		return nil
	}
	return u.writer.add(s.entries)
}

// sameDigests compares two lists of entries by the same algorithms.
func sameDigests(a, b []manifest.Entry) bool {
	for i := range a {
		if !bytes.Equal(a[i].Digest, b[i].Digest) {
			return false
		}
	}
	return len(a) == len(b)
}

// pull returns what gives the files that are listed, one after another, nil at the end.
func (u *updating) pull() (next func() (*listed, error), end func()) {
	ctx, cancel := context.WithCancel(u.ctx)
	files := make(chan *listed)
	var failed error
	go func() {
		defer close(files)
		(&run{ctx: ctx, fail: func(err error) { failed = err }}).guard(func() {
			failed = u.listing.inOrder(ctx, func(file listed) error {
				select {
				case files <- &file:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		})
	}()
	next = func() (*listed, error) {
		file, ok := <-files
		if !ok {
			return nil, failed
		}
		return file, nil
	}
	return next, func() {
		cancel()
		for range files { // until it has ended
		}
	}
}
