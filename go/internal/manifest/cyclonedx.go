package manifest

import "fmt"

// CycloneDX is a software bill of materials of OWASP in JSON. Source: ECMA-424, CycloneDX 1.2 to 1.7.
//
//	{"bomFormat": "CycloneDX", "components": [{"type": "file", "name": <name>,
//	 "hashes": [{"alg": "SHA-256", "content": <hex digest>}], "components": […]}]}
//
// Components of other types, such as libraries, are no files, and are skipped with their digests; a file
// without a digest is a bad line.
var CycloneDX = &Format{Name: "cyclonedx", Detect: func(head []byte, _ Options) bool {
	return jsonHead(head)["bomFormat"] == "CycloneDX"
}, ReadDocument: func(doc *Document, _ Options) Next {
	return readJSON(doc, false, func(r *jsonReader) *jsonNode {
		component := &jsonNode{read: func(string) ([]Entry, error) { return bomComponent(r) }}
		return &jsonNode{fields: map[string]*jsonNode{
			"components": {each: component},
			"metadata":   {fields: map[string]*jsonNode{"component": component}},
		}}
	})
}}

// bomTypes are the types of components that are no files.
var bomTypes = map[string]bool{
	"application": true, "framework": true, "library": true, "container": true, "platform": true, "operating-system": true,
	"device": true, "device-driver": true, "firmware": true, "machine-learning-model": true, "data": true, "cryptographic-asset": true,
}

// bomComponent reads a component and those inside it.
func bomComponent(r *jsonReader) ([]Entry, error) {
	f := jsonFile{}
	kind := ""
	var inside []Entry
	var insideErr severalErrors
	err := r.members(func(key string) (err error) {
		switch key {
		case "type":
			kind, err = r.text()
		case "name":
			f.name, err = r.text()
		case "hashes":
			err = f.readHashes(r, "alg", "content")
		case "components":
			err = r.elements(func() error {
				entries, err := bomComponent(r)
				inside = append(inside, entries...)
				return insideErr.keep(err)
			})
		default:
			err = r.skip()
		}
		return err
	})
	if err != nil && !isValueError(err) {
		return nil, err
	}
	switch {
	case err != nil || kind == "file":
	case bomTypes[kind]:
		return inside, insideErr.orNil()
	default:
		_ = f.fail(fmt.Errorf("unknown type of components %.40q", kind))
		f.digests = nil
	}
	entries, err := f.entries(err)
	return append(entries, inside...), insideErr.add(err).orNil()
}
