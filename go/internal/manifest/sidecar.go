package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"

	"checksig/internal/digest"
)

// Sidecar is a single digest in a manifest next to its file, as Go and Kubernetes publish it.
//
//	[SP] <hex digest> [SP+ ["*"] "-"]
//	<tag> (":" | "=") <hex digest>
//	[<tag>] "(stdin)= " <hex digest>     also <tag> " (-) = " <hex digest>
//
// Several lines with tags of different algorithms, such as "MD5SUM: " and "SHA256SUM: " of VMware, are about the same
// file.
//
// "-" and "stdin" are standard input, from which the publisher's tool read the file. The name of the file is
// the manifest's own name without its last extension; of ".txt" and the extension before it, both are
// removed if the latter names an algorithm: disc.iso.sha256, disc.iso.sha256.txt and disc.iso.txt list
// disc.iso. An algorithm after "-" or "_" counts as an extension: disc.iso-sha256. Comments and headings are
// as in [GNU].
var Sidecar = &Format{Name: "sidecar", Detect: detectSidecar, Read: readSidecar, HasText: true, Write: &Writer{
	Single: true, Begin: beginSingle, File: sidecarFile}}

var (
	sidecarTagged = pattern(`^[ \t]*([A-Za-z0-9/_-]+)[ \t]*[:=][ \t]*([0-9A-Za-z+/]+=*)$`)
	sidecarStdin  = pattern(`^(?:([A-Za-z0-9/_-]+) ?)?\((?:stdin|-)\) ?= ?([0-9A-Za-z+/]+=*)$`)
)

// detectSidecar accepts one digest only: among others it is a line that lacks its name.
func detectSidecar(head []byte, o Options) bool {
	lines := 0
	var first []byte
	tags := map[string]bool{}
	for line := range contentLines(head, "#;") {
		var u untagged
		if isRemark(line) || u.heading(line) {
			continue
		}
		if lines == 0 {
			first = line
		}
		lines++
		tagged := sidecarTagged().FindSubmatch(line)
		if tagged != nil {
			tags[strings.ToLower(string(tagged[1]))] = true
		}
		if lines > 1 && len(tags) < lines {
			return false
		}
	}
	if lines == 0 {
		return false
	}
	d, err := untagged{algorithm: o.untaggedAlgorithm(), partSize: o.PartSize}.parseSidecar(first)
	if err != nil {
		return false
	}
	_, extension := splitSidecar(o.FileName)
	return !d.fromStdin || extension == ".sha" || digest.NamedIn(extension) != nil // otherwise a file called "-"
}

// sidecarDigest is the digest in a line without a file name.
type sidecarDigest struct {
	parsedDigest
	fromStdin bool // the line has the name of standard input
	tagged    bool // the line names the algorithm
}

var errNamedSidecar = errors.New("expected a digest without a file name")

func (u untagged) parseSidecar(line []byte) (d sidecarDigest, err error) {
	tagged := sidecarTagged().FindSubmatch(line)
	if tagged == nil {
		tagged = sidecarStdin().FindSubmatch(line)
		d.fromStdin = tagged != nil
	}
	fields := sidecarFields(line)
	switch {
	case tagged != nil && len(tagged[1]) > 0:
		if d.algorithm = algorithmOfHeading(string(tagged[1])); d.algorithm == nil {
			return d, unknownAlgorithm(tagged[1])
		}
		d.tagged = true
		d.sum, err = decodeDigest(d.algorithm, tagged[2])
		return d, err
	case tagged != nil:
		d.parsedDigest, err = u.parseDigest(tagged[2])
		return d, err
	case fields == nil || len(fields) == 2 && !isStandardInput(fields[1]):
		return d, errNamedSidecar
	}
	d.fromStdin = len(fields) == 2
	d.parsedDigest, err = u.parseDigest(fields[0])
	return d, err
}

// sidecarFields returns the words of a line with one or two words. It returns nil for more words, and
// for blanks at the end: these may be the name of a file.
func sidecarFields(line []byte) [][]byte {
	fields := words(line)
	if len(fields) > 2 || !bytes.HasSuffix(line, fields[len(fields)-1]) {
		return nil
	}
	return fields
}

func isStandardInput(field []byte) bool { return string(field) == "-" || string(field) == "*-" }

// cutAlgorithm splits a name before the "-" or "_" after which it names an algorithm. ok reports whether
// there is one, not at the beginning.
func cutAlgorithm(name string) (before, after string, ok bool) {
	for i := 1; i < len(name); i++ {
		if (name[i] == '-' || name[i] == '_') && wholeAlgorithm(name[i+1:]) {
			return name[:i], name[i:], true
		}
	}
	return "", "", false
}

// splitSidecar returns the name of a sidecar's file and the extension after it; "" and "" if the
// sidecar is not named after a file.
func splitSidecar(fileName string) (name, extension string) {
	stem, isText := strings.CutSuffix(fileName, ".txt")
	if before, after, ok := cutAlgorithm(stem); ok {
		return before, after
	}
	dot := strings.LastIndexByte(stem, '.')
	if isText && (dot < 1 || digest.NamedIn(stem[dot:]) == nil) {
		return stem, ".txt"
	}
	fileName = stem
	if dot < 1 {
		return "", ""
	}
	return fileName[:dot], fileName[dot:]
}

// About returns the name of the file that a manifest of that name promises to be about: "disc.iso" for
// disc.iso.sha256, disc.iso.sha256.txt.asc and disc.iso.sfv; "" if the name promises none.
func About(fileName string) string {
	fileName = withoutSuffix(withoutSuffix(fileName, SignatureSuffixes), compressionSuffixes)
	name, extension := splitSidecar(fileName)
	if extension == ".sha" || strings.EqualFold(extension, ".sfv") || digest.NamedIn(extension) != nil {
		return name
	}
	return ""
}

func readSidecar(lines *Lines, o Options) Next {
	name, _ := splitSidecar(o.FileName)
	digests := o.untagged()
	seen := map[*digest.Algorithm]bool{} // nil is that of a line without a tag
	next := perLine(lines, func(line []byte) (Entry, error) {
		switch {
		case hidesDigest(line) && line[0] == '#':
			return Entry{}, errHiddenDigest
		case isBlank(line) || digests.heading(line) || line[0] == '#' || isRemark(line):
			return Entry{}, errNoEntry
		case hasRemarkMark(line):
			return Entry{}, errHiddenDigest
		}
		d, err := digests.parseSidecar(line)
		switch {
		case errors.Is(err, errNamedSidecar):
		case seen[nil] || seen[d.algorithm] || len(seen) > 0 && !d.tagged:
			err = errors.New("second digest in a manifest of one file")
		case name == "":
			err = errors.New("no file name, and the manifest is not named after a file, as in name.sha256")
		}
		switch {
		case err == nil && d.tagged:
			seen[d.algorithm] = true
		case err == nil:
			seen[nil] = true
		}
		digests.awaited = false
		return d.entry(name), err
	})
	return withEndCheck(lines, next, digests.truncated)
}

func sidecarFile(dst []byte, entries []Entry) ([]byte, error) {
	return append(hex.AppendEncode(dst, entries[0].Digest), '\n'), nil
}
