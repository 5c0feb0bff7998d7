package wire_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"checksig/internal/wire"
)

// golden is tests/golden/wire.json, which the tests of the Python package read, too.
type golden struct {
	ABI      int
	Statuses []string
	Codes    []string
	Changes  []string
	Requests []struct {
		Op     string
		Fields [][2]text
		Hex    hexBytes
	}
	Batches []struct {
		Header struct {
			Finished     bool
			Files, Bytes int64
			TotalFiles   *int64 `json:"total_files"`
			TotalBytes   *int64 `json:"total_bytes"`
		}
		Records []record
		Hex     hexBytes
	}
}

// record holds the fields of every kind of record.
type record struct {
	Kind       string
	Index      int
	Format     string
	Encoding   string
	Wrapper    string
	Path       text
	Manifest   int
	Assumed    bool
	Algorithms []string
	TextLines  int64 `json:"text_lines"`
	Unverified []string
	Entries    json.RawMessage // of 'V' records; a number in 'W'
	Status     string
	Algorithm  string
	Expected   hexBytes
	Found      hexBytes
	Line       int64
	BytesRead  int64 `json:"bytes_read"`
	Name       text
	Detail     string
	Opened     text
	MovedTo    text `json:"moved_to"`
	MovedFrom  text `json:"moved_from"`
	Code       uint8
	Text       text
	Cause      string
	Number     int
	Message    text
	Verified   int64
	Mismatched int64
	Missing    int64
	Unreadable int64
	Skipped    int64
	BadLines   int64 `json:"bad_lines"`
	Extra      int64
	Excluded   int64
	Before     int64         `json:"verified_before"`
	Left       int64         `json:"not_verified"`
	NotRead    int64         `json:"not_read"`
	IsPlan     bool          `json:"is_plan"`
	IsHeld     bool          `json:"is_held"`
	Elapsed    time.Duration `json:"nanoseconds"`
	Change     wire.Change
	Data       text
	Files      int64
	RelativeTo text `json:"relative_to"`
	DigestSize int  `json:"digest_size"`
	Variable   bool
	Bits       int
	Strength   string
	Aliases    []string
	Digest     hexBytes
	Digests    []hexBytes
	Optional   bool
	Size       int64
	RawName    text `json:"raw_name"`
	File       int
	Content    wire.Content
	NameIndex  int `json:"name_index"`
	Stored     bool

	Authority bool
	Created   *int64
	Expires   *int64
	KeyID     string `json:"id"`
	Problem   string
	Names     []text

	State         wire.SignatureState
	Time          *int64
	Key           string
	Fingerprint   string
	Identity      text
	Comment       text
	SignatureFile text `json:"signature_file"`
	FileContent   text `json:"content_of_file"`
	Issuer        text
	Predicate     text
	LogIndex      text `json:"log_index"`

	Entry             hexBytes
	Listed            int64
	Modified, Changed int64
	Inode             uint64
}

func (r *record) id16() (id [16]byte) {
	copy(id[:], r.Entry)
	return id
}

func (r *record) fileState() *wire.State {
	if r.Size < 0 {
		return nil
	}
	return &wire.State{Size: r.Size, Modified: r.Modified, Changed: r.Changed, Inode: r.Inode}
}

// text is a JSON string, or {"hex": ...} for bytes that are not UTF-8.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, (*string)(t))
	}
	var object struct{ Hex hexBytes }
	err := json.Unmarshal(data, &object)
	*t = text(object.Hex)
	return err
}

type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(data []byte) (err error) {
	*h, err = hex.DecodeString(strings.Trim(string(data), `"`))
	return err
}

func readGolden(t testing.TB) golden {
	t.Helper()
	data, err := os.ReadFile("../../../tests/golden/wire.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGoldenConstants(t *testing.T) {
	g := readGolden(t)
	if g.ABI != wire.ABI {
		t.Errorf("ABI %d, want %d", wire.ABI, g.ABI)
	}
	for _, c := range []struct {
		names []string
		last  string
		value int
	}{
		{g.Statuses, "not verified", int(wire.StatusLeft)},
		{g.Codes, "ENVIRONMENT", int(wire.CodeEnvironment)},
		{g.Changes, "FORGOTTEN", int(wire.ChangeForgotten)},
	} {
		if c.names[len(c.names)-1] != c.last || len(c.names) != c.value+1 {
			t.Errorf("%v: the last one is %s = %d here", c.names, c.last, c.value)
		}
	}
}

func TestGoldenRequests(t *testing.T) {
	for _, want := range readGolden(t).Requests {
		got, err := wire.ParseRequest(want.Hex)
		fields := [][2]text{{"op", text(got.Op)}}
		for _, f := range got.Fields {
			fields = append(fields, [2]text{text(f.Key), text(f.Value)})
		}
		if err != nil || got.Op != want.Op || !slices.Equal(fields, want.Fields) {
			t.Errorf("%q: %q, %v", want.Fields, fields, err)
		}
	}
}

func TestGoldenBatches(t *testing.T) {
	seen := map[string]bool{}
	for i, want := range readGolden(t).Batches {
		h := wire.Header{
			Finished: want.Header.Finished, Files: want.Header.Files, TotalFiles: -1,
			Bytes: want.Header.Bytes, TotalBytes: -1,
		}
		if n := want.Header.TotalFiles; n != nil {
			h.TotalFiles = *n
		}
		if n := want.Header.TotalBytes; n != nil {
			h.TotalBytes = *n
		}
		got := wire.AppendHeader(nil, h)
		if len(got) != wire.HeaderSize || wire.Finished(got) != h.Finished {
			t.Errorf("header of batch %d: %x", i, got)
		}
		for _, r := range want.Records {
			seen[r.Kind] = true
			start := len(got)
			got = r.append(t, got)
			if len(got) > len(want.Hex) || string(got[start:]) != string(want.Hex[start:len(got)]) {
				t.Fatalf("record %s of batch %d:\n%x, want it at the start of\n%x", r.Kind, i, got[start:], want.Hex[start:])
			}
		}
		if len(got) != len(want.Hex) {
			t.Errorf("batch %d: %d bytes, want %d", i, len(got), len(want.Hex))
		}
	}
	for _, kind := range "MREVLHCUBITKZXSFPDWAJYO" {
		if !seen[string(kind)] {
			t.Errorf("no record of kind %c", kind)
		}
	}
}

// append appends the record as the engine encodes it.
func (r *record) append(t *testing.T, dst []byte) []byte {
	t.Helper()
	switch kind := wire.Kind(r.Kind[0]); kind {
	case wire.KindManifest:
		return wire.AppendManifest(dst, &wire.Manifest{
			Index: r.Index, Format: r.Format, Encoding: r.Encoding, Wrapper: r.Wrapper, Path: string(r.Path),
		})
	case wire.KindRead:
		return wire.AppendRead(dst, &wire.Read{
			Manifest: r.Manifest, Assumed: r.Assumed, TextLines: r.TextLines, Algorithms: r.Algorithms, Unverified: r.Unverified,
		})
	case wire.KindEntry:
		return wire.AppendEntry(dst, r.entry(t))
	case wire.KindVerified:
		start := len(dst)
		dst = wire.AppendVerifiedHead(dst)
		var group wire.Group
		var entries []record
		r.decodeEntries(t, &entries)
		for i := range entries {
			payload := len(dst)
			dst = wire.AppendVerified(dst, entries[i].entry(t), &group)
			wire.GrowRecord(dst[start:], len(dst)-payload)
		}
		return dst
	case wire.KindUnlisted:
		return wire.AppendUnlisted(dst, &wire.Unlisted{Path: string(r.Path), MovedFrom: string(r.MovedFrom)})
	case wire.KindUnknown:
		return wire.AppendUnknown(dst, string(r.Path))
	case wire.KindBadLine:
		return wire.AppendBadLine(dst, &wire.BadLine{
			Manifest: r.Manifest, Line: r.Line, Code: wire.LineCode(r.Code), Text: string(r.Text), Cause: r.Cause,
		})
	case wire.KindNote:
		return wire.AppendNote(dst, &wire.Note{Manifest: r.Manifest, Line: r.Line, Text: string(r.Text)})
	case wire.KindSignature:
		s := wire.Signature{
			Manifest: r.Manifest, State: r.State, Format: r.Format, KeyID: r.Key, Fingerprint: r.Fingerprint,
			Identity: string(r.Identity), Comment: string(r.Comment), File: string(r.SignatureFile),
			Issuer: string(r.Issuer), Predicate: string(r.Predicate), LogIndex: string(r.LogIndex),
		}
		if r.Time != nil {
			s.Time = time.Unix(*r.Time, 0)
		}
		return wire.AppendSignature(dst, &s)
	case wire.KindBundle:
		return wire.AppendBundle(dst, string(r.Path), []byte(r.FileContent))
	case wire.KindKey:
		k := wire.Key{
			Authority: r.Authority, Format: r.Format, Algorithm: r.Algorithm, ID: r.KeyID, Fingerprint: r.Fingerprint, Problem: r.Problem,
		}
		for _, name := range r.Names {
			k.Names = append(k.Names, string(name))
		}
		if r.Created != nil {
			k.Created = time.Unix(*r.Created, 0)
		}
		if r.Expires != nil {
			k.Expires = time.Unix(*r.Expires, 0)
		}
		return wire.AppendKey(dst, &k)
	case wire.KindError:
		return wire.AppendFailure(dst, &wire.Failure{
			Code: wire.Code(r.Code), Number: r.Number, Path: string(r.Path), Message: string(r.Message),
		})
	case wire.KindSummary:
		return wire.AppendSummary(dst, &wire.Summary{
			Statuses: [...]int64{r.Verified, r.Mismatched, r.Missing, r.Unreadable, r.Skipped},
			BadLines: r.BadLines, Unlisted: r.Extra, Excluded: r.Excluded, Before: r.Before, Left: r.Left, Stored: r.NotRead, BytesRead: r.BytesRead, Elapsed: r.Elapsed,
		})
	case wire.KindListed:
		return wire.AppendListed(dst, &wire.Listed{
			Assumed: r.Assumed, Optional: r.Optional, Manifest: r.Manifest, Line: r.Line, Size: r.Size, Algorithm: r.Algorithm,
			Digest: r.Digest, Name: string(r.Name), RawName: string(r.RawName),
		})
	case wire.KindPlanned:
		return wire.AppendPlanned(dst, &wire.Planned{Manifest: r.Manifest, ID: r.id16(), Listed: r.Listed, State: r.fileState()})
	case wire.KindProof:
		return wire.AppendProof(dst, &wire.Proof{
			Status: wire.Status(slices.Index(wireStatuses, r.Status)), Manifest: r.Manifest, ID: r.id16(), State: r.fileState(),
			Algorithm: r.Algorithm, Digest: r.Digest, Name: string(r.Name),
		})
	case wire.KindHashed:
		h := &wire.Hashed{File: r.File, Number: r.Number, BytesRead: r.BytesRead, Cause: r.Cause}
		for _, digest := range r.Digests {
			h.Digests = append(h.Digests, digest)
		}
		return wire.AppendHashed(dst, h)
	case wire.KindOutcome:
		o := &wire.Outcome{
			File: r.File, Name: r.NameIndex, Code: wire.ShardError(r.Code), Stored: r.Stored,
			State: wire.State{Size: r.Size, Modified: r.Modified, Changed: r.Changed, Inode: r.Inode}, BytesRead: r.BytesRead, Cause: r.Cause,
		}
		for _, digest := range r.Digests {
			o.Digests = append(o.Digests, digest)
		}
		return wire.AppendOutcome(dst, o)
	case wire.KindContent:
		return wire.AppendContent(dst, r.File, r.Content)
	case wire.KindFile:
		return wire.AppendFile(dst, wire.File{Change: r.Change, Name: string(r.Name)})
	case wire.KindOdd:
		return wire.AppendOdd(dst, &wire.Odd{Path: string(r.Path), Cause: r.Cause})
	case wire.KindData:
		return wire.AppendData(dst, []byte(r.Data))
	case wire.KindWritten:
		var entries int64
		r.decodeEntries(t, &entries)
		return wire.AppendWritten(dst, &wire.Written{
			Files: r.Files, Entries: entries, Excluded: r.Excluded, BytesRead: r.BytesRead, Elapsed: r.Elapsed,
			IsPlan: r.IsPlan, IsHeld: r.IsHeld, Path: string(r.Path),
			RelativeTo: string(r.RelativeTo), Format: r.Format, Algorithms: r.Algorithms,
		})
	case wire.KindAlgorithm:
		return wire.AppendAlgorithm(dst, &wire.Algorithm{
			Name: string(r.Name), DigestSize: r.DigestSize, Variable: r.Variable, Bits: r.Bits, Strength: r.Strength,
			Aliases: r.Aliases,
		})
	default:
		t.Fatalf("unknown kind %c", kind)
		return nil
	}
}

func (r *record) decodeEntries(t *testing.T, to any) {
	t.Helper()
	if err := json.Unmarshal(r.Entries, to); err != nil {
		t.Fatal(err)
	}
}

// wireStatuses are the names of [wire.Status] in their order.
var wireStatuses = []string{
	"verified", "mismatched", "missing", "unreadable", "skipped", "refused", "too weak", "verified before", "not verified",
}

func (r *record) entry(t *testing.T) *wire.Entry {
	t.Helper()
	e := &wire.Entry{
		Assumed: r.Assumed, Manifest: r.Manifest, Line: r.Line, BytesRead: r.BytesRead, Algorithm: r.Algorithm,
		Expected: r.Expected, Found: r.Found, Name: string(r.Name), Detail: r.Detail, OpenedAs: string(r.Opened),
		MovedTo: string(r.MovedTo),
	}
	if wire.Kind(r.Kind[0]) == wire.KindShort {
		e.Found = e.Expected
		return e
	}
	status := slices.Index(wireStatuses, r.Status)
	if status < 0 {
		t.Fatalf("unknown status %q", r.Status)
	}
	e.Status = wire.Status(status)
	return e
}
