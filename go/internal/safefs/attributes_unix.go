//go:build linux || darwin

package safefs

import (
	"io/fs"
	"syscall"
)

// HasAttributes says whether [AttributesOf] knows those of files on this system.
const HasAttributes = true

// AttributesOf returns the permissions, with set-user-ID, set-group-ID and sticky bits, the owner and the group of a
// file that [Tree.Lstat] has described; ok is false for one of a [Source].
func AttributesOf(info fs.FileInfo) (mode, uid, gid uint32, ok bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, 0, false
	}
	return uint32(s.Mode) & 0o7777, s.Uid, s.Gid, true
}
