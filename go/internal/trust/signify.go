package trust

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/blake2b"
)

// Keys and signatures of signify (man page signify(1), signify.c) and of minisign (the page "Minisign" at
// jedisct1.github.io) have the same form: a comment that is not signed, and in base64 the algorithm, the key's
// number, and 32 or 64 bytes of Ed25519.
const (
	untrustedComment = "untrusted comment: "
	trustedComment   = "trusted comment: "

	maxComment     = 8192 // bytes; minisign's own limit
	signifyKeySize = 2 + 8 + ed25519.PublicKeySize
	signifySigSize = 2 + 8 + ed25519.SignatureSize
)

type signifyKey struct {
	number string
	public ed25519.PublicKey
}

// readSignifyKeys reads public keys, each after its comment.
func readSignifyKeys(data []byte) ([]*Key, error) {
	lines := strings.Split(strings.TrimRight(string(data), "\r\n"), "\n")
	if len(lines)%2 != 0 {
		return nil, errorf("expected a comment and a key, in two lines")
	}
	var keys []*Key
	for i := 0; i < len(lines); i += 2 {
		comment, is := strings.CutPrefix(strings.TrimSuffix(lines[i], "\r"), untrustedComment)
		if !is || len(comment) > maxComment {
			return nil, errorf("line %d: expected %q", i+1, untrustedComment)
		}
		key, err := readSignifyKey(strings.TrimSuffix(lines[i+1], "\r"), comment)
		if err != nil {
			return nil, errorf("line %d: %s", i+2, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// readSignifyKey reads the line of a public key. Only the comment tells whether it is one of minisign.
func readSignifyKey(line, comment string) (*Key, error) {
	data, err := decodeBase64(line)
	if err != nil || len(data) != signifyKeySize || string(data[:2]) != "Ed" {
		return nil, errorf("expected a public key of signify or minisign in base64")
	}
	k := &Key{
		Format: "signify", ID: fmt.Sprintf("%x", data[2:10]), Fingerprint: line, Algorithm: "ed25519",
		signify: &signifyKey{string(data[2:10]), data[10:]},
	}
	if comment == "" || strings.HasPrefix(comment, "minisign ") {
		k.Format, k.ID = "minisign", minisignID(data[2:10])
	}
	if comment != "" {
		k.Names = []string{comment}
	}
	return k, nil
}

// minisignID returns a key's number as minisign prints it.
func minisignID(number []byte) string {
	return fmt.Sprintf("%016X", binary.LittleEndian.Uint64(number))
}

// splitSignify splits data after its first two lines.
func splitSignify(data []byte) (comment, signature string, rest []byte, ok bool) {
	first, data, ok1 := bytes.Cut(data, []byte("\n"))
	second, rest, ok2 := bytes.Cut(data, []byte("\n"))
	comment = strings.TrimSuffix(string(first), "\r")
	return comment, strings.TrimSuffix(string(second), "\r"), rest,
		ok1 && ok2 && strings.HasPrefix(comment, untrustedComment) && len(comment) <= maxComment+len(untrustedComment)
}

// isEmbeddedSignify reports whether data is a message that signify -e has signed.
func isEmbeddedSignify(data []byte) bool {
	if !hasPrefix(data, untrustedComment) {
		return false
	}
	_, signature, rest, ok := splitSignify(data)
	return ok && len(signature) == base64.StdEncoding.EncodedLen(signifySigSize) && len(rest) > 0 &&
		!hasPrefix(rest, trustedComment)
}

// embeddedSignify returns the message in data, and the line in which it begins.
func embeddedSignify(data []byte) (message []byte, line int64) {
	_, _, message, _ = splitSignify(data)
	return message, 3
}

// parseSignify parses a detached signature of signify or minisign.
func (p *Policy) parseSignify(data []byte) ([]*signature, error) {
	if len(data) > 0 && data[len(data)-1] != '\n' {
		data = append(bytes.Clone(data), '\n')
	}
	_, line, rest, ok := splitSignify(data)
	raw, err := decodeBase64(line)
	if !ok || err != nil || len(raw) != signifySigSize {
		return nil, errorf("expected a signature of signify or minisign in base64 in line 2")
	}
	algorithm, number, sig := string(raw[:2]), string(raw[2:10]), raw[10:]
	s := &signature{}
	switch algorithm {
	case "Ed":
	case "ED":
		s.name = "BLAKE2b-512"
		s.hash = func() hash.Hash {
			h, _ := blake2b.New512(nil)
			return h
		}
	default:
		return nil, errorf("unknown algorithm %.8q of a signature", algorithm)
	}
	signer := Signer{Format: "signify", KeyID: fmt.Sprintf("%x", number)}
	var global []byte
	if len(rest) > 0 || algorithm == "ED" {
		signer.Format, signer.KeyID = "minisign", minisignID([]byte(number))
		if signer.Comment, global, err = readTrustedComment(rest); err != nil {
			return nil, err
		}
		signer.Time = timestampIn(signer.Comment)
	}
	s.check = func(signed []byte) (*Signer, error) {
		err := error(errUnknownKey(signer.Format + " " + signer.KeyID))
		for _, key := range p.Keys {
			if key.signify == nil || key.signify.number != number {
				continue
			}
			if key.Format == "minisign" && global == nil {
				// What it has signed with it, the signature and the comment, would be a message of its own.
				err = errorf("without the trusted comment that minisign always signs")
				continue
			}
			if algorithm == "Ed" && isHash(signed) {
				err = errorf("could be the signature of another file, of which this is the hash")
				continue
			}
			if !ed25519.Verify(key.signify.public, signed, sig) {
				err = errInvalid{errorf("the signature by the key %s is invalid", key.ID)}
				continue
			}
			if global != nil && !ed25519.Verify(key.signify.public, append(bytes.Clone(sig), signer.Comment...), global) {
				err = errInvalid{errorf("the trusted comment is not signed by the key %s", key.ID)}
				continue
			}
			found := signer
			found.Fingerprint, found.ids = key.Fingerprint, []string{publicID(key.signify.public)}
			if len(key.Names) > 0 {
				found.Identity = key.Names[0]
			}
			return &found, nil
		}
		return nil, err
	}
	return []*signature{s}, nil
}

// isHash reports whether data could be the hash that a signature with the algorithm "ED" covers. That is not signed
// itself: with "Ed" in its place, the signature of a file is also one of its hash.
func isHash(data []byte) bool {
	return len(data) == blake2b.Size && bytes.ContainsFunc(data, func(r rune) bool { return r >= 0x7f || r < '\t' })
}

// readTrustedComment reads the third and the fourth line of a signature of minisign.
func readTrustedComment(rest []byte) (comment string, global []byte, err error) {
	first, rest, _ := bytes.Cut(rest, []byte("\n"))
	second, rest, _ := bytes.Cut(rest, []byte("\n"))
	comment, is := strings.CutPrefix(strings.TrimSuffix(string(first), "\r"), trustedComment)
	if !is || len(comment) > maxComment {
		return "", nil, errorf("expected %q in line 3 of the signature", trustedComment)
	}
	global, err = decodeBase64(strings.TrimSuffix(string(second), "\r"))
	if err != nil || len(global) != ed25519.SignatureSize {
		return "", nil, errorf("expected the signature of the trusted comment in line 4")
	}
	if len(bytes.Trim(rest, "\r\n")) > 0 {
		return "", nil, errorf("text after the signature")
	}
	return comment, global, nil
}

// FileName returns the name that the signed file had, as minisign writes it into its trusted comment; "" if the comment
// does not say it. minisign -V prints the comment and compares nothing, because files are renamed.
func (s *Signer) FileName() string {
	for field := range strings.SplitSeq(s.Comment, "\t") {
		if name, is := strings.CutPrefix(field, "file:"); is && s.Format == "minisign" {
			return name
		}
	}
	return ""
}

// timestampIn returns the time that minisign writes into its trusted comments, zero if there is none.
func timestampIn(comment string) time.Time {
	for _, field := range strings.Fields(comment) {
		if text, is := strings.CutPrefix(field, "timestamp:"); is {
			if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && seconds > 0 && seconds < 1<<40 {
				return time.Unix(seconds, 0)
			}
		}
	}
	return time.Time{}
}
