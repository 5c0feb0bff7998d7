package manifest

import (
	"bytes"
	"errors"
	"regexp"

	"checksig/internal/digest"
)

// Apkbuild is the script that builds a package of Alpine Linux, APKBUILD. Source: the Alpine wiki's "APKBUILD
// Reference"; the man page APKBUILD(5).
//
//	sha512sums="
//	<hex digest> SP SP <name>
//	"
//
// The digests of sources are in a variable, which abuild(1) writes. The script's other lines are skipped, but one that
// begins with a digest is a bad line.
var Apkbuild = &Format{Name: "apkbuild", Detect: detectApkbuild, Read: readApkbuild}

var (
	apkbuildBegins = pattern(`^(md5|sha1|sha256|sha512)sums="(.*)$`)
	apkbuildRow    = pattern(`^[ \t]*([0-9a-fA-F]+) [ *](.*[^ \t])[ \t]*$`)
	apkbuildStray  = pattern(`^[ \t]*[0-9a-fA-F]{32,}(?:[ \t]|$)`)
	apkbuildHead   = regexp.MustCompile(`(?m)^pkgname=`)
)

func detectApkbuild(head []byte, o Options) bool {
	if o.FileName != "APKBUILD" && !apkbuildHead.Match(head) {
		return false
	}
	for line := range bytes.Lines(head) {
		if apkbuildBegins().Match(bytes.TrimRight(line, "\r\n")) {
			return true
		}
	}
	return false
}

func readApkbuild(lines *Lines, _ Options) Next {
	var algorithm *digest.Algorithm // of the variable that is open, or nil
	next := perLine(lines, func(line []byte) (Entry, error) {
		if algorithm == nil {
			begin := apkbuildBegins().FindSubmatch(line)
			if begin == nil && (apkbuildStray().Match(line) || apkbuildRow().Match(line) && hasLongHex(line)) {
				return Entry{}, errors.New("a digest outside of the lists of digests")
			}
			if begin == nil {
				return Entry{}, errNoEntry
			}
			algorithm = digest.ByTag(string(begin[1]))
			line = begin[2]
		}
		a := algorithm
		line, ends := bytes.CutSuffix(bytes.TrimRight(line, " \t"), []byte(`"`))
		if ends {
			algorithm = nil
		}
		if isBlank(line) {
			return Entry{}, errNoEntry
		}
		row := apkbuildRow().FindSubmatch(line)
		if row == nil || bytes.ContainsAny(row[2], "\"$`\\") {
			return Entry{}, errors.New("expected a digest and a file name")
		}
		sum, err := decodeDigest(a, row[1])
		return Entry{Name: string(row[2]), Algorithm: a, Digest: sum}, err
	})
	return withEndCheck(lines, next, func() error {
		if algorithm != nil {
			return errors.New(`truncated: the list of digests is not closed with a quotation mark`)
		}
		return nil
	})
}
