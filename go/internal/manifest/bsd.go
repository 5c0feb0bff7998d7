package manifest

import (
	"encoding/hex"
	"strings"

	"checksig/internal/digest"
)

// BSD is the format with tags, of BSD's own tools, cksum and sha256sum --tag of GNU coreutils (man
// page cksum(1)), shasum --tag, b3sum --tag, xxhsum --tag and rhash --bsd; of Fedora's CHECKSUM
// files and the SHA256 of OpenBSD:
//
//	<tag> " (" <name> ") = " <digest in hexadecimal>
//	"\" <tag> " (" <name with \ LF CR written as \\ \n \r> ") = " <digest in hexadecimal>
//
// The tag is read in any case and spelling ("SHA256", "SHA2-256", "BLAKE2b-256"), and may be
// another one on each line. Read too: what [GNU] reads.
var BSD = &Format{Name: "bsd", Detect: detectTagged(styleBSD), Read: readTagged, Write: &Writer{File: bsdFile(hex.AppendEncode)}}

func bsdFile(encode func(dst, digest []byte) []byte) func([]byte, []Entry) ([]byte, error) {
	return func(dst []byte, entries []Entry) ([]byte, error) {
		for _, e := range entries {
			escaped := needsEscape(e.Name)
			if escaped {
				dst = append(dst, '\\')
			}
			dst = append(append(dst, bsdTag(e.Algorithm)...), " ("...)
			dst = append(appendName(dst, e.Name, escaped), ") = "...)
			dst = append(encode(dst, e.Digest), '\n')
		}
		return dst, nil
	}
}

// bsdTag spells an algorithm as coreutils and shasum do: "SHA256", "BLAKE2b-256", "SHA512/256".
func bsdTag(a *digest.Algorithm) string {
	tag := strings.ToUpper(strings.Replace(a.Name, "sha512-", "sha512/", 1))
	for _, blake := range []string{"BLAKE2b", "BLAKE2s"} {
		if rest, ok := strings.CutPrefix(tag, strings.ToUpper(blake)); ok {
			return blake + rest
		}
	}
	return tag
}
