// Package layout checks directory structures that have rules beyond their manifests: which files must exist,
// which must be listed, and where. A bag (RFC 8493) is one, an OCFL object another.
//
// Each kind of structure is one file of this package and one row of [Kinds]. The package reads the files that
// the rules are about and reports problems; it neither hashes content nor reads entries.
//
// A folder with the mark of a structure is checked whole or is not OK: a version or an extension that the
// package does not know is a problem.
package layout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// Kind is one sort of structure.
type Kind struct {
	Name  string // in reports, for files of the structure that are not manifests
	Title string // for people: "a bag"
	// IsMarker reports whether a file of that name makes its folder such a structure.
	IsMarker func(name string) bool
	// IsCandidate reports whether a file of that name does so where Confirm returns true; nil for none.
	IsCandidate func(name string) bool
	Confirm     func(ctx context.Context, f Folder) bool
	HasFolder   bool             // what IsCandidate takes is a folder, not a file
	Format      *manifest.Format // of its manifests; nil to detect it
	New         func() Layout

	// IsManifest reports whether a file of that name, next to the marker, is one of its manifests.
	IsManifest func(name string) bool
	// IsOwn reports whether a file of that name, next to the marker, need not be listed anywhere.
	IsOwn func(name string) bool
	// IsContent reports whether what is called name, below the folder, is content, where nothing is a
	// manifest or a structure of its own, except what [Finder.Find] returns; nil for nothing.
	IsContent func(name string) bool
}

// Kinds lists every structure.
var Kinds = []*Kind{BagIt, OCFLObject, OCFLRoot, OCI, HuggingFace, GitLFS, DVC, GitAnnex}

// MarkedBy returns the kind whose marker is called name, or nil.
func MarkedBy(name string) *Kind {
	for _, k := range Kinds {
		if k.IsMarker(name) {
			return k
		}
	}
	return nil
}

// CandidateBy returns the kind that a file of that name, or a folder, may mark; or nil.
func CandidateBy(name string, isFolder bool) *Kind {
	for _, k := range Kinds {
		if k.IsCandidate != nil && k.HasFolder == isFolder && k.IsCandidate(name) {
			return k
		}
	}
	return nil
}

// MayBeManifest reports whether a file of that name is a manifest if a marker is next to it.
func MayBeManifest(name string) bool {
	for _, k := range Kinds {
		if k.IsManifest(name) {
			return true
		}
	}
	return false
}

// Layout is one structure that is being verified.
type Layout interface {
	// AddManifest adds the manifest called name; its entries go to the list returned, unless that is nil.
	AddManifest(name string) List
	// Check reports where the structure breaks its rules, once all entries are known. It is valid if
	// there is no problem and every entry of its manifests was verified. It may be called again.
	Check(ctx context.Context, f Folder, report Report)
}

// Finder is a Layout that finds its manifests itself, and reads them as well as the verification does. Those
// next to the marker that it does not find are none.
type Finder interface {
	Layout
	// Find returns the manifests. It reports nothing: Check does.
	Find(ctx context.Context, f Folder) []Found
	// Take is called with the content of a manifest, the bytes that its entries come from, before they
	// are read. An error says why they must not be. It may be called from several goroutines.
	Take(name string, content []byte) error
}

// Encoded is a Layout whose manifests may be in another encoding than UTF-8.
type Encoded interface {
	Layout
	// Charset returns the encoding of its manifests; nil for UTF-8, and for one that Check reports.
	Charset(ctx context.Context, f Folder) *manifest.Charset
}

// Profiled is a Layout that can be compared with a profile.
type Profiled interface {
	Layout
	// SetProfile is called before Check.
	SetProfile(p *BagProfile)
}

// Found is a manifest of a structure.
type Found struct {
	Folder     string           // that its names start from, below the structure's; "." for that
	Name       string           // below Folder
	Format     *manifest.Format // nil to detect it
	MayBeEmpty bool             // it need not list a file
	Content    *[]byte          // what it would contain, as there is no such file; nil if there is
}

// List takes the entries of a manifest, in one goroutine at a time.
type List interface {
	// Add adds the name of an entry, and returns why it must not be there; "" if it may.
	Add(name string) (problem string)
}

// Report takes what is found, with the name of the file that it is about, and its line, from 1; 0 for the
// file as a whole.
type Report struct {
	Problem func(file string, line int64, problem string)
	Note    func(file string, line int64, note string) // worth knowing, no fault
}

// Folder is where a structure lies.
type Folder struct {
	Root  *safefs.Root
	Roots *safefs.RootCache // that Root is of
	// Recursive is set if structures in the folders below are verified too.
	Recursive bool
}

// ErrTooLarge is the error for a document that is not read because of its size.
var ErrTooLarge = fmt.Errorf("larger than %d bytes", manifest.MaxDocument)

// readWhole returns the content of a file that is read as a whole.
func readWhole(ctx context.Context, roots *safefs.RootCache, tree *safefs.Tree, name string) ([]byte, error) {
	var file *safefs.File
	err := roots.Retry(ctx, func() (err error) {
		file, err = tree.Open(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return ReadWhole(ctx, file)
}

// ReadWhole returns the content of a file that is read as a whole, or [ErrTooLarge].
func ReadWhole(ctx context.Context, file *safefs.File) ([]byte, error) {
	size := file.Size()
	if size > manifest.MaxDocument {
		return nil, ErrTooLarge
	}
	content := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := content.ReadFrom(safefs.UntilDone(ctx, io.LimitReader(file, manifest.MaxDocument+1))); err != nil {
		return nil, err
	}
	if content.Len() > manifest.MaxDocument {
		return nil, ErrTooLarge
	}
	return content.Bytes(), nil
}

// openFolder opens a structure's folder. Release its root after it succeeded.
func openFolder(ctx context.Context, f Folder, report Report, marker string) *safefs.Tree {
	tree, err := f.Root.AcquireRetrying(ctx)
	if err != nil {
		report.Problem(marker, 0, safefs.Cause(err))
		return nil
	}
	return tree
}

var errChanged = errors.New("changed while it was verified")
