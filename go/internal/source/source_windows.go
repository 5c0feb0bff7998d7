package source

import (
	"io/fs"
	"os"
	"time"
)

const openFlags = os.O_RDONLY

// statusChange is not told by Windows' file information; size and modification time decide.
func statusChange(fs.FileInfo) time.Time { return time.Time{} }

func readNow(f *os.File, p []byte) (int, error) { return f.Read(p) }

// OpenLimit is how many files this process may have open: Windows has no such limit.
func OpenLimit() int { return 1 << 20 }
