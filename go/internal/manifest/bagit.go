package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
)

// BagIt is the format of a bag's payload and tag manifests (RFC 8493, section 2.1.3).
//
//	<hex digest> (SP | TAB)+ <name with CR LF % written as %0D %0A %25>
//
// As in the RFC, a manifest is recognised by its name: manifest-<algorithm>.txt or
// tagmanifest-<algorithm>.txt. Any other percent sign is a percent sign. A "*" before the name, which
// md5sum --binary writes, is removed, as bagit-python does.
var BagIt = &Format{Name: "bagit", Detect: detectBagIt, Read: bagItLine.read, Write: &Writer{Begin: beginSingle, File: bagItFile}}

var bagItName = pattern(`^(?i:tag)?manifest-[A-Za-z0-9-]+\.txt$`)

func detectBagIt(head []byte, o Options) bool {
	return bagItName().MatchString(o.FileName) && o.untaggedAlgorithm() != nil && bagItLine.detect(head, o)
}

var bagItLine = untaggedLine{parse: parseBagIt}

func parseBagIt(line []byte, digests untagged) (Entry, error) {
	blank := bytes.IndexAny(line, " \t")
	if blank < 0 {
		return Entry{}, errors.New("expected a digest and a file name")
	}
	name := bytes.TrimLeft(line[blank:], " \t")
	name = bytes.TrimPrefix(name, []byte("*"))
	if len(name) == 0 {
		return Entry{}, errors.New("no file name after the digest")
	}
	return digests.entry(line[:blank], []byte(bagItUnescape.Replace(string(name))))
}

var (
	bagItUnescape = strings.NewReplacer("%0D", "\r", "%0d", "\r", "%0A", "\n", "%0a", "\n", "%25", "%")
	bagItEscape   = strings.NewReplacer("\r", "%0D", "\n", "%0A", "%", "%25")
)

func bagItFile(dst []byte, entries []Entry) ([]byte, error) {
	for _, e := range entries {
		if e.Name == "" || strings.IndexByte(" \t*", e.Name[0]) >= 0 {
			return nil, errors.New("the format cannot represent a name that begins with a blank or *")
		}
		dst = append(hex.AppendEncode(dst, e.Digest), "  "...)
		dst = append(append(dst, bagItEscape.Replace(e.Name)...), '\n')
	}
	return dst, nil
}
