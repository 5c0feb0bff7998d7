package manifest

import "checksig/internal/digest"

// Simplestreams is a list of downloads, such as Ubuntu's cloud images. Source: lp:simplestreams, "products:1.0".
//
//	{"format": "products:1.0", "products": {<product>: {"versions": {<version>: {"items": {<item>:
//	 {"path": <name>, "sha256": <hex digest>, "size": <size>}}}}}}}
//
// Names are relative to the folder above "streams/v1". An item with neither a name nor a digest, such as a
// cloud provider's image, is no file.
var Simplestreams = &Format{Name: "simplestreams", Base: "../..", Folder: "/streams/v1", Detect: func(head []byte, _ Options) bool {
	object := jsonHead(head)
	return object["format"] == "products:1.0" || hasKeys(object, "products", "content_id")
}, ReadDocument: func(doc *Document, _ Options) Next {
	return readJSON(doc, false, func(r *jsonReader) *jsonNode {
		format := ""
		item := &jsonNode{read: func(key string) ([]Entry, error) { return streamItem(r, key) }}
		version := &jsonNode{required: []string{"items"}, fields: map[string]*jsonNode{"items": {members: item}}}
		product := &jsonNode{required: []string{"versions"}, fields: map[string]*jsonNode{"versions": {members: version}}}
		return &jsonNode{fields: map[string]*jsonNode{
			"format":   textNode(r, &format),
			"products": {members: product},
		}, end: func() ([]Entry, error) {
			if format != "products:1.0" {
				return nil, valueErrorf(`unknown "format" %.40q, expected products:1.0`, format)
			}
			return nil, nil
		}}
	})
}}

func streamItem(r *jsonReader, key string) ([]Entry, error) {
	f := jsonFile{}
	err := r.members(func(field string) (err error) {
		switch {
		case field == "path":
			f.name, err = r.text()
		case field == "size":
			err = f.setSize(r)
		case digest.ByTag(field) != nil:
			err = f.readHex(r, field)
		default:
			err = r.skip()
		}
		return err
	})
	if err == nil && f.name == "" && len(f.digests) == 0 && f.problem == nil {
		return nil, nil
	}
	if f.name == "" {
		f.raw = key
	}
	return f.entries(err)
}
