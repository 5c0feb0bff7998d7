package verify

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/layout"
	"checksig/internal/lookahead"
	"checksig/internal/manifest"
	"checksig/internal/nameset"
	"checksig/internal/printable"
	"checksig/internal/safefs"
)

// run is the state of one [Run]: it ties the parts together.
type run struct {
	request   *Request
	group     *guard.Group
	discovery *discovery
	reader    *reader
	record    *recorder
	compare   *comparer
	root      *safefs.Root // open as long as the run
	spinning  bool         // the files lie on a spinning disk
	mixed     atomic.Bool
	chosen    *chosen      // the entries to verify; nil for all
	work      *guard.Group // ends when no more files are to be read

	attributes *lookahead.Batch[*attributed, string]
}

// newRun finds the manifests and opens the folders.
func newRun(ctx context.Context, r Request, sink Sink, progress *hashpool.Progress) (_ *run, err error) {
	group := guard.New(ctx)
	found, err := discover(ctx, r.Path, &r.Reading)
	if err != nil {
		group.Close()
		return nil, err
	}
	if err := found.misses(&r); err != nil {
		found.roots.Close()
		group.Close()
		return nil, err
	}
	record := &recorder{sink: sink, progress: progress}
	run := &run{
		request: &r, group: group, discovery: found, record: record,
		reader:  &reader{discovery: found, reading: &r.Reading, fail: group.Fail},
		compare: &comparer{group: group, record: record, ignoreMissing: r.IgnoreMissing, minStrength: r.MinStrength},
	}
	if run.chosen, err = newChosen(r.Part, found.locations); err != nil {
		run.close()
		return nil, safefs.At(r.Path, err)
	}
	run.compare.chosen, run.compare.ids = run.chosen, r.IDs
	run.attributes = run.newAttributes()
	if len(r.Only) > 0 {
		if run.reader.only, err = newSelection(&r.Reading); err != nil {
			run.close()
			return nil, err
		}
	}
	if run.reader.filter, err = newFilter(&r.Reading); err != nil {
		run.close()
		return nil, err
	}
	if r.Unlisted != IgnoreUnlisted {
		run.compare.listed, run.compare.pending = &nameset.Set{}, &pendingMissing{}
	}
	root := found.roots.Top()
	if f := run.reader.filter; f != nil && !found.isSingle() {
		f.anchor = root.Dir
	}
	if r.Root != "" {
		dir, err := r.absolute(r.Root)
		if err != nil {
			run.close()
			return nil, safefs.At(r.Root, err)
		}
		root = found.roots.Add(dir, r.shown(r.Root))
		run.reader.root = root
		if f := run.reader.filter; f != nil {
			f.anchor = root.Dir
		}
	}
	tree, err := root.Acquire()
	if err != nil {
		run.close()
		return nil, safefs.At(r.Root, err)
	}
	run.root = root
	run.spinning = tree.IsOnSpinningDisk()
	return run, nil
}

// misses returns an error if what was found is nothing that an option of r could be about.
func (d *discovery) misses(r *Request) error {
	isBag := func(s *structure) bool { return s.kind == layout.BagIt }
	switch {
	case r.BagProfile != nil && !slices.ContainsFunc(d.structures, isBag):
		return safefs.At(r.Path, ErrNoBag)
	case r.Signature != "" && !d.isSingle():
		return ErrSignature
	}
	return nil
}

func (r *run) close() {
	if r.root != nil {
		r.root.Release()
	}
	r.discovery.roots.Close()
	r.group.Close()
}

// all does the whole run. Errors and panics end its group.
func (r *run) all() {
	work, endWork := r.limit()
	r.work = work
	pool, err := hashpool.New(work, r.discovery.roots, poolConfig(r, func(worker int) hashpool.Handler[claims] {
		return &handler{comparer: r.compare, worker: worker}
	}))
	if err != nil {
		r.group.Fail(err)
		return
	}
	if r.record.sink.Unknown != nil {
		for _, path := range r.discovery.unknown.paths {
			r.record.sink.Unknown(path)
		}
	}
	var totals sync.WaitGroup
	ctx, endTotals := context.WithCancel(r.group.Context())
	defer endTotals()
	if r.request.Totals {
		r.group.Go(&totals, func() {
			r.record.progress.FindTotals(ctx, func() (files, size int64, err error) {
				return countTotals(ctx, r.reader, r.chosen, r.isWide())
			})
		})
	}
	r.group.Run(func() { r.read(pool) })
	pool.Finish()
	endWork()
	r.group.Run(r.reportRest)
	r.group.Run(r.conclude)
	endTotals()
	totals.Wait()
}

func poolConfig[P any](r *run, newHandler func(worker int) hashpool.Handler[P]) hashpool.Config[P] {
	return hashpool.Config[P]{
		Workers: r.request.Workers, Depth: r.request.Depth, Spinning: r.spinning, LeaveCache: r.request.LeaveCache,
		BytesRead: &r.record.progress.Bytes, NewHandler: newHandler, Stored: r.request.Stored,
		Elsewhere: r.request.Elsewhere,
	}
}

// mixedFormats may list all files under one algorithm, and then under another.
var mixedFormats = []string{"release", "bsd", "base64", "openssl", "dsc", "ocfl"}

// isWide reports whether claims about one file may lie far apart. A single manifest of one algorithm
// seldom lists a file twice, and the workers need not wait for the second entry.
func (r *run) isWide() bool { return len(r.discovery.locations) > 1 || r.mixed.Load() }

// read reads the manifests, and sends the files that they list to the pool.
func (r *run) read(pool *hashpool.Pool[claims]) {
	joined := coalescer{wide: r.isWide(), emit: func(c *claims) {
		if r.work.Ended() {
			return
		}
		t := pool.Task()
		fill(t, c)
		pool.Submit(t)
	}}
	more := r.reader.read(r.group.Context(), r.turns(), visitor{
		opened: func(m *openManifest, err error) {
			r.opened(m, err)
			if slices.Contains(mixedFormats, m.Format) {
				r.mixed.Store(true)
				joined.wide = true
			}
		},
		bad: func(m *openManifest, bad *manifest.LineError) {
			if bad.Code == manifest.Ignored {
				r.record.note(m.Manifest, bad.Line, bad.Cause)
			} else {
				r.record.badLine(m.Manifest, bad)
			}
		},
		claim: func(m *openManifest, c claim, refused error) {
			if r.chosen != nil {
				r.chosen.add(m.location, c.id())
			}
			takes := r.chosen.takes(m.location, &c, RankFirst) // it gives refused ones their number, too
			if r.note(m, &c, refused) && takes {
				joined.add(c)
			}
		},
		states: r.states,
		left: func(m *openManifest, c *claim) {
			r.sees(m, c)
			r.record.excluded.Add(1)
		},
		ended: func(m *openManifest) {
			r.record.excluded.Add(m.reading.LeftOut())
			r.notePromise(m)
			if m.unread != "" && r.reader.only == nil {
				r.record.note(m.Manifest, 0, "lists manifests that were not read, such as "+printable.Quote(m.unread)+
					": name them, or their folder with -r (recursive=True)")
			}
			r.checkModels(m)
			r.record.read(m.Manifest)
		},
	})
	for !pool.Started() && more() {
		continue
	}
	// The C function verify locks its goroutine to the caller's thread. Each switch to another goroutine is
	// slow then, so that the rest is read in a goroutine without a thread of its own.
	if pool.Started() {
		var rest sync.WaitGroup
		r.group.Go(&rest, func() {
			for more() {
				continue
			}
		})
		rest.Wait()
	}
	joined.flush()
	r.attributes.Flush()
	r.readRanks(&joined)
}

// turns returns how many manifests are read side by side.
func (r *run) turns() int {
	if r.chosen != nil {
		return 1
	}
	return sideBySide
}

// opened records a manifest that was, or could not be, opened.
func (r *run) opened(m *openManifest, err error) {
	untrusted := untrustedCause(err)
	if err = r.discovery.fatal(m, err); err != nil && untrusted == "" && r.discovery.isSingle() {
		r.group.Fail(err)
		return
	}
	r.findUnchecked(m, err)
	r.record.manifest(m.Manifest)
	for _, text := range m.remarks {
		r.record.note(m.Manifest, 0, text)
	}
	for _, path := range m.Unchecked {
		r.record.note(m.Manifest, 0, "the signature "+printable.Quote(path)+" was not checked: "+checksIt(path))
	}
	m.location.manifest = m.Manifest
	kind := r.discovery.partOf
	if s := m.location.structure; s != nil && r.reader.only != nil {
		kind = s.kind
	}
	if kind != nil {
		r.record.note(m.Manifest, 0, "part of "+kind.Title+", which was not checked: verify its folder")
	}
	switch {
	case untrusted != "":
		r.record.badLine(m.Manifest, &manifest.LineError{
			Cause: "untrusted manifest, nothing of it counts: " + untrusted, Code: manifest.Untrusted,
		})
	case err != nil:
		r.record.badLine(m.Manifest, &manifest.LineError{Cause: "cannot be read: " + safefs.Cause(err), Code: manifest.Unread})
	}
}

// checksIt returns what checks the signature at path.
func checksIt(path string) string {
	if manifest.IsBundleName(path) {
		return "--trusted-root FILE with --identity and --issuer, or --key FILE, checks it (trusted_root=, key=)"
	}
	return "--trust FILE (trust=) checks it"
}

// notePromise notes that a manifest's name promises a digest of a file that is next to it, but no line lists
// that file: it was not verified, and nothing else would say so.
func (r *run) notePromise(m *openManifest) {
	if m.promised == "" || r.record.sink.Note == nil {
		return
	}
	tree, err := m.folder.Acquire()
	if err != nil {
		return
	}
	defer m.folder.Release()
	info, err := tree.Stat(m.promised)
	switch {
	case err != nil || !info.Mode().IsRegular():
	case m.elsewhere != "":
		r.record.note(m.Manifest, 0, fmt.Sprintf("lists %s instead of %s, which is next to it: --basename (basename=True) verifies that",
			printable.Quote(m.elsewhere), printable.Quote(m.promised)))
	default:
		r.record.note(m.Manifest, 0, "lists no digest of "+printable.Quote(m.promised)+", which its name promises and which is next to it")
	}
}

// note records a claim, and reports whether its file must be hashed.
func (r *run) note(m *openManifest, c *claim, refused error) bool {
	m.uses(&c.entry)
	r.sees(m, c)
	if m.listed != nil {
		if path := c.path(); path != "" {
			m.listed.Add(path)
		}
	}
	if r.compare.listed != nil {
		if path := c.path(); path != "" {
			r.compare.listed.Add(path)
		}
	}
	if weak := r.compare.refusal(c); weak != nil {
		r.compare.refuse(c, weak, Weak)
		return false
	}
	if refused != nil {
		r.compare.refuse(c, refused, Refused)
	}
	return refused == nil
}

// sees notes what an entry says about its manifest and the structure that this belongs to, whether its file is
// verified or not.
func (r *run) sees(m *openManifest, c *claim) {
	switch {
	case m.promised == "":
	case c.path() == filepath.Join(m.folder.Dir, m.promised),
		c.slashed != "" && filepath.Join(c.root.Dir, c.slashed) == filepath.Join(m.folder.Dir, m.promised):
		m.promised = ""
	case m.elsewhere == "" && path.Base(strings.ReplaceAll(c.entry.Name, `\`, "/")) == m.promised:
		m.elsewhere = c.entry.Name
	}
	if m.unread == "" && r.isUnread(m, c) {
		m.unread = c.entry.Name
	}
	if list := m.location.list; list != nil {
		if problem := list.Add(c.entry.Name); problem != "" {
			r.record.badLine(m.Manifest, &manifest.LineError{
				Line: c.entry.Line, Text: c.entry.Name, Cause: problem, Code: manifest.BrokenRule,
			})
		}
	}
}

// indexes are the formats that list manifests of the same whole, and what the names of those contain.
var indexes = map[string][]string{
	"ascmhl-chain": {".mhl"}, "gentoo": {"Manifest"}, "release": {"Packages", "Sources"}, "repomd": {"primary.xml"},
}

// isUnread reports whether c is about a manifest that is not read, of an index.
func (r *run) isUnread(m *openManifest, c *claim) bool {
	contains := func(part string) bool { return strings.Contains(path.Base(filepath.ToSlash(c.name)), part) }
	if !slices.ContainsFunc(indexes[m.Format], contains) {
		return false
	}
	at, err := filepath.Rel(r.discovery.roots.Top().Dir, c.path())
	at = filepath.ToSlash(at)
	return err != nil || !hasLocation(r.discovery.locations, path.Dir(at), path.Base(at))
}

// conclude looks for what can be seen only when all manifests were read.
func (r *run) conclude() {
	if n := r.discovery.pruned; n > 0 && len(r.record.manifests) > 0 {
		r.record.note(r.record.manifests[0], 0, fmt.Sprintf("patterns exclude folders in which manifests were not looked for: %d", n))
	}
	findContradictions(r.group.Context(), r.reader, r.record, r.compare.suspects.keys)
	if only := r.reader.only; only != nil {
		if !r.group.Ended() {
			only.missed(func(path string) { r.record.unlistedFile(&UnlistedFile{Path: path}) })
		}
		r.group.Fail(r.record.nothingVerified())
		return
	}
	r.checkStructures()
	if r.request.Unlisted != IgnoreUnlisted {
		search := &unlistedSearch{
			group: r.group, discovery: r.discovery, record: r.record, listed: r.compare.listed, filter: r.reader.filter,
			trusts: r.request.Trust != nil,
		}
		r.group.Fail(findUnlisted(search, poolConfig[struct{}](r, nil), r.compare.pending.results))
	}
	r.group.Fail(r.record.nothingVerified())
}

// manifestOf returns the manifest called name of a structure, or one that stands for another of its files.
func (r *run) manifestOf(s *structure, name string) *Manifest {
	for _, l := range s.locations {
		if l.inStructure() == name && l.manifest != nil {
			return l.manifest
		}
	}
	if s.notes == nil {
		s.notes = map[string]*Manifest{}
	}
	if s.notes[name] == nil {
		m := &Manifest{Path: r.discovery.path(s.folder, name), Format: s.kind.Name}
		r.record.manifest(m)
		s.notes[name] = m
	}
	return s.notes[name]
}
