package manifest

import (
	"strings"

	"checksig/internal/digest"
)

// Croissant is the description of a data set for machine learning. Source: Croissant Format Specification
// 1.0 of MLCommons, "FileObject".
//
//	{"@context": {…}, "@type": "sc:Dataset", "conformsTo": "http://mlcommons.org/croissant/1.0",
//	 "distribution": [{"@type": "cr:FileObject", "contentUrl": <name or URL>, "sha256": <hex digest>}]}
//
// The name of a file with a URL is the last part of it. Files inside an archive, which is listed itself, and
// sets of files are no files of their own: [Reading.Unverified] has "containedIn" and "FileSet" for them. Any other
// one without a digest is a bad line.
var Croissant = &Format{Name: "croissant", Detect: detectCroissant, ReadDocument: func(doc *Document, _ Options) Next {
	return readJSON(doc, false, func(r *jsonReader) *jsonNode {
		return &jsonNode{required: []string{"distribution"}, fields: map[string]*jsonNode{
			"distribution": {each: &jsonNode{read: func(string) ([]Entry, error) { return croissantFile(r) }}}}}
	})
}}

func detectCroissant(head []byte, _ Options) bool {
	return hasKeys(jsonHead(head), "@context") && jsonMentions(head, "mlcommons.org/croissant/")
}

func croissantFile(r *jsonReader) ([]Entry, error) {
	f := jsonFile{}
	var address, name string
	var types []string
	contained := false
	err := r.members(func(key string) (err error) {
		switch {
		case key == "@type":
			types, err = r.texts()
		case key == "contentUrl":
			address, err = r.text()
		case key == "name":
			name, err = r.text()
		case key == "containedIn":
			contained = true
			err = r.skip()
		case key == "contentSize":
			err = f.setTextSize(r)
		case digest.ByTag(key) != nil:
			err = f.readHex(r, key)
		default:
			err = r.skip()
		}
		return err
	})
	if err != nil && !isValueError(err) {
		return nil, err
	}
	isSet := len(types) > 0
	for _, kind := range types {
		isSet = isSet && (kind == "FileSet" || strings.HasSuffix(kind, ":FileSet") || strings.HasSuffix(kind, "/FileSet"))
	}
	switch {
	case isSet:
		r.doc.ignores("FileSet")
		return nil, nil
	case contained && len(f.digests) == 0 && f.problem == nil && err == nil:
		r.doc.ignores("containedIn")
		return nil, nil
	}
	if f.locate(address); address == "" {
		f.raw = name
	}
	return f.entries(err)
}
