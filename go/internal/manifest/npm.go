package manifest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"strings"

	"checksig/internal/digest"
)

// NPM is the lock file of npm, package-lock.json or npm-shrinkwrap.json. Sources: npm's "package-lock.json",
// lockfileVersion 1 to 3; W3C "Subresource Integrity".
//
//	{"lockfileVersion": 3, "packages": {"node_modules/a": {"resolved": <URL>, "integrity": "sha512-"<base64>}}}
//
// A package's file is the last part of its address; all of its digests are entries. What is no file is
// skipped: the project itself, its folders, links, and packages inside the files of others. A package without
// a digest, such as one from Git, is a bad line.
var NPM = &Format{Name: "npm", Detect: detectNPM, ReadDocument: func(doc *Document, _ Options) Next {
	return readJSON(doc, false, func(r *jsonReader) *jsonNode {
		version := ""
		return &jsonNode{fields: map[string]*jsonNode{
			"lockfileVersion": {read: func(string) (_ []Entry, err error) {
				version, err = r.number()
				return nil, err
			}},
			"packages":     {members: &jsonNode{read: func(key string) ([]Entry, error) { return npmPackage(r, key, false) }}},
			"dependencies": {members: &jsonNode{read: func(key string) ([]Entry, error) { return npmPackage(r, key, true) }}},
		}, end: func() ([]Entry, error) {
			if version != "1" && version != "2" && version != "3" {
				return nil, valueErrorf("unknown lockfileVersion %.20q, expected 1, 2 or 3", version)
			}
			return nil, nil
		}}
	})
}}

func detectNPM(head []byte, o Options) bool {
	object := jsonHead(head)
	return hasKeys(object, "lockfileVersion") ||
		object != nil && (o.FileName == "package-lock.json" || o.FileName == "npm-shrinkwrap.json")
}

// npmPackage reads a package. tree is set for one of lockfileVersion 1, which contains those below it.
func npmPackage(r *jsonReader, key string, tree bool) ([]Entry, error) {
	f := jsonFile{}
	var version, resolved, integrity string
	var link, bundled bool
	var below []Entry
	var belowErr severalErrors
	err := r.members(func(field string) (err error) {
		switch {
		case field == "version":
			version, err = r.text()
		case field == "resolved":
			resolved, err = npmText(r)
		case field == "integrity":
			integrity, err = r.text()
		case field == "link":
			link, err = r.boolean()
		case field == "inBundle" || field == "bundled":
			bundled, err = npmBoolean(r)
		case field == "dependencies" && tree:
			err = r.members(func(key string) error {
				entries, err := npmPackage(r, key, true)
				below = append(below, entries...)
				return belowErr.keep(err)
			})
		default:
			err = r.skip()
		}
		return err
	})
	isFolder := !tree && !strings.Contains(key, "node_modules/") && resolved == "" || tree && strings.HasPrefix(version, "file:")
	if err == nil && integrity == "" && (link || bundled || isFolder) {
		return below, belowErr.orNil()
	}
	switch {
	case strings.HasPrefix(resolved, "git") || resolved == "" && strings.HasPrefix(version, "git"):
		_ = f.fail(errors.New("a package from Git: no digest of a file"))
		integrity = ""
	case strings.HasPrefix(resolved, "file:"):
		f.name, f.raw = path.Base(resolved[len("file:"):]), resolved
	default:
		f.locate(resolved)
	}
	if f.name == "" && f.raw == "" {
		f.raw = key
	}
	f.addIntegrity(integrity)
	entries, err := f.entries(err)
	return append(entries, below...), belowErr.add(err).orNil()
}

// npmText reads a string; npm wrote false for what it did not know.
func npmText(r *jsonReader) (string, error) {
	if c, err := r.peek(); err == nil && c == 'f' {
		return "", r.skip()
	}
	return r.text()
}

// npmBoolean reads a boolean; npm wrote an array of names, too.
func npmBoolean(r *jsonReader) (bool, error) {
	if c, err := r.peek(); err == nil && c == '[' {
		return false, r.skip()
	}
	return r.boolean()
}

// addIntegrity adds digests in the form of Subresource Integrity: <algorithm>"-"<base64>["?"<options>], with
// white space between several. Of several digests by one algorithm, any may match: an entry cannot say that.
func (f *jsonFile) addIntegrity(text string) {
	for _, word := range strings.Fields(text) {
		word, _, _ = strings.Cut(word, "?")
		tag, sum, found := strings.Cut(word, "-")
		algorithm := digest.ByTag(tag)
		switch {
		case !found:
			_ = f.fail(fmt.Errorf("expected an algorithm and a digest in base64, found %.40q", word))
			continue
		case algorithm == nil:
			f.unknown = append(f.unknown, fmt.Sprintf("%.40q", tag))
			continue
		}
		before := f.digests
		_ = f.add(algorithm, sum, func(text string) ([]byte, error) { return fromBase64(base64.StdEncoding, text) })
		for _, e := range before {
			if len(f.digests) > len(before) && e.Algorithm == algorithm && !bytes.Equal(e.Digest, f.digests[len(before)].Digest) {
				_ = f.fail(fmt.Errorf("several %s digests, of which any may match", algorithm.Name))
			}
		}
	}
}
