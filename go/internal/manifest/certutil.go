package manifest

import (
	"bytes"
	"errors"

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
var Certutil = &Format{Name: "certutil", Detect: detectCertutil, Read: readCertutil}

var (
	certutilHead   = pattern(`^([A-Za-z0-9-]+) hash of (.+):$`)
	certutilSpaced = pattern(`^[0-9A-Fa-f]{2}(?: [0-9A-Fa-f]{2})+$`)
	certutilTail   = []byte("CertUtil: -hashfile command completed successfully.")
)

func detectCertutil(head []byte, _ Options) bool {
	return certutilHead().Match(bytes.TrimRight(firstContentLine(head, ""), " \t"))
}

func readCertutil(lines *Lines, _ Options) Next {
	var c certutil
	return withEndCheck(lines, perLine(lines, c.line), c.truncated)
}

type certutil struct {
	expected  certutilLine
	algorithm *digest.Algorithm
	name      []byte
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
	switch head := certutilHead().FindSubmatch(line); {
	case expected == certutilDigest:
		c.expected = certutilSuccess
		return c.entry(line)
	case expected == certutilSuccess && bytes.Equal(line, certutilTail):
		return Entry{}, errNoEntry
	case expected == certutilSuccess:
		return Entry{}, errors.New("expected certutil's message of success")
	case head == nil:
		return Entry{}, errors.New(`expected "<algorithm> hash of <name>:"`)
	default:
		if c.algorithm = digest.ByTag(string(head[1])); c.algorithm == nil {
			return Entry{}, unknownAlgorithm(head[1])
		}
		c.expected, c.name = certutilDigest, bytes.Clone(head[2])
		return Entry{}, errNoEntry
	}
}

func (c *certutil) entry(line []byte) (Entry, error) {
	name := c.name
	if certutilSpaced().Match(line) {
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
