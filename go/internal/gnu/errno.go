package gnu

import (
	"errors"
	"io/fs"
	"syscall"
)

// strerror returns the text of strerror(3) in glibc for err.
//
// Go has the same texts, but they begin with a lower-case letter. Of the errors of Windows, those that
// coreutils depends on are translated.
func strerror(err error) string {
	var errno syscall.Errno
	known := errors.As(err, &errno)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "No such file or directory"
	case errors.Is(err, fs.ErrPermission) && errno != syscall.EPERM:
		return "Permission denied"
	case !known:
		return err.Error()
	}
	text := []byte(errno.Error())
	if len(text) > 0 && 'a' <= text[0] && text[0] <= 'z' {
		text[0] -= 'a' - 'A'
	}
	return string(text)
}
