package verify

import (
	"fmt"
	"path/filepath"
	"strings"

	"checksig/internal/glob"
	"checksig/internal/safefs"
)

// NoColumnError says that a manifest lacks columns that the caller asked for.
type NoColumnError struct{ Path, Cause string }

func (e *NoColumnError) Error() string { return e.Path + ": " + e.Cause }

// NothingLeftError says that all entries were left out because of the caller's patterns and columns.
type NothingLeftError struct{ Excluded int64 }

func (e *NothingLeftError) Error() string {
	if e.Excluded == 1 {
		return "nothing is left to verify: the patterns or columns exclude the only entry"
	}
	return fmt.Sprintf("nothing is left to verify: the patterns or columns exclude all %d entries", e.Excluded)
}

// filter leaves out what the caller's patterns say: entries, files that are not listed, and folders in which manifests
// are looked for. A nil one keeps all. It may be used from any goroutine.
//
// Patterns choose files, not manifests: what is left out is neither opened nor reported, and counted.
type filter struct {
	patterns *glob.Filter
	anchor   string // the folder that patterns start from, absolute; "" for the one that a manifest's names start from
}

// newFilter returns the filter of a request; nil if it has no patterns. The error is a [*glob.Error].
func newFilter(r *Reading) (*filter, error) {
	patterns, err := glob.NewFilter(r.Include, r.Exclude)
	if patterns == nil || err != nil {
		return nil, err
	}
	return &filter{patterns: patterns}, nil
}

// keeps reports whether the entry of a claim is kept: by its name, or by that with its backslashes as separators.
func (f *filter) keeps(c *claim) bool {
	if f == nil {
		return true
	}
	names := [2]string{c.name, c.slashed}
	kept := false
	for _, name := range names[:] {
		if name == "" {
			continue
		}
		place, ok := f.place(c.root.Dir, name)
		if !ok {
			return true
		}
		if f.patterns.Excludes(place) {
			return false
		}
		kept = kept || f.patterns.Keeps(place)
	}
	return kept
}

// place returns the name of a file below the folder that patterns start from; that of one outside is its absolute path.
// It is not known of a name with ".." behind another component, which only the system can resolve: such an entry is
// kept.
func (f *filter) place(root, name string) (string, bool) {
	path := name
	if !filepath.IsAbs(name) {
		rest := filepath.ToSlash(name)
		for strings.HasPrefix(rest, "../") {
			rest = rest[len("../"):]
		}
		if hasDots(rest) {
			return "", false
		}
		path = filepath.Join(root, name)
	} else if hasDots(name) {
		return "", false
	}
	return below(f.anchorIn(root), filepath.Clean(path)), true
}

// below returns an absolute path as one relative to a folder, if it lies in that, else without the root.
func below(folder, path string) string {
	rest, inside := strings.CutPrefix(path, strings.TrimSuffix(folder, string(filepath.Separator))+string(filepath.Separator))
	if !inside {
		rest = strings.TrimLeft(path[len(filepath.VolumeName(path)):], string(filepath.Separator))
	}
	return filepath.ToSlash(rest)
}

// keepsFile reports whether an unlisted file, by its absolute path, is kept; root is the folder that was searched.
func (f *filter) keepsFile(root *safefs.Root, path string) bool {
	return f == nil || f.patterns.Keeps(below(f.anchorIn(root.Dir), path))
}

// prunes returns what reports whether nothing is kept in a folder below root; nil for a filter that keeps all.
func (f *filter) prunes(root *safefs.Root) func(name string) bool {
	return f.folders(root, (*glob.Filter).Prunes)
}

// excludesFolders is prunes by exclude alone, for the search of manifests: one may list files in another folder.
func (f *filter) excludesFolders(root *safefs.Root) func(name string) bool {
	return f.folders(root, (*glob.Filter).ExcludesFolder)
}

// folders returns what asks test about folders below root.
func (f *filter) folders(root *safefs.Root, test func(f *glob.Filter, name string) bool) func(name string) bool {
	if f == nil {
		return nil
	}
	return func(name string) bool {
		return test(f.patterns, below(f.anchorIn(root.Dir), filepath.Join(root.Dir, filepath.FromSlash(name))))
	}
}

// anchorIn returns the folder that patterns start from if names start from the folder dir.
func (f *filter) anchorIn(dir string) string {
	if f.anchor == "" {
		return dir
	}
	return f.anchor
}
