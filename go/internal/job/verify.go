package job

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"checksig/internal/digest"
	"checksig/internal/layout"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
	"checksig/internal/trust"
	"checksig/internal/verify"
	"checksig/internal/wire"
)

// runVerify runs a verification, and sends what it finds as records.
func runVerify(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	if r.stored != verify.ReadAll && r.source == nil {
		return nil, &ValueError{"stored is only for remote files: the file system keeps no checksums"}
	}
	if r.source != nil && (r.plan || r.part != nil || r.proofs) {
		return nil, &ValueError{"parts of a verification are only for local files"}
	}
	policy, err := r.policy(ctx)
	if err != nil {
		return nil, err
	}
	profile, err := r.readBagProfile(ctx)
	if err != nil {
		return nil, err
	}
	if r.plan {
		return runPlan(ctx, r, policy, j)
	}
	s, err := verify.Run(ctx, r.verification(ctx, j, policy, profile), j.verifySink(r), &j.progress)
	summary := summaryOf(&s)
	return func(dst []byte) []byte { return wire.AppendSummary(dst, &summary) }, err
}

// runPlan sends the entries of which a verification can verify a part.
func runPlan(ctx context.Context, r *request, policy *trust.Policy, j *Job) (func([]byte) []byte, error) {
	_, listed, err := verify.Plan(ctx, r.verification(ctx, j, policy, nil), j.verifySink(r), func(p *verify.Planned) {
		record := wire.Planned{Manifest: p.Manifest.Index, ID: p.ID, Listed: p.Listed}
		if p.HasState {
			record.State = (*wire.State)(&p.State)
		}
		j.append(func(dst []byte) []byte { return wire.AppendPlanned(dst, &record) })
	})
	if err != nil {
		return nil, err
	}
	j.append(func(dst []byte) []byte { return wire.AppendData(dst, listed[:]) })
	return func(dst []byte) []byte { return wire.AppendSummary(dst, &wire.Summary{}) }, nil
}

// verification returns what verify is asked for.
func (r *request) verification(ctx context.Context, j *Job, policy *trust.Policy, profile *layout.BagProfile) verify.Request {
	return verify.Request{
		Reading: verify.Reading{
			Dir: r.cwd, Recursive: r.recursive, FollowOutside: r.followOutside, Root: r.root, Paths: r.naming,
			Algorithm: r.algorithm, Format: r.format, IgnoreText: r.ignoreText, Content: r.content, Only: r.only,
			Include: r.include, Exclude: r.exclude, Columns: r.columns, PartSize: r.partSize,
			Trust: policy, Signature: r.signature, Beside: r.beside, Source: r.remote(ctx, j),
		},
		Path: r.paths[0], Workers: r.workers, Depth: r.ioDepth, Totals: r.totals, LeaveCache: r.leaveCache, Unlisted: r.extra,
		IgnoreMissing: r.ignoreMissing, IgnoreAttributes: r.ignoreAttributes, MinStrength: r.minStrength, BagProfile: profile, Stored: r.stored,
		Elsewhere: r.elsewhere(j), Part: r.part, MaxTime: time.Duration(r.maxTime) * time.Millisecond, IDs: r.proofs,
	}
}

func summaryOf(s *verify.Summary) wire.Summary {
	summary := wire.Summary{
		BadLines: s.BadLines, Unlisted: s.Unlisted, Excluded: s.Excluded, BytesRead: s.BytesRead, Elapsed: s.Elapsed,
		Before: s.Statuses[verify.VerifiedBefore], Left: s.Statuses[verify.NotVerified], Stored: s.Stored,
	}
	for status := range summary.Statuses {
		summary.Statuses[statuses[status]] = s.Statuses[status]
	}
	return summary
}

// readBagProfile reads the profile that bags must conform to; nil for none.
func (r *request) readBagProfile(ctx context.Context) (*layout.BagProfile, error) {
	if r.bagProfile == "" {
		return nil, nil
	}
	content, err := r.readFile(ctx, r.bagProfile, layout.MaxProfile)
	if err != nil {
		return nil, err
	}
	if len(content) > layout.MaxProfile {
		return nil, &ValueError{fmt.Sprintf("%s: larger than %d bytes, and no BagIt profile", r.bagProfile, layout.MaxProfile)}
	}
	profile, err := layout.ParseBagProfile(content)
	if err != nil {
		return nil, &ValueError{fmt.Sprintf("%s: %s", r.bagProfile, err)}
	}
	return profile, nil
}

// readFile returns the content of a file that the request names, and one byte more than most if it is longer.
func (r *request) readFile(ctx context.Context, name string, most int64) ([]byte, error) {
	path, err := safefs.Absolute(r.cwd, name)
	if err != nil {
		return nil, err
	}
	file, err := safefs.Open(path)
	if err != nil {
		return nil, safefs.At(name, err)
	}
	defer file.Close()
	content, err := io.ReadAll(safefs.UntilDone(ctx, io.LimitReader(file, most+1)))
	if err != nil {
		return nil, safefs.At(name, err)
	}
	return content, nil
}

// verifySink returns what sends what is found as records.
func (j *Job) verifySink(r *request) verify.Sink {
	var sent [len(lineCodes)]atomic.Int64
	return verify.Sink{
		Manifest: func(m *verify.Manifest) {
			record := wire.Manifest{Index: m.Index, Format: m.Format, Encoding: m.Encoding, Wrapper: m.Wrapper, Path: m.Path}
			j.append(func(dst []byte) []byte { return wire.AppendManifest(dst, &record) })
			j.sendSignatures(m)
		},
		Read: func(m *verify.Manifest) {
			record := wire.Read{
				Manifest: m.Index, Assumed: m.Assumed, TextLines: m.TextLines, Algorithms: algorithmNames(m.Algorithms),
				Unverified: m.Unverified,
			}
			j.append(func(dst []byte) []byte { return wire.AppendRead(dst, &record) })
		},
		BadLine: func(b *verify.BadLine) {
			if most := int64(r.maxBadLines); most > 0 && sent[b.Code].Add(1) > most {
				return
			}
			record := wire.BadLine{
				Manifest: b.Manifest.Index, Line: b.Line, Code: lineCodes[b.Code], Text: b.Text, Cause: b.Cause,
			}
			if b.Code == manifest.PlainText {
				record.Cause += "; --ignore-text (ignore_text=True) accepts text"
			}
			j.append(func(dst []byte) []byte { return wire.AppendBadLine(dst, &record) })
		},
		Note: func(n *verify.Note) {
			record := wire.Note{Manifest: n.Manifest.Index, Line: n.Line, Text: n.Text}
			j.append(func(dst []byte) []byte { return wire.AppendNote(dst, &record) })
		},
		Unlisted: func(e *verify.UnlistedFile) {
			record := wire.Unlisted{Path: e.Path, MovedFrom: e.MovedFrom}
			j.append(func(dst []byte) []byte { return wire.AppendUnlisted(dst, &record) })
		},
		Unknown: func(path string) {
			j.append(func(dst []byte) []byte { return wire.AppendUnknown(dst, path) })
		},
		Result: func(result *verify.Result) {
			if r.proofs {
				defer j.sendProof(result)
			}
			switch result.Status {
			case verify.Mismatched, verify.Missing, verify.Unreadable:
				record := entryOf(result)
				j.append(func(dst []byte) []byte { return wire.AppendEntry(dst, &record) })
			case verify.Skipped:
				record := entryOf(result)
				j.appendVerified(result.Worker, &record)
			default:
				if r.keepVerified {
					record := entryOf(result)
					j.appendVerified(result.Worker, &record)
				}
			}
		},
	}
}

// sendProof sends what became of an entry, unless it was not looked at.
func (j *Job) sendProof(r *verify.Result) {
	if r.Status == verify.VerifiedBefore || r.Status == verify.NotVerified {
		return
	}
	e := entryOf(r)
	record := wire.Proof{
		Status: e.Status, Manifest: e.Manifest, ID: r.ID, Algorithm: e.Algorithm, Digest: e.Expected, Name: e.Name,
	}
	if r.HasState {
		record.State = (*wire.State)(&r.State)
	}
	j.append(func(dst []byte) []byte { return wire.AppendProof(dst, &record) })
}

var statuses = [...]wire.Status{
	verify.Verified:   wire.StatusVerified,
	verify.Mismatched: wire.StatusMismatched,
	verify.Missing:    wire.StatusMissing,
	verify.Unreadable: wire.StatusUnreadable,
	verify.Skipped:    wire.StatusSkipped,

	verify.VerifiedBefore: wire.StatusBefore,
	verify.NotVerified:    wire.StatusLeft,
}

var reasons = [...]wire.Status{
	verify.NoReason: wire.StatusUnreadable,
	verify.Refused:  wire.StatusRefused,
	verify.Weak:     wire.StatusWeak,
}

func entryOf(r *verify.Result) wire.Entry {
	e := wire.Entry{
		Status: statuses[r.Status], Assumed: r.Assumed, Manifest: r.Manifest.Index, Line: r.Line, BytesRead: r.BytesRead,
		Algorithm: r.Algorithm.Name, Expected: r.Digest, Found: r.Found, Name: r.Name, Detail: r.Detail,
		OpenedAs: r.OpenedAs, MovedTo: r.MovedTo, IsStored: r.Stored,
	}
	if r.Status == verify.Unreadable {
		e.Status = reasons[r.Reason]
	}
	if r.RawName != "" {
		e.Name = r.RawName
	}
	return e
}

var lineCodes = [...]wire.LineCode{
	manifest.NoCode:     wire.LineOther,
	manifest.NoDigest:   wire.LineNoDigest,
	manifest.PlainText:  wire.LineOther,
	manifest.BrokenRule: wire.LineBrokenRule,
	manifest.Untrusted:  wire.LineUntrusted,
	manifest.Unread:     wire.LineUnread,
	manifest.Nothing:    wire.LineNothing,
}

func algorithmNames(all []*digest.Algorithm) []string {
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.Name
	}
	return names
}

// runAlgorithms sends the table of algorithms, and then a summary of zeros.
func runAlgorithms(_ context.Context, _ *request, j *Job) (func([]byte) []byte, error) {
	for _, a := range digest.Table {
		record := wire.Algorithm{
			Name: a.Name, DigestSize: a.Size, Variable: a.Variable(), Bits: a.Strength.Bits(),
			Strength: a.Strength.Class(), Aliases: a.Aliases(),
		}
		j.append(func(dst []byte) []byte { return wire.AppendAlgorithm(dst, &record) })
	}
	return func(dst []byte) []byte { return wire.AppendSummary(dst, &wire.Summary{}) }, nil
}
