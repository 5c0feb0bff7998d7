//go:build linux || darwin

package source

import (
	"io/fs"
	"os"
	"syscall"
	"time"
)

// openFlags keep the opening of a FIFO or a device from blocking, and of a terminal from
// becoming the process's own.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY | syscall.O_CLOEXEC

func statusChange(info fs.FileInfo) time.Time {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		changed := changeTime(s)
		return time.Unix(changed.Unix())
	}
	return time.Time{}
}
