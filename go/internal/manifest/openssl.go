package manifest

import (
	"encoding/hex"
	"fmt"
	"strings"

	"checksig/internal/digest"
)

// OpenSSL is the format of openssl dgst. Source: the man page openssl-dgst(1).
//
//	<tag> "(" <name> ")= " <hex digest>
//
// The tag for SHA-256 is "SHA256" up to version 1, and "SHA2-256" since 3.0. Names are never escaped.
var OpenSSL = &Format{Name: "openssl", Detect: detectTagged(styleOpenSSL), Read: readTagged, HasText: true, Write: &Writer{File: opensslFile}}

func opensslFile(dst []byte, entries []Entry) ([]byte, error) {
	for _, e := range entries {
		if err := plainName(e.Name, ""); err != nil {
			return nil, err
		}
		dst = append(append(dst, opensslTag(e.Algorithm)...), '(')
		dst = append(append(dst, e.Name...), ")= "...)
		dst = append(hex.AppendEncode(dst, e.Digest), '\n')
	}
	return dst, nil
}

// opensslTag returns the tag that OpenSSL 3 uses: "SHA2-256", "BLAKE2B-512", "SHA2-512/256".
func opensslTag(a *digest.Algorithm) string {
	tag := strings.ToUpper(bsdTag(a))
	if bits, ok := strings.CutPrefix(tag, "SHA"); ok && bits != "1" && !strings.HasPrefix(bits, "3-") {
		return "SHA2-" + bits
	}
	if tag == "BLAKE2B" || tag == "BLAKE2S" {
		return fmt.Sprintf("%s-%d", tag, 8*a.Size)
	}
	return tag
}
