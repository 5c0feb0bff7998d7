package job

import (
	"context"

	"checksig/internal/digest"
	"checksig/internal/generate"
	"checksig/internal/manifest"
	"checksig/internal/wire"
)

// sendToCaller is the output that stands for the bytes of the manifest, sent as records.
const sendToCaller = "-"

func runCreate(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	return lastOf(generate.Create(ctx, generate.CreateRequest{
		Selection: r.selection(), Paths: r.paths, Dir: r.cwd, Output: r.output, ToCaller: r.output == sendToCaller,
		Replace: r.overwrite, Format: r.writtenFormat, Algorithms: r.algorithms, RelativeTo: r.relativeTo,
		Workers: r.workers, Depth: r.ioDepth, LeaveCache: r.leaveCache, Totals: r.totals, Remember: r.remember,
		Source: r.remote(ctx, j), Elsewhere: r.elsewhere(j),
	}, j.writeSink(), &j.progress))
}

func runUpdate(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	return lastOf(generate.Update(ctx, generate.UpdateRequest{
		Selection: r.selection(), Path: r.paths[0], Dir: r.cwd, All: r.all, Prune: r.prune, KeepFiles: !r.add,
		RelativeTo: r.relativeTo, DryRun: r.dryRun, AcceptChanged: r.acceptChanged, AcceptSuspect: r.acceptSuspect, Remember: r.remember,
		Format: formatName(r.format), Algorithm: algorithmName(r.algorithm), Workers: r.workers, Depth: r.ioDepth,
		LeaveCache: r.leaveCache,
	}, j.writeSink(), &j.progress))
}

func runConvert(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	return lastOf(generate.Convert(ctx, generate.ConvertRequest{
		Path: r.paths[0], Dir: r.cwd, To: r.writtenFormat, Output: r.output, ToCaller: r.output == sendToCaller,
		Replace: r.overwrite, DropSignature: r.dropSignature, Format: formatName(r.format),
		Algorithm: algorithmName(r.algorithm), Columns: r.columns,
	}, j.writeSink(), &j.progress))
}

func (r *request) selection() generate.Selection {
	return generate.Selection{
		Links: r.links, FollowOutside: r.followOutside, SkipSpecial: r.skipSpecial, Include: r.include, Exclude: r.exclude,
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
func (j *Job) writeSink() generate.Sink {
	return generate.Sink{
		File: func(name string, change generate.Change) {
			record := wire.File{Change: changes[change], Name: name}
			j.append(func(dst []byte) []byte { return wire.AppendFile(dst, record) })
		},
		Odd: func(path, cause string) {
			record := wire.Odd{Path: path, Cause: cause}
			j.append(func(dst []byte) []byte { return wire.AppendOdd(dst, &record) })
		},
		Data: func(data []byte) {
			j.append(func(dst []byte) []byte { return wire.AppendData(dst, data) })
		},
	}
}

var changes = [...]wire.Change{
	generate.Skipped:      wire.ChangeSkipped,
	generate.Added:        wire.ChangeAdded,
	generate.Changed:      wire.ChangeChanged,
	generate.Removed:      wire.ChangeRemoved,
	generate.StillMissing: wire.ChangeStillMissing,
	generate.Unread:       wire.ChangeUnread,
	generate.Suspect:      wire.ChangeSuspect,
	generate.Comment:      wire.ChangeComment,
	generate.Renamed:      wire.ChangeRenamed,
	generate.Remembered:   wire.ChangeRemembered,
	generate.Forgotten:    wire.ChangeForgotten,
}

// lastOf returns what appends the last record of an operation that writes.
func lastOf(w generate.Written, err error) (func([]byte) []byte, error) {
	record := wire.Written{
		IsPlan: w.Outcome == generate.Planned || w.Outcome == generate.PlannedHeld,
		IsHeld: w.Outcome == generate.Held || w.Outcome == generate.PlannedHeld,
		Files:  w.Files, Entries: w.Entries, Excluded: w.Excluded, BytesRead: w.BytesRead, Elapsed: w.Elapsed, Path: w.Path, RelativeTo: w.Base,
		Format: w.Format, Algorithms: w.Algorithms,
	}
	return func(dst []byte) []byte { return wire.AppendWritten(dst, &record) }, err
}
