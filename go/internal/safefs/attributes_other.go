//go:build !linux && !darwin

package safefs

import "io/fs"

// HasAttributes says whether [AttributesOf] knows those of files on this system.
const HasAttributes = false

// AttributesOf returns nothing: files have neither modes nor owners here.
func AttributesOf(fs.FileInfo) (mode, uid, gid uint32, ok bool) { return 0, 0, 0, false }
