package filehash

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"checksig/internal/digest"
	"checksig/internal/hashpool"
	"checksig/internal/safefs"
)

// ShardRequest says which files of a shard to hash. Unlike those of a [Request], their names must stay in their roots.
type ShardRequest struct {
	Top           string // absolute
	FollowOutside bool
	Files         []ShardFile
	Workers       int // files hashed at once; 0 for one a CPU
	Depth         int // files read at once; 0 for as many as help
	LeaveCache    bool
	Source        safefs.Source   // that has the files; nil for the file system
	Stored        hashpool.Stored // whether to use digests that it keeps
}

// ShardFile is a file of a shard; see [hashpool.ShardFile].
type ShardFile struct {
	Root       string // below Top, or absolute
	Names      []string
	Algorithms []*digest.Algorithm
	Size       int64 // -1 for any

	size int64 // that it has, if it has another; -1 otherwise
}

// RunShard hashes the files, and calls take with the outcome of each, from several goroutines at once.
func RunShard(ctx context.Context, r ShardRequest, take func(file int, o *hashpool.ShardOutcome), progress *hashpool.Progress) (time.Duration, error) {
	began := time.Now()
	progress.Start()
	roots, err := r.roots()
	if err != nil {
		return 0, err
	}
	h := &shardHandler{request: &r, take: take, progress: progress}
	config := hashpool.Config[int]{
		Workers: r.Workers, Depth: r.Depth, LeaveCache: r.LeaveCache, Stored: r.Stored,
		BytesRead: &progress.Bytes, NewHandler: func(int) hashpool.Handler[int] { return h },
	}
	err = hash(ctx, roots, config, len(r.Files), func(i int, t *hashpool.Task[int]) {
		f := &r.Files[i]
		f.size = -1
		t.Root, t.Name, t.Size = rootOf(roots, f.Root), f.Names[0], f.Size
		t.Algorithms = append(t.Algorithms[:0], f.Algorithms...)
	})
	return time.Since(began), err
}

func (r *ShardRequest) roots() (*safefs.RootCache, error) {
	if r.Source != nil {
		return safefs.NewSourceRootCache(r.Source, r.Top), nil
	}
	return safefs.NewRootCache(r.Top, "", r.FollowOutside)
}

func rootOf(roots *safefs.RootCache, name string) *safefs.Root {
	if filepath.IsAbs(name) {
		return roots.Add(name, name)
	}
	return roots.At("", name)
}

type shardHandler struct {
	request  *ShardRequest
	take     func(int, *hashpool.ShardOutcome)
	progress *hashpool.Progress
}

// Opened has a file of an unexpected size not read.
func (h *shardHandler) Opened(t *hashpool.Task[int], f hashpool.OpenFile) {
	h.request.Files[t.Payload].size = f.Size()
	t.Algorithms = t.Algorithms[:0]
}

func (h *shardHandler) OtherNames(t *hashpool.Task[int]) []string {
	return h.request.Files[t.Payload].Names[1:]
}

func (h *shardHandler) Done(t *hashpool.Task[int], o *hashpool.Outcome) (again bool) {
	file := &h.request.Files[t.Payload]
	found := hashpool.ShardOutcome{
		Name: max(slices.Index(file.Names, o.Name), 0), State: safefs.State{Size: file.size}, BytesRead: o.Size, Err: o.Err,
	}
	if o.Err == nil && file.size < 0 {
		found.Stored, found.State = o.Stored, o.State
		for _, a := range file.Algorithms {
			found.Digests = append(found.Digests, o.Digest(a))
		}
	}
	h.progress.Files.Add(1)
	h.take(t.Payload, &found)
	return false
}
