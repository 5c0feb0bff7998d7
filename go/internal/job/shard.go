package job

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/filehash"
	"checksig/internal/hashpool"
	"checksig/internal/safefs"
	"checksig/internal/wire"
)

// maxShards bounds how many shards a caller can have in flight.
const maxShards = 1 << 14

// elsewhere returns who hashes the files of a request; nil for this process.
func (r *request) elsewhere(j *Job) *hashpool.Elsewhere {
	if r.shards == 0 {
		return nil
	}
	return &hashpool.Elsewhere{InFlight: r.shards, Send: func(s *hashpool.Shard) {
		query := wire.Query{Op: wire.QueryHash, Offset: s.Bytes, Size: len(s.Files), Path: string(r.shardRequest(s))}
		j.ask(&query, func(answer *wire.Answer) {
			if answer.Status != wire.AnswerOK {
				s.Finish(nil, errors.New(string(answer.Data)))
				return
			}
			s.Finish(outcomesOf(s, answer.Data))
		})
	}}
}

// shardRequest returns the request that another process hashes s with.
func (r *request) shardRequest(s *hashpool.Shard) []byte {
	b := append([]byte("op="), wire.OpShard...)
	b = wire.AppendField(b, "abi", strconv.Itoa(wire.ABI))
	b = wire.AppendField(b, "top", s.Top.Top().Dir)
	b = wire.AppendField(b, "workers", strconv.Itoa(max(1, r.workers)))
	if r.ioDepth > 0 {
		b = wire.AppendField(b, "io_depth", strconv.Itoa(r.ioDepth))
	}
	for _, flag := range []struct {
		key string
		set bool
	}{{"follow_outside", s.Top.FollowsOutside()}, {"leave_cache", r.leaveCache}} {
		if flag.set {
			b = wire.AppendField(b, flag.key, "1")
		}
	}
	if r.source != nil {
		b = wire.AppendField(b, "source", *r.source)
		b = wire.AppendField(b, "stored", storedNames[r.stored])
	}
	var root *safefs.Root
	algorithms, size := "", int64(-1)
	for i := range s.Files {
		f := &s.Files[i]
		if f.Root != root {
			root = f.Root
			b = wire.AppendField(b, "root", root.Below())
		}
		if joined := strings.Join(algorithmNames(f.Algorithms), ","); joined != algorithms {
			algorithms = joined
			b = wire.AppendField(b, "algorithm", joined)
		}
		if f.Size != size {
			size = f.Size
			b = wire.AppendField(b, "size", strconv.FormatInt(size, 10))
		}
		b = wire.AppendField(b, "name", f.Names[0])
		for _, other := range f.Names[1:] {
			b = wire.AppendField(b, "other", other)
		}
	}
	return b
}

// outcomesOf decodes the outcomes of a shard, of which there must be one for each file.
func outcomesOf(shard *hashpool.Shard, data []byte) ([]hashpool.ShardOutcome, error) {
	outcomes := make([]hashpool.ShardOutcome, len(shard.Files))
	seen := make([]bool, len(shard.Files))
	err := wire.ParseOutcomes(data, func(o *wire.Outcome) error {
		if o.File >= len(seen) || seen[o.File] || o.Name >= len(shard.Files[o.File].Names) {
			return wire.ErrOutcomes
		}
		seen[o.File] = true
		algorithms := shard.Files[o.File].Algorithms
		for i, sum := range o.Digests {
			if len(o.Digests) != len(algorithms) || !algorithms[i].Variable() && len(sum) != algorithms[i].Size {
				return wire.ErrOutcomes
			}
		}
		outcome := hashpool.ShardOutcome{
			Name: o.Name, Stored: o.Stored, State: safefs.State(o.State), BytesRead: o.BytesRead, Digests: o.Digests,
		}
		switch {
		case o.Cause != "":
			outcome.Err = safefs.Reported(kindOf[min(int(o.Code), len(kindOf)-1)], o.Cause)
		case o.State.Size < 0:
			return wire.ErrOutcomes
		}
		outcomes[o.File] = outcome
		return nil
	})
	if err == nil && slices.Contains(seen, false) {
		err = wire.ErrOutcomes
	}
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

var kindOf = [...]safefs.Kind{
	wire.ShardOther:      safefs.OtherError,
	wire.ShardMissing:    safefs.MissingError,
	wire.ShardOutside:    safefs.OutsideError,
	wire.ShardNotRegular: safefs.NotRegularError,
	wire.ShardChanged:    safefs.ChangedError,
	wire.ShardName:       safefs.NameError,
}

// runShard hashes the files of a shard, and sends their outcomes.
func runShard(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	request := filehash.ShardRequest{
		Top: r.shard.top, FollowOutside: r.followOutside, Files: r.shard.files, Workers: r.workers, Depth: r.ioDepth,
		LeaveCache: r.leaveCache, Source: r.remote(ctx, j), Stored: r.stored,
	}
	if request.Top == "" {
		return nil, wire.RequestErrorf("no top to start from")
	}
	for _, f := range request.Files {
		if f.Root == "" || len(f.Algorithms) == 0 || len(f.Names) > math.MaxUint8 {
			return nil, wire.RequestErrorf("a file without root and algorithm, or with too many names")
		}
	}
	elapsed, err := filehash.RunShard(ctx, request, func(file int, o *hashpool.ShardOutcome) {
		record := wire.Outcome{
			File: file, Name: o.Name, Stored: o.Stored, State: wire.State(o.State), BytesRead: o.BytesRead, Digests: o.Digests,
		}
		if o.Err != nil {
			record.Code = wire.ShardError(slices.Index(kindOf[:], safefs.KindOf(o.Err)))
			record.Cause = safefs.Cause(o.Err)
		}
		j.append(func(dst []byte) []byte { return wire.AppendOutcome(dst, &record) })
	}, &j.progress)
	summary := wire.Summary{BytesRead: j.progress.Bytes.Load(), Elapsed: elapsed}
	return func(dst []byte) []byte { return wire.AppendSummary(dst, &summary) }, err
}

// shardFields are the fields of a shard, whose order matters: each file has the root, the algorithms and the size that
// come before it.
type shardFields struct {
	top        string
	root       string
	algorithms []*digest.Algorithm
	size       int64 // -1 for any
	files      []filehash.ShardFile
}

var shardTable = union(reading, remoteFiles, storedFiles, table{
	"abi": {set: func(_ *request, key, value string) error {
		abi, err := strconv.Atoi(value)
		if err != nil {
			return wire.RequestErrorf("%s must be an integer, not %.40q", key, value)
		}
		if abi != wire.ABI {
			return &ValueError{fmt.Sprintf("the shard is of another version of checksig, with interface %d instead of %d: install the same one on all machines", abi, wire.ABI)}
		}
		return nil
	}},
	"top": {set: func(r *request, _, value string) error {
		if !filepath.IsAbs(value) {
			return wire.RequestErrorf("top must be absolute, not %.40q", value)
		}
		r.shard.top = value
		return nil
	}},
	"root": {repeats: true, set: func(r *request, _, value string) error {
		r.shard.root = value
		return nil
	}},
	"algorithm": {repeats: true, set: func(r *request, _, value string) error {
		r.shard.algorithms = nil
		for name := range strings.SplitSeq(value, ",") {
			a, err := digest.FindNamed(name)
			if err != nil {
				return err
			}
			r.shard.algorithms = append(r.shard.algorithms, a)
		}
		return nil
	}},
	"size": {repeats: true, set: func(r *request, key, value string) (err error) {
		if r.shard.size, err = strconv.ParseInt(value, 10, 64); err != nil {
			err = wire.RequestErrorf("%s must be an integer, not %.40q", key, value)
		}
		return err
	}},
	"name": {repeats: true, set: func(r *request, _, value string) error {
		s := &r.shard
		s.files = append(s.files, filehash.ShardFile{
			Root: s.root, Names: []string{value}, Algorithms: s.algorithms, Size: s.size,
		})
		return nil
	}},
	"other": {repeats: true, set: func(r *request, _, value string) error {
		s := &r.shard
		if len(s.files) == 0 {
			s.files = append(s.files, filehash.ShardFile{}) // which [runShard] refuses
		}
		last := &s.files[len(s.files)-1]
		last.Names = append(last.Names, value)
		return nil
	}},
	"high_water": number(1, maxHighWater, func(r *request) *int { return &r.highWater }),
})
