package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash
	_ "crypto/sha3"
	_ "crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"
	"math/big"
	"slices"
	"time"
)

// Types of signatures, RFC 9580, section 5.2.1.
const (
	pgpBinary        = 0x00
	pgpText          = 0x01
	sigUser          = 0x10 // and the three after it
	sigSubkey        = 0x18
	sigBack          = 0x19
	sigDirect        = 0x1F
	sigRevokesKey    = 0x20
	sigRevokesSubkey = 0x28
	sigRevokesUser   = 0x30
)

// flagSign marks keys for signatures of data, RFC 9580, section 5.2.3.29.
const flagSign = 0x02

// pgpHashes are the hashes with which signatures count, by their numbers in RFC 9580, section 9.5.
var pgpHashes = map[byte]crypto.Hash{
	8: crypto.SHA256, 9: crypto.SHA384, 10: crypto.SHA512, 12: crypto.SHA3_256, 14: crypto.SHA3_512,
}

// weakHashes are those with which none counts.
var weakHashes = map[byte]string{1: "MD5", 2: "SHA-1", 3: "RIPEMD-160", 11: "SHA-224"}

// saltSizes are how many bytes of salt signatures of version 6 have, RFC 9580, section 9.5.
var saltSizes = map[byte]int{8: 16, 9: 24, 10: 32, 12: 16, 14: 32}

// pgpSignature is a signature of version 4 or 6.
type pgpSignature struct {
	version   byte
	salt      []byte // what is hashed before the signed bytes, in version 6
	kind      byte
	algorithm byte
	hash      byte
	trailer   []byte // what is hashed after the signed bytes
	left      [2]byte
	numbers   []byte // what depends on the algorithm

	created     time.Time
	lifetime    time.Duration // of the signature; 0 for ever
	keyLifetime time.Duration // of the key that it is about; 0 for ever
	flags       byte
	hasFlags    bool
	embedded    []byte // another signature
	keyID       []byte // who made it; nil if it does not say
	fingerprint []byte
	problem     string // why it does not count, though it is well-formed
}

// readPGPSignature reads the body of a signature packet, RFC 9580, section 5.2.3.
func readPGPSignature(body []byte) (*pgpSignature, error) {
	if len(body) < 6 {
		return nil, errTruncated
	}
	s := &pgpSignature{version: body[0], kind: body[1], algorithm: body[2], hash: body[3]}
	cut := cut16
	switch s.version {
	case 4:
	case 6:
		cut = cut32
	default:
		return nil, errorf("a signature of version %d, which is not supported (versions 4 and 6 are); verify it with gpg or sq, and the"+
			" manifest without --trust", s.version)
	}
	hashed, rest, err := cut(body[4:])
	if err != nil {
		return nil, err
	}
	s.trailer = bytes.Clone(body[:len(body)-len(rest)])
	size := len(s.trailer)
	s.trailer = binary.BigEndian.AppendUint32(append(s.trailer, s.version, 0xFF), uint32(size))
	unhashed, rest, err := cut(rest)
	if err != nil {
		return nil, err
	}
	if len(rest) < 2 {
		return nil, errTruncated
	}
	s.left, s.numbers = [2]byte(rest), rest[2:]
	if s.version == 6 {
		if s.salt, s.numbers, err = cut8(s.numbers); err != nil {
			return nil, err
		}
		if size, known := saltSizes[s.hash]; known && len(s.salt) != size {
			return nil, errorf("a signature with a salt of %d bytes instead of %d", len(s.salt), size)
		}
	}
	if err := s.readSubpackets(hashed, true); err != nil {
		return nil, err
	}
	if err := s.readSubpackets(unhashed, false); err != nil {
		return nil, err
	}
	if s.created.IsZero() {
		return nil, errorf("a signature without a time")
	}
	return s, nil
}

// cut16 cuts off a part that has its length, two bytes, in front.
func cut16(data []byte) (part, rest []byte, err error) {
	if len(data) < 2 {
		return nil, nil, errTruncated
	}
	size := int(binary.BigEndian.Uint16(data))
	if data = data[2:]; len(data) < size {
		return nil, nil, errTruncated
	}
	return data[:size], data[size:], nil
}

// cut8 is [cut16] with one byte.
func cut8(data []byte) (part, rest []byte, err error) {
	if len(data) == 0 || len(data)-1 < int(data[0]) {
		return nil, nil, errTruncated
	}
	return data[1 : 1+data[0]], data[1+data[0]:], nil
}

// cut32 is [cut16] with four bytes.
func cut32(data []byte) (part, rest []byte, err error) {
	if len(data) < 4 {
		return nil, nil, errTruncated
	}
	size := binary.BigEndian.Uint32(data)
	if data = data[4:]; uint64(len(data)) < uint64(size) {
		return nil, nil, errTruncated
	}
	return data[:size], data[size:], nil
}

// Types of subpackets, RFC 9580, section 5.2.3.7.
const (
	subCreated     = 2
	subLifetime    = 3
	subKeyLifetime = 9
	subIssuer      = 16
	subFlags       = 27
	subEmbedded    = 32
	subFingerprint = 33
)

// harmless are the subpackets whose meaning does not matter here, even if they are critical: preferences, the
// signer's user ID, reasons and the like. A critical notation or regular expression is not among them.
var harmless = map[byte]bool{
	4: true, 7: true, 11: true, 21: true, 22: true, 23: true, 24: true, 25: true, 26: true, 28: true, 29: true,
	30: true, 34: true, 39: true,
}

// readSubpackets reads subpackets. Of those that are not hashed, and that anybody can change, only those count
// that say who made the signature, which is verified then, and the embedded one, which has its own.
func (s *pgpSignature) readSubpackets(data []byte, hashed bool) error {
	for len(data) > 0 {
		size, lengthBytes, err := subpacketLength(data)
		if err != nil {
			return err
		}
		if data = data[lengthBytes:]; size == 0 || uint(size) > uint(len(data)) {
			return errTruncated
		}
		kind, critical, value := data[0]&0x7F, data[0]&0x80 != 0, data[1:size]
		data = data[size:]
		switch {
		case kind == subIssuer && len(value) == 8:
			s.keyID = firstOf(s.keyID, value)
		case kind == subFingerprint && (len(value) == 21 && value[0] == 4 || len(value) == 33 && value[0] == 6):
			s.fingerprint = firstOf(s.fingerprint, value[1:])
		case kind == subEmbedded:
			s.embedded = firstOf(s.embedded, value)
		case !hashed && critical:
			s.problem = fmt.Sprintf("a critical subpacket of type %d that is not signed", kind)
		case !hashed:
		case kind == subCreated && len(value) == 4 && s.created.IsZero():
			s.created = time.Unix(int64(binary.BigEndian.Uint32(value)), 0)
		case kind == subLifetime && len(value) == 4:
			s.lifetime = time.Duration(binary.BigEndian.Uint32(value)) * time.Second
		case kind == subKeyLifetime && len(value) == 4:
			s.keyLifetime = time.Duration(binary.BigEndian.Uint32(value)) * time.Second
		case kind == subFlags:
			if s.hasFlags = true; len(value) > 0 {
				s.flags = value[0]
			}
		case kind == subCreated || kind == subLifetime || kind == subKeyLifetime:
			return errorf("a malformed subpacket of type %d", kind)
		case critical && !harmless[kind]:
			s.problem = fmt.Sprintf("an unknown critical subpacket of type %d", kind)
		}
	}
	return nil
}

// subpacketLength is newLength for subpackets, which have no parts, RFC 9580, section 5.2.3.7.
func subpacketLength(data []byte) (size, lengthBytes int, err error) {
	if data[0] >= 224 && data[0] < 255 {
		if len(data) < 2 {
			return 0, 0, errTruncated
		}
		return int(data[0]-192)<<8 + int(data[1]) + 192, 2, nil
	}
	return newLength(data)
}

func firstOf(a, b []byte) []byte {
	if a != nil {
		return a
	}
	return b
}

// isBy reports whether s says that k made it.
func (s *pgpSignature) isBy(k *pgpKey) bool {
	if s.fingerprint != nil {
		return bytes.Equal(s.fingerprint, k.fingerprint)
	}
	id := k.id()
	return s.keyID != nil && bytes.Equal(s.keyID, id[:])
}

// isByID reports whether s says that the key with that ID made it.
func (s *pgpSignature) isByID(id [8]byte) bool {
	return bytes.Equal(s.keyID, id[:]) || s.fingerprint != nil && keyID(s.fingerprint) == id
}

// unknownKey is the error for s, which no key of the caller made.
func (s *pgpSignature) unknownKey() error {
	id := s.keyID
	if s.fingerprint != nil {
		id = s.fingerprint
	}
	if id == nil {
		return errUnknownKey("pgp, without an ID")
	}
	return errUnknownKey(fmt.Sprintf("pgp %X", id))
}

// keyExpiry returns when k expires that the signature is about, or the signature itself; zero for never.
func (s *pgpSignature) keyExpiry(k *pgpKey) (expires time.Time) {
	if s.keyLifetime != 0 {
		expires = k.created.Add(s.keyLifetime)
	}
	if s.lifetime != 0 {
		expires = earlier(expires, s.created.Add(s.lifetime))
	}
	return expires
}

// sum returns the hash of signed and the trailer; nil if the hash is weak or unknown.
func (s *pgpSignature) sum(signed []byte) []byte {
	if _, known := pgpHashes[s.hash]; !known {
		return nil
	}
	h := s.newHash()
	h.Write(signed)
	h.Write(s.trailer)
	return h.Sum(nil)
}

// newHash returns the hash of nothing but the salt.
func (s *pgpSignature) newHash() hash.Hash {
	h := pgpHashes[s.hash].New()
	h.Write(s.salt)
	return h
}

// weakness returns why s does not count, whoever made it.
func (s *pgpSignature) weakness() error {
	if name := weakHashes[s.hash]; name != "" {
		return errorf("signed with %s, which is too weak", name)
	}
	if _, known := pgpHashes[s.hash]; !known {
		return errorf("signed with the unknown hash %d", s.hash)
	}
	if s.problem != "" {
		return &Error{Cause: s.problem}
	}
	return nil
}

// verify returns nil if k made s, a signature of what has that sum.
func (s *pgpSignature) verify(k *pgpKey, sum []byte) error {
	if err := s.weakness(); err != nil {
		return err
	}
	invalid := errInvalid{errorf("the signature by the key %X is invalid", k.fingerprint)}
	isRSA := func(algorithm byte) bool { return algorithm == pgpRSA || algorithm == pgpRSASign }
	if k.problem != "" || s.version != k.version || s.algorithm != k.algorithm && !(isRSA(s.algorithm) && isRSA(k.algorithm)) ||
		!bytes.Equal(sum[:2], s.left[:]) {
		return invalid
	}
	var ok bool
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		number, rest, err := readMPI(s.numbers)
		if size := public.Size(); err == nil && len(rest) == 0 && len(number) <= size {
			padded := append(make([]byte, size-len(number)), number...)
			ok = rsa.VerifyPKCS1v15(public, pgpHashes[s.hash], sum, padded) == nil
		}
	case *ecdsa.PublicKey:
		r, v, err := readPair(s.numbers)
		ok = err == nil && ecdsa.Verify(public, sum, new(big.Int).SetBytes(r), new(big.Int).SetBytes(v))
	case ed25519.PublicKey:
		if k.algorithm == pgpEd25519 {
			ok = len(s.numbers) == ed25519.SignatureSize && ed25519.Verify(public, sum, s.numbers)
			break
		}
		const half = ed25519.SignatureSize / 2
		if r, v, err := readPair(s.numbers); err == nil && len(r) <= half && len(v) <= half {
			whole := make([]byte, ed25519.SignatureSize)
			copy(whole[half-len(r):], r)
			copy(whole[2*half-len(v):], v)
			ok = ed25519.Verify(public, sum, whole)
		}
	}
	if !ok {
		return invalid
	}
	return nil
}

// readPair reads two numbers and nothing else.
func readPair(data []byte) (a, b []byte, err error) {
	a, data, err = readMPI(data)
	if err != nil {
		return nil, nil, err
	}
	b, data, err = readMPI(data)
	if err == nil && len(data) > 0 {
		err = errorf("more than two numbers")
	}
	return a, b, err
}

// parsePGP parses signature packets of that kind. There must be nothing else: a message inside could be
// verified instead of the file.
func (p *Policy) parsePGP(data []byte, kind byte) ([]*signature, error) {
	packets, err := readPackets(data)
	if err != nil {
		return nil, err
	}
	if len(packets) == 0 {
		return nil, errorf("no signature")
	}
	var signatures []*signature
	for _, packet := range packets {
		if packet.tag != tagSignature {
			return nil, errorf("holds a packet of type %d, not only signatures: a message of its own", packet.tag)
		}
		s, err := readPGPSignature(packet.body)
		if err == nil && s.kind != kind {
			err = errorf("a signature of type %#02x instead of %#02x", s.kind, kind)
		}
		if err == nil {
			err = s.weakness()
		}
		if err == nil && !slices.ContainsFunc(p.Keys, func(k *Key) bool { return k.pgp != nil && k.pgp.has(s) }) {
			err = s.unknownKey()
		}
		if err != nil {
			signatures = append(signatures, &signature{err: err})
			continue
		}
		signatures = append(signatures, &signature{
			hash: s.newHash, name: fmt.Sprintf("%s %x", pgpHashes[s.hash], s.salt), suffix: s.trailer,
			check: func(sum []byte) (*Signer, error) { return p.checkPGP(s, sum) },
		})
	}
	return signatures, nil
}

// checkPGP returns who of the trusted keys made s, a signature of what has that sum.
func (p *Policy) checkPGP(s *pgpSignature, sum []byte) (*Signer, error) {
	now := p.now()
	err := s.unknownKey()
	for _, key := range p.Keys {
		c := key.pgp
		if c == nil {
			continue
		}
		if key.Problem != "" {
			if s.isBy(c.primary) {
				err = errorf("the key %s cannot be used: %s", key.Fingerprint, key.Problem)
			}
			continue
		}
		for id, problem := range c.unfit {
			if s.isByID(id) {
				err = errorf("the key %X of %s cannot be used: %s", id, key.Fingerprint, problem)
			}
		}
		for _, k := range c.usable {
			if !s.isBy(k.pgpKey) {
				continue
			}
			if err = s.verify(k.pgpKey, sum); err != nil {
				continue
			}
			if err = s.validAt(now, k, c); err != nil {
				continue
			}
			id := k.id()
			signer := &Signer{
				Format: "pgp", KeyID: fmt.Sprintf("%X", id), Fingerprint: key.Fingerprint, Time: s.created,
				ids: append(c.keyIDs(), key.Fingerprint),
			}
			if len(key.Names) > 0 {
				signer.Identity = key.Names[0]
			}
			return signer, nil
		}
	}
	return nil, err
}

// validAt returns why s does not count at a time, although k made it.
func (s *pgpSignature) validAt(now time.Time, k *usableKey, c *certificate) error {
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	expires := earlier(k.expires, c.expires)
	switch {
	case s.created.After(now.Add(skew)):
		return errorf("signed in the future, on %s", day(s.created))
	case s.lifetime != 0 && !now.Before(s.created.Add(s.lifetime)):
		return errorf("the signature expired on %s", day(s.created.Add(s.lifetime)))
	case s.created.Before(k.created) || s.created.Before(c.primary.created):
		return errorf("signed on %s, before the key %X existed", day(s.created), k.fingerprint)
	case !expires.IsZero() && !now.Before(expires):
		return errorf("the key %X expired on %s; a newer copy of it may be valid longer", k.fingerprint, day(expires))
	}
	return nil
}
