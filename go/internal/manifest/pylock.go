package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Pylock is the lock file of Python projects, pylock.toml or pylock.<name>.toml. Source: PyPA, "pylock.toml
// Specification" (once PEP 751).
//
//	lock-version = "1.0"
//	[[packages]]
//	name = "a"
//	[[packages.wheels]]
//	url = "https://files.example.org/a-1-py3-none-any.whl"
//	size = 5
//	hashes = {sha256 = "hex digest"}
//
// A wheel, sdist or archive is the file at its path, which starts from the lock file's folder; one that has
// none is a file called as its name says, or the last part of its address. A package from a version control
// system or a folder has no digests, and is a bad line. So is a key that the specification does not have.
var Pylock = &Format{Name: "pylock", Detect: detectPylock, ReadDocument: readPylock}

var (
	pylockName    = pattern(`^pylock\.(?:[^.]+\.)?toml$`)
	pylockVersion = pattern(`(?m)^[ \t]*lock-version[ \t]*=`)
	pylockPackage = pattern(`(?m)^[ \t]*(?:\[\[[ \t]*packages[ \t]*\]\]|packages[ \t]*=)`)
)

var (
	pylockKeys = wordSet(`lock-version environments requires-python extras dependency-groups default-groups created-by
		packages tool`)
	pylockPackageKeys = wordSet(`name version marker requires-python dependencies vcs directory archive index sdist wheels
		attestation-identities tool`)
	pylockFileKeys = wordSet(`name upload-time url path size hashes subdirectory`)
)

func detectPylock(head []byte, o Options) bool {
	return pylockName().MatchString(o.FileName) ||
		bytes.Contains(head, []byte("lock-version")) && pylockVersion().Match(head) && pylockPackage().Match(head)
}

// pylockItem is what is found in a part of the lock file.
type pylockItem struct {
	line    int64
	entries []Entry
	err     error
}

func readPylock(doc *Document, _ Options) Next {
	var packages []*tomlValue
	var items []pylockItem
	begun := false
	return perItem(doc, func() ([]Entry, error) {
		switch {
		case !begun:
			begun = true
			text, err := doc.all(maxTOML)
			if err != nil {
				return nil, err
			}
			packages, err = pylockPackages(text)
			return nil, err
		case len(items) > 0:
			item := items[0]
			items = items[1:]
			return item.entries, item.err
		case len(packages) > 0:
			items = pylockItems(packages[0])
			packages = packages[1:]
			return nil, nil
		}
		return nil, io.EOF
	})
}

// pylockPackages returns the packages of a lock file, and an error for anything but a lock file of a known
// version.
func pylockPackages(text []byte) ([]*tomlValue, error) {
	root, err := parseTOML(text)
	if err != nil {
		return nil, err
	}
	fail := func(v *tomlValue, cause string) ([]*tomlValue, error) {
		return nil, &LineError{Line: v.line, Cause: cause, Fatal: true}
	}
	version := root.keys["lock-version"]
	switch {
	case version == nil || version.kind != tomlString:
		return fail(root, `no "lock-version"`)
	case version.text != "1.0":
		return fail(version, fmt.Sprintf("lock-version %.20q is not supported; known: 1.0", version.text))
	}
	if key, value := root.unknown(pylockKeys); value != nil {
		return fail(value, fmt.Sprintf("unknown key %.40q", key))
	}
	packages := root.keys["packages"]
	if packages == nil {
		return nil, nil
	}
	if !packages.isTables() {
		return fail(packages, `"packages" is no array of tables`)
	}
	return packages.items, nil
}

// unknown returns the first key in the document that is not known, and its value; nil if all are.
func (v *tomlValue) unknown(known map[string]bool) (key string, value *tomlValue) {
	for k, each := range v.keys {
		if !known[k] && (value == nil || each.line < value.line || each.line == value.line && k < key) {
			key, value = k, each
		}
	}
	return key, value
}

func (v *tomlValue) isTables() bool {
	return v.kind == tomlArray && !slices.ContainsFunc(v.items, func(item *tomlValue) bool { return item.kind != tomlTable })
}

// pylockItems returns what a package lists, in the order of the lines.
func pylockItems(p *tomlValue) (items []pylockItem) {
	fail := func(v *tomlValue, err error) {
		items = append(items, pylockItem{line: v.line, err: lineError(v.line, []byte(p.string("name")), err)})
	}
	if key, value := p.unknown(pylockPackageKeys); value != nil {
		fail(value, fmt.Errorf("unknown key %.40q of a package", key))
	}
	sources := 0
	for _, key := range []string{"vcs", "directory"} {
		if v := p.keys[key]; v != nil {
			sources++
			fail(v, fmt.Errorf("%w: a package from %q", errNoDigest, key))
		}
	}
	for _, key := range []string{"archive", "sdist"} {
		v := p.keys[key]
		switch {
		case v == nil:
		case v.kind != tomlTable:
			sources++
			fail(v, fmt.Errorf("%q is no table", key))
		default:
			sources++
			items = append(items, pylockFile(v))
		}
	}
	switch wheels := p.keys["wheels"]; {
	case wheels == nil:
	case !wheels.isTables():
		sources++
		fail(wheels, errors.New(`"wheels" is no array of tables`))
	default:
		for _, wheel := range wheels.items {
			sources++
			items = append(items, pylockFile(wheel))
		}
	}
	if sources == 0 {
		fail(p, errors.New("a package without files"))
	}
	slices.SortStableFunc(items, func(a, b pylockItem) int { return int(a.line - b.line) })
	return items
}

// string returns the string with that key, or "".
func (v *tomlValue) string(key string) string {
	if value := v.keys[key]; value != nil && value.kind == tomlString {
		return value.text
	}
	return ""
}

var pylockKinds = []struct {
	key  string
	kind tomlKind
}{{"name", tomlString}, {"url", tomlString}, {"path", tomlString}, {"size", tomlInteger}, {"hashes", tomlTable}}

func pylockFile(v *tomlValue) pylockItem {
	f := &listedFile{line: v.line}
	if key, value := v.unknown(pylockFileKeys); value != nil {
		f.fail(fmt.Errorf("unknown key %.40q of a file", key))
	}
	for _, want := range pylockKinds {
		if value := v.keys[want.key]; value != nil && value.kind != want.kind {
			f.fail(fmt.Errorf("%q is %v instead of %v", want.key, value.kind, want.kind))
		}
	}
	pylockFileName(v, f)
	if size := v.keys["size"]; size != nil && size.kind == tomlInteger {
		if n, err := strconv.ParseInt(size.text, 0, 64); err == nil {
			f.setSize(strconv.FormatInt(n, 10))
		} else {
			f.setSize(size.text)
		}
	}
	if hashes := v.keys["hashes"]; hashes != nil && hashes.kind == tomlTable {
		for _, tag := range slices.Sorted(maps.Keys(hashes.keys)) {
			if sum := hashes.keys[tag]; sum.kind == tomlString {
				f.addDigest(tag, sum.text)
			} else {
				f.fail(fmt.Errorf("the digest %.20q is %v instead of a string", tag, sum.kind))
			}
		}
	}
	entries, err := f.done()
	return pylockItem{v.line, entries, err}
}

// pylockFileName finds out which file it is.
func pylockFileName(v *tomlValue, f *listedFile) {
	name, address := v.string("name"), v.string("url")
	switch local := v.string("path"); {
	case local != "":
		f.setName(local)
	case name != "":
		f.setName(name)
		if strings.ContainsAny(name, "/\\") {
			f.fail(fmt.Errorf("%.40q is not the name of a file", name))
		}
	case address != "":
		last, err := lastOfURL(address)
		if err != nil {
			f.fail(err)
			return
		}
		f.setName(last)
		f.raw = address
	}
}

// lastOfURL returns the last part of an address's path, decoded.
func lastOfURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("invalid address %.40q", address)
	}
	escaped := u.EscapedPath()
	name, err := url.PathUnescape(path.Base(escaped))
	if err != nil || strings.HasSuffix(escaped, "/") || checkComponent(name) != nil {
		return "", errors.New("the address has no file name at its end")
	}
	return name, nil
}
