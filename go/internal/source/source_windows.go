package source

import (
	"io/fs"
	"os"
	"time"
)

const openFlags = os.O_RDONLY

// statusChange is not told by Windows' file information; size and modification time decide.
func statusChange(fs.FileInfo) time.Time { return time.Time{} }

func (f *File) readNow(p []byte) (int, error) { return f.file.Read(p) }

// LeaveCache does nothing: Windows cannot be asked what it has cached.
func (f *File) LeaveCache() {}

// OpenLimit is how many files this process may have open: Windows has no such limit.
func OpenLimit() int { return 1 << 20 }
