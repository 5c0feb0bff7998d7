package manifest

import (
	"errors"
	"slices"
)

// SPDX is a software bill of materials of the Linux Foundation in JSON. Sources: SPDX 2.2 and 2.3 (ISO/IEC
// 5962), "File Information"; SPDX 3.0, "File" and "Hash".
//
//	{"spdxVersion": "SPDX-2.3", "files": [{"fileName": "./"<name>,
//	 "checksums": [{"algorithm": "SHA256", "checksumValue": <hex digest>}]}]}
//
//	{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [{"type": "software_File",
//	 "name": <name>, "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": <hex digest>}]}]}
//
// Packages are no files. If they have digests, [Reading.Unverified] has "packages", or their types of SPDX 3.0, such
// as "software_Package"; and "externalDocumentRefs" for digests of other documents. A file without a digest is a bad line.
var SPDX = &Format{Name: "spdx", Detect: func(head []byte, _ Options) bool {
	object := jsonHead(head)
	return hasKeys(object, "spdxVersion") || hasKeys(object, "@context") && jsonMentions(head, "spdx.org/rdf/3")
}, ReadDocument: func(doc *Document, _ Options) Next {
	return readJSON(doc, false, func(r *jsonReader) *jsonNode {
		return &jsonNode{fields: map[string]*jsonNode{
			"files":                {each: &jsonNode{read: func(string) ([]Entry, error) { return spdxFile(r) }}},
			"packages":             notedNode(r, "packages", "checksums", "packageVerificationCode"),
			"externalDocumentRefs": notedNode(r, "externalDocumentRefs", "checksum"),
			"@graph":               {each: &jsonNode{read: func(string) ([]Entry, error) { return spdxElement(r) }}},
		}}
	})
}}

func spdxFile(r *jsonReader) ([]Entry, error) {
	f := jsonFile{}
	return f.entries(r.members(func(key string) (err error) {
		switch key {
		case "fileName":
			f.name, err = r.text()
		case "checksums":
			err = f.readHashes(r, "algorithm", "checksumValue")
		default:
			err = r.skip()
		}
		return err
	}))
}

// spdxPackages are the types of elements that have digests and are no files.
var spdxPackages = map[string]bool{
	"software_Package": true, "software_Snippet": true, "ai_AIPackage": true, "dataset_DatasetPackage": true,
	"SpdxDocument": true, "ExternalMap": true, "build_Build": true, "software_Sbom": true, "Bom": true, "Bundle": true,
}

func spdxElement(r *jsonReader) ([]Entry, error) {
	f := jsonFile{}
	var types []string
	err := r.members(func(key string) (err error) {
		switch key {
		case "type", "@type":
			types, err = r.texts()
		case "name":
			f.name, err = r.text()
		case "verifiedUsing":
			err = f.readHashes(r, "algorithm", "hashValue")
		default:
			err = r.skip()
		}
		return err
	})
	if (err == nil || isValueError(err)) && !slices.Contains(types, "software_File") {
		switch {
		case types == nil:
			_ = f.fail(errors.New(`no "type"`))
		case spdxPackages[types[0]]:
			if len(f.digests)+len(f.unknown) > 0 || f.problem != nil {
				r.doc.ignores(types[0])
			}
			return nil, nil // what is wrong in an element that is no file does not matter
		case f.problem == nil && len(f.digests) == 0:
			return nil, nil
		}
		_ = f.fail(errors.New("a digest of what is neither a file nor a package"))
		f.digests = nil
	}
	return f.entries(err)
}
