package safefs

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
)

// Absolute returns path as an absolute path; a relative one starts from dir, or from the working folder
// if that is empty. The error is an [*fs.PathError].
func Absolute(dir, path string) (string, error) {
	if path == "" {
		return "", &fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return filepath.Abs(path)
}

// At returns err as an [*fs.PathError] of path.
func At(path string, err error) error {
	return &fs.PathError{Op: "open", Path: path, Err: withoutPath(err)}
}

// Cause returns the text of err without a path, which is shown elsewhere.
func Cause(err error) string { return withoutPath(err).Error() }

func withoutPath(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
