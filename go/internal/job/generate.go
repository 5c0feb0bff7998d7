package job

import (
	"context"

	"checksig/internal/digest"
	"checksig/internal/engine"
	"checksig/internal/manifest"
	"checksig/internal/wire"
)

// sendToCaller is the output that stands for the bytes of the manifest, sent as records.
const sendToCaller = "-"

func create(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	return lastOf(engine.Create(ctx, engine.CreateRequest{
		Selection: r.selection(), Paths: r.paths, Dir: r.cwd, Output: r.output, Hand: r.output == sendToCaller,
		Replace: r.overwrite, Format: r.writtenFormat, Algorithms: r.algorithms, RelativeTo: r.relativeTo,
		Workers: r.workers, LeaveCache: r.leaveCache, Survey: r.totals,
	}, j.writeSink(), &j.progress))
}

func update(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	return lastOf(engine.Update(ctx, engine.UpdateRequest{
		Selection: r.selection(), Path: r.paths[0], Dir: r.cwd, All: r.all, Prune: r.prune, KeepFiles: !r.add,
		Format: formatName(r.format), Algorithm: algorithmName(r.algorithm), Workers: r.workers,
		LeaveCache: r.leaveCache,
	}, j.writeSink(), &j.progress))
}

func convert(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	return lastOf(engine.Convert(ctx, engine.ConvertRequest{
		Path: r.paths[0], Dir: r.cwd, To: r.writtenFormat, Output: r.output, Hand: r.output == sendToCaller,
		Replace: r.overwrite, DropSignature: r.dropSignature, Format: formatName(r.format),
		Algorithm: algorithmName(r.algorithm),
	}, j.writeSink(), &j.progress))
}

func (r *request) selection() engine.Selection {
	return engine.Selection{
		Links: r.links, FollowOutside: r.followOutside, SkipSpecial: r.skipSpecial, Exclude: r.exclude,
	}
}

func formatName(f *manifest.Format) string {
	if f == nil {
		return ""
	}
	return f.Name
}

func algorithmName(a *digest.Algorithm) string {
	if a == nil {
		return ""
	}
	return a.Name
}

// writeSink returns what sends the records of a manifest that is written.
func (j *Job) writeSink() engine.WriteSink {
	return engine.WriteSink{
		File: func(name string, change engine.Change) {
			record := wire.File{Change: changes[change], Name: name}
			j.append(func(dst []byte) []byte { return wire.AppendFile(dst, record) })
		},
		Data: func(data []byte) {
			j.append(func(dst []byte) []byte { return wire.AppendData(dst, data) })
		},
	}
}

var changes = [...]wire.Change{
	engine.PassedBy: wire.ChangeSkipped,
	engine.Added:    wire.ChangeAdded,
	engine.Changed:  wire.ChangeChanged,
	engine.Removed:  wire.ChangeRemoved,
	engine.Lost:     wire.ChangeStillMissing,
	engine.Unread:   wire.ChangeUnread,
	engine.Suspect:  wire.ChangeSuspect,
	engine.Comment:  wire.ChangeComment,
	engine.Renamed:  wire.ChangeRenamed,
}

// lastOf returns what appends the last record of an operation that writes.
func lastOf(w engine.Written, err error) (func([]byte) []byte, error) {
	record := wire.Written{
		Files: w.Files, Entries: w.Entries, BytesRead: w.Bytes, Elapsed: w.Elapsed, Path: w.Path, RelativeTo: w.Base,
		Format: w.Format, Algorithms: w.Algorithms,
	}
	return func(dst []byte) []byte { return wire.AppendWritten(dst, &record) }, err
}
