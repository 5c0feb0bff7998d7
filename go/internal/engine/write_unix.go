//go:build !windows

package engine

import (
	"os"
	"syscall"
)

// errExists says that a manifest is there already.
var errExists error = syscall.EEXIST

// keepMode gives the manifest the permissions of the one whose place it takes.
func (o *output) keepMode() error { return o.file.Chmod(o.old.Mode().Perm()) }

// syncFolder has a rename reach the disk. A file system that cannot do so has done what it can.
func syncFolder(folder *os.Root) {
	if f, err := folder.Open("."); err == nil {
		_ = f.Sync()
		f.Close()
	}
}
