package manifest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"checksig/internal/digest"
)

// Mtree is a list of a tree's files. Sources: the man pages mtree(5) of FreeBSD, mtree(8) of NetBSD, and mtree(5)
// of libarchive. mtree -c, mtree -C and -D of NetBSD, bsdtar --format=mtree, and makepkg (.MTREE) write it.
//
//	#mtree
//	/set type=file mode=0644
//	. type=dir
//	    a.txt size=4 sha256digest=<hex digest>
//	    sub type=dir
//	        d.txt size=6 sha256digest=<hex digest>
//	    ..
//	./sub/e.txt type=file size=1 sha256digest=<hex digest>
//
// A name with a slash starts from the top folder. Another one is relative to the folder that was opened last, with
// type=dir, and not closed yet, with "..". /set and /unset change the keywords of the lines after them. A backslash at
// its end continues a line on the next one. In a name, special characters are encoded as by vis(3). After mtree -D
// the name is the last word instead of the first.
//
// size, cksum and the digests of type=file are entries. A file without a digest is a bad line, even with nochange or
// ignore, and so are a digest of an unknown algorithm, one in /set or of anything but a file, and a keyword that is
// there twice. A missing file is skipped if it is optional. Types, modes in octal, owners and targets of links are
// attributes for [Options].Attributes. Everything else that is stated, such as times, is in [Reading.Unverified].
var Mtree = &Format{Name: "mtree", Detect: detectMtree, Read: readMtree}

var (
	mtreeCommand = pattern(`^/(?:set|unset)(?:[ \t]|$)`)
	mtreeType    = pattern(`(?:^|[ \t])type=(?:file|dir|link|block|char|fifo|socket)(?:[ \t]|$)`)
	mtreeHidden  = pattern(`[a-z0-9]=[0-9A-Fa-f]{32,}(?:[ \t]|$)`) // a digest in a comment, which may be half a line
	mtreeKeyword = pattern(`^[a-z0-9]+(?:=.*)?$`)

	// mtreeAttributes are the keywords of attributes, besides type. mtreeIgnored are those that are noted.
	mtreeAttributes = []string{"gid", "gname", "link", "mode", "uid", "uname"}
	mtreeIgnored    = []string{"acldigest", "device", "flags", "inode", "nlink", "resdevice", "tags", "time", "xattrdigest"}
	mtreeTypes      = []string{"block", "char", "dir", "fifo", "file", "link", "socket"}
)

func detectMtree(head []byte, _ Options) bool {
	if bytes.HasPrefix(head, []byte("#mtree")) {
		return true
	}
	for line := range contentLines(head, "") {
		line = bytes.TrimLeft(line, " \t")
		if line[0] == '#' {
			continue
		}
		fields := words(line)
		first, last := fields[0], fields[len(fields)-1]
		others := 0 // words that are no keywords
		for _, field := range fields {
			if !mtreeKeyword().Match(field) && string(field) != `\` {
				others++
			}
		}
		named := others == 0 || others == 1 && (!mtreeKeyword().Match(first) || !mtreeKeyword().Match(last))
		if _, err := (untagged{}).parseDigest(first); err == nil {
			return false // a line of [GNU]
		}
		return mtreeCommand().Match(line) || named && mtreeType().Match(line)
	}
	return false
}

func readMtree(lines *Lines, o Options) Next {
	m := &mtree{lines: lines, set: map[string]string{}, attributes: o.Attributes}
	next := perGroup(func() ([]row, error) {
		m.group = group{}
		line, n, err := m.join()
		if err == nil && len(line) > 0 {
			if err := m.read(line, n); err != nil {
				m.fail(n, line, err)
			}
		}
		return m.sorted(), err
	})
	return withEndCheck(lines, next, func() error {
		if len(m.open) > 0 && m.named {
			return errors.New(`truncated: a folder is not closed with ".."`)
		}
		return lines.endOfLast()
	})
}

type mtree struct {
	group
	lines    *Lines
	set      map[string]string // the keywords of /set that are read
	folder   string            // that names are relative to, with a slash at its end; "" for the top folder
	open     []int             // the length of folder before each that is open
	named    bool              // one of these is not the top folder
	nameLast *bool             // whether the name is the last word; nil until the first entry

	attributes func(Attributes) bool // see [Options]; may be nil
}

// join returns a line together with those that continue it; none for a comment.
func (m *mtree) join() ([]byte, int64, error) {
	line, n, err := m.next(m.lines)
	if err != nil {
		return nil, n, err
	}
	line = bytes.TrimLeft(line, " \t")
	if len(line) > 0 && line[0] == '#' && mtreeHidden().Match(line) {
		m.fail(n, line, errHiddenDigest)
	}
	if len(line) == 0 || line[0] == '#' {
		return nil, n, nil
	}
	if !isContinued(line) {
		return line, n, nil
	}
	whole := slices.Clone(line)
	for isContinued(whole) {
		more, _, err := m.next(m.lines)
		if err != nil {
			m.fail(n, whole, errors.New("truncated: a line that continues this one is missing"))
			return nil, n, err
		}
		whole = append(whole[:len(whole)-1], more...)
	}
	return whole, n, nil
}

// isContinued reports whether line ends in a backslash that is not escaped by another one.
func isContinued(line []byte) bool {
	return (len(line)-len(bytes.TrimRight(line, `\`)))%2 == 1
}

func (m *mtree) read(line []byte, n int64) error {
	fields := words(line)
	switch first := string(fields[0]); first {
	case "/set":
		digests, err := m.keywords(fields[1:], m.set)
		if len(digests) > 0 {
			err = cmp.Or(err, errors.New("a digest in /set, which is about no file"))
		}
		return err
	case "/unset":
		for _, field := range fields[1:] {
			if string(field) == "all" {
				clear(m.set)
			}
			delete(m.set, string(field))
		}
		if bytes.IndexByte(line, '=') >= 0 || looksLikeDigest(line) {
			return errors.New("expected keywords without values after /unset")
		}
		return nil
	case "..":
		if len(m.open) == 0 || len(fields) > 1 {
			return errors.New("no folder is open that could be closed")
		}
		m.folder = m.folder[:m.open[len(m.open)-1]]
		m.open = m.open[:len(m.open)-1]
		m.named = m.folder != ""
		return nil
	}
	if m.nameLast == nil {
		last := len(fields) > 1 && mtreeType().Match(fields[0]) || bytes.IndexByte(fields[0], '=') > 0 && mtreeKeyword().Match(fields[0]) &&
			!mtreeKeyword().Match(fields[len(fields)-1])
		m.nameLast = &last
	}
	raw, rest := fields[0], fields[1:]
	if *m.nameLast {
		raw, rest = fields[len(fields)-1], fields[:len(fields)-1]
	}
	name, err := unvis(raw)
	if err != nil {
		return err
	}
	own := map[string]string{}
	digests, err := m.keywords(rest, own)
	kind := own["type"]
	if kind == "" {
		kind = m.set["type"]
	}
	if kind == "" && string(raw) == "." {
		kind = "dir"
	}
	isPath := bytes.IndexByte(raw, '/') >= 0
	if !isPath {
		name = m.folder + name
	}
	if kind == "dir" && !isPath {
		if enterErr := m.enter(name, string(raw) == "."); enterErr != nil {
			return enterErr
		}
	}
	isFile := kind == "file" || kind == ""
	if !isFile && len(digests) > 0 {
		err = cmp.Or(err, fmt.Errorf("a digest with type=%s: only files have digests", kind))
	}
	err = cmp.Or(err, m.readAttributes(Attributes{Line: n, Name: name, Type: kind, IsEntry: isFile}, own))
	if !isFile {
		return err
	}
	return m.readFile(n, name, own, digests, err)
}

// value returns that of a keyword of a line, or what /set says; "" for none.
func (m *mtree) value(own map[string]string, key string) string {
	if own[key] != "" {
		return own[key]
	}
	return m.set[key]
}

// readAttributes has the attributes of a line compared, or notes them.
func (m *mtree) readAttributes(a Attributes, own map[string]string) error {
	a.Optional = m.value(own, "optional") != ""
	if m.value(own, "nochange") != "" { // it must exist, and may be anything
		a.Type, own = "", map[string]string{}
		if a.IsEntry {
			return nil
		}
	} else if err := m.parseAttributes(&a, own); err != nil {
		return err
	}
	if m.attributes != nil && m.attributes(a) {
		return nil
	}
	for _, key := range mtreeAttributes {
		if m.value(own, key) != "" {
			m.lines.ignores(key)
		}
	}
	if !a.IsEntry {
		m.lines.ignores(cmp.Or("type="+a.Type, "nochange"))
	}
	return nil
}

// parseAttributes reads the keywords of attributes.
func (m *mtree) parseAttributes(a *Attributes, own map[string]string) error {
	number := func(key string, base int) (*uint32, error) {
		value := m.value(own, key)
		if value == "" {
			return nil, nil
		}
		n, err := strconv.ParseUint(value, base, 32)
		if err != nil {
			return nil, fmt.Errorf("expected a number after %s=, found %.40q", key, value)
		}
		short := uint32(n)
		return &short, nil
	}
	var err error
	if mode := m.value(own, "mode"); strings.Trim(mode, "01234567") != "" {
		m.lines.ignores("mode") // symbolic, as of chmod(1)
	} else if a.Mode, err = number("mode", 8); err == nil && a.Mode != nil && *a.Mode > 0o7777 {
		err = fmt.Errorf("mode=%.40s has more than permissions", mode)
	}
	var wrong error
	a.UID, wrong = number("uid", 10)
	err = cmp.Or(err, wrong)
	a.GID, wrong = number("gid", 10)
	err = cmp.Or(err, wrong)
	a.User, a.Group = m.value(own, "uname"), m.value(own, "gname")
	a.Target, wrong = unvisText([]byte(m.value(own, "link")), true)
	return cmp.Or(err, wrong)
}

// maxFolder is the longest name of a folder that names are relative to.
const maxFolder = 8 << 10

// enter opens a folder; with top, the top folder or the one that is open anyway.
func (m *mtree) enter(name string, top bool) error {
	if len(name) > maxFolder || len(m.open) > MaxLine {
		return errors.New("too many folders inside one another")
	}
	m.open = append(m.open, len(m.folder))
	if !top {
		m.folder, m.named = name+"/", true
	}
	return nil
}

// mtreeDigest is a digest as it is listed.
type mtreeDigest struct {
	algorithm *digest.Algorithm
	digits    string
}

// keywords puts those that readFile needs into known, and returns the digests. It notes the others. The error is the
// first one.
func (m *mtree) keywords(fields [][]byte, known map[string]string) (digests []mtreeDigest, err error) {
	seen := map[string]bool{}
	for _, field := range fields {
		key, value, hasValue := strings.Cut(string(field), "=")
		algorithm := digest.ByTag(strings.TrimSuffix(key, "digest"))
		if seen[key] {
			err = cmp.Or(err, fmt.Errorf("the keyword %.40q was there before", key))
		}
		seen[key] = true
		switch {
		case key == "optional" || key == "nochange" || key == "ignore":
			known[key] = key
			if key != "optional" {
				m.lines.ignores(key)
			}
		case !hasValue:
			err = cmp.Or(err, fmt.Errorf("unknown keyword %.40q", key))
		case key == "type" && !slices.Contains(mtreeTypes, value):
			err = cmp.Or(err, fmt.Errorf("unknown type %.40q", value))
		case key == "size" && value == "":
			err = cmp.Or(err, errors.New("expected a size in bytes, found none"))
		case key == "type" || key == "size":
			known[key] = value
		case slices.Contains(mtreeIgnored, key), slices.Contains(mtreeAttributes, key):
			if key != "link" && !strings.HasSuffix(key, "digest") && hasLongHex(value) {
				err = cmp.Or(err, fmt.Errorf("a digest in the keyword %s, which has none", key))
			}
			if slices.Contains(mtreeAttributes, key) {
				known[key] = value
			} else {
				m.lines.ignores(key)
			}
		case algorithm != nil:
			digests = append(digests, mtreeDigest{algorithm, value})
		case key == "contents":
			err = cmp.Or(err, errors.New("contents: the content is that of another file, and not verified"))
		case strings.HasSuffix(key, "digest"):
			err = cmp.Or(err, unknownAlgorithm(key))
		default:
			err = cmp.Or(err, fmt.Errorf("unknown keyword %.40q", key))
		}
	}
	return digests, err
}

// readFile adds the entries of a file. err is what is wrong with its keywords so far.
func (m *mtree) readFile(n int64, name string, own map[string]string, digests []mtreeDigest, err error) error {
	e := Entry{Name: name, Optional: m.value(own, "optional") != ""}
	if size := m.value(own, "size"); size != "" {
		var wrong error
		if e.Size, wrong = parseSize([]byte(size)); wrong != nil {
			return wrong
		}
		e.HasSize = true
	}
	for _, listed := range digests {
		var wrong error
		if e.Algorithm = listed.algorithm; e.Algorithm == cksum {
			e.Digest, wrong = parseCksum([]byte(listed.digits))
		} else {
			e.Digest, wrong = decodeDigest(e.Algorithm, []byte(listed.digits))
		}
		if wrong != nil {
			err = cmp.Or(err, wrong)
			continue
		}
		m.add(n, e)
	}
	if len(digests) == 0 {
		err = cmp.Or(err, errNoDigest)
	}
	return err
}

// unvis returns the name that is encoded as by vis(3), in any of its styles with backslashes. A slash or a NUL must
// not be encoded: it would change which file the name is about.
func unvis(text []byte) (string, error) { return unvisText(text, false) }

// unvisText is unvis for a text in which a slash may be encoded, or not.
func unvisText(text []byte, slashes bool) (string, error) {
	name := make([]byte, 0, len(text))
	for len(text) > 0 {
		c := text[0]
		text = text[1:]
		if c == '\\' {
			var ok bool
			if c, text, ok = unvisEscape(text); !ok || c == 0 || c == '/' && !slashes {
				return "", errors.New("unknown escape in the file name, expected one of vis(3)")
			}
		}
		name = append(name, c)
	}
	return string(name), nil
}

// unvisEscape returns the byte that an escape without its backslash stands for, and what follows it.
func unvisEscape(text []byte) (c byte, rest []byte, ok bool) {
	if len(text) == 0 {
		return 0, nil, false
	}
	c, rest = text[0], text[1:]
	if i := strings.IndexByte(`nrbavtfs`, c); i >= 0 {
		return "\n\r\b\a\v\t\f "[i], rest, true
	}
	switch {
	case c >= '0' && c <= '7':
		value, digits := 0, 0
		for digits < 3 && digits < len(text) && text[digits] >= '0' && text[digits] <= '7' {
			value = 8*value + int(text[digits]-'0')
			digits++
		}
		return byte(value), text[digits:], value < 256
	case c == '^' && len(rest) > 0:
		return control(rest[0]), rest[1:], true
	case c == 'M' && len(rest) > 1 && rest[0] == '-':
		return rest[1] | 0x80, rest[2:], true
	case c == 'M' && len(rest) > 1 && rest[0] == '^':
		return control(rest[1]) | 0x80, rest[2:], true
	}
	return c, rest, strings.IndexByte(`\#"'$&*?=[]{}()<>|;~!% `, c) >= 0
}

// control returns the control character that is written as "^" and c.
func control(c byte) byte {
	if c == '?' {
		return 0x7f
	}
	return c & 0x1f
}
