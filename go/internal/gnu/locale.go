package gnu

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
)

// categories are the parts of a locale, as setlocale(LC_ALL, "") asks the environment for them.
var categories = []string{
	"LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE", "LC_MONETARY", "LC_MESSAGES", "LC_PAPER",
	"LC_NAME", "LC_ADDRESS", "LC_TELEPHONE", "LC_MEASUREMENT", "LC_IDENTIFICATION",
}

const (
	localeFolder  = "/usr/lib/locale"
	localeArchive = localeFolder + "/locale-archive"
)

// utf8 reports whether the locale's encoding is UTF-8. As with setlocale(3), one part of it that is
// not installed makes all of it the C locale.
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

// splitLocale returns the name as installed ("de_DE.utf8@euro") and the encoding, in glibc's spelling.
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

// installed reports whether glibc has that locale. C.UTF-8 is part of it since 2.35; where there are
// no locales of glibc's at all (macOS, musl), every one counts.
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

// inArchive reports whether glibc's archive of locales lists that name. Its header has the place of
// the names as the sixth and seventh number of 32 bits.
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
	const most = 1 << 20
	names := make([]byte, min(header[6], most))
	if _, err := archive.ReadAt(names, int64(header[5])); err != nil {
		return false
	}
	return bytes.Contains(append([]byte{0}, names...), []byte("\x00"+name+"\x00"))
}
