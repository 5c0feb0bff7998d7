package generate

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// A manifest remembers in comments at its beginning which files [Create] was told to list, for [Update]:
//
//	# checksig: exclude=*.tmp
//	# checksig: path=photos
//
// Only Update reads them, and only to leave out files that are not listed yet: what is listed is kept and read,
// whatever they say. Package verify does not know them. So a manifest that others have written can at most keep files
// from being added, and Update reports each of them.
const rememberedMark = "checksig: "

// The keys of what is remembered.
const (
	rememberedInclude = "include"
	rememberedExclude = "exclude"
	rememberedPath    = "path"  // a file or folder that was listed; without any, all of the manifest's folder was
	rememberedLinks   = "links" // "skip"
	rememberedSpecial = "skip-special"
	rememberedBase    = "names" // "elsewhere": they start from another folder than the manifest's
	isSet             = "yes"
	isElsewhere       = "elsewhere"
)

// remembered is what a manifest says about how it was created.
type remembered struct {
	items     []string // "key=value"
	include   []string
	exclude   []string
	paths     []string
	skipLinks bool
	special   bool
	elsewhere bool
}

// commentMarks has what a comment begins with in the formats in which every tool passes over comments.
var commentMarks = map[string]string{
	"gnu": "# ", "bsd": "# ", "base64": "# ", "openssl": "# ", "pipe": "# ", "name-first": "# ", "sfv": "; ",
}

// commentMark returns what comments begin with in a manifest; "" where some tool takes them for an error: b3sum does.
func commentMark(format *manifest.Format, algorithms []*digest.Algorithm) string {
	for _, a := range algorithms {
		if a.Name == "blake3" {
			return ""
		}
	}
	return commentMarks[format.Name]
}

// toRemember returns what the update of a manifest must know to list no other files than r, with p, does.
// One file, for a caller who takes the manifest, needs no more words.
func (r *CreateRequest) toRemember(p *outputPlan) (items []string) {
	isAll := slices.Contains(p.starts, ".") || isBeside(p.output, p.starts) || r.ToCaller && p.isOneFile
	for _, path := range p.starts {
		if !isAll {
			items = append(items, rememberedPath+"="+path)
		}
	}
	for _, pattern := range r.Include {
		items = append(items, rememberedInclude+"="+pattern)
	}
	for _, pattern := range r.Exclude {
		items = append(items, rememberedExclude+"="+pattern)
	}
	if r.Links == SkipLinks {
		items = append(items, rememberedLinks+"="+string(SkipLinks))
	}
	if r.SkipSpecial {
		items = append(items, rememberedSpecial+"="+isSet)
	}
	return items
}

// isBeside reports whether a manifest has the name of the one file or folder next to it that it is about, such as
// disc.iso.sha256: no other is added to it.
func isBeside(output string, starts []string) bool {
	return output != "" && len(starts) == 1 && starts[0] != "" && strings.HasPrefix(filepath.Base(output), starts[0]+".")
}

// appendRemembered appends comments with items.
func appendRemembered(dst []byte, mark string, items []string) []byte {
	for _, item := range items {
		dst = append(dst, mark...)
		dst = append(dst, rememberedMark...)
		dst = append(escape(dst, item), '\n')
	}
	return dst
}

// escape appends text with "%" and two hex digits for each byte that is not printable ASCII, for "%" and for blanks.
// So it is one word, in any encoding.
func escape(dst []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c > ' ' && c < 0x7f && c != '%' {
			dst = append(dst, c)
		} else {
			dst = fmt.Appendf(dst, "%%%02X", c)
		}
	}
	return dst
}

// unescape is the inverse of escape.
func unescape(text string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' {
			if i+2 >= len(text) {
				return "", false
			}
			high, low := strings.IndexByte("0123456789ABCDEF", text[i+1]), strings.IndexByte("0123456789ABCDEF", text[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			c = byte(high<<4 | low)
			i += 2
		}
		if c == 0 {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

// parseRemembered returns what comments at the beginning of a manifest remember.
func parseRemembered(head []byte) (remembered, error) {
	var r remembered
	for line := range bytes.Lines(head) {
		text := strings.TrimLeft(strings.TrimRight(string(line), "\r\n"), "#; ")
		text, is := strings.CutPrefix(text, rememberedMark)
		if !is {
			continue
		}
		item, ok := unescape(text)
		if !ok || !r.add(item) {
			return r, fmt.Errorf("remembers %.80q, which is not understood; --no-remember (remember=False) ignores what it remembers", text)
		}
		r.items = append(r.items, item)
	}
	return r, nil
}

func (r *remembered) add(item string) bool {
	key, value, _ := strings.Cut(item, "=")
	switch {
	case key == rememberedInclude:
		r.include = append(r.include, value)
	case key == rememberedExclude:
		r.exclude = append(r.exclude, value)
	case key == rememberedPath && filepath.IsLocal(filepath.FromSlash(value)) && keyOf(value) == value:
		r.paths = append(r.paths, value)
	case key == rememberedLinks && value == string(SkipLinks):
		r.skipLinks = true
	case key == rememberedSpecial && value == isSet:
		r.special = true
	case key == rememberedBase && value == isElsewhere:
		r.elsewhere = true
	default:
		return false
	}
	return true
}

// remember puts into the head of the manifest what its update must know, or reports what cannot be put there.
func (c *creation) remember() []byte {
	items := c.request.toRemember(&c.plan)
	if c.plan.output != "" && c.plan.base != filepath.Dir(c.plan.output) && c.writer.format.Base == "" {
		items = append(items, rememberedBase+"="+isElsewhere)
	}
	if !c.request.Remember || len(items) == 0 {
		return nil
	}
	mark := commentMark(c.writer.format, c.writer.algorithms)
	head := appendRemembered(nil, mark, items)
	change := Remembered
	if mark == "" || len(head) > maxHead {
		head, change = nil, Forgotten
	}
	for _, item := range items {
		c.sink.File(item, change)
	}
	return head
}

// recall makes an update follow what its manifest remembers.
func (u *updating) recall() error {
	if !u.request.Remember {
		return nil
	}
	known, err := parseRemembered(u.source.head)
	if err != nil {
		return safefs.At(u.request.Path, err)
	}
	if known.elsewhere && u.request.RelativeTo == "" {
		return usage("%q: its names start from another folder than its own: name that, --relative-to (relative_to=)", u.request.Path)
	}
	also := Selection{Include: known.include, Exclude: known.exclude}
	if err := also.check(); err != nil {
		return safefs.At(u.request.Path, fmt.Errorf("remembers a pattern that cannot be used: %w", errors.New(err.Error())))
	}
	u.remembered, u.paths = also.filter, known.paths
	if known.skipLinks && u.request.Links == FollowLinks {
		u.request.Links = SkipLinks
	}
	u.request.SkipSpecial = u.request.SkipSpecial || known.special
	for _, item := range known.items {
		u.sink.File(item, Remembered)
	}
	return nil
}

// starts returns the files and folders below which files are added, in the order of a walk.
func (u *updating) starts() []string {
	names := slices.Clone(u.paths)
	switch {
	case len(names) > 0:
	case isBeside(u.source.path, []string{u.source.top}):
		names = []string{u.source.top}
	default:
		return []string{"."}
	}
	folders := make([]bool, 0, len(names))
	names = slices.DeleteFunc(names, func(name string) bool {
		info, err := u.walker.tree.Lstat(name)
		if err == nil {
			folders = append(folders, info.IsDir())
		}
		return err != nil // its files are listed, and missing
	})
	return sortedStarts(names, folders)
}
