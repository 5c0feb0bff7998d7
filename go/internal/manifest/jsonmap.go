package manifest

import (
	"bytes"
	"errors"
	"strings"
)

// JSONMap is a JSON object of names and their digests, as the checksums.json of Puppet modules and of Electron.
// Sources: Puppet's "Publishing modules", metadata file checksums.json; the releases of Electron.
//
//	{<name>: <digest>, …}
//
// A digest is hexadecimal, or has its algorithm in front, as in the lines of [GNU]. Every value must be one.
var JSONMap = &Format{Name: "json-map", Detect: detectJSONMap, ReadDocument: func(doc *Document, o Options) Next {
	digests := o.untagged()
	return readJSON(doc, false, func(r *jsonReader) *jsonNode {
		return &jsonNode{members: &jsonNode{read: func(name string) ([]Entry, error) {
			f := jsonFile{name: name}
			text, err := r.text()
			if err != nil || text == "" {
				return f.entries(err)
			}
			e, err := digests.entry([]byte(text), nil)
			if err != nil {
				return f.entries(f.fail(err))
			}
			f.digests = append(f.digests, e)
			return f.entries(nil)
		}}}
	})
}}

// errNotInMap ends the search of detectJSONMap.
var errNotInMap = errors.New("not a digest")

// detectJSONMap reports whether the first members of an object are digests, up to one whose key could be the name of
// a file, and none of their keys is an algorithm: other programs keep the digests of other things so.
func detectJSONMap(head []byte, o Options) bool {
	isMap, digests := false, o.untagged()
	r := newJSONReader(&Document{r: bytes.NewReader(head)})
	_ = r.members(func(key string) error {
		text, err := r.text()
		if err != nil {
			return errNotInMap
		}
		d, err := digests.parseDigest([]byte(text))
		if err != nil || len(d.sum) < minDigest || wholeAlgorithm(key) {
			return errNotInMap
		}
		if isMap = strings.ContainsAny(key, "./"); isMap {
			return errNotInMap // one is enough
		}
		return nil
	})
	return isMap
}
