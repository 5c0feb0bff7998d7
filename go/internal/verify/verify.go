// Package verify checks files against the manifests that list them.
//
// Data moves in one direction: discover.go finds the manifests, read.go reads their entries and turns
// them into claims, coalesce.go joins claims about one file, package hashpool hashes it, and compare.go
// compares. At the end, contradictions.go, package layout, and unlisted.go look for what can only be
// seen once every manifest is read. Everything found goes through record.go to the caller's [Sink].
//
// It fails closed: a file counts as verified only if it was read to its end, did not change while it was
// read, and has the digest that its entry lists.
package verify

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"checksig/internal/digest"
	"checksig/internal/hashpool"
	"checksig/internal/layout"
	"checksig/internal/manifest"
	"checksig/internal/nameset"
	"checksig/internal/safefs"
	"checksig/internal/trust"
)

// Status is the result of verifying an entry.
type Status uint8

// Every entry has exactly one of these.
const (
	Verified       Status = iota // read whole, and the digest is equal
	Mismatched                   // read whole, and the digest differs
	Missing                      // there is no such file
	Unreadable                   // not read whole, or refused; the detail says why
	Skipped                      // left out because the caller asked for it
	VerifiedBefore               // by an earlier run, and its file seems unchanged; see [Part]
	NotVerified                  // not in this run, of which the caller asked for a part only
	statusCount
)

var statusNames = [statusCount]string{"verified", "mismatched", "missing", "unreadable", "skipped", "verified before", "not verified"}

func (s Status) String() string { return statusNames[s] }

// Reason is why an entry is [Unreadable], where a caller can do something about it.
type Reason uint8

// An entry has NoReason if its file could not be read.
const (
	NoReason Reason = iota
	Refused         // the rules do not let it be read
	Weak            // its algorithm is weaker than MinStrength
)

// Request says what to verify, and how.
type Request struct {
	Reading
	Path    string // a folder or a manifest
	Workers int    // files hashed at once; 0 for one a CPU
	Depth   int    // files read at once; 0 for as many as help
	Totals  bool   // find out the totals of the progress if the run takes longer

	Elsewhere     *hashpool.Elsewhere // who hashes the files; nil for this process
	LeaveCache    bool                // leave the system's page cache as it was
	Unlisted      Unlisted            // what to do about files that no manifest lists
	IgnoreMissing bool                // skip entries whose file is missing
	MinStrength   *digest.Algorithm   // refuse entries of weaker algorithms; nil for none

	IgnoreAttributes bool // compare no attributes, only content; see [manifest.Attributes]

	Stored     Stored             // whether checksums that a remote store keeps count
	BagProfile *layout.BagProfile // that every bag must conform to; nil for none

	Part    *Part         // the entries to verify; nil for all
	MaxTime time.Duration // verify no file any more after it; 0 for no limit
	IDs     bool          // each Result has its ID
}

// Reading says which manifests are read, and which files their names stand for.
type Reading struct {
	Dir           string            // what relative paths start from, absolute; the working folder if empty
	Recursive     bool              // look for manifests in the folders below too
	FollowOutside bool              // let names lead outside their manifest's folder
	Root          string            // the folder that all names start from; each manifest's own if empty
	Paths         Paths             // how the names listed become names of files
	Algorithm     *digest.Algorithm // of digests without a tag; nil for what the manifest says
	Format        *manifest.Format  // of the manifests; nil to detect it
	IgnoreText    bool              // count lines in which nothing looks like a digest, instead of reporting them
	Content       []byte            // the manifest itself, which Path names; its names start from Dir. nil to read Path
	Trust         *trust.Policy     // who must have signed each manifest; nil for nobody
	Signature     string            // the file with the signatures of the one manifest; "" for those next to it
	// Beside are the signature files of the one manifest if the caller has read them; nil to look for them. Without
	// Trust, only their names are known.
	Beside []trust.File
	// Collect takes, instead of a verification, every file that may hold Sigstore bundles or attestations. nil verifies.
	Collect func(path string, data []byte)
	Only    []string // paths of the files whose entries are read; empty for all. A folder stands for all below it

	// Include and Exclude are patterns of package glob for the files that are looked at. Their names start from the
	// folder that Path names, from Root, or else from where the manifest's names start.
	Include, Exclude []string
	Source           safefs.Source // that has the files, and Path and Dir; nil for the file system
	Columns          []string      // groups of columns that are read, of formats that have several; see [manifest.Options]
	PartSize         int64         // in bytes, of digests over digests of parts; see [manifest.Options]
}

// Stored says whether the checksums that a remote store keeps are compared instead of the files' content.
type Stored = hashpool.Stored

// The values of Stored; see package hashpool.
const (
	ReadAll      = hashpool.ReadAll
	PreferStored = hashpool.PreferStored
	OnlyStored   = hashpool.OnlyStored
)

// Unlisted is what to do about files that no manifest lists.
type Unlisted uint8

// IgnoreUnlisted is the default; the others look for such files.
const (
	IgnoreUnlisted Unlisted = iota
	ReportUnlisted
	FailUnlisted // one such file, and the run is not OK
)

// Manifest is a manifest that is being read.
type Manifest struct {
	Index  int    // from 0, in the order in which they are read
	Path   string // where it is, as the request gives the path
	Format string // "gnu"; empty if it could not be opened, and for a folder that could not be searched

	Encoding string // "utf-8", "utf-16le" or "utf-16be"; "gzip+utf-8" if compressed; in a bag the one that it names
	Wrapper  string // the signature around it, as [manifest.Reading.Wrapper]

	Signers   []trust.Signer // who signed it, if that was asked for
	Untrusted bool           // that was asked for, and nobody who is trusted has signed it: nothing of it counts
	Unchecked []string       // the paths of signatures next to it, if that was not asked for

	// Known once it was read:
	Algorithms []*digest.Algorithm // of its entries
	Assumed    bool                // for some of them, only the digest's length tells the algorithm
	TextLines  int64               // lines that IgnoreText passed over
	Unverified []string            // what it states that is not verified; see [manifest.Reading]

	notes     atomic.Int64 // made about it
	suggested bool         // a note says how attributes are ignored
	hinted    atomic.Bool  // a note says how files outside are read
	where     string       // its absolute path; its name if the request holds it
	folder    *safefs.Root // where it lies
	root      *safefs.Root // what its names start from
}

// Result is the result of verifying one entry.
type Result struct {
	Manifest *Manifest
	manifest.Entry
	Status    Status
	Found     []byte // the digest computed, if the file was read whole
	BytesRead int64
	Detail    string // why, for Unreadable, Missing, and Mismatched because of its size
	OpenedAs  string // the file's path, if it is another than Name from the manifest's folder
	Reason    Reason // for programs, for Unreadable
	Stored    bool   // Found is what the store keeps; the file was not read
	Outside   bool   // it was refused because it lies outside
	MovedTo   string // the path of an unlisted file that has the digest of this missing one
	Worker    int    // who found it, from 1; 0 for none

	ID       nameset.Key  // of the entry and its file, if the request asks for it
	HasState bool         // the file was read whole
	State    safefs.State // before and after the reading
}

// UnlistedFile is a file that no manifest lists.
type UnlistedFile struct {
	Path      string
	MovedFrom string // the path of a missing file that has the same digest
}

// BadLine is a line of a manifest that was not understood.
type BadLine struct {
	Manifest *Manifest
	Line     int64  // from 1; 0 if it is about the manifest as a whole
	Text     string // the line's beginning
	Cause    string
	Code     manifest.LineCode
}

// Note is something about a manifest that is worth knowing, and no fault.
type Note struct {
	Manifest *Manifest
	Line     int64 // from 1; 0 if it is about the manifest as a whole
	Text     string
}

// Sink takes what a run finds. Its functions are called from several goroutines at once, and may block
// to slow the run down. A manifest comes before its entries. What they are given is valid until they
// return.
type Sink struct {
	Manifest func(*Manifest)
	Read     func(*Manifest) // it was read, and all is known of it
	Result   func(*Result)
	BadLine  func(*BadLine)
	Unlisted func(*UnlistedFile)
	Unknown  func(path string) // a file that looks like a manifest, but has no known format; may be nil
	Note     func(*Note)       // nil if nobody asks
}

// Summary counts what a run found.
type Summary struct {
	Entries   int64 // the sum of Statuses
	Excluded  int64 // entries that patterns or columns leave out, and nothing else counts
	Statuses  [statusCount]int64
	BadLines  int64
	Unlisted  int64 // files that no manifest lists
	Stored    int64 // verified entries whose digests are those that a store keeps
	BytesRead int64
	Elapsed   time.Duration

	unlistedFails bool
}

// OK reports whether every line was understood, every file verified that was not skipped or left out of the part to
// verify, and at least one was; and, if that was asked for, that no file is unlisted.
func (s *Summary) OK() bool {
	proved := s.Statuses[Verified] + s.Statuses[VerifiedBefore]
	return proved > 0 && proved+s.Statuses[Skipped]+s.Statuses[NotVerified] == s.Entries &&
		s.BadLines == 0 && (s.Unlisted == 0 || !s.unlistedFails)
}

// ErrNoManifest says that a folder holds no file that is taken for a manifest.
var ErrNoManifest = errors.New("no checksum manifest in this folder")

// ErrNoBag says that there is no bag that could be compared with a profile.
var ErrNoBag = errors.New("there is no bag that could be compared with the BagIt profile; give the folder that holds bagit.txt")

// Run verifies what r asks for and gives sink what it finds. The error is nil when every entry was looked
// at, whatever the result; otherwise the context's, [ErrNoManifest], [ErrNoBag], a [*NothingLeftError], a
// [*NoColumnError], a [*glob.Error], a [*guard.PanicError], an error of [hashpool.New], or an [*fs.PathError] for a
// folder or manifest that cannot be opened.
func Run(ctx context.Context, r Request, sink Sink, progress *hashpool.Progress) (Summary, error) {
	began := time.Now()
	progress.Start()
	run, err := newRun(ctx, r, sink, progress)
	if err != nil {
		return Summary{}, err
	}
	defer run.close()
	run.all()
	s := run.record.summary()
	s.BytesRead, s.Elapsed = progress.Bytes.Load(), time.Since(began)
	s.unlistedFails = r.Unlisted == FailUnlisted || len(r.Only) > 0
	return s, run.group.Err()
}
