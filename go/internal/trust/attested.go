package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"slices"
)

// MaxAttested is the size of the largest file of Sigstore bundles or attestations that is read, in bytes.
const MaxAttested = 16 << 20

// Attestation is a Sigstore bundle, DSSE envelope or PyPI attestation that the caller has verified, or refused. This
// package verifies none of them.
type Attestation struct {
	Signer Signer
	Public string // of the key that signed it, if the caller named one: the modulus of RSA in decimal, otherwise the point
	Line   int64  // in which it begins, from 1
	Text   []byte // what was authenticated, as a document of its own
	// Digests are those of the files that it is about, by their algorithm.
	Digests   map[string][][]byte
	Statement bool   // it may be about other files too
	Refused   string // why it does not count; or ""
	LeftOut   string // why nobody asked for it; or ""
}

// Attested are the attestations in files, by the SHA-256 of each file's content.
type Attested map[[sha256.Size]byte][]Attestation

// Has reports whether the caller has verified or refused attestations in a file.
func (a Attested) Has(data []byte) bool {
	if len(a) == 0 {
		return false
	}
	_, has := a[sha256.Sum256(data)]
	return has
}

// IsAttestation reports whether data may be a file of Sigstore bundles or attestations: JSON objects.
func IsAttestation(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{"))
}

var errNotAttested = &Error{Cause: "no Sigstore bundle or attestation, or changed since it was verified"}

var errNotVerified = &Error{Cause: "a Sigstore bundle or attestation: --trusted-root FILE with --identity and --issuer, or --key FILE," +
	" verifies it (trusted_root=, identity=, issuer=, key=)"}

// parseAttested returns the attestations in a file as signatures of one other file.
func (p *Policy) parseAttested(data []byte) ([]*signature, error) {
	all, known := p.Attested[sha256.Sum256(data)]
	switch {
	case !known && p.Attesting:
		return nil, errNotAttested
	case !known:
		return nil, errNotVerified
	}
	var found []*signature
	for i := range all {
		switch a := &all[i]; {
		case a.Refused != "":
			found = append(found, &signature{err: errorf("%s", a.Refused)})
		case a.LeftOut != "":
			found = append(found, &signature{err: errorf("%s", a.LeftOut)})
		default:
			found = append(found, a.signature())
		}
	}
	return found, nil
}

// fileHashes are those by which an attestation can be about a file, the first one preferred. No weaker one counts.
var fileHashes = []struct {
	name string
	new  func() hash.Hash
}{{"sha256", sha256.New}, {"sha512", sha512.New}, {"sha384", sha512.New384}}

func (a *Attestation) signature() *signature {
	for _, h := range fileHashes {
		digests := a.Digests[h.name]
		if len(digests) == 0 {
			continue
		}
		return &signature{hash: h.new, name: "attested " + h.name, check: func(sum []byte) (*Signer, error) {
			if slices.ContainsFunc(digests, func(d []byte) bool { return bytes.Equal(d, sum) }) {
				signer := a.Signer
				signer.ids = []string{signer.Fingerprint}
				switch {
				case signer.Identity != "":
					signer.ids = []string{signer.Issuer + "\x00" + signer.Identity} // its certificates differ
				case a.Public != "":
					signer.ids = append(signer.ids, a.Public)
				}
				return &signer, nil
			}
			if a.Statement {
				return nil, errorf("no subject of the statement has this digest")
			}
			return nil, errInvalid{errorf("the signature is that of another content")}
		}}
	}
	return &signature{err: errorf("no SHA-256, SHA-384 or SHA-512 digest of a file")}
}

// OpenAttested returns what the attestations in a file say, each in the line in which it begins. All of them must have
// been verified. The error is nil only then.
func (p *Policy) OpenAttested(data []byte) (*Message, error) {
	all := p.Attested[sha256.Sum256(data)]
	if p.Signers > 1 {
		return nil, errorf("1 of %d different trusted signers: an attestation has one", p.Signers)
	}
	m := &Message{Format: "dsse", Line: 1}
	line := int64(1)
	for i := range all {
		a := &all[i]
		switch {
		case a.Refused != "":
			return nil, at(a.Line, len(all), errors.New(a.Refused))
		case a.LeftOut != "":
			m.Remarks = append(m.Remarks, at(a.Line, len(all), errors.New(a.LeftOut)).Error())
			continue
		case !json.Valid(a.Text):
			return nil, at(a.Line, len(all), errors.New("the statement is not JSON"))
		}
		if line > 1 || a.Line > 1 {
			m.Text = append(m.Text, bytes.Repeat([]byte("\n"), int(max(a.Line-line, 0)))...)
		}
		line = max(line, a.Line)
		// In JSON these are white space: control characters in strings are not valid.
		text := bytes.ReplaceAll(bytes.ReplaceAll(a.Text, []byte("\n"), []byte(" ")), []byte("\r"), []byte(" "))
		m.Text = append(append(m.Text, text...), ' ')
		if !slices.ContainsFunc(m.Signers, func(s Signer) bool { return sameStatement(&s, &a.Signer) }) {
			m.Signers = append(m.Signers, a.Signer)
		}
	}
	if len(m.Signers) == 0 {
		cause := "no attestation"
		if len(m.Remarks) > 0 {
			cause += " that was asked for; " + m.Remarks[0]
		}
		return nil, errorf("%s", cause)
	}
	return m, nil
}

// sameStatement reports whether two signers differ in nothing that a report must keep apart.
func sameStatement(a, b *Signer) bool {
	return a.Fingerprint == b.Fingerprint && a.Identity == b.Identity && a.Predicate == b.Predicate && a.LogIndex == b.LogIndex &&
		a.Time.Equal(b.Time)
}

func at(line int64, count int, err error) error {
	if count > 1 {
		err = fmt.Errorf("line %d: %w", line, err)
	}
	return errorf("%s", err)
}
