package gnu

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
)

// categories are the categories that setlocale(LC_ALL, "") reads from the environment.
var categories = []string{
	"LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE", "LC_MONETARY", "LC_MESSAGES", "LC_PAPER",
	"LC_NAME", "LC_ADDRESS", "LC_TELEPHONE", "LC_MEASUREMENT", "LC_IDENTIFICATION",
}

const (
	localeFolder  = "/usr/lib/locale"
	localeArchive = localeFolder + "/locale-archive"
)

// utf8 reports whether the locale's encoding is UTF-8. As with setlocale(3), a single category whose
// locale is not installed makes all of them "C".
func (p *program) utf8() bool {
	p.encoding.Do(func() { p.isUTF8 = p.localeIsUTF8() })
	return p.isUTF8
}

func (p *program) localeIsUTF8() bool {
	ctype := ""
	for i, category := range categories {
		name := p.locale(category)
		if name != "C" && name != "POSIX" && !installed(name) {
			return false
		}
		if i == 0 {
			ctype = name
		}
	}
	_, encoding := splitLocale(ctype)
	return encoding == "utf8"
}

func (p *program) locale(category string) string {
	for _, name := range []string{"LC_ALL", category, "LANG"} {
		if value, _ := p.environ(name); value != "" {
			return value
		}
	}
	return "C"
}

// splitLocale returns the name of a locale as installed ("de_DE.utf8@euro") and its encoding, both in
// glibc's spelling.
func splitLocale(name string) (normalised, encoding string) {
	name, modifier, modified := strings.Cut(name, "@")
	language, encoding, encoded := strings.Cut(name, ".")
	encoding = strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		}
		return -1
	}, encoding)
	normalised = language
	if encoded {
		normalised += "." + encoding
	}
	if modified {
		normalised += "@" + modifier
	}
	return normalised, encoding
}

// installed reports whether that locale is installed in glibc. C.UTF-8 is built in since 2.35. Without
// glibc (macOS, musl) every locale counts as installed.
func installed(name string) bool {
	normalised, _ := splitLocale(name)
	if normalised == "C.utf8" || strings.Contains(name, "/") {
		return true
	}
	if _, err := os.Stat(localeFolder); err != nil {
		return true
	}
	for _, spelling := range []string{name, normalised} {
		if _, err := os.Stat(filepath.Join(localeFolder, spelling, "LC_CTYPE")); err == nil {
			return true
		}
	}
	return inArchive(normalised)
}

// inArchive reports whether glibc's archive of locales lists that name. The sixth and seventh 32-bit
// numbers of its header are the offset and size of the names.
func inArchive(name string) bool {
	archive, err := os.Open(localeArchive)
	if err != nil {
		return false
	}
	defer func() { _ = archive.Close() }()
	var header [8]uint32
	if binary.Read(archive, binary.NativeEndian, &header) != nil {
		return false
	}
	const maxSize = 1 << 20
	names := make([]byte, min(header[6], maxSize))
	if _, err := archive.ReadAt(names, int64(header[5])); err != nil {
		return false
	}
	return bytes.Contains(append([]byte{0}, names...), []byte("\x00"+name+"\x00"))
}
