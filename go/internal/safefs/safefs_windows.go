package safefs

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

const openFlags = os.O_RDONLY

// statusChange returns no time: Windows' file information has none. Size and modification time decide.
func statusChange(fs.FileInfo) time.Time { return time.Time{} }

// inodeOf returns 0: Windows' file information has no such number.
func inodeOf(fs.FileInfo) uint64 { return 0 }

// reopenFolder returns dir: Windows returns all information with each name.
func reopenFolder(dir *os.File) *os.File { return dir }

func (f *File) readNow(p []byte) (int, error) { return f.file.Read(p) }

// LeaveCache does nothing: Windows does not report what it has cached.
func (f *File) LeaveCache() {}

// OpenLimit returns how many files this process may have open. Windows has no such limit.
func OpenLimit() int { return 1 << 20 }

// checkSystemName returns why no file has that name, although the system would open something by it.
// "a:b" opens an alternate data stream of a; "a." and "a " open a; bytes that are not UTF-8 are
// replaced by U+FFFD; NUL and COM1 are devices in every folder.
func checkSystemName(name string) error {
	volume := filepath.VolumeName(name)
	if strings.HasSuffix(volume, ":") && !filepath.IsAbs(name) || !isEncoded(name) {
		return ErrName // "C:a" is relative to the working folder of that drive
	}
	parts := strings.FieldsFunc(name[len(volume):], func(c rune) bool { return c == '/' || c == '\\' })
	for _, part := range parts {
		switch {
		case part == "." || part == "..":
		case strings.Contains(part, ":") || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " "):
			return ErrName
		case !filepath.IsLocal(part):
			return ErrNotRegular
		}
	}
	return nil
}

// isEncoded reports whether name is UTF-8 in which unpaired surrogates are allowed: Windows file names
// are sequences of any 16-bit numbers.
func isEncoded(name string) bool {
	for name != "" {
		r, n := utf8.DecodeRuneInString(name)
		if r == utf8.RuneError && n == 1 {
			if len(name) < 3 || name[0] != 0xED || name[1]&0xE0 != 0xA0 || name[2]&0xC0 != 0x80 {
				return false
			}
			n = 3
		}
		name = name[n:]
	}
	return true
}
