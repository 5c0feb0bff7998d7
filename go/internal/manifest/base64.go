package manifest

import (
	"encoding/base64"
	"errors"
	"strings"
)

// Base64 is the format [BSD] with digests in base64 (RFC 4648, section 4), as cksum --base64 of GNU
// coreutils 9.2 writes it. Hexadecimal is told from base64 by the length,
// or by the padding.
var Base64 = &Format{Name: "base64", Detect: detectTagged(styleBase64), Read: readTagged, Write: &Writer{
	File: bsdFile(base64.StdEncoding.AppendEncode)}}

// fromBase64 takes nothing that is not base64: package base64 skips CR and LF.
func fromBase64(e *base64.Encoding, text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("a line ends within base64")
	}
	return e.Strict().DecodeString(text)
}
