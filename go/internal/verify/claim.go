package verify

import (
	"errors"
	"path/filepath"

	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// claim is one entry of a manifest and the file that its name stands for: "this file has this digest".
type claim struct {
	manifest *Manifest
	root     *safefs.Root
	entry    manifest.Entry
	name     string // of the file, below root
	slashed  string // its name if the backslashes in the first one are separators, or ""
	place    int64  // among the entries of its manifest, from 0
	number   int64  // among those of a [Part]; -1 for none
}

// key is equal for claims about one file, unless a link leads to it. A name with ".." is equal to itself
// only, as after a link it means something else than it says.
func (c *claim) key() string {
	key := filepath.Join(c.root.Dir, c.name)
	switch {
	case hasDots(c.name):
		key = c.root.Dir + "\x00" + c.name
	case filepath.IsAbs(c.name):
		key = filepath.Clean(c.name)
	}
	if c.slashed != "" {
		key += "\x00" + c.slashed
	}
	return key
}

// path is the absolute path of the file; "" for a name with "..", of which only the system can tell what
// it stands for.
func (c *claim) path() string {
	switch {
	case hasDots(c.name):
		return ""
	case filepath.IsAbs(c.name):
		return filepath.Clean(c.name)
	}
	return filepath.Join(c.root.Dir, c.name)
}

// size is how many bytes its names and digest take.
func (c *claim) size() int {
	return len(c.entry.Name) + len(c.name) + len(c.slashed) + len(c.entry.Digest)
}

// follows reports whether c is about the file that the one before it is about.
func (c *claim) follows(before *claim) bool {
	return c.name == before.name && c.root == before.root && c.slashed == before.slashed
}

// result makes r the result of c, whose file was looked for, or opened, as name.
func (c *claim) result(r *Result, status Status, name string) {
	*r = Result{Manifest: c.manifest, Entry: c.entry, Status: status}
	if name != c.entry.Name || c.entry.RawName != "" || c.root != c.manifest.folder {
		r.OpenedAs = c.root.Path(name)
	}
}

// failed makes r the result of c, whose file could not be read because of err.
func (c *claim) failed(r *Result, err error) {
	status := Unreadable
	if safefs.IsMissing(err) {
		status = Missing
	}
	c.result(r, status, c.name)
	r.Detail, r.Outside = safefs.Cause(err), errors.Is(err, safefs.ErrOutside)
	if r.Outside || errors.Is(err, safefs.ErrNotRegular) || errors.Is(err, safefs.ErrName) {
		r.Reason = Refused
	}
}
