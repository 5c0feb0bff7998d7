package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"checksig/internal/lookahead"
	"checksig/internal/manifest"
	"checksig/internal/printable"
	"checksig/internal/safefs"
)

// NoManifestError is the [ErrNoManifest] of a folder in which some files look like manifests.
type NoManifestError struct {
	Hint string // one sentence about such a file
}

func (e *NoManifestError) Error() string { return ErrNoManifest.Error() + "; " + e.Hint }

// Is makes it an [ErrNoManifest].
func (e *NoManifestError) Is(target error) bool { return target == ErrNoManifest }

// unknownManifests are the candidates that hold digests, but in no format that is known.
type unknownManifests struct {
	paths []string // for reports, at most maxUnknown
	count int
}

// maxUnknown is how many candidates that are not understood are reported.
const maxUnknown = 100

func (u *unknownManifests) add(path string) {
	if len(u.paths) < maxUnknown {
		u.paths = append(u.paths, path)
	}
	u.count++
}

// hint returns a sentence about them, "" if there are none.
func (u *unknownManifests) hint() string {
	if u.count == 0 {
		return ""
	}
	path := printable.Quote(u.paths[0])
	which := " looks"
	if u.count > 1 {
		which = fmt.Sprintf(" and %d more look", u.count-1)
	}
	return path + which + " like one, but could not be understood; to see why: checksig " + path
}

// examine removes the candidates whose content is no manifest.
func (d *discovery) examine(ctx context.Context) error {
	var candidates []*location
	for _, l := range d.locations {
		if l.candidate {
			candidates = append(candidates, l)
		}
	}
	ahead := lookahead.New(ctx, len(candidates), fastManifest, func(i int) (manifest.Content, bool) {
		content, err := d.recognise(candidates[i])
		return content, err == nil
	})
	defer ahead.End()
	kept, next := d.locations[:0], 0
	for _, l := range d.locations {
		if !l.candidate {
			kept = append(kept, l)
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		content, err := ahead.Get(next, func() (content manifest.Content, err error) {
			err = d.roots.Retry(ctx, func() error {
				content, err = d.recognise(l)
				return err
			})
			return content, err
		})
		next++
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case errors.Is(err, safefs.ErrNotRegular), safefs.IsMissing(err): // no file, or a link to none
		case err != nil, content == manifest.Recognised:
			kept = append(kept, l) // what cannot be read now is reported later
		case content == manifest.Unknown && !isSignatureOf(kept, l):
			d.unknown.add(d.path(l.folder, l.name))
		}
	}
	clear(d.locations[len(kept):])
	d.locations = kept
	return nil
}

// isSignatureOf reports whether l has the name of a signature of one of the manifests, which are sorted. What it holds
// is checked, or noted as not checked.
func isSignatureOf(manifests []*location, l *location) bool {
	for _, suffix := range manifest.SignatureSuffixes {
		signed, is := strings.CutSuffix(l.name, suffix)
		if is && hasLocation(manifests, l.folder, signed) {
			return true
		}
	}
	return false
}

// recognise looks at the beginning of the file at l.
func (d *discovery) recognise(l *location) (manifest.Content, error) {
	folder := d.roots.At(l.folder, "")
	tree, err := folder.Acquire()
	if err != nil {
		return manifest.NoDigests, err
	}
	defer folder.Release()
	return recognise(tree, l.name, manifest.Options{FileName: l.name})
}

func recognise(tree *safefs.Tree, name string, o manifest.Options) (manifest.Content, error) {
	file, err := tree.Open(name)
	if err != nil {
		return manifest.NoDigests, err
	}
	defer file.Close()
	content, about, err := manifest.Recognise(sized{file, file.Size()}, o)
	if err == nil && content == manifest.Recognised && about != "" {
		if _, err := tree.Stat(about); err != nil {
			return manifest.Unknown, nil // a digest of which nothing tells what it is about
		}
	}
	return content, err
}

// sized is a file whose size is known; see [manifest.Recognise].
type sized struct {
	io.Reader
	size int64
}

func (s sized) Len() int { return int(min(s.size, manifest.MaxLine)) }

// maxHints is how many files are opened to give a hint.
const maxHints = 16

// noManifest returns the error for a folder without manifests, with a hint if files in it look like some.
func (d *discovery) noManifest(ctx context.Context, tree *safefs.Tree) error {
	if hint := d.unknown.hint(); hint != "" {
		return &NoManifestError{hint}
	}
	names, _ := tree.Names()
	names = slices.DeleteFunc(names, func(name string) bool {
		return !manifest.IsNearName(name) || isFolder(tree, name, nil)
	})
	slices.Sort(names)
	for _, name := range names[:min(len(names), maxHints)] {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if content, err := recognise(tree, name, manifest.Options{FileName: name}); err == nil && content == manifest.Recognised {
			path := d.roots.Shown(name)
			return &NoManifestError{fmt.Sprintf("%s looks like one: checksig %s", printable.Quote(name), printable.Quote(path))}
		}
	}
	return ErrNoManifest
}
