package job

import (
	"context"
	"errors"
	"slices"
	"syscall"

	"checksig/internal/digest"
	"checksig/internal/filehash"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
	"checksig/internal/verify"
	"checksig/internal/wire"
)

// runEntries sends what the manifests list.
func runEntries(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	s, err := verify.List(ctx, verify.Reading{
		Dir: r.cwd, Recursive: r.recursive, Algorithm: r.algorithm, Format: r.format, IgnoreText: r.ignoreText,
		Content: r.content, Columns: r.columns, Source: r.remote(ctx, j),
	}, r.paths[0], j.verifySink(r), func(m *verify.Manifest, e *manifest.Entry) {
		record := wire.Listed{
			Assumed: e.Assumed, Optional: e.Optional, Manifest: m.Index, Line: e.Line, Size: -1,
			Algorithm: e.Algorithm.Name, Digest: e.Digest, Name: e.Name, RawName: e.RawName,
		}
		if e.HasSize {
			record.Size = e.Size
		}
		j.append(func(dst []byte) []byte { return wire.AppendListed(dst, &record) })
	})
	summary := wire.Summary{BadLines: s.BadLines, Elapsed: s.Elapsed}
	return func(dst []byte) []byte { return wire.AppendSummary(dst, &summary) }, err
}

// runRecognise sends which of the files are manifests.
func runRecognise(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	source := r.remote(ctx, j)
	for i, path := range r.paths {
		if ctx.Err() != nil {
			break
		}
		content := contents[verify.Recognise(source, r.cwd, path)]
		j.append(func(dst []byte) []byte { return wire.AppendContent(dst, i, content) })
	}
	return func(dst []byte) []byte { return wire.AppendSummary(dst, &wire.Summary{}) }, ctx.Err()
}

var contents = [...]wire.Content{
	manifest.NoDigests:  wire.ContentOther,
	manifest.Unknown:    wire.ContentUnknown,
	manifest.Recognised: wire.ContentManifest,
}

// runHash sends the digests of the files.
func runHash(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	request := filehash.Request{
		Paths: r.paths, Dir: r.cwd, Workers: r.workers, Depth: r.ioDepth, LeaveCache: r.leaveCache, Source: r.remote(ctx, j),
	}
	for _, name := range r.algorithms {
		a, err := digest.Find(name)
		if err != nil {
			return nil, err
		}
		request.Algorithms = append(request.Algorithms, a)
	}
	if len(request.Algorithms) == 0 {
		return nil, wire.RequestErrorf("no algorithm to hash with")
	}
	for i, a := range request.Algorithms {
		if slices.Contains(request.Algorithms[:i], a) {
			return nil, &ValueError{"algorithm " + a.Name + " is named twice"}
		}
	}
	elapsed, err := filehash.Run(ctx, request, func(result *filehash.Result) {
		record := wire.Hashed{File: result.File, BytesRead: result.BytesRead, Digests: result.Digests}
		if result.Err != nil {
			var number syscall.Errno
			if errors.As(result.Err, &number) {
				record.Number = int(number)
			}
			record.Cause = safefs.Cause(result.Err)
		}
		j.append(func(dst []byte) []byte { return wire.AppendHashed(dst, &record) })
	}, &j.progress)
	summary := wire.Summary{BytesRead: j.progress.Bytes.Load(), Elapsed: elapsed}
	return func(dst []byte) []byte { return wire.AppendSummary(dst, &summary) }, err
}
