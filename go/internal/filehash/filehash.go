// Package filehash computes digests of files that the caller names.
//
// Unlike those in a manifest, these names lead wherever they lead. The file must be regular, and unchanged
// while it is read; see package safefs.
package filehash

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"checksig/internal/digest"
	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/safefs"
)

// Request says which files to hash, and how.
type Request struct {
	Paths      []string
	Dir        string // what relative paths start from, absolute; the working folder if empty
	Algorithms []*digest.Algorithm
	Workers    int           // files hashed at once; 0 for one a CPU
	Depth      int           // files read at once; 0 for as many as the storage is faster with
	LeaveCache bool          // leave the system's page cache as it was
	Source     safefs.Source // that has the files, at absolute paths; nil for the file system
}

// Result is the result of one file.
type Result struct {
	File      int // the index of its path
	BytesRead int64
	Digests   [][]byte // in the order of the algorithms; none if Err is set. Copy them to keep them
	Err       error
}

// Run hashes the files, and calls take with the result of each, from several goroutines at once. The error is
// the context's, a [*guard.PanicError], or one of [hashpool.New].
func Run(ctx context.Context, r Request, take func(*Result), progress *hashpool.Progress) (time.Duration, error) {
	began := time.Now()
	progress.Start()
	dir, err := filepath.Abs(r.Dir)
	if err != nil {
		return 0, err
	}
	roots, err := r.roots(dir)
	if err != nil {
		return 0, err
	}
	h := &handler{request: &r, take: take, progress: progress}
	config := hashpool.Config[int]{
		Workers: r.Workers, Depth: r.Depth, LeaveCache: r.LeaveCache,
		BytesRead: &progress.Bytes, NewHandler: func(int) hashpool.Handler[int] { return h },
	}
	err = hash(ctx, roots, config, len(r.Paths), func(i int, t *hashpool.Task[int]) {
		path := r.Paths[i]
		if r.Source != nil {
			path = strings.TrimPrefix(path, "/") // the top is that of the source
		}
		t.Root, t.Name, t.Size = roots.Top(), path, -1
		t.Algorithms = append(t.Algorithms[:0], r.Algorithms...)
	})
	return time.Since(began), err
}

// hash hashes count files, whose tasks fill fills, but for what follows from the name and the number. It closes roots.
func hash(ctx context.Context, roots *safefs.RootCache, config hashpool.Config[int], count int, fill func(i int, t *hashpool.Task[int])) error {
	defer roots.Close()
	group := guard.New(ctx)
	defer group.Close()
	tree, _ := roots.Top().Acquire() // it is open already
	config.Spinning = tree.IsOnSpinningDisk()
	pool, err := hashpool.New(group, roots, config)
	if err != nil {
		return err
	}
	group.Run(func() {
		for i := range count {
			if group.Ended() {
				break
			}
			t := pool.Task()
			fill(i, t)
			t.Memory, t.Payload = len(t.Name), i
			pool.Submit(t)
		}
	})
	pool.Finish()
	return group.Err()
}

func (r *Request) roots(dir string) (*safefs.RootCache, error) {
	if r.Source != nil {
		return safefs.NewSourceRootCache(r.Source, "/"), nil
	}
	return safefs.NewRootCache(dir, "", true)
}

// handler passes outcomes on.
type handler struct {
	request  *Request
	take     func(*Result)
	progress *hashpool.Progress
}

func (*handler) Opened(*hashpool.Task[int], hashpool.OpenFile) {}

func (*handler) OtherNames(*hashpool.Task[int]) []string { return nil }

func (h *handler) Done(t *hashpool.Task[int], o *hashpool.Outcome) (again bool) {
	r := Result{File: t.Payload, BytesRead: o.Size, Err: o.Err}
	if o.Err == nil {
		for _, a := range h.request.Algorithms {
			r.Digests = append(r.Digests, o.Digest(a))
		}
	}
	h.progress.Files.Add(1)
	h.take(&r)
	return false
}
