package manifest

import (
	"bytes"
	"errors"
	"regexp"

	"checksig/internal/digest"
)

// Certutil is the output of certutil -hashfile on Windows, for one or several files. Source:
// Microsoft's reference, "certutil".
//
//	<algorithm> " hash of " ["file "] <name> ":"
//	<hex digest>
//	"CertUtil: -hashfile command completed successfully."
//
// Before Windows 10, certutil wrote "file " before the name, and spaces between the bytes of the
// digest.
//
// In other languages the first and the last line are translated. They are read by their structure: the first
// one by where it has the algorithm and the name (see certutilHeads), and the last one by what is not translated,
// "CertUtil: " and "-hashfile". It reports an error if it contains a number such as 0x80070002.
var Certutil = &Format{Name: "certutil", Detect: detectCertutil, Read: readCertutil}

var (
	certutilSpaced = pattern(`^[0-9A-Fa-f]{2}(?: [0-9A-Fa-f]{2})+$`)
	certutilTail   = pattern(`^CertUtil: (?:.* )?-hashfile.*(?:\.|。)$`)
	certutilError  = pattern(`\b0x[0-9A-Fa-f]{8}\b`)
)

// certutilHeads are the first lines that are read, in this order.
var certutilHeads = []struct {
	pattern func() *regexp.Regexp
	// translated is set if another word is before the name where English has "file ".
	translated bool
}{
	{pattern(`^(?P<algorithm>[A-Za-z0-9-]+) hash of (?P<name>.+):$`), false},
	{pattern(`^(?P<algorithm>[A-Za-z0-9]+)[ -](?i:hash) [^ 0-9]+ (?P<name>.+):$`), true},                 // SHA256-Hash von a:
	{pattern(`^(?P<algorithm>[A-Za-z0-9]+) [^\x00-\x7f]+ \([^\x00-\x7f]+ (?P<name>.+)\):$`), false},      // SHA256 ハッシュ (対象 a):
	{pattern(`^(?P<algorithm>[A-Za-z0-9]+) [^\x00-\x7f]+ (?P<name>.+) [^\x00-\x7f]+(?::|：)$`), false},    // SHA256 的 a 哈希:
	{pattern(`^[^\x00-\x7f]+ (?P<algorithm>[A-Za-z0-9]+) (?P<name>.+):$`), false},                        // Хэш SHA256 a:
	{pattern(`^[^ 0-9]+ (?P<algorithm>[A-Za-z0-9]+) [^ 0-9]+ (?P<name>.*[^ \x{a0}])[ \x{a0}]?:$`), true}, // Hachage SHA256 de a :
}

// certutilHead returns the algorithm and the name in a first line; nil if it is none.
func certutilHead(line []byte) (tag, name []byte, translated bool) {
	for i, head := range certutilHeads {
		found := head.pattern().FindSubmatch(line)
		if found != nil && (i == 0 || digest.ByTag(string(found[1])) != nil || certutilOld().Match(found[1])) {
			return found[1], found[2], head.translated
		}
	}
	return nil, nil, false
}

// certutilOld matches the algorithms of certutil that this program does not have.
var certutilOld = pattern(`^(?i:MD2|MD4)$`)

func detectCertutil(head []byte, _ Options) bool {
	tag, _, _ := certutilHead(bytes.TrimRight(firstContentLine(head, ""), " \t"))
	return tag != nil
}

func readCertutil(lines *Lines, _ Options) Next {
	var c certutil
	return withEndCheck(lines, perLine(lines, c.line), c.truncated)
}

type certutil struct {
	expected  certutilLine
	algorithm *digest.Algorithm
	name      []byte

	translated bool // see certutilHeads
}

type certutilLine int

const (
	certutilName certutilLine = iota
	certutilDigest
	certutilSuccess
)

func (c *certutil) line(line []byte) (Entry, error) {
	line = bytes.TrimRight(line, " \t")
	if len(line) == 0 {
		return Entry{}, errNoEntry
	}
	expected := c.expected
	c.expected = certutilName
	switch tag, name, translated := certutilHead(line); {
	case expected == certutilDigest:
		c.expected = certutilSuccess
		return c.entry(line)
	case expected == certutilSuccess && certutilTail().Match(line) && !certutilError().Match(line):
		return Entry{}, errNoEntry
	case expected == certutilSuccess:
		return Entry{}, errors.New("expected certutil's message of success")
	case tag == nil:
		return Entry{}, errors.New(`expected "<algorithm> hash of <name>:"`)
	default:
		if c.algorithm = digest.ByTag(string(tag)); c.algorithm == nil {
			return Entry{}, unknownAlgorithm(tag)
		}
		c.expected, c.name, c.translated = certutilDigest, bytes.Clone(name), translated
		return Entry{}, errNoEntry
	}
}

func (c *certutil) entry(line []byte) (Entry, error) {
	name := c.name
	if certutilSpaced().Match(line) {
		if c.translated {
			if _, rest, found := bytes.Cut(name, []byte(" ")); found {
				name = rest
			}
		}
		name = bytes.TrimPrefix(name, []byte("file "))
		line = bytes.ReplaceAll(line, []byte(" "), nil)
	}
	sum, err := decodeDigest(c.algorithm, line)
	if err == nil && len(name) == 0 {
		err = errors.New("no file name")
	}
	return Entry{Name: string(name), Algorithm: c.algorithm, Digest: sum}, err
}

func (c *certutil) truncated() error {
	if c.expected != certutilName {
		return errors.New("truncated: certutil's message of success is missing")
	}
	return nil
}
