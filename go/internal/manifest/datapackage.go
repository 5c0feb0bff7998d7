package manifest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Datapackage is the description of a Frictionless data package, datapackage.json. Source: Data Package
// standard, versions 1 and 2, "Data Resource".
//
//	{"resources": [{"path": <name, or an array of one>, "hash": [<algorithm>":"]<hex digest>, "bytes": <size>}]}
//
// A hash without an algorithm is of MD5. The name of a file with a URL is the last part of it. A resource
// whose data are in the description is no file; one without a hash is a bad line, as is one of several files,
// whose hash is of none of them.
var Datapackage = &Format{Name: "datapackage", Detect: detectDatapackage, ReadDocument: func(doc *Document, o Options) Next {
	return readJSON(doc, false, func(r *jsonReader) *jsonNode {
		return &jsonNode{required: []string{"resources"}, fields: map[string]*jsonNode{
			"resources": {each: &jsonNode{read: func(string) ([]Entry, error) { return dataResource(r, o) }}}}}
	})
}}

func detectDatapackage(head []byte, o Options) bool {
	object := jsonHead(head)
	return object != nil && (o.FileName == "datapackage.json" || strings.HasSuffix(o.FileName, ".datapackage.json")) ||
		hasKeys(object, "resources") && (hasKeys(object, "profile") ||
			strings.Contains(object["$schema"], "datapackage") || strings.Contains(object["$schema"], "data-package"))
}

func dataResource(r *jsonReader, o Options) ([]Entry, error) {
	f := jsonFile{}
	var paths []string
	var name, hash string
	inline := false
	err := r.members(func(key string) (err error) {
		switch key {
		case "path":
			paths, err = r.texts()
		case "name":
			name, err = r.text()
		case "hash":
			hash, err = r.text()
		case "bytes":
			err = f.setSize(r)
		case "data":
			inline = true
			err = r.skip()
		default:
			err = r.skip()
		}
		return err
	})
	if err == nil && inline && paths == nil && hash == "" {
		return nil, nil
	}
	if len(paths) == 1 {
		f.locate(paths[0])
	}
	if f.name == "" && f.raw == "" {
		f.raw = name
	}
	if len(paths) > 1 {
		f.raw = paths[0]
		return f.entries(orElse(err, valueErrorf("a resource of %d files: no digest of each of them", len(paths))))
	}
	tag, digits, tagged := strings.Cut(hash, ":")
	switch {
	case tagged:
		if digits == "" {
			_ = f.fail(errors.New("no digest after the algorithm"))
		}
		_ = f.addHex(tag, digits)
	case hash != "" && o.Algorithm != nil:
		_ = f.add(o.Algorithm, hash, hex.DecodeString)
	case hash != "" && len(hash) != hex.EncodedLen(md5.Size):
		_ = f.fail(fmt.Errorf(`%w; a digest of another algorithm begins with its name, as in "sha256:…"`, wrongDigest(md5, []byte(hash))))
	case hash != "":
		_ = f.add(md5, hash, hex.DecodeString)
	}
	return f.entries(err)
}
