package manifest

import (
	"bytes"
	"errors"
	"fmt"

	"checksig/internal/digest"
)

// Certutil is what certutil -hashfile of Windows prints (Microsoft's reference, "certutil"), once
// or several times. Before Windows 10 "file " stood before the name, and blanks between the bytes
// of the digest:
//
//	<algorithm> " hash of " ["file "] <name> ":"
//	<hex digest>
//	"CertUtil: -hashfile command completed successfully."
var Certutil = &Format{Name: "certutil", Detect: detectCertutil, Read: readCertutil}

var (
	certutilHead   = pattern(`^([A-Za-z0-9-]+) hash of (.+):$`)
	certutilSpaced = pattern(`^[0-9A-Fa-f]{2}(?: [0-9A-Fa-f]{2})+$`)
	certutilTail   = []byte("CertUtil: -hashfile command completed successfully.")
)

func detectCertutil(head []byte, _ Options) bool {
	return certutilHead().Match(bytes.TrimRight(first(head, ""), " \t"))
}

func readCertutil(lines *Lines, _ Options) Next {
	var c certutil
	return whole(lines, perLine(lines, c.line), c.unfinished)
}

type certutil struct {
	at        certutilLine // what the next line has to be
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
	at := c.at
	c.at = certutilName
	switch head := certutilHead().FindSubmatch(line); {
	case at == certutilDigest:
		c.at = certutilSuccess
		return c.entry(line)
	case at == certutilSuccess && bytes.Equal(line, certutilTail):
		return Entry{}, errNoEntry
	case at == certutilSuccess:
		return Entry{}, errors.New("certutil does not say here that it succeeded")
	case head == nil:
		return Entry{}, errors.New(`not "<algorithm> hash of <name>:"`)
	default:
		if c.algorithm = digest.ByTag(string(head[1])); c.algorithm == nil {
			return Entry{}, fmt.Errorf("%.40q is no known algorithm", head[1])
		}
		c.at, c.name = certutilDigest, bytes.Clone(head[2])
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

func (c *certutil) unfinished() error {
	if c.at != certutilName {
		return errors.New("ends before certutil says that it succeeded: cut short")
	}
	return nil
}
