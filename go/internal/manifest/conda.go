package manifest

import (
	"strings"
)

// CondaPaths is the list of a conda package's files, info/paths.json. Source: conda's "Package
// specification"; paths_version 1.
//
//	{"paths": [{"_path": <name>, "path_type": "hardlink", "sha256": <hex digest>, "size_in_bytes": <size>}], "paths_version": 1}
//
// Names are relative to the folder above "info". The digest of a softlink is that of the file that it leads
// to, its size that of the link itself, which is not checked. A directory is no file.
var CondaPaths = &Format{Name: "conda-paths", Base: "..", Folder: "/info", Detect: detectKeys("paths", "paths_version"),
	ReadDocument: func(doc *Document, _ Options) Next {
		return readJSON(doc, false, func(r *jsonReader) *jsonNode {
			return condaPaths(r, func() error { return nil })
		})
	}}

// CondaMeta is the record of a conda package that is installed, conda-meta/<name>-<version>-<build>.json.
//
//	{…, "paths_data": {"paths": [{"_path": <name>, "path_type": "hardlink", "sha256": <hex digest>,
//	 "sha256_in_prefix": <hex digest>, "size_in_bytes": <size>}], "paths_version": 1}, …}
//
// Names are relative to the folder above "conda-meta". Where a file was changed during installation,
// sha256_in_prefix is its digest, and the size is not that of the file. ".pyc" files that were created then
// have no digest, and are skipped.
var CondaMeta = &Format{Name: "conda-meta", Base: "..", Folder: "/conda-meta", Detect: detectCondaMeta,
	ReadDocument: func(doc *Document, _ Options) Next {
		return readJSON(doc, false, func(r *jsonReader) *jsonNode {
			found := false
			paths := condaPaths(r, func() error {
				found = true
				return nil
			})
			return &jsonNode{fields: map[string]*jsonNode{"paths_data": paths}, end: func() ([]Entry, error) {
				if !found {
					return nil, valueErrorf(`no "paths_data": the record lists files without digests`)
				}
				return nil, nil
			}}
		})
	}}

func detectCondaMeta(head []byte, _ Options) bool {
	object := jsonHead(head)
	return hasKeys(object, "paths_data") ||
		hasKeys(object, "build", "build_number", "depends") && (hasKeys(object, "files") || hasKeys(object, "channel"))
}

// detectKeys returns the Detect of documents with these keys.
func detectKeys(keys ...string) func([]byte, Options) bool {
	return func(head []byte, _ Options) bool { return hasKeys(jsonHead(head), keys...) }
}

// condaPaths returns what is read of a list of paths. ended is called after it.
func condaPaths(r *jsonReader, ended func() error) *jsonNode {
	version := ""
	return &jsonNode{
		required: []string{"paths"},
		fields: map[string]*jsonNode{
			"paths": {each: &jsonNode{read: func(string) ([]Entry, error) { return condaPath(r) }}},
			"paths_version": {read: func(string) (_ []Entry, err error) {
				version, err = r.number()
				return nil, err
			}},
		},
		end: func() ([]Entry, error) {
			if version != "1" {
				return nil, valueErrorf(`unknown "paths_version" %.20q, expected 1`, version)
			}
			return nil, ended()
		},
	}
}

func condaPath(r *jsonReader) ([]Entry, error) {
	f := jsonFile{}
	var kind, original, inPrefix string
	err := r.members(func(key string) (err error) {
		switch key {
		case "_path":
			f.name, err = r.text()
		case "path_type":
			kind, err = r.text()
		case "sha256":
			original, err = r.text()
		case "sha256_in_prefix":
			inPrefix, err = r.text()
		case "size_in_bytes":
			err = f.setSize(r)
		default:
			err = r.skip()
		}
		return err
	})
	switch {
	case err != nil:
	case original != "" || inPrefix != "":
	case kind == "directory":
		return nil, nil
	case kind == "pyc_file" && strings.HasSuffix(f.name, ".pyc"):
		return nil, nil
	}
	f.hasSize = f.hasSize && kind != "softlink" && (inPrefix == "" || inPrefix == original)
	if inPrefix != "" {
		original = inPrefix
	}
	_ = f.addHex("sha256", original)
	return f.entries(err)
}
