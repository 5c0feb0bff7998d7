package job

import (
	"context"

	"checksig/internal/digest"
	"checksig/internal/engine"
	"checksig/internal/wire"
)

// verify runs a verification, and sends what it finds as records.
func verify(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	sink := engine.Sink{
		Manifest: func(m *engine.Manifest) {
			record := wire.Manifest{Index: m.Index, Format: m.Format, Encoding: m.Encoding, Wrapper: m.Wrapper, Path: m.Path}
			j.append(func(dst []byte) []byte { return wire.AppendManifest(dst, &record) })
		},
		Read: func(m *engine.Manifest) {
			record := wire.Read{Manifest: m.Index, Assumed: m.Assumed, Algorithms: algorithmNames(m.Algorithms)}
			j.append(func(dst []byte) []byte { return wire.AppendRead(dst, &record) })
		},
		BadLine: func(b *engine.BadLine) {
			record := wire.BadLine{
				Manifest: b.Manifest.Index, Line: b.Line, Code: lineCode(b), Text: b.Text, Cause: b.Cause,
			}
			j.append(func(dst []byte) []byte { return wire.AppendBadLine(dst, &record) })
		},
		Extra: func(e *engine.ExtraFile) {
			record := wire.Unlisted{Path: e.Path, MovedFrom: e.MovedFrom}
			j.append(func(dst []byte) []byte { return wire.AppendUnlisted(dst, &record) })
		},
		Result: func(result *engine.Result) {
			switch {
			case result.Status != engine.Verified && result.Status != engine.Skipped:
				record := entryOf(result)
				j.append(func(dst []byte) []byte { return wire.AppendEntry(dst, &record) })
			case r.keepVerified:
				record := entryOf(result)
				j.appendVerified(result.Worker, &record)
			}
		},
	}
	s, err := engine.Run(ctx, engine.Request{
		Path: r.paths[0], Dir: r.cwd, Workers: r.workers, FollowOutside: r.followOutside,
		LeaveCache: r.leaveCache, Survey: r.totals, Recursive: r.recursive, Extra: r.extra,
		IgnoreMissing: r.ignoreMissing, Root: r.root, Paths: r.naming, MinStrength: r.minStrength,
		Algorithm: r.algorithm, Format: r.format,
	}, sink, &j.progress)
	summary := wire.Summary{BadLines: s.BadLines, Unlisted: s.Extra, BytesRead: s.Bytes, Elapsed: s.Elapsed}
	for status, n := range s.Statuses {
		summary.Statuses[statuses[status]] = n
	}
	return func(dst []byte) []byte { return wire.AppendSummary(dst, &summary) }, err
}

var statuses = [...]wire.Status{
	engine.Verified:   wire.StatusVerified,
	engine.Mismatched: wire.StatusMismatched,
	engine.Missing:    wire.StatusMissing,
	engine.Unreadable: wire.StatusUnreadable,
	engine.Skipped:    wire.StatusSkipped,
}

func entryOf(r *engine.Result) wire.Entry {
	e := wire.Entry{
		Status: statuses[r.Status], Assumed: r.Assumed, Manifest: r.Manifest.Index, Line: r.Line, BytesRead: r.Size,
		Algorithm: r.Algorithm.Name, Expected: r.Digest, Found: r.Found, Name: r.Name, Detail: r.Detail,
		OpenedAs: r.Opened, MovedTo: r.MovedTo,
	}
	if r.RawName != "" {
		e.Name = r.RawName
	}
	return e
}

// lineCode maps the code of a bad line.
// LEAD: once engine.BadLine has manifest.LineError's Code, return that here instead of comparing the text.
func lineCode(b *engine.BadLine) wire.LineCode {
	if b.Cause == "no digest of this file" {
		return wire.LineNoDigest
	}
	return wire.LineOther
}

func algorithmNames(all []*digest.Algorithm) []string {
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.Name
	}
	return names
}

// algorithms sends the table of algorithms, and then a summary of zeros.
func algorithms(_ context.Context, _ *request, j *Job) (func([]byte) []byte, error) {
	for _, a := range digest.Table {
		record := wire.Algorithm{
			Name: a.Name, DigestSize: a.Size, Variable: a.Variable(), Bits: a.Strength.Bits(),
			Strength: a.Strength.Class(), Aliases: a.Aliases(),
		}
		j.append(func(dst []byte) []byte { return wire.AppendAlgorithm(dst, &record) })
	}
	return func(dst []byte) []byte { return wire.AppendSummary(dst, &wire.Summary{}) }, nil
}
