package generate

import (
	"os"
	"syscall"
)

// errExists says that the manifest exists already.
var errExists error = syscall.ERROR_ALREADY_EXISTS

// keepMode does nothing: permissions come from the folder.
func (o *output) keepMode() error { return nil }

// syncFolder does nothing: Windows cannot sync a folder.
func syncFolder(*os.Root) {}
