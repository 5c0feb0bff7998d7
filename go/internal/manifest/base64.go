package manifest

import (
	"encoding/base64"
	"errors"
	"strings"
)

// Base64 is the format [BSD] with digests in base64 (RFC 4648, section 4), as cksum --base64 of GNU
// coreutils 9.2 writes it.
//
// Base64 is distinguished from hex by the length of the digest, and by the padding if both have the
// same length.
var Base64 = &Format{Name: "base64", Detect: detectTagged(styleBase64), Read: readTagged, HasText: true, Write: &Writer{
	File: bsdFile(base64.StdEncoding.AppendEncode)}}

// fromBase64 decodes text strictly. It rejects CR and LF, which package base64 ignores.
func fromBase64(e *base64.Encoding, text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("line break in base64")
	}
	return e.Strict().DecodeString(text)
}
