package engine

import (
	"os"
	"syscall"
)

// errExists says that a manifest is there already.
var errExists error = syscall.ERROR_ALREADY_EXISTS

// keepMode does nothing: permissions come from the folder.
func (o *output) keepMode() error { return nil }

// syncFolder does nothing: a folder cannot be synced there.
func syncFolder(*os.Root) {}
