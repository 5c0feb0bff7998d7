// Package engine verifies the files that manifests list: entries in, results out, by a fixed
// number of workers.
//
// It fails closed: a file counts as verified only when it was read to its end, did not change
// meanwhile, and has the digest that its entry says.
package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"checksig/internal/digest"
	"checksig/internal/manifest"
	"checksig/internal/multibuffer"
	"checksig/internal/safefs"
)

// chunkSize is how many bytes are read at once. The context is looked at between two chunks.
const chunkSize = 256 << 10

// fewFiles is how many files have to be waiting before workers are started, while more may come.
const fewFiles = 8

// Status is what became of an entry.
type Status uint8

// Every entry has exactly one of these.
const (
	Verified   Status = iota // read whole, and the digest is equal
	Mismatched               // read whole, and the digest is another
	Missing                  // there is no such file
	Unreadable               // not read whole, or refused; the detail says why
	Skipped                  // left out because the caller asked for it
	statusCount
)

var statusNames = [statusCount]string{"verified", "mismatched", "missing", "unreadable", "skipped"}

func (s Status) String() string { return statusNames[s] }

// Request says what to verify, and how.
type Request struct {
	Path          string // a folder or a manifest
	Dir           string // what Path is relative to, absolute; the working folder if empty
	Workers       int    // files read at once; 0 for as many as CPUs may be used, or 1 on a disk that rotates
	FollowOutside bool   // let names lead outside their manifest's folder
	LeaveCache    bool   // leave the page cache as it was
	Survey        bool   // find out the totals of [Progress] when the run takes longer

	Recursive     bool              // look for manifests in the folders below Path, too
	Extra         Extra             // what to do about files that no manifest lists
	IgnoreMissing bool              // skip entries whose file is missing
	Root          string            // the folder that all names start from; each manifest's own if empty
	Paths         Paths             // how the names listed become names of files
	MinStrength   *digest.Algorithm // refuse entries of weaker algorithms; nil for none
	Algorithm     *digest.Algorithm // of digests without a tag; nil for what the manifest says
	Format        *manifest.Format  // of the manifests; nil to detect it
}

// Extra is what to do about files on disk that no manifest lists.
type Extra uint8

// Ignored is the default; the others look for such files.
const (
	ExtraIgnored Extra = iota
	ExtraReported
	ExtraFails // one such file, and the run is not OK
)

// Manifest is a manifest that is being read.
type Manifest struct {
	Index  int    // from 0, in the order in which they are read
	Path   string // where it is, as Request.Path says it
	Format string // "gnu"; empty if it could not be opened, and for a folder that could not be searched

	Encoding string // "utf-8", "utf-16le" or "utf-16be"
	Wrapper  string // "pgp" or "signify" around it, whose signature is not checked; else ""

	// Known once it was read:
	Algorithms []*digest.Algorithm // of its entries
	Assumed    bool                // for some of them, nothing but the digest's length told

	folder *base // where it lies
	base   *base // what its names start from
}

// Result is what became of one entry.
type Result struct {
	Manifest *Manifest
	manifest.Entry
	Status  Status
	Found   []byte // the digest computed, if the file was read whole
	Size    int64  // bytes read
	Detail  string // why, for Unreadable, Missing, and Mismatched for its size
	Opened  string // the file's path, if it is another than Name from the manifest's folder
	MovedTo string // the path of a file that no manifest lists and that has the digest of this missing one
	Worker  int    // who found it; 0 may be several
}

// ExtraFile is a file that no manifest lists.
type ExtraFile struct {
	Path      string
	MovedFrom string // the path of a missing file that has the same digest
}

// BadLine is a line of a manifest that was not understood; Line is 0 when it is about the
// manifest as a whole.
type BadLine struct {
	Manifest *Manifest
	Line     int64
	Text     string // the line's beginning
	Cause    string
}

// Sink takes what a run finds. Its functions are called from several goroutines at once, and may
// block to slow the run down. A Result is there until the function returns.
type Sink struct {
	Manifest func(*Manifest)
	Result   func(*Result)
	BadLine  func(*BadLine)
	Read     func(*Manifest)  // it was read, and all is known of it; may be nil
	Extra    func(*ExtraFile) // may be nil if no such files are asked for
}

// Progress counts what is done while a run goes on. The totals are -1 until they are known.
type Progress struct {
	Files, Bytes           atomic.Int64
	TotalFiles, TotalBytes atomic.Int64
}

// Summary counts what a run found. Entries is the sum of Statuses.
type Summary struct {
	Entries  int64
	Statuses [statusCount]int64
	BadLines int64
	Extra    int64 // files that no manifest lists
	Bytes    int64 // read from files
	Elapsed  time.Duration

	extraFails bool
}

// OK reports whether every line was understood and every file verified that was not skipped, and
// that there was one; and that there is no extra file, if that was asked for.
func (s *Summary) OK() bool {
	return s.Statuses[Verified] > 0 && s.Statuses[Verified]+s.Statuses[Skipped] == s.Entries &&
		s.BadLines == 0 && (s.Extra == 0 || !s.extraFails)
}

// ErrNoManifest says that a folder holds nothing that is taken for a manifest.
var ErrNoManifest = errors.New("no checksum manifest in this folder")

// PanicError is a panic of the engine, with the stack of the goroutine it happened in.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Run verifies what r asks for and gives sink what it finds. The error is nil when every entry
// was looked at, whatever became of it; otherwise the context's, [ErrNoManifest], a
// [*PanicError], or an [*fs.PathError] for a folder or manifest that cannot be opened.
func Run(ctx context.Context, r Request, sink Sink, progress *Progress) (Summary, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	run := &run{
		request: r, sink: sink, progress: progress, ctx: ctx, fail: cancel,
		began: time.Now(),
	}
	run.guard(run.all)
	return run.summary(), context.Cause(ctx)
}

// run is the state of one [Run].
type run struct {
	request  Request
	sink     Sink
	progress *Progress
	ctx      context.Context
	fail     context.CancelCauseFunc
	began    time.Time
	queue    *queue
	spent    spent
	crew     sync.WaitGroup
	hired    bool // the crew is at work; known to the reader alone
	statuses [statusCount]atomic.Int64
	badLines atomic.Int64
	extra    atomic.Int64
	open     atomic.Int64  // files open in workers
	busy     atomic.Int32  // workers that are at work, or wait in the queue
	batches  atomic.Int32  // that there have been
	stop     atomic.Uint32 // not 0 when ctx has ended, for code that cannot look at that
	suspects suspects
	listed   nameSet
	held     held
	found    *found
	bases    *bases
	scarce   sync.Mutex // held to try again for a descriptor
	root     *base      // that the request names, or nil
	mixed    atomic.Bool
	rotates  bool // the disk

	mu        sync.Mutex
	manifests []*Manifest
}

func (r *run) all() {
	r.progress.TotalFiles.Store(-1)
	r.progress.TotalBytes.Store(-1)
	if err := r.prepare(); err != nil {
		r.fail(err)
		return
	}
	r.queue = newQueue(r.workers())
	defer context.AfterFunc(r.ctx, func() {
		r.stop.Store(1)
		r.queue.close()
	})()
	defer r.bases.close()
	var survey sync.WaitGroup
	surveyed, endSurvey := context.WithCancel(r.ctx)
	if r.request.Survey {
		r.spawn(&survey, func() { r.survey(surveyed) })
	}
	r.guard(func() {
		defer r.queue.close()
		r.read()
	})
	r.guard(r.few)
	r.crew.Wait()
	r.guard(r.conclude)
	endSurvey()
	survey.Wait()
}

// prepare finds the manifests and opens the folders.
func (r *run) prepare() (err error) {
	if err := multibuffer.Check(); err != nil {
		return err
	}
	if r.found, err = find(r.ctx, r.request); err != nil {
		return err
	}
	r.rotates = r.request.Workers == 0 && r.found.tree.Rotates()
	r.bases = newBases(r.found.top, r.found.tree, r.request.FollowOutside)
	r.listed.wanted = r.request.Extra != ExtraIgnored
	if r.request.Root == "" {
		return nil
	}
	dir, err := absolute(r.request.Dir, r.request.Root)
	if err == nil {
		r.root = r.bases.add(&base{dir: dir, shown: r.request.Root})
		var tree *safefs.Tree
		if tree, err = r.bases.use(r.root); err == nil { // and never done with: it stays open
			r.rotates = r.request.Workers == 0 && tree.Rotates()
		}
	}
	if err != nil {
		r.bases.close()
		return atPath(r.request.Root, err)
	}
	return nil
}

func (r *run) workers() int {
	if r.request.Workers > 0 {
		return r.request.Workers
	}
	if r.rotates {
		return 1
	}
	return runtime.GOMAXPROCS(0) // unlike NumCPU it knows a container's limit
}

// spawn runs f in a goroutine of group.
func (r *run) spawn(group *sync.WaitGroup, f func()) {
	group.Go(func() { r.guard(f) })
}

// guard runs f; a panic in it ends the run instead of the process.
func (r *run) guard(f func()) {
	defer func() {
		if v := recover(); v != nil {
			r.fail(&PanicError{v, debug.Stack()})
		}
	}()
	f()
}

// read reads the manifests, and sends what they claim to the workers.
func (r *run) read() {
	w := r.window(r.send)
	rd := reader{
		run: r, ctx: r.ctx, turns: sideBySide,
		opened: func(l *listing, err error) {
			r.opened(l, err)
			if slices.Contains(mixed, l.Format) {
				r.mixed.Store(true)
				w.wide = true
			}
		},
		bad: func(l *listing, bad *manifest.LineError) { r.badLine(l.Manifest, bad) },
		entry: func(l *listing, c claim) {
			l.uses(&c.entry)
			r.listed.addClaim(&c)
			if l.place.list != nil {
				r.listedInBag(l, &c.entry)
			}
			w.add(c)
		},
		ended: func(l *listing) {
			if r.sink.Read != nil {
				r.sink.Read(l.Manifest)
			}
		},
	}
	more := rd.read(r.found.places)
	for !r.hired && more() {
		continue
	}
	if r.hired { // and a caller's thread, if this goroutine has one to itself, would be slow to change to
		var rest sync.WaitGroup
		r.spawn(&rest, func() {
			for more() {
				continue
			}
		})
		rest.Wait()
	}
	w.flush()
}

// mixed are the formats that may list all files under one algorithm, and then under another.
var mixed = []string{"release", "bsd", "base64", "openssl"}

// window returns one that joins what there is to join. A single manifest of one algorithm seldom
// lists a file in two places, and the workers need not wait for the second.
func (r *run) window(emit func(*task)) *window {
	return &window{wide: len(r.found.places) > 1 || r.mixed.Load(), emit: emit, spent: &r.spent}
}

// opened takes note of a manifest that was, or could not be, opened.
func (r *run) opened(l *listing, err error) {
	if err != nil && r.found.named != "" {
		r.fail(err)
		return
	}
	r.announce(l.Manifest)
	l.place.manifest = l.Manifest
	if err != nil {
		r.badLine(l.Manifest, &manifest.LineError{Cause: "cannot be read: " + cause(err)})
	}
}

// announce gives m its index, and tells of it.
func (r *run) announce(m *Manifest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.Index = len(r.manifests)
	r.manifests = append(r.manifests, m)
	r.sink.Manifest(m)
}

// hire starts the workers.
func (r *run) hire(count int) {
	r.hired = true
	r.busy.Add(int32(count))
	for range count {
		r.spawn(&r.crew, r.worker)
	}
}

// few verifies what was not worth more: by no more workers than there are files, one of which is
// this goroutine. To wake others costs more than a small file.
func (r *run) few() {
	if !r.hired && r.queue.len() > 0 { // which others look at only when there are some
		r.hire(min(r.workers(), r.queue.len()) - 1)
		r.busy.Add(1)
		r.worker()
	}
}

func (r *run) send(t *task) {
	if !r.hired && r.queue.len() == fewFiles {
		r.hire(r.workers())
		r.spawn(&r.crew, func() { r.lookAhead(r.ctx) })
	}
	t.weight = -1
	if t.entry.HasSize {
		t.weight = t.entry.Size
	}
	r.queue.put(t)
}

func (r *run) badLine(m *Manifest, bad *manifest.LineError) {
	r.badLines.Add(1)
	r.sink.BadLine(&BadLine{m, bad.Line, bad.Text, bad.Cause})
}

func (r *run) worker() {
	defer r.busy.Add(-1)
	v := newVerifier(r)
	if b := newBatch(v); b != nil {
		defer b.free()
		b.all()
	} else {
		v.all()
	}
	v.free()
}

// readBytes is told of bytes as they are read.
func (r *run) readBytes(n int) { r.progress.Bytes.Add(int64(n)) }

// done takes what became of a claim.
func (r *run) done(c *claim, result *Result) {
	if r.ctx.Err() != nil {
		return // it is not known then
	}
	switch {
	case result.Status == Missing && r.request.IgnoreMissing:
		result.Status = Skipped
	case result.Status == Missing && r.request.Extra != ExtraIgnored && r.held.add(result):
		return // until it is known whether it was moved
	case result.Status == Mismatched:
		r.suspects.add(c.key())
	}
	r.report(result)
}

func (r *run) report(result *Result) {
	r.statuses[result.Status].Add(1)
	r.progress.Files.Add(1)
	r.sink.Result(result)
}

// conclude looks for what can be seen only when all manifests were read.
func (r *run) conclude() {
	r.contradictions()
	for _, b := range r.found.bags {
		r.checkBag(b)
	}
	if r.request.Extra != ExtraIgnored {
		r.completeness()
	}
	r.nothingVerified()
}

// nothingVerified tells of a run that skipped everything, as that is no success.
func (r *run) nothingVerified() {
	s := r.summary()
	if s.Entries > 0 && s.Statuses[Skipped] == s.Entries && s.BadLines == 0 {
		r.badLine(r.manifests[0], &manifest.LineError{Cause: "no file was verified"})
	}
}

func (r *run) summary() Summary {
	s := Summary{
		BadLines: r.badLines.Load(), Extra: r.extra.Load(), Bytes: r.progress.Bytes.Load(),
		Elapsed: time.Since(r.began), extraFails: r.request.Extra == ExtraFails,
	}
	for i := range r.statuses {
		s.Statuses[i] = r.statuses[i].Load()
		s.Entries += s.Statuses[i]
	}
	return s
}
