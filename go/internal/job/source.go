package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"sync"
	"syscall"
	"time"

	"checksig/internal/safefs"
	"checksig/internal/wire"
)

// maxUnread is how many bytes of files may be asked for, or be held, at once; a single piece may be larger.
const maxUnread = 128 << 20

// remote is a [safefs.Source] whose files the caller reads: each request is a record, and each answer comes through
// [Job.Answer].
type remote struct {
	ctx    context.Context
	job    *Job
	prefix string // of the paths that reports show

	mu      sync.Mutex
	changed sync.Cond // unread became less, or the job has ended
	unread  int
}

func newRemote(ctx context.Context, j *Job, prefix string) *remote {
	r := &remote{ctx: ctx, job: j, prefix: prefix}
	r.changed.L = &r.mu
	context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changed.Broadcast()
	})
	return r
}

// remote returns the source of the request's files; nil for the file system.
func (r *request) remote(ctx context.Context, j *Job) safefs.Source {
	if r.source == nil {
		return nil
	}
	return newRemote(ctx, j, *r.source)
}

// ask sends a request, and returns what waits for the answer.
func (r *remote) ask(q *wire.Query) func() (*wire.Answer, error) {
	answers := make(chan *wire.Answer, 1)
	r.job.ask(q, func(answer *wire.Answer) { answers <- answer })
	return func() (*wire.Answer, error) {
		select {
		case answer := <-answers:
			return answer, answerError(q.Path, answer)
		case <-r.ctx.Done():
			r.job.queries.take(q.ID)
			return nil, r.ctx.Err()
		}
	}
}

var errMalformed = errors.New("the answer about the remote file is malformed")

// answerError returns the error that an answer reports.
func answerError(path string, a *wire.Answer) error {
	var err error
	switch a.Status {
	case wire.AnswerOK:
		return nil
	case wire.AnswerMissing:
		err = syscall.ENOENT
	case wire.AnswerDenied:
		err = syscall.EACCES
	case wire.AnswerChanged:
		err = safefs.ErrChanged
	case wire.AnswerName:
		err = safefs.ErrName
	case wire.AnswerOutside:
		err = safefs.ErrOutside
	case wire.AnswerFailed:
		err = errors.New(string(a.Data))
	default:
		err = errMalformed
	}
	return &fs.PathError{Op: "open", Path: path, Err: err}
}

// Shown returns the path for reports.
func (r *remote) Shown(path string) string { return r.prefix + path }

// Stat describes what is at path.
func (r *remote) Stat(path string) (info safefs.SourceInfo, err error) {
	answer, err := r.ask(&wire.Query{Op: wire.QueryStat, Path: path})()
	if err != nil {
		return info, err
	}
	description, content, err := wire.ParseDescription(answer.Data)
	if err != nil {
		return info, errMalformed
	}
	info = described(&description)
	info.Content = content
	return info, nil
}

// List describes what is in a folder.
func (r *remote) List(path string) ([]safefs.SourceInfo, error) {
	answer, err := r.ask(&wire.Query{Op: wire.QueryList, Path: path})()
	if err != nil {
		return nil, err
	}
	descriptions, err := wire.ParseDescriptions(answer.Data)
	if err != nil {
		return nil, err
	}
	infos := make([]safefs.SourceInfo, len(descriptions))
	for i := range descriptions {
		infos[i] = described(&descriptions[i])
	}
	return infos, nil
}

func described(d *wire.Description) safefs.SourceInfo {
	info := safefs.SourceInfo{Path: d.Name, Bytes: d.Size, Version: d.Version}
	switch d.Kind {
	case wire.DescribedFolder:
		info.Kind = fs.ModeDir
	case wire.DescribedOther:
		info.Kind = fs.ModeIrregular
	}
	if d.Modified != math.MinInt64 {
		info.Modified = time.Unix(0, d.Modified)
	}
	return info
}

// Begin asks for a piece of a file.
func (r *remote) Begin(file *safefs.SourceInfo, offset int64, size int, mayWait bool) func() ([]byte, func(), error) {
	if !r.reserve(size, mayWait) {
		return nil
	}
	wait := r.ask(&wire.Query{Op: wire.QueryRead, Path: file.Path, Version: file.Version, Offset: offset, Size: size})
	return func() ([]byte, func(), error) {
		answer, err := wait()
		if err == nil && len(answer.Data) != size {
			err = fmt.Errorf("%w: %d bytes instead of %d came from byte %d", safefs.ErrChanged, len(answer.Data), size, offset)
		}
		if err != nil {
			r.unreserve(size)
			return nil, nil, err
		}
		return answer.Data, func() {
			r.unreserve(size)
			answer.Free()
		}, nil
	}
}

func (r *remote) reserve(size int, mayWait bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.unread > 0 && r.unread+size > maxUnread {
		if !mayWait {
			return false
		}
		if r.ctx.Err() != nil {
			break // what waits for the answer sees it too
		}
		r.changed.Wait()
	}
	r.unread += size
	return true
}

func (r *remote) unreserve(size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unread -= size
	r.changed.Broadcast()
}

// Confirm asks whether a file is unchanged.
func (r *remote) Confirm(file *safefs.SourceInfo) error {
	_, err := r.ask(&wire.Query{Op: wire.QueryConfirm, Path: file.Path, Version: file.Version})()
	return err
}

// Stored asks for the digests that the store keeps.
func (r *remote) Stored(file *safefs.SourceInfo, algorithms []string) (map[string][]byte, error) {
	answer, err := r.ask(&wire.Query{Op: wire.QueryStored, Path: file.Path, Version: file.Version, Algorithms: algorithms})()
	if err != nil {
		return nil, err
	}
	return wire.ParseStored(answer.Data)
}
