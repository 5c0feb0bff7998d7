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
	"io"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"checksig/internal/lanes"
	"checksig/internal/manifest"
	"checksig/internal/source"
)

// chunkSize is how many bytes are read at once. The context is looked at between two chunks.
const chunkSize = 256 << 10

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
	Workers       int    // files read at once; 0 for as many as CPUs may be used
	FollowOutside bool   // let names lead outside their manifest's folder
	Survey        bool   // find out the totals of [Progress] when the run takes longer
}

// Manifest is a manifest that is being read.
type Manifest struct {
	Index  int    // from 0, in the order in which they are read
	Path   string // where it is, as Request.Path says it
	Format string // "gnu"
}

// Result is what became of one entry.
type Result struct {
	Manifest *Manifest
	manifest.Entry
	Status Status
	Found  []byte // the digest computed, if the file was read whole
	Size   int64  // bytes read
	Detail string // why, for Unreadable
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
// block to slow the run down.
type Sink struct {
	Manifest func(*Manifest)
	Result   func(*Result)
	BadLine  func(*BadLine)
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
	Bytes    int64 // read from files
	Elapsed  time.Duration
}

// OK reports whether every line was understood and every file verified, and that there was one.
func (s *Summary) OK() bool {
	return s.Entries > 0 && s.Statuses[Verified] == s.Entries && s.BadLines == 0
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
		began: time.Now(), work: make(chan task, 256),
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
	work     chan task
	statuses [statusCount]atomic.Int64
	badLines atomic.Int64
	open     atomic.Int64  // files open in workers
	inLanes  atomic.Int64  // those of them that are hashed together
	stop     atomic.Uint32 // not 0 when ctx has ended, for code that cannot look at that
	suspects suspects
	// manifests are those of found.names.
	manifests []*Manifest
}

// task is one entry on its way to a worker.
type task struct {
	manifest *Manifest
	tree     *source.Tree
	entry    manifest.Entry
}

func (r *run) all() {
	r.progress.TotalFiles.Store(-1)
	r.progress.TotalBytes.Store(-1)
	if err := lanes.Check(); err != nil {
		r.fail(err)
		return
	}
	defer context.AfterFunc(r.ctx, func() { r.stop.Store(1) })()
	found, err := find(r.request)
	if err != nil {
		r.fail(err)
		return
	}
	defer found.tree.Close()
	var workers, survey sync.WaitGroup
	for range r.workers() {
		r.spawn(&workers, r.worker)
	}
	surveyed, endSurvey := context.WithCancel(r.ctx)
	if r.request.Survey {
		r.spawn(&survey, func() { r.survey(surveyed, found) })
	}
	r.guard(func() {
		defer close(r.work)
		for i := range found.names {
			r.read(found, i)
		}
	})
	workers.Wait()
	r.guard(func() { r.contradictions(found) })
	endSurvey()
	survey.Wait()
}

func (r *run) workers() int {
	if r.request.Workers > 0 {
		return r.request.Workers
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

// read sends every entry of one manifest to the workers.
func (r *run) read(f *found, index int) {
	m := &Manifest{Index: index}
	r.manifests = append(r.manifests, m)
	var file *source.File
	var next manifest.Next
	err := r.patiently(func() (err error) {
		file, next, err = f.open(f.names[index], m)
		return err
	})
	if err != nil && f.path != "" {
		r.fail(err)
		return
	}
	r.sink.Manifest(m)
	if err != nil {
		r.badLine(m, &manifest.LineError{Cause: "cannot be read: " + cause(err)})
		return
	}
	defer file.Close()
	for line := int64(0); r.ctx.Err() == nil; {
		entry, err := next()
		var bad *manifest.LineError
		switch {
		case err == nil:
			line = entry.Line
			r.send(task{m, f.tree, entry})
		case errors.As(err, &bad):
			line = bad.Line
			r.badLine(m, bad)
			if bad.Fatal {
				return
			}
		case errors.Is(err, io.EOF) && line > 0:
			return
		case errors.Is(err, io.EOF):
			r.badLine(m, &manifest.LineError{Cause: "lists no file"})
			return
		default:
			r.badLine(m, &manifest.LineError{Line: line + 1, Cause: "cannot be read further: " + cause(err)})
			return
		}
	}
}

func (r *run) send(t task) {
	select {
	case r.work <- t:
	case <-r.ctx.Done():
	}
}

func (r *run) badLine(m *Manifest, bad *manifest.LineError) {
	r.badLines.Add(1)
	r.sink.BadLine(&BadLine{m, bad.Line, bad.Text, bad.Cause})
}

func (r *run) worker() {
	v := newVerifier(r)
	if b := newBatch(v); b != nil {
		defer b.free()
		b.all()
	} else {
		v.all()
	}
	v.free()
}

// done takes what became of an entry.
func (r *run) done(result *Result) {
	if r.ctx.Err() != nil {
		return // it is not known then
	}
	r.statuses[result.Status].Add(1)
	r.progress.Files.Add(1)
	if result.Status == Mismatched {
		r.suspects.add(result.Name)
	}
	r.sink.Result(result)
}

func (r *run) summary() Summary {
	s := Summary{BadLines: r.badLines.Load(), Bytes: r.progress.Bytes.Load(), Elapsed: time.Since(r.began)}
	for i := range r.statuses {
		s.Statuses[i] = r.statuses[i].Load()
		s.Entries += s.Statuses[i]
	}
	return s
}
