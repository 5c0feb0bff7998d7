//go:build !windows

package generate

import (
	"os"
	"syscall"
)

// errExists says that the manifest exists already.
var errExists error = syscall.EEXIST

// keepMode gives the manifest the permissions of the one that it replaces.
func (o *output) keepMode() error { return o.file.Chmod(o.old.Mode().Perm()) }

// syncFolder makes a rename durable, as far as the file system can.
func syncFolder(folder *os.Root) {
	if f, err := folder.Open("."); err == nil {
		_ = f.Sync()
		f.Close()
	}
}
