// Package trust tells who signed something: it verifies signatures with keys that the caller pins.
//
// A [Policy] holds the keys, from files that [ParseKeys] reads, of whatever kind. A manifest is either a signed
// message itself ([Policy.Open]), or has a signature in a file of its own ([Policy.Verify]):
//
//	keys, err := trust.ParseKeys(keyFile)
//	policy := trust.Policy{Keys: keys}
//	signers, err := policy.Verify(content, []trust.File{{Name: "SHA256SUMS.asc", Data: signature}})
//
// # Formats
//
//	pgp       OpenPGP, RFC 4880 and RFC 9580: keys and signatures of versions 4 and 6; RSA, ECDSA with the
//	          NIST curves, Ed25519; detached (armored or binary) and clear-signed
//	signify   OpenBSD's signify(1), detached and embedded
//	minisign  minisign, both of its algorithms, "Ed" and "ED"; the trusted comment is verified as well
//	dsse      Sigstore bundles, DSSE envelopes and PyPI's attestations, which the caller verifies: see [Attested]
//	ssh       SSHSIG, PROTOCOL.sshsig of OpenSSH: Ed25519, RSA, ECDSA, security keys, and certificates
//	          of an authority in an allowed_signers file, ssh-keygen(1)
//
// # Policy
//
// Whatever is not understood is refused. A signature counts only if a key of the caller made it, that key is
// for signing, it is neither revoked nor expired now, and it existed when the signature was made. Signatures
// with MD5, SHA-1 or RIPEMD-160, RSA keys of fewer than 2048 bits and DSA keys never count; nor do the
// signatures of that kind which bind a key to a certificate. An invalid signature by a key of the caller is an
// error even if other signatures are valid.
//
// Signers are different if they have different certificates, different keys, whatever their formats, and, in
// allowed_signers files, different principals.
//
// The package knows no file system, no keyring, no network and no other program, and keeps no state: a Policy
// does not change while it is used, from any number of goroutines.
package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"

	"checksig/internal/printable"
)

const (
	// MaxKeys is the size of the largest file of keys that is read, in bytes.
	MaxKeys = 16 << 20

	// MaxSignature is the size of the largest signature file that is read, in bytes.
	MaxSignature = 1 << 20

	// maxSignatures is how many signatures of one message are verified, not counting those by other keys.
	maxSignatures = 100

	// skew is how much faster than ours a signer's clock may be.
	skew = 10 * time.Minute
)

// Policy says whose signatures count, and how many are needed.
type Policy struct {
	Keys      []*Key
	Signers   int              // how many different signers are needed; 0 for one
	Namespace string           // of SSH signatures; "" for "file"
	Now       func() time.Time // nil for [time.Now]
	Attested  Attested         // Sigstore bundles and attestations that the caller has verified
	Attesting bool             // the caller was asked to verify them
}

// Signer is who made a signature that was verified.
type Signer struct {
	Format      string    // "pgp", "signify", "minisign", "ssh", "sigstore", or "key" for an attestation signed with one
	KeyID       string    // of the key that made it, as its format writes it
	Fingerprint string    // of the certificate or key that the caller trusts
	Identity    string    // its user ID, principal or comment, as the key file has it; bytes that anybody may have chosen
	Time        time.Time // when the signature was made, as the signer says; zero if the signature does not say it
	Comment     string    // that the signature covers: minisign's trusted comment
	File        string    // the signature file; "" if the signature is inside the manifest
	Issuer      string    // who has vouched for the identity, in Sigstore
	Predicate   string    // the type of the in-toto statement that was signed; "" for none
	LogIndex    string    // of the entry in the transparency log, in decimal; "" for none

	ids []string // signers that share one of them are the same
}

// File is a file that holds signatures.
type File struct {
	Name string
	Data []byte
	Err  error // why it could not be read
}

// Error is why something is not trusted.
type Error struct {
	Cause   string
	Invalid bool // a key of the caller has signed something else, or the signature was changed
}

func (e *Error) Error() string { return e.Cause }

func errorf(format string, a ...any) error { return &Error{Cause: fmt.Sprintf(format, a...)} }

// errInvalid is an invalid signature of a key that the caller trusts.
type errInvalid struct{ error }

// errUnknownKey is a signature by another key: its format and its ID or fingerprint, as the signature has them.
type errUnknownKey string

func (e errUnknownKey) Error() string { return "signed by a key that is not trusted: " + string(e) }

// maxUnknown is how many other keys a message names.
const maxUnknown = 5

func (p *Policy) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

// signature is a signature that was parsed, and not verified.
type signature struct {
	hash   func() hash.Hash // takes what was signed, and suffix; nil if check needs the signed bytes themselves
	name   string           // of the hash
	suffix []byte           // then the hash is a [hash.Cloner]
	err    error            // why it does not count, whatever was signed
	// check returns who made it. signed is the sum of hash or, without one, the signed bytes.
	check func(signed []byte) (*Signer, error)
}

// parse returns the signatures in a file of detached ones.
func (p *Policy) parse(data []byte) ([]*signature, error) {
	if IsAttestation(data) {
		return p.parseAttested(data)
	}
	switch kind := Embedded(data); {
	case len(data) > MaxSignature:
		return nil, errorf("more than %d bytes, too long for a signature", MaxSignature)
	case kind == "pgp":
		return nil, errorf("a signed message of its own, no signature of another file; verify it instead")
	case kind == "signify":
		return nil, errorf("a signify message of its own, no signature of another file; verify it instead")
	case hasPrefix(data, untrustedComment):
		return p.parseSignify(data)
	case hasPrefix(data, sshBegin):
		return p.parseSSH(data)
	case hasPrefix(data, pgpSignatureBegin):
		binary, err := readArmoredSignatures(data)
		if err != nil {
			return nil, err
		}
		return p.parsePGP(binary, pgpBinary)
	case len(data) > 0 && data[0]&0x80 != 0:
		return p.parsePGP(data, pgpBinary)
	}
	return nil, errorf("no signature of a known format")
}

// Verify returns who signed content, with the signatures in files. The error is nil if they are as many as
// the policy needs.
func (p *Policy) Verify(content []byte, files []File) ([]Signer, error) {
	s := p.NewStream(files)
	s.Take(content)
	return s.Signers()
}

// Message is a message that has its signature around it.
type Message struct {
	Format  string // "pgp", "signify" or "dsse"
	Text    []byte // what was signed: nothing else may be used
	Line    int64  // of the message, in which Text begins, from 1
	Signers []Signer
	Remarks []string // as [Stream.Remarks]; of attestations: those that nobody asked for
}

// Embedded returns the kind of signed message that data is by its beginning: "pgp", "signify", or "" for none.
func Embedded(data []byte) string {
	switch {
	case hasPrefix(data, clearSignBegin):
		return "pgp"
	case isEmbeddedSignify(data):
		return "signify"
	}
	return ""
}

// Open returns what is inside a signed message, and who signed it. The error is nil if the signers are as many
// as the policy needs; nothing of the message may be used otherwise.
func (p *Policy) Open(data []byte) (*Message, error) {
	var signatures []*signature
	var err error
	m := &Message{Format: Embedded(data)}
	signed := []byte(nil)
	switch m.Format {
	case "pgp":
		var clear *clearText
		if clear, err = readClearText(data); err != nil {
			return nil, err
		}
		if len(clear.signature) > MaxSignature {
			return nil, errorf("more than %d bytes, too long for a signature", MaxSignature)
		}
		m.Text, m.Line, signed = clear.text, clear.line, clear.canonical
		signatures, err = p.parsePGP(clear.signature, pgpText)
	case "signify":
		m.Text, m.Line = embeddedSignify(data)
		signed = m.Text
		signatures, err = p.parseSignify(data[:len(data)-len(m.Text)])
	default:
		return nil, errorf("no signed message")
	}
	if err != nil {
		return nil, err
	}
	stream := p.NewStream(nil)
	stream.add("", signatures)
	stream.whole = bytes.NewBuffer(signed)
	stream.hashes.write(signed)
	m.Signers, err = stream.Signers()
	if err != nil {
		return nil, err
	}
	m.Remarks = stream.Remarks()
	return m, nil
}

// collector counts the signers of one message.
type collector struct {
	policy   *Policy
	signers  []Signer
	count    int
	problems []string
	unknown  []string // the other keys
	others   int      // signatures by them
	invalid  error
}

// add verifies s. signed is what its check needs.
func (c *collector) add(file string, s *signature, signed []byte) {
	switch {
	case s.err != nil:
		c.problem(file, s.err)
		return
	case c.invalid != nil:
		return
	}
	if c.count++; c.count > maxSignatures {
		if c.count == maxSignatures+1 {
			c.problem(file, errorf("more than %d signatures", maxSignatures))
		}
		return
	}
	signer, err := s.check(signed)
	if err != nil {
		c.problem(file, err)
		return
	}
	signer.File = file
	for _, other := range c.signers {
		if other.Fingerprint == signer.Fingerprint && other.KeyID == signer.KeyID && other.File == file {
			return
		}
	}
	c.signers = append(c.signers, *signer)
}

func (c *collector) problem(file string, err error) {
	var invalid errInvalid
	if errors.As(err, &invalid) && c.invalid == nil {
		c.invalid = err
	}
	var unknown errUnknownKey
	if errors.As(err, &unknown) {
		c.others++
		if key := string(unknown); len(c.unknown) <= maxUnknown && !slices.Contains(c.unknown, key) {
			c.unknown = append(c.unknown, key)
		}
		return
	}
	text := err.Error()
	if file != "" {
		text = printable.Quote(file) + ": " + text
	}
	if len(c.problems) < 3 && !slices.Contains(c.problems, text) {
		c.problems = append(c.problems, text)
	}
}

func (c *collector) result() ([]Signer, error) {
	need := max(c.policy.Signers, 1)
	have := distinct(c.signers)
	if have >= need && c.invalid == nil {
		return c.signers, nil
	}
	causes := c.problems
	switch {
	case c.others == 1:
		causes = append(causes, errUnknownKey(c.unknown[0]).Error())
	case c.others > 1:
		names := strings.Join(c.unknown[:min(len(c.unknown), maxUnknown)], ", ")
		if len(c.unknown) > maxUnknown {
			names += " and more"
		}
		causes = append(causes, fmt.Sprintf("%d signatures by keys that are not trusted: %s", c.others, names))
	}
	switch {
	case c.invalid != nil:
	case need > 1:
		causes = append([]string{fmt.Sprintf("%d of %d different trusted signers", have, need)}, causes...)
	case len(causes) == 0:
		causes = []string{"no signature"}
	}
	return nil, &Error{Cause: strings.Join(causes, "; "), Invalid: c.invalid != nil}
}

// publicID returns what a key has in common with itself in other formats, and in certificates; "" for an unknown one.
func publicID(key crypto.PublicKey) string {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.String()
	case *ecdsa.PublicKey:
		if point, err := key.Bytes(); err == nil {
			return string(point)
		}
	case ed25519.PublicKey:
		return string(key)
	}
	return ""
}

// distinct returns how many signers are different: two are the same if they share an ID.
func distinct(signers []Signer) int {
	var groups [][]string
	for _, s := range signers {
		merged := slices.Clone(s.ids)
		groups = slices.DeleteFunc(groups, func(group []string) bool {
			same := slices.ContainsFunc(group, func(id string) bool { return slices.Contains(s.ids, id) })
			if same {
				merged = append(merged, group...)
			}
			return same
		})
		groups = append(groups, merged)
	}
	return len(groups)
}
