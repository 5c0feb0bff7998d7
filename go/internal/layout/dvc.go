package layout

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/safefs"
)

// DVC is a cache or remote of DVC 3. Source: its user guide, "Internal directories and files".
//
//	files/md5/ab/cdef...      a file with the MD5 abcdef...
//	files/md5/ab/cdef....dir  a folder: a JSON list of the names and the MD5s of its files
//
// The caches of DVC 1 and 2 are another layout, and are not recognised: their digests of texts are not those of the files.
var DVC = newStore(Kind{
	Name: "dvc", Title: "a DVC cache",
	IsContent: func(name string) bool { return strings.HasPrefix(name, "files/") },
}, "files", "files",
	func(ctx context.Context, tree *safefs.Tree) bool { return hasFolder(ctx, tree, "files/md5", isHexPair) }, listDVC)

var dvcObject = pattern(`^files/md5/([0-9a-f]{2})/([0-9a-f]{30})(\.dir)?$`)

func listDVC(l *listing) {
	objects, folders := map[string]bool{}, []string{}
	l.blobs("files", func(file string) {
		part := dvcObject().FindStringSubmatch(file)
		if part == nil {
			l.problem(file, "not at the place of an object: files/md5/ab/cdef...")
			return
		}
		sum := part[1] + part[2]
		l.add(file, digest.ByName("md5"), sum)
		if part[3] != "" {
			folders = append(folders, file)
		} else {
			objects[sum] = true
		}
	})
	for _, file := range folders {
		l.dvcFolder(file, objects)
	}
	l.note("files", "whether all objects are there that *.dvc and dvc.lock name was not checked: dvc status does")
}

// dvcFolder checks that the files of a folder are there.
func (l *listing) dvcFolder(file string, objects map[string]bool) {
	content, err := readWhole(l.ctx, l.folder.Roots, l.tree, file)
	var files []map[string]any
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(content))
		if err = decoder.Decode(&files); err == nil && decoder.More() {
			err = fs.ErrInvalid
		}
	}
	if err != nil {
		l.problem(file, "cannot be read as the list of a folder's files: %s", safefs.Cause(err))
		return
	}
	for _, each := range files {
		name, hasName := each["relpath"].(string)
		sum, hasSum := each["md5"].(string)
		if !hasName || !hasSum {
			l.problem(file, "lists a file without relpath or md5")
		} else if !objects[sum] {
			l.problem(file, "the object %.40q of %.200q is missing", sum, name)
		}
	}
}
