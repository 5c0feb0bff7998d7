package manifest

import "fmt"

// CycloneDX is a software bill of materials of OWASP in JSON. Source: ECMA-424, CycloneDX 1.2 to 1.7.
//
//	{"bomFormat": "CycloneDX", "components": [{"type": "file", "name": <name>,
//	 "hashes": [{"alg": "SHA-256", "content": <hex digest>}], "components": […]}]}
//
// Components of other types, such as libraries, are no files. If they have digests, [Reading.Unverified] has
// "type=library"; and "externalReferences" and "tools" for digests of these. A file without a digest is a bad line.
var CycloneDX = &Format{Name: "cyclonedx", Detect: func(head []byte, _ Options) bool {
	return jsonHead(head)["bomFormat"] == "CycloneDX"
}, ReadDocument: func(doc *Document, _ Options) Next {
	return readJSON(doc, false, func(r *jsonReader) *jsonNode {
		component := &jsonNode{read: func(string) ([]Entry, error) { return bomComponent(r) }}
		return &jsonNode{fields: map[string]*jsonNode{
			"components": {each: component},
			"metadata": {fields: map[string]*jsonNode{
				"component": component, "tools": {read: func(string) ([]Entry, error) { return nil, bomTools(r) }},
			}},
			bomReferences: notedNode(r, bomReferences, "hashes"),
		}}
	})
}}

// bomTypes are the types of components that are no files.
var bomTypes = map[string]bool{
	"application": true, "framework": true, "library": true, "container": true, "platform": true, "operating-system": true,
	"device": true, "device-driver": true, "firmware": true, "machine-learning-model": true, "data": true, "cryptographic-asset": true,
}

// bomReferences is the key of a list of addresses, with the digests of what is there.
const bomReferences = "externalReferences"

// bomTools notes digests of the tools that made the document: an array of them, from CycloneDX 1.5 on an object
// with components.
func bomTools(r *jsonReader) error {
	tool := func() error { return r.noteDigests("tools", "hashes") }
	if c, err := r.peek(); err != nil || c != '{' {
		return ignoreValueError(r.elements(tool))
	}
	return ignoreValueError(r.members(func(key string) error {
		if key == "components" {
			return r.elements(tool)
		}
		return r.skip()
	}))
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
		case bomReferences:
			err = r.elements(func() error { return r.noteDigests(bomReferences, "hashes") })
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
		if len(f.digests)+len(f.unknown) > 0 || f.problem != nil {
			r.doc.ignores("type=" + kind)
		}
		return inside, insideErr.orNil()
	default:
		_ = f.fail(fmt.Errorf("unknown type of components %.40q", kind))
		f.digests = nil
	}
	entries, err := f.entries(err)
	return append(entries, inside...), insideErr.add(err).orNil()
}
