package generate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"checksig/internal/glob"
	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// UpdateRequest says which manifest is brought up to date, and how.
type UpdateRequest struct {
	Selection
	Path       string // the manifest
	Dir        string // what Path is relative to, absolute; the working folder if empty
	RelativeTo string // the folder that names start from; "" for what the format says
	All        bool   // read every file, also those that seem unchanged
	Prune      bool   // no longer list files that are missing
	KeepFiles  bool   // add no file that is not listed yet

	DryRun        bool // write nothing
	AcceptChanged bool // list changed files with their new digests
	AcceptSuspect bool // suspect ones, too
	Remember      bool // follow what the manifest remembers; see remember.go

	Format     string // of Path; "" to detect it
	Algorithm  string // of the digests in Path that have no tag; "" for what the manifest says
	Workers    int    // files hashed at once; 0 for one a CPU
	Depth      int    // files read at once; 0 for as many as help
	LeaveCache bool   // leave the system's page cache as it was
}

// Update brings a manifest up to date, and sorts it. Its format, its algorithms, and the comments at its
// beginning stay; those elsewhere in SFV, too, and are then at the beginning.
//
// A file is not read again if its modification and status change times are before the manifest's
// modification time, and it has the size that the manifest lists, if it lists one. What [Create] and Update
// write has the time of its beginning. A program can set back a modification time, but not that of status
// change, where the system has one.
//
// A file that was read and has another digest has changed; but it is suspect if neither its size nor its modification
// time shows a change. The manifest stays as it is if there is one of either, unless the caller accepts these.
//
// All files below the manifest's folder are added that are not manifests of their own, except to a manifest next to its
// one file (disc.iso.sha256), and to those whose names do not start from its folder. Where the manifest remembers what
// [Create] was asked for, no other files are added. The errors are those of Create.
func Update(ctx context.Context, r UpdateRequest, sink Sink, progress *hashpool.Progress) (Written, error) {
	return run(ctx, progress, func(group *guard.Group) (Written, error) {
		u := updating{
			hashing: hashing{group: group, progress: progress, workers: r.Workers, depth: r.Depth, leaveCache: r.LeaveCache},
			request: r, sink: sink,
		}
		u.odd.report = sink.Odd
		if err := u.update(); err != nil {
			return Written{}, err
		}
		written := u.writer.written(&u.plan)
		written.Excluded, written.Outcome = u.excluded, u.outcome()
		return written, nil
	})
}

// updating is the state of one [Update].
type updating struct {
	hashing
	request UpdateRequest
	sink    Sink
	source  *sourceManifest
	plan    outputPlan
	writer  writer
	walker  walker

	remembered *glob.Filter // of the manifest
	paths      []string     // which the manifest remembers; none for all
	excluded   int64        // files and folders that patterns left out
	held       bool         // a file has changed, or is suspect, that is not accepted
	part       bagPart
}

// bagPart is which files of a bag the manifest may list (RFC 8493, sections 2.1.3 and 2.2.1).
type bagPart int

const (
	anyFile bagPart = iota // the manifest is not one of a bag
	payload
	tagFiles
)

// lists reports whether a file belongs into the manifest.
func (b bagPart) lists(name string) bool {
	return b == anyFile || strings.HasPrefix(name, "data/") == (b == payload)
}

// bagPart returns which files of a bag the manifest may list.
func (u *updating) bagPart() bagPart {
	if u.source.format != manifest.BagIt || !u.source.isOwnBase() {
		return anyFile
	}
	if info, err := u.walker.tree.Follow("bagit.txt"); err != nil || !info.Mode().IsRegular() {
		return anyFile
	}
	if strings.HasPrefix(strings.ToLower(filepath.Base(u.source.path)), "tag") {
		return tagFiles
	}
	return payload
}

// outcome returns what becomes of the manifest.
func (u *updating) outcome() Outcome {
	switch {
	case u.request.DryRun && u.held:
		return PlannedHeld
	case u.request.DryRun:
		return Planned
	case u.held:
		return Held
	}
	return Done
}

func (u *updating) update() (err error) {
	if err := u.prepare(); err != nil {
		return err
	}
	if err := u.open(u.plan.base, u.plan.display, u.request.FollowOutside); err != nil {
		return safefs.At(u.request.Path, err)
	}
	defer u.roots.Close()
	u.show = u.plan.show
	var o *output
	if u.request.DryRun {
		o, err = noOutput(u.plan.output, u.plan.shown)
	} else {
		o, err = newOutput(u.plan.output, u.plan.shown, true)
	}
	if err != nil {
		return err
	}
	defer o.close()
	if n := links(o.old); n > 1 {
		return &WriteError{u.request.Path, fmt.Errorf("has %d hard links, and only this one would be updated: remove the others,"+
			" or replace this one by a copy", n)}
	}
	u.writer.to = io.Discard
	if o.file != nil {
		u.writer.to = o.file
	}
	u.walker = walker{
		Selection: u.request.Selection, tree: u.tree(), isSelf: o.isSelf, show: u.show, also: u.remembered,
		skipped: func(name string) { u.sink.File(name, Skipped) }, odd: u.odd.add, excluded: func() { u.excluded++ },
	}
	u.part = u.bagPart()
	if err := u.all(u.produce, u.consume); err != nil {
		return err
	}
	if err := u.writer.end(); err != nil {
		return asWriteError(u.plan.shown, err)
	}
	for _, comment := range u.source.comments {
		u.sink.File(comment, Comment)
	}
	if u.outcome() != Done {
		return nil
	}
	return o.commit()
}

func (u *updating) prepare() (err error) {
	r := &u.request
	if err := r.check(); err != nil {
		return err
	}
	options, err := readOptions(r.Format, r.Algorithm)
	if err != nil {
		return err
	}
	base := ""
	if r.RelativeTo != "" {
		folder := false
		if base, folder, err = locate(r.Dir, r.RelativeTo); err == nil && !folder {
			err = usage("relative_to: %s is not a folder", r.RelativeTo)
		}
		if err != nil {
			return err
		}
	}
	if u.source, err = readSource(u.group.Context(), r.Dir, r.Path, base, options); err != nil {
		return err
	}
	if err := u.source.updatable(); err != nil {
		return &WriteError{r.Path, err}
	}
	if err := u.recall(); err != nil {
		return err
	}
	u.plan = outputPlan{base: u.source.base, display: u.source.base, output: u.source.path, shown: r.Path}
	switch {
	case r.RelativeTo != "":
		u.plan.display = r.RelativeTo
	case u.source.isOwnBase():
		u.plan.display = filepath.Dir(r.Path)
	}
	u.writer = writer{format: u.source.format, algorithms: u.source.algorithms, options: manifest.Options{
		FileName: filepath.Base(u.source.path), Algorithm: options.Algorithm,
	}}
	u.writer.sized = u.source.sized
	u.writer.where = func(e manifest.Entry) (string, string) { return u.plan.show(e.Name), "this file" }
	if options.Format != nil { // it may be one that is not detected
		u.writer.options.Format = options.Format
	}
	if err := u.writer.begin(u.source.head); err != nil {
		return &WriteError{r.Path, err}
	}
	return nil
}

// updatable returns why a manifest cannot be written anew without losing something.
func (m *sourceManifest) updatable() error {
	switch {
	case m.signature != "":
		return fmt.Errorf("is signed (%s), and its signature would no longer be valid", m.signature)
	case m.encoding != "utf-8":
		return fmt.Errorf("is encoded in %s: manifests are written as plain UTF-8 only", m.encoding)
	case m.format == manifest.RECORD:
		return errors.New("belongs to the package's installer, and has lines without digests")
	}
	return nil
}

// produce puts every file that is listed or will be, in order: it merges what is listed with what is in the
// tree.
func (u *updating) produce() error {
	listed, end := u.pull()
	defer end()
	old, err := listed()
	if err != nil {
		return err
	}
	if u.adds() {
		err = u.walkAll(func(name string) error {
			for old != nil && old.key < name {
				if err := u.putListed(old); err != nil {
					return err
				}
				if old, err = listed(); err != nil {
					return err
				}
			}
			if old == nil || old.key != name {
				return u.putNew(name)
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

// walkAll calls each with the name of every file that is in the tree and may be listed.
func (u *updating) walkAll(each func(name string) error) error {
	for _, start := range u.starts() {
		if err := u.walker.walk(u.group.Context(), start, each); err != nil {
			return err
		}
	}
	return nil
}

// adds reports whether files that are not listed are added.
func (u *updating) adds() bool {
	besideOne := u.source.files == 1 && isBeside(u.source.path, []string{path.Clean(u.source.first)})
	return !u.request.KeepFiles && (u.source.isOwnBase() || u.request.RelativeTo != "") && !besideOne
}

// putNew puts a file that is not listed yet. A manifest belongs to another command, and so does what it lists.
func (u *updating) putNew(name string) error {
	if !u.part.lists(name) {
		return nil
	}
	if u.isManifest(name) {
		u.sink.File(name, Skipped)
		return nil
	}
	return u.putUnlessOdd(&item{name: name, listed: u.newName(name), algorithms: u.writer.algorithms, change: Added})
}

// isManifest reports whether a file is a manifest, by its name or, where other files have such names, its content.
func (u *updating) isManifest(name string) bool {
	base := path.Base(name)
	switch manifest.Classify(base) {
	case manifest.Certain:
		return true
	case manifest.Candidate:
		file, err := u.walker.tree.Open(name)
		if err != nil {
			return false // which is reported when it is read
		}
		defer file.Close()
		content, _, err := manifest.Recognise(safefs.UntilDone(u.group.Context(), file), manifest.Options{FileName: base, AllowShort: true})
		return err == nil && content == manifest.Recognised
	}
	return false
}

func (u *updating) newName(name string) string {
	if u.source.dotted {
		return "./" + name
	}
	return name
}

// putListed puts a file that the walk did not find: it is missing, excluded, or reached another way.
func (u *updating) putListed(old *fileEntries) error {
	info, err := u.walker.tree.Follow(old.key)
	self := func() (fs.FileInfo, error) { return info, err }
	removed := &item{name: old.key, listed: old.entries[0].Name, change: Removed}
	switch {
	case u.walker.filter.Excludes(old.key): // what the manifest remembers takes nothing out of it
		return u.put(removed)
	case safefs.IsMissing(err):
		if !u.request.Prune {
			removed.change, removed.entries = StillMissing, old.entries
		}
		return u.put(removed)
	case err != nil:
		return u.odd.add(&WriteError{u.show(old.key), err})
	case u.walker.isSelf(path.Base(old.key), self), safefs.IsTemporaryName(path.Base(old.key)):
		return u.put(removed)
	}
	return u.putFound(old)
}

// putFound puts a file that is listed and exists.
func (u *updating) putFound(old *fileEntries) error {
	s := &item{name: old.key, listed: old.entries[0].Name, old: old.entries}
	unchanged, seems, err := u.unchanged(old)
	if err != nil {
		return u.odd.add(&WriteError{u.show(old.key), err})
	}
	if unchanged && !u.request.All {
		s.change, s.entries = Unread, old.entries
		return u.put(s)
	}
	if seems {
		s.change = Suspect // if it has another digest
	}
	for _, e := range old.entries {
		s.algorithms = append(s.algorithms, e.Algorithm)
	}
	return u.putUnlessOdd(s)
}

// unchanged reports whether neither size nor times show a change since the manifest was written. If a time of status
// change alone does, as it does after a change of permissions, the file seems unchanged: its owner has not written to
// it, unless the time of modification was set back.
func (u *updating) unchanged(old *fileEntries) (unchanged, seems bool, err error) {
	info, err := u.walker.tree.Follow(old.key)
	if err != nil {
		return false, false, err
	}
	link, err := u.walker.tree.Lstat(old.key)
	if err != nil {
		return false, false, err
	}
	for _, e := range old.entries {
		if e.HasSize && e.Size != info.Size() {
			return false, false, nil
		}
	}
	when := u.source.modified
	if !info.Mode().IsRegular() || !info.ModTime().Before(when) || !link.ModTime().Before(when) {
		return false, false, nil
	}
	return safefs.ChangedBefore(info, when) && safefs.ChangedBefore(link, when), true, nil
}

// consume writes the entries of a file, and reports how they have changed.
func (u *updating) consume(s *item) error {
	switch {
	case s.old == nil, s.change == Unread:
	case sameDigests(s.old, s.entries):
		s.change = NoChange
	case s.change == Suspect && !u.request.AcceptSuspect:
		s.entries, u.held = s.old, true
	case s.change == Suspect: // accepted, and still reported as what it is
	default:
		s.change = Changed
		u.held = u.held || !u.request.AcceptChanged
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

// pull returns a function that returns the listed files one after another, nil at the end.
func (u *updating) pull() (next func() (*fileEntries, error), end func()) {
	reading := guard.New(u.group.Context())
	ctx := reading.Context()
	files := make(chan *fileEntries)
	var running sync.WaitGroup
	reading.Go(&running, func() {
		defer close(files)
		reading.Fail(u.source.inOrder(ctx, func(file fileEntries) error {
			select {
			case files <- &file:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}))
	})
	next = func() (*fileEntries, error) {
		file, ok := <-files
		if !ok {
			running.Wait()
			return nil, reading.Err()
		}
		return file, nil
	}
	return next, func() {
		reading.Close()
		running.Wait()
	}
}
