package manifest

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"checksig/internal/digest"
)

// ROCrate is the description of a research object, ro-crate-metadata.json. Source: RO-Crate Metadata
// Specification 1.0 to 1.2, "Data entities".
//
//	{"@context": "https://w3id.org/ro/crate/1.1/context",
//	 "@graph": [{"@id": <name>, "@type": "File", "contentSize": <size>, "sha256": <hex digest>}]}
//
// The name is percent-encoded, as in a URL. The name of a file with a URL is the last part of it. A file
// without a digest is a bad line.
var ROCrate = &Format{Name: "ro-crate", Detect: detectROCrate, ReadDocument: func(doc *Document, _ Options) Next {
	return readJSON(doc, false, func(r *jsonReader) *jsonNode {
		return &jsonNode{required: []string{"@graph"}, fields: map[string]*jsonNode{
			"@graph": {each: &jsonNode{read: func(string) ([]Entry, error) { return crateEntity(r) }}}}}
	})
}}

func detectROCrate(head []byte, o Options) bool {
	object := jsonHead(head)
	return hasKeys(object, "@context") && (o.FileName == "ro-crate-metadata.json" || o.FileName == "ro-crate-metadata.jsonld" ||
		jsonMentions(head, "w3id.org/ro/crate/"))
}

func crateEntity(r *jsonReader) ([]Entry, error) {
	f := jsonFile{}
	var id string
	var types []string
	err := r.members(func(key string) (err error) {
		switch {
		case key == "@id":
			id, err = r.text()
		case key == "@type":
			types, err = r.texts()
		case key == "contentSize":
			err = f.setTextSize(r)
		case digest.ByTag(key) != nil:
			err = f.readHex(r, key)
		default:
			err = r.skip()
		}
		return err
	})
	if (err == nil || isValueError(err)) && !slices.Contains(types, "File") && !slices.Contains(types, "MediaObject") {
		switch {
		case types == nil:
			_ = f.fail(errors.New(`no "@type"`))
		case f.problem == nil && len(f.digests) == 0:
			return nil, nil // what is wrong in an entity that is no file does not matter
		}
		_ = f.fail(errors.New("a digest of what is not a File"))
	}
	f.locate(id)
	if f.raw == "" {
		if name, err := url.PathUnescape(id); err == nil && name != id {
			f.name, f.raw = name, id
		}
	}
	return f.entries(err)
}

// setTextSize reads a size that is a number or digits in a string. Other strings, such as "5 kB", are
// skipped: they are for people.
func (f *jsonFile) setTextSize(r *jsonReader) error {
	c, err := r.peek()
	switch {
	case err != nil:
		return err
	case c != '"':
		return f.setSize(r)
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, " B"), "B")
	if size, err := strconv.ParseUint(text, 10, 63); err == nil {
		f.size, f.hasSize = int64(size), true
	}
	return nil
}
