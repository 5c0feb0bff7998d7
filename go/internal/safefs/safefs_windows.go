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

// statusChange is not told by Windows' file information; size and modification time decide.
func statusChange(fs.FileInfo) time.Time { return time.Time{} }

// unrooted is what it was: Windows tells all about a name with the name.
func unrooted(dir *os.File) *os.File { return dir }

func (f *File) readNow(p []byte) (int, error) { return f.file.Read(p) }

// LeaveCache does nothing: Windows cannot be asked what it has cached.
func (f *File) LeaveCache() {}

// OpenLimit is how many files this process may have open: Windows has no such limit.
func OpenLimit() int { return 1 << 20 }

// impossible returns why no file has that name, though the system would open one, or something
// else. By "a:b" it opens a stream beside the content of a; by "a." and "a " it opens a; what is
// not UTF-8 it opens as if there were U+FFFD; NUL and COM1 are devices in whatever folder.
func impossible(name string) error {
	volume := filepath.VolumeName(name)
	if strings.HasSuffix(volume, ":") && !filepath.IsAbs(name) || !isEncoded(name) {
		return ErrName // "C:a" is in the folder that is the working one of that drive
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

// isEncoded reports whether name is UTF-8, in which surrogates may stand alone: names of files are
// any numbers of 16 bits there.
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
