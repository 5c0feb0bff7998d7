package wire

import (
	"encoding/binary"
	"math"
	"time"
)

var le = binary.LittleEndian

// Sizes of what comes before a batch's records, and before a record's payload.
const (
	HeaderSize     = 1 + 4*8
	RecordHeadSize = 1 + 4
)

// Kind is the first byte of a record.
type Kind byte

// The kinds of records, and of items in a [Verified] record.
const (
	KindManifest  Kind = 'M'
	KindRead      Kind = 'R'
	KindEntry     Kind = 'E'
	KindVerified  Kind = 'V'
	KindListed    Kind = 'L'
	KindPlanned   Kind = 'J'
	KindProof     Kind = 'Y'
	KindHashed    Kind = 'H'
	KindContent   Kind = 'C'
	KindGroup     Kind = 'G' // only in a KindVerified
	KindShort     Kind = 'v' // only in a KindVerified
	KindUnlisted  Kind = 'U'
	KindUnknown   Kind = 'N'
	KindBadLine   Kind = 'B'
	KindNote      Kind = 'I'
	KindSignature Kind = 'T'
	KindKey       Kind = 'K'
	KindBundle    Kind = 'Z'
	KindError     Kind = 'X'
	KindSummary   Kind = 'S'
	KindFile      Kind = 'F'
	KindOdd       Kind = 'P'
	KindData      Kind = 'D'
	KindWritten   Kind = 'W'
	KindAlgorithm Kind = 'A'
	KindQuery     Kind = 'Q'
	KindOutcome   Kind = 'O'
)

// Header is the state and the progress of a job. A total is -1 until it is known.
type Header struct {
	Finished                             bool
	Files, TotalFiles, Bytes, TotalBytes int64
}

// AppendHeader appends the header of a batch.
func AppendHeader(dst []byte, h Header) []byte {
	dst = append(dst, flag(h.Finished))
	return appendInts(dst, h.Files, h.TotalFiles, h.Bytes, h.TotalBytes)
}

// Finished reports whether no batch comes after this one.
func Finished(batch []byte) bool { return batch[0] == 1 }

// Manifest is a manifest that was found.
type Manifest struct {
	Index                           int
	Format, Encoding, Wrapper, Path string
}

// AppendManifest appends an 'M' record.
func AppendManifest(dst []byte, m *Manifest) []byte {
	dst, start := begin(dst, KindManifest)
	dst = le.AppendUint32(dst, uint32(m.Index))
	dst = le.AppendUint32(dst, uint32(len(m.Format)))
	dst = le.AppendUint32(dst, uint32(len(m.Encoding)))
	dst = le.AppendUint32(dst, uint32(len(m.Wrapper)))
	dst = append(dst, m.Format...)
	dst = append(dst, m.Encoding...)
	dst = append(dst, m.Wrapper...)
	return end(append(dst, m.Path...), start)
}

// Read is what is known of a manifest once it was read.
type Read struct {
	Manifest   int
	Assumed    bool
	TextLines  int64
	Algorithms []string
	Unverified []string
}

// AppendRead appends an 'R' record.
func AppendRead(dst []byte, r *Read) []byte {
	dst, start := begin(dst, KindRead)
	dst = le.AppendUint32(dst, uint32(r.Manifest))
	dst = append(dst, flag(r.Assumed))
	dst = le.AppendUint64(dst, uint64(r.TextLines))
	dst = appendSizedList(dst, r.Algorithms, ' ')
	return end(appendJoined(dst, r.Unverified, ' '), start)
}

// Status is what became of an entry.
type Status uint8

// Every entry has one of these.
const (
	StatusVerified Status = iota
	StatusMismatched
	StatusMissing
	StatusUnreadable
	StatusSkipped
	StatusCount = iota
)

// What an unreadable entry can be in addition. A summary counts these as unreadable.
const (
	StatusRefused Status = iota + StatusCount // the rules do not let it be read
	StatusWeak                                // its algorithm is weaker than the caller accepts
)

// What an entry can be that is not verified in this run.
const (
	StatusBefore Status = iota + StatusWeak + 1 // verified before
	StatusLeft                                  // not verified
)

// Entry is what became of an entry of a manifest.
type Entry struct {
	Status    Status
	Assumed   bool
	Manifest  int
	Line      int64
	BytesRead int64
	Algorithm string
	Expected  []byte
	Found     []byte
	Name      string
	Detail    string
	OpenedAs  string
	MovedTo   string
	IsStored  bool // Found is what the store keeps; the file was not read
}

// AppendEntry appends an 'E' record.
func AppendEntry(dst []byte, e *Entry) []byte {
	dst, start := begin(dst, KindEntry)
	dst = append(dst, byte(e.Status), byte(len(e.Algorithm)), byte(len(e.Expected)), byte(len(e.Found)), flag(e.Assumed),
		flag(e.IsStored))
	dst = le.AppendUint32(dst, uint32(e.Manifest))
	dst = le.AppendUint64(dst, uint64(e.Line))
	dst = le.AppendUint64(dst, uint64(e.BytesRead))
	dst = le.AppendUint32(dst, uint32(len(e.Name)))
	dst = le.AppendUint32(dst, uint32(len(e.Detail)))
	dst = le.AppendUint32(dst, uint32(len(e.OpenedAs)))
	dst = le.AppendUint32(dst, uint32(len(e.MovedTo)))
	dst = append(dst, e.Algorithm...)
	dst = append(dst, e.Expected...)
	dst = append(dst, e.Found...)
	dst = append(dst, e.Name...)
	dst = append(dst, e.Detail...)
	dst = append(dst, e.OpenedAs...)
	return end(append(dst, e.MovedTo...), start)
}

// Group is what the 'v' items of a 'V' record have in common. The zero value means that none was
// written yet.
type Group struct {
	algorithm string
	manifest  int
	assumed   bool
}

// AppendVerified appends an entry to the payload of a 'V' record, in which g is the latest group.
func AppendVerified(dst []byte, e *Entry, g *Group) []byte {
	if e.Status != StatusVerified || e.OpenedAs != "" || e.IsStored || len(e.Name) > math.MaxUint16 || e.Line > math.MaxUint32 {
		return AppendEntry(dst, e)
	}
	if e.Manifest != g.manifest || e.Assumed != g.assumed || e.Algorithm != g.algorithm {
		*g = Group{e.Algorithm, e.Manifest, e.Assumed}
		dst = append(dst, byte(KindGroup), byte(len(e.Algorithm)), flag(e.Assumed))
		dst = le.AppendUint32(dst, uint32(e.Manifest))
		dst = append(dst, e.Algorithm...)
	}
	dst = append(dst, byte(KindShort), byte(len(e.Expected)))
	dst = le.AppendUint16(dst, uint16(len(e.Name)))
	dst = le.AppendUint32(dst, uint32(e.Line))
	dst = le.AppendUint64(dst, uint64(e.BytesRead))
	dst = append(dst, e.Expected...)
	return append(dst, e.Name...)
}

// AppendVerifiedHead appends the head of a 'V' record whose payload is empty so far.
func AppendVerifiedHead(dst []byte) []byte {
	dst, _ = begin(dst, KindVerified)
	return dst
}

// GrowRecord adds n to the size of the payload in the head of a record.
func GrowRecord(head []byte, n int) {
	size := head[1:RecordHeadSize]
	le.PutUint32(size, le.Uint32(size)+uint32(n))
}

// Unlisted is a file that no manifest lists.
type Unlisted struct{ Path, MovedFrom string }

// AppendUnlisted appends a 'U' record.
func AppendUnlisted(dst []byte, u *Unlisted) []byte {
	dst, start := begin(dst, KindUnlisted)
	dst = appendSized(dst, u.Path)
	return end(append(dst, u.MovedFrom...), start)
}

// AppendUnknown appends an 'N' record.
func AppendUnknown(dst []byte, path string) []byte {
	dst, start := begin(dst, KindUnknown)
	return end(append(dst, path...), start)
}

// LineCode tells a caller what kind of bad line it is.
type LineCode uint8

// The codes of bad lines.
const (
	LineOther      LineCode = iota // only the cause tells
	LineNoDigest                   // the line lists a file without a digest
	LineBrokenRule                 // it is about the directory structure that the manifest belongs to
	LineUnread                     // the manifest, or the folder, cannot be read from there on
	LineNothing                    // nothing was there to verify
	LineUntrusted                  // nobody who is trusted has signed the manifest
)

// BadLine is a line of a manifest that was not understood.
type BadLine struct {
	Manifest int
	Line     int64
	Code     LineCode
	Text     string
	Cause    string
}

// AppendBadLine appends a 'B' record.
func AppendBadLine(dst []byte, b *BadLine) []byte {
	dst, start := begin(dst, KindBadLine)
	dst = le.AppendUint32(dst, uint32(b.Manifest))
	dst = le.AppendUint64(dst, uint64(b.Line))
	dst = append(dst, byte(b.Code))
	dst = appendSized(dst, b.Text)
	return end(append(dst, b.Cause...), start)
}

// Note is something about a manifest that is worth knowing, and no fault.
type Note struct {
	Manifest int
	Line     int64
	Text     string
}

// AppendNote appends an 'I' record.
func AppendNote(dst []byte, n *Note) []byte {
	dst, start := begin(dst, KindNote)
	dst = le.AppendUint32(dst, uint32(n.Manifest))
	dst = le.AppendUint64(dst, uint64(n.Line))
	return end(append(dst, n.Text...), start)
}

// SignatureState is what is known of a signature.
type SignatureState uint8

// A signature, or the lack of one, is one of these.
const (
	SignatureVerified SignatureState = iota
	SignatureUntrusted
	SignatureUnchecked
)

// Signature is a signature of a manifest, or that it lacks one.
type Signature struct {
	Manifest                                            int
	State                                               SignatureState
	Time                                                time.Time // when it was made; zero if unknown
	Format, KeyID, Fingerprint, Identity, Comment, File string
	Issuer, Predicate, LogIndex                         string // of Sigstore and attestations
}

// AppendSignature appends a 'T' record.
func AppendSignature(dst []byte, s *Signature) []byte {
	dst, start := begin(dst, KindSignature)
	dst = le.AppendUint32(dst, uint32(s.Manifest))
	dst = appendInts(append(dst, byte(s.State)), secondsOf(s.Time))
	for _, text := range []string{s.Format, s.KeyID, s.Fingerprint, s.Identity, s.Comment, s.File, s.Issuer, s.Predicate, s.LogIndex} {
		dst = appendSized(dst, text)
	}
	return end(dst, start)
}

// AppendBundle appends a 'Z' record: a file that may hold Sigstore bundles or attestations.
func AppendBundle(dst []byte, path string, data []byte) []byte {
	dst, start := begin(dst, KindBundle)
	dst = append(appendSized(dst, path), data...)
	return end(dst, start)
}

// Key is a key in a file of keys.
type Key struct {
	Authority                                   bool
	Created, Expires                            time.Time // zero if unknown, or never
	Format, Algorithm, ID, Fingerprint, Problem string
	Names                                       []string
}

// AppendKey appends a 'K' record.
func AppendKey(dst []byte, k *Key) []byte {
	dst, start := begin(dst, KindKey)
	dst = appendInts(append(dst, flag(k.Authority)), secondsOf(k.Created), secondsOf(k.Expires))
	for _, text := range append([]string{k.Format, k.Algorithm, k.ID, k.Fingerprint, k.Problem}, k.Names...) {
		dst = appendSized(dst, text)
	}
	return end(dst, start)
}

// secondsOf returns the seconds since 1970, -1 for the zero time.
func secondsOf(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.Unix()
}

// Summary counts what a verification found.
type Summary struct {
	Statuses  [StatusCount]int64
	BadLines  int64
	Unlisted  int64
	Excluded  int64 // entries that were left out, and count as nothing else
	Before    int64 // entries that were verified before
	Left      int64 // entries that were not verified
	Stored    int64 // verified entries that were compared with what a store keeps, and not read
	BytesRead int64
	Elapsed   time.Duration
}

// AppendSummary appends an 'S' record.
func AppendSummary(dst []byte, s *Summary) []byte {
	dst, start := begin(dst, KindSummary)
	dst = appendInts(dst, s.Statuses[:]...)
	return end(appendInts(dst, s.BadLines, s.Unlisted, s.Excluded, s.Before, s.Left, s.Stored, s.BytesRead, s.Elapsed.Nanoseconds()), start)
}

// Listed is an entry of a manifest that is listed, and not verified.
type Listed struct {
	Assumed   bool
	Optional  bool
	Manifest  int
	Line      int64
	Size      int64 // -1 if the manifest does not list it
	Algorithm string
	Digest    []byte
	Name      string
	RawName   string
}

// AppendListed appends an 'L' record.
func AppendListed(dst []byte, e *Listed) []byte {
	dst, start := begin(dst, KindListed)
	dst = append(dst, byte(len(e.Algorithm)), byte(len(e.Digest)), flag(e.Assumed), flag(e.Optional))
	dst = le.AppendUint32(dst, uint32(e.Manifest))
	dst = appendInts(dst, e.Line, e.Size)
	dst = le.AppendUint32(dst, uint32(len(e.Name)))
	dst = append(dst, e.Algorithm...)
	dst = append(dst, e.Digest...)
	dst = append(dst, e.Name...)
	return end(append(dst, e.RawName...), start)
}

// State is the attributes of a file that show whether it changed. Times are nanoseconds since 1970.
type State struct {
	Size, Modified, Changed int64
	Inode                   uint64
}

func appendState(dst []byte, s *State) []byte {
	if s == nil {
		s = &State{Size: -1}
	}
	return le.AppendUint64(appendInts(dst, s.Size, s.Modified, s.Changed), s.Inode)
}

// Planned is an entry that can be chosen.
type Planned struct {
	Manifest int
	ID       [16]byte
	Listed   int64  // the size that the manifest lists, -1 if it lists none
	State    *State // of the file; nil if it cannot be read
}

// AppendPlanned appends a 'J' record.
func AppendPlanned(dst []byte, p *Planned) []byte {
	dst, start := begin(dst, KindPlanned)
	dst = append(le.AppendUint32(dst, uint32(p.Manifest)), p.ID[:]...)
	return end(appendState(appendInts(dst, p.Listed), p.State), start)
}

// Proof is what became of an entry, for the caller's own record.
type Proof struct {
	Status    Status
	Manifest  int
	ID        [16]byte
	State     *State // of the file, before and after it was read; nil if it was not read whole
	Algorithm string
	Digest    []byte // the digest listed
	Name      string
}

// AppendProof appends a 'Y' record.
func AppendProof(dst []byte, p *Proof) []byte {
	dst, start := begin(dst, KindProof)
	dst = append(dst, byte(p.Status), byte(len(p.Algorithm)), byte(len(p.Digest)))
	dst = append(le.AppendUint32(dst, uint32(p.Manifest)), p.ID[:]...)
	dst = append(append(appendState(dst, p.State), p.Algorithm...), p.Digest...)
	return end(append(dst, p.Name...), start)
}

// Hashed is what became of a file that was to be hashed.
type Hashed struct {
	File      int
	Number    int // the system's error number
	BytesRead int64
	Digests   [][]byte // none if the file was not read to its end
	Cause     string
}

// AppendHashed appends an 'H' record.
func AppendHashed(dst []byte, h *Hashed) []byte {
	dst, start := begin(dst, KindHashed)
	dst = le.AppendUint32(dst, uint32(h.File))
	dst = le.AppendUint32(dst, uint32(h.Number))
	dst = appendInts(dst, h.BytesRead)
	dst = append(dst, byte(len(h.Digests)))
	for _, digest := range h.Digests {
		dst = append(append(dst, byte(len(digest))), digest...)
	}
	return end(append(dst, h.Cause...), start)
}

// Content is what a file is.
type Content uint8

// Every file that is looked at is one of these.
const (
	ContentOther    Content = iota // no manifest
	ContentManifest                // a manifest, by its name or its content; or it cannot be read
	ContentUnknown                 // it holds digests, but begins like no manifest
)

// AppendContent appends a 'C' record.
func AppendContent(dst []byte, file int, content Content) []byte {
	dst, start := begin(dst, KindContent)
	dst = le.AppendUint32(dst, uint32(file))
	return end(append(dst, byte(content)), start)
}

// Change is what happened to a file in a manifest that is written.
type Change uint8

// What a [File] can report.
const (
	ChangeNone Change = iota // never sent
	ChangeSkipped
	ChangeAdded
	ChangeChanged
	ChangeRemoved
	ChangeStillMissing
	ChangeUnread
	ChangeSuspect
	ChangeComment
	ChangeRenamed
	ChangeRemembered
	ChangeForgotten
)

// File is something to report about one name in a manifest that is written.
type File struct {
	Change Change
	Name   string
}

// AppendFile appends an 'F' record.
func AppendFile(dst []byte, f File) []byte {
	dst, start := begin(dst, KindFile)
	dst = append(dst, byte(f.Change))
	return end(append(dst, f.Name...), start)
}

// Odd is a file that cannot be listed.
type Odd struct{ Path, Cause string }

// AppendOdd appends a 'P' record.
func AppendOdd(dst []byte, o *Odd) []byte {
	dst, start := begin(dst, KindOdd)
	dst = appendSized(dst, o.Path)
	return end(append(dst, o.Cause...), start)
}

// AppendData appends a 'D' record.
func AppendData(dst, data []byte) []byte {
	dst, start := begin(dst, KindData)
	return end(append(dst, data...), start)
}

// Written is a manifest that was written.
type Written struct {
	Files, Entries, Excluded, BytesRead int64
	Elapsed                             time.Duration
	IsPlan                              bool // it was not written, as only the plan was asked for
	IsHeld                              bool // it was not, or would not be, as there are changes that were not accepted
	Path, RelativeTo, Format            string
	Algorithms                          []string
}

// AppendWritten appends a 'W' record.
func AppendWritten(dst []byte, w *Written) []byte {
	dst, start := begin(dst, KindWritten)
	dst = appendInts(dst, w.Files, w.Entries, w.Excluded, w.BytesRead, w.Elapsed.Nanoseconds())
	dst = append(dst, flag(w.IsPlan), flag(w.IsHeld))
	dst = appendSized(dst, w.Path)
	dst = appendSized(dst, w.RelativeTo)
	dst = appendSized(dst, w.Format)
	return end(appendSizedList(dst, w.Algorithms, ','), start)
}

// Code tells a caller why an operation failed.
type Code uint8

// The codes of failures.
const (
	CodeRequest     Code = iota // the request is malformed: a fault of the program that made it
	CodeSystem                  // the system refused; there may be an error number
	CodeNoManifest              // the folder contains no manifest
	CodeManifest                // the manifest cannot be read, for another reason than the system's
	CodePanic                   // a bug in the engine; the message holds the Go stack
	CodeCancelled               // the caller cancelled it
	CodeWrite                   // the manifest was not written
	CodeValue                   // an argument cannot be used
	CodeEnvironment             // an environment variable has a value that cannot be used
)

// Failure is why an operation failed as a whole.
type Failure struct {
	Code    Code
	Number  int // the system's error number
	Path    string
	Message string
}

// AppendFailure appends an 'X' record.
func AppendFailure(dst []byte, f *Failure) []byte {
	dst, start := begin(dst, KindError)
	dst = append(dst, byte(f.Code))
	dst = le.AppendUint32(dst, uint32(f.Number))
	dst = appendSized(dst, f.Path)
	return end(append(dst, f.Message...), start)
}

// Algorithm is an algorithm that can be used.
type Algorithm struct {
	Name       string
	DigestSize int
	Variable   bool
	Bits       int
	Strength   string
	Aliases    []string
}

// AppendAlgorithm appends an 'A' record.
func AppendAlgorithm(dst []byte, a *Algorithm) []byte {
	dst, start := begin(dst, KindAlgorithm)
	dst = append(dst, byte(a.DigestSize), flag(a.Variable))
	dst = le.AppendUint16(dst, uint16(a.Bits))
	dst = appendSized(dst, a.Name)
	dst = appendSized(dst, a.Strength)
	return end(appendSizedList(dst, a.Aliases, ','), start)
}

// begin appends the head of a record without its size, which end fills in.
func begin(dst []byte, kind Kind) ([]byte, int) {
	return append(dst, byte(kind), 0, 0, 0, 0), len(dst)
}

func end(dst []byte, start int) []byte {
	payload := start + RecordHeadSize
	le.PutUint32(dst[payload-4:], uint32(len(dst)-payload))
	return dst
}

func flag(is bool) byte {
	if is {
		return 1
	}
	return 0
}

func appendInts(dst []byte, all ...int64) []byte {
	for _, n := range all {
		dst = le.AppendUint64(dst, uint64(n))
	}
	return dst
}

func appendSized(dst []byte, s string) []byte {
	return append(le.AppendUint32(dst, uint32(len(s))), s...)
}

func appendSizedList(dst []byte, all []string, separator byte) []byte {
	start := len(dst)
	dst = appendJoined(append(dst, 0, 0, 0, 0), all, separator)
	le.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

func appendJoined(dst []byte, all []string, separator byte) []byte {
	for i, s := range all {
		if i > 0 {
			dst = append(dst, separator)
		}
		dst = append(dst, s...)
	}
	return dst
}
