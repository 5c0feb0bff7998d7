// Package layout checks directory structures that have rules beyond their manifests: which files must exist,
// which must be listed, and where. A bag (RFC 8493) is one.
//
// Each kind of structure is one file of this package and one row of [Kinds]. The package reads the files that
// the rules are about and reports problems; it neither hashes files nor reads manifests.
package layout

import (
	"context"

	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// Kind is one sort of structure.
type Kind struct {
	Name   string           // in reports, for files of the structure that are not manifests
	Marker string           // the name of the file that makes its folder such a structure
	Format *manifest.Format // of its manifests
	New    func() Layout

	// IsManifest reports whether a file of that name, next to the marker, is one of its manifests.
	IsManifest func(name string) bool
	// IsOwn reports whether a file of that name, next to the marker, need not be listed anywhere.
	IsOwn func(name string) bool
}

// Kinds lists every structure.
var Kinds = []*Kind{BagIt}

// MarkedBy returns the kind whose marker is called name, or nil.
func MarkedBy(name string) *Kind {
	for _, k := range Kinds {
		if k.Marker == name {
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
	// AddManifest adds the manifest called name; its entries go to the list returned.
	AddManifest(name string) List
	// Check reports where the structure breaks its rules, once all entries are known. It is valid if
	// there is nothing to report and every entry of its manifests was verified.
	Check(ctx context.Context, f Folder, report Report)
}

// List takes the entries of a manifest, in one goroutine at a time.
type List interface {
	// Add adds the name of an entry, and returns why it must not be there; "" if it may.
	Add(name string) (problem string)
}

// Report takes a problem with the file called file, or with the line of it, from 1.
type Report func(file string, line int64, problem string)

// Folder is where a structure lies.
type Folder struct {
	Root  *safefs.Root
	Roots *safefs.RootCache // that Root is of
}
