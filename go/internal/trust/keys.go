package trust

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// Key is a key whose signatures count.
type Key struct {
	Format      string // as [Signer.Format]
	ID          string
	Fingerprint string
	Algorithm   string    // "rsa-4096", "ed25519"
	Names       []string  // user IDs, principals or the comment, as the file has them
	Created     time.Time // zero if unknown
	Expires     time.Time // zero if never
	Problem     string    // why no signature of it counts; "" if some may
	Authority   bool      // it signs certificates of keys, and nothing else

	pgp     *certificate
	signify *signifyKey
	ssh     *allowedSigner
}

// ParseKeys returns the keys in a file, whose kind its content tells: OpenPGP certificates, armored or binary;
// public keys of signify and minisign; SSH public keys; or an allowed_signers file of ssh-keygen(1).
// Certificates of which no signature can count are among them, with the reason as their Problem.
func ParseKeys(data []byte) (keys []*Key, err error) {
	switch {
	case len(data) > MaxKeys:
		return nil, errorf("more than %d bytes, too long for a file of keys", MaxKeys)
	case bytes.Contains(data, []byte("PRIVATE KEY-----")) || bytes.Contains(data, []byte("PRIVATE KEY BLOCK-----")):
		return nil, errorf("holds a private key; public keys are needed")
	case hasLine(data, pgpKeyBegin):
		keys, err = readArmoredKeys(data)
	case len(data) > 0 && data[0]&0x80 != 0:
		keys, err = readCertificates(data)
	case bytes.Contains(data[:min(len(data), 32)], []byte("KBXf")):
		return nil, errorf("a keybox of GnuPG; export the keys: gpg --export KEY > FILE")
	case hasPrefix(data, untrustedComment):
		keys, err = readSignifyKeys(data)
	default:
		keys, err = readKeyLines(data)
	}
	if err == nil && len(keys) == 0 {
		err = errorf("holds no public key of a known format")
	}
	return Merge(keys), err
}

// Pin returns those keys that have one of the fingerprints. The error is about a fingerprint that is malformed
// or that no key has.
func Pin(keys []*Key, fingerprints []string) ([]*Key, error) {
	var pinned []*Key
	for _, text := range fingerprints {
		wanted := normalFingerprint(text)
		if wanted == "" {
			return nil, errorf("an empty fingerprint")
		}
		found := false
		for _, key := range keys {
			if normalFingerprint(key.Fingerprint) != wanted {
				continue
			}
			found = true
			if !slices.Contains(pinned, key) {
				pinned = append(pinned, key)
			}
		}
		switch {
		case found:
		case len(wanted) < 40:
			return nil, errorf("%.80q is no fingerprint; short key IDs can be forged", text)
		default:
			return nil, errorf("no trusted key has the fingerprint %.80q", text)
		}
	}
	return pinned, nil
}

// normalFingerprint returns a fingerprint without the blanks and the case that do not matter.
func normalFingerprint(text string) string {
	compact := strings.Join(strings.Fields(text), "")
	hex := strings.TrimPrefix(strings.TrimPrefix(compact, "0x"), "0X")
	if isHex := strings.Trim(hex, "0123456789abcdefABCDEF") == ""; isHex && (len(hex) == 40 || len(hex) == 64) {
		return strings.ToUpper(hex)
	}
	if strings.HasPrefix(compact, sha256Prefix) {
		return strings.TrimRight(compact, "=")
	}
	return compact
}

// readKeyLines reads SSH public keys, allowed_signers and the key that minisign -P takes, one in each line.
func readKeyLines(data []byte) ([]*Key, error) {
	var keys []*Key
	n := 0
	for line := range bytes.Lines(data) {
		n++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' }) {
			return nil, errorf("line %d: holds control characters, no key of a known format", n)
		}
		key, err := readSignifyKey(text, "")
		if err != nil {
			key, err = readAllowedSigner(text)
		}
		if err != nil {
			return nil, errorf("line %d: %s", n, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func hasPrefix(data []byte, prefix string) bool { return bytes.HasPrefix(data, []byte(prefix)) }

// hasLine reports whether a line of data is text.
func hasLine(data []byte, text string) bool {
	for line := range bytes.Lines(data) {
		if string(bytes.TrimRight(line, " \t\r\n")) == text {
			return true
		}
	}
	return false
}

// decodeBase64 decodes text strictly: without line breaks, and with the padding that it needs.
func decodeBase64(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errorf("not in base64")
	}
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errorf("not in base64")
	}
	return data, nil
}
