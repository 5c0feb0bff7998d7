package manifest

import (
	"encoding/hex"
	"strings"

	"checksig/internal/digest"
)

// BSD is the format with tags. Source: the man page cksum(1) of GNU coreutils.
//
//	<tag> " (" <name> ") = " <hex digest>
//	"\" <tag> " (" <name with \ LF CR written as \\ \n \r> ") = " <hex digest>
//
// For example:
//
//	SHA256 (disc.iso) = ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb
//
// The BSD tools, cksum and sha256sum --tag of GNU coreutils, shasum --tag, b3sum --tag,
// xxhsum --tag and rhash --bsd write it. So do the publishers of Fedora's CHECKSUM and OpenBSD's
// SHA256.
//
// The tag may have any case and spelling ("SHA256", "SHA2-256", "BLAKE2b-256"), and each line may
// have another tag. Lines as in [GNU] are also read.
var BSD = &Format{Name: "bsd", Detect: detectTagged(styleBSD), Read: readTagged, HasText: true, Write: &Writer{File: bsdFile(hex.AppendEncode)}}

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

// bsdTag returns the tag that coreutils and shasum use: "SHA256", "BLAKE2b-256", "SHA512/256".
func bsdTag(a *digest.Algorithm) string {
	tag := strings.ToUpper(strings.Replace(a.Name, "sha512-", "sha512/", 1))
	for _, blake := range []string{"BLAKE2b", "BLAKE2s"} {
		if rest, ok := strings.CutPrefix(tag, strings.ToUpper(blake)); ok {
			return blake + rest
		}
	}
	return tag
}
