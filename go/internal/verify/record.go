package verify

import (
	"sync"
	"sync/atomic"

	"checksig/internal/hashpool"
	"checksig/internal/manifest"
)

// recorder counts what is found and gives it to the caller's sink. It may be used from any goroutine.
type recorder struct {
	sink     Sink
	progress *hashpool.Progress
	statuses [statusCount]atomic.Int64
	badLines atomic.Int64
	unlisted atomic.Int64
	excluded atomic.Int64
	stored   atomic.Int64

	mu        sync.Mutex
	manifests []*Manifest
}

// maxText bounds the text of a bad line, which may be the name of a file.
const maxText = 120

// maxNotes is how many notes about a manifest are reported.
const maxNotes = 1000

// manifest gives m its index and reports it.
func (r *recorder) manifest(m *Manifest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.Index = len(r.manifests)
	r.manifests = append(r.manifests, m)
	r.sink.Manifest(m)
}

func (r *recorder) read(m *Manifest) { r.sink.Read(m) }

func (r *recorder) result(result *Result) {
	if result.Outside && !result.Manifest.hinted.Swap(true) {
		r.note(result.Manifest, 0, "--follow-outside (follow_outside=True) reads files outside its folder")
	}
	r.statuses[result.Status].Add(1)
	if result.Status == Verified && result.Stored {
		r.stored.Add(1)
	}
	r.sink.Result(result)
	r.progress.Files.Add(1) // after it: who sees the number has all results that it counts
}

// rest records an entry that was not verified, which is no progress.
func (r *recorder) rest(result *Result) {
	r.statuses[result.Status].Add(1)
	r.sink.Result(result)
}

func (r *recorder) badLine(m *Manifest, bad *manifest.LineError) {
	r.badLines.Add(1)
	r.sink.BadLine(&BadLine{m, bad.Line, bad.Text[:min(len(bad.Text), maxText)], bad.Cause, bad.Code})
}

func (r *recorder) note(m *Manifest, line int64, text string) {
	if r.sink.Note == nil || m.notes.Add(1) > maxNotes {
		return
	}
	r.sink.Note(&Note{m, line, text})
}

func (r *recorder) unlistedFile(f *UnlistedFile) {
	r.unlisted.Add(1)
	r.sink.Unlisted(f)
}

// nothingVerified reports a run that skipped everything, as that is no success. It returns the error for one that left
// out everything.
func (r *recorder) nothingVerified() error {
	s := r.summary()
	if s.Entries == 0 && s.Excluded > 0 && s.BadLines == 0 {
		return &NothingLeftError{s.Excluded}
	}
	if s.Entries > 0 && s.Statuses[Skipped]+s.Statuses[NotVerified] == s.Entries && s.BadLines == 0 {
		r.badLine(r.manifests[0], &manifest.LineError{Cause: "no file was verified", Code: manifest.Nothing})
	}
	return nil
}

func (r *recorder) summary() Summary {
	s := Summary{BadLines: r.badLines.Load(), Unlisted: r.unlisted.Load(), Excluded: r.excluded.Load(), Stored: r.stored.Load()}
	for i := range r.statuses {
		s.Statuses[i] = r.statuses[i].Load()
		s.Entries += s.Statuses[i]
	}
	return s
}
