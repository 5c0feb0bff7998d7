package manifest

// Cargo is the list of the files of a crate that "cargo vendor" has unpacked, .cargo-checksum.json. Source:
// Cargo's "Source Replacement", "Directory Sources".
//
//	{"files": {<name>: <hex digest of SHA-256>}, "package": <hex digest of SHA-256, or null>}
//
// The digest of the package is that of the archive, which is not in the folder: it is not verified, and in
// [Reading.Unverified].
var Cargo = &Format{Name: "cargo", Detect: detectCargo, ReadDocument: func(doc *Document, _ Options) Next {
	return readJSON(doc, false, func(r *jsonReader) *jsonNode {
		return &jsonNode{required: []string{"files", "package"}, fields: map[string]*jsonNode{
			"files": {members: &jsonNode{read: func(name string) ([]Entry, error) {
				f := jsonFile{name: name}
				return f.entries(f.readHex(r, "sha256"))
			}}},
			"package": {read: func(string) ([]Entry, error) {
				f := jsonFile{name: "the package"}
				err := f.readHex(r, "sha256")
				if len(f.digests) > 0 {
					r.doc.ignores("package")
				}
				if err != nil || f.problem == nil {
					return nil, err
				}
				return f.entries(nil)
			}},
		}}
	})
}}

func detectCargo(head []byte, o Options) bool {
	object := jsonHead(head)
	return object != nil && o.FileName == ".cargo-checksum.json" || len(object) == 2 && hasKeys(object, "files", "package")
}
