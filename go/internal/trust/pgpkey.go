package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha1" // fingerprints of version 4
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// certificate is an OpenPGP certificate: a primary key, and the keys that it has bound to itself.
type certificate struct {
	primary *pgpKey
	packets []packet           // all of it
	usable  []*usableKey       // for signatures
	unfit   map[[8]byte]string // why no signature of a key counts, by key ID
	expires time.Time
}

// has reports whether s says that a key of c made it.
func (c *certificate) has(s *pgpSignature) bool {
	if s.isBy(c.primary) {
		return true
	}
	for id := range c.unfit {
		if s.isByID(id) {
			return true
		}
	}
	for _, k := range c.usable {
		if s.isBy(k.pgpKey) {
			return true
		}
	}
	return false
}

// keyIDs returns the public IDs of the keys in c that may sign: who has one of them has bound the others to it.
func (c *certificate) keyIDs() []string {
	ids := []string{publicID(c.primary.public)}
	for _, k := range c.usable {
		ids = append(ids, publicID(k.public))
	}
	return ids
}

// usableKey is a key for signatures.
type usableKey struct {
	*pgpKey
	expires time.Time // zero for never
}

// pgpKey is a public key or subkey of version 4 or 6.
type pgpKey struct {
	version     byte
	body        []byte
	created     time.Time
	algorithm   byte
	public      crypto.PublicKey // nil if problem is set
	name        string           // of the algorithm and its size
	problem     string
	fingerprint []byte
}

func (k *pgpKey) id() [8]byte { return keyID(k.fingerprint) }

// keyID returns the ID of a key with that fingerprint, RFC 9580, section 5.5.4.
func keyID(fingerprint []byte) [8]byte {
	if len(fingerprint) == sha256.Size {
		return [8]byte(fingerprint[:8])
	}
	return [8]byte(fingerprint[sha1.Size-8:])
}

// Public-key algorithms, RFC 9580, section 9.1.
const (
	pgpRSA     = 1
	pgpRSASign = 3
	pgpDSA     = 17
	pgpECDSA   = 19
	pgpEdDSA   = 22
	pgpEd25519 = 27
)

// unsupported are the names of algorithms whose keys make signatures that are not verified. The last two are those of
// "Post-Quantum Cryptography in OpenPGP", draft-ietf-openpgp-pqc.
var unsupported = map[byte]string{28: "Ed448", 30: "ML-DSA-65+Ed25519", 31: "ML-DSA-87+Ed448"}

// supported says what is verified, and what to do about anything else.
const supported = "not supported (RSA, ECDSA with NIST curves and Ed25519 are); verify the signature with gpg or sq, and the" +
	" manifest without --trust"

// Packet types, RFC 9580, section 5.
const (
	tagSignature     = 2
	tagSecretKey     = 5
	tagPublicKey     = 6
	tagSecretSubkey  = 7
	tagMarker        = 10
	tagTrust         = 12
	tagUserID        = 13
	tagSubkey        = 14
	tagUserAttribute = 17
)

const (
	minRSABits = 2048
	maxRSABits = 16384
)

type packet struct {
	tag  byte
	body []byte
}

// readPackets splits data into packets, RFC 9580, section 4.2. Packets of unknown length are refused: keys and
// signatures never need them.
func readPackets(data []byte) ([]packet, error) {
	var packets []packet
	for len(data) > 0 {
		head := data[0]
		data = data[1:]
		if head&0x80 == 0 {
			return nil, errorf("not a packet of OpenPGP")
		}
		var tag byte
		var size, lengthBytes int
		if head&0x40 == 0 { // the older form
			tag = head >> 2 & 15
			if head&3 == 3 {
				return nil, errorf("a packet of OpenPGP without a length")
			}
			lengthBytes = 1 << (head & 3)
			if len(data) < lengthBytes {
				return nil, errTruncated
			}
			for _, b := range data[:lengthBytes] {
				size = size<<8 | int(b)
			}
		} else {
			tag = head & 63
			var err error
			if size, lengthBytes, err = newLength(data); err != nil {
				return nil, err
			}
		}
		data = data[lengthBytes:]
		if uint(size) > uint(len(data)) {
			return nil, errTruncated
		}
		packets = append(packets, packet{tag, data[:size]})
		data = data[size:]
	}
	return packets, nil
}

var errTruncated = errorf("truncated: a packet of OpenPGP is not whole")

// newLength reads the length of a packet or subpacket, and returns how many bytes it takes.
func newLength(data []byte) (size, lengthBytes int, err error) {
	switch {
	case len(data) == 0:
		return 0, 0, errTruncated
	case data[0] < 192:
		return int(data[0]), 1, nil
	case data[0] < 224:
		if len(data) < 2 {
			return 0, 0, errTruncated
		}
		return int(data[0]-192)<<8 + int(data[1]) + 192, 2, nil
	case data[0] == 255:
		if len(data) < 5 {
			return 0, 0, errTruncated
		}
		return int(binary.BigEndian.Uint32(data[1:])), 5, nil
	}
	return 0, 0, errorf("a packet of OpenPGP in parts")
}

// readCertificates reads certificates, one after the other.
func readCertificates(data []byte) ([]*Key, error) {
	packets, err := readPackets(data)
	if err != nil {
		return nil, err
	}
	var keys []*Key
	for len(packets) > 0 {
		switch packets[0].tag {
		case tagPublicKey:
		case tagSecretKey, tagSecretSubkey:
			return nil, errorf("holds a private key; public keys are needed")
		case tagMarker, tagTrust:
			packets = packets[1:]
			continue
		default:
			return nil, errorf("expected a public key of OpenPGP, found a packet of type %d", packets[0].tag)
		}
		end := 1
		for end < len(packets) && packets[end].tag != tagPublicKey {
			end++
		}
		keys = append(keys, readCertificate(packets[:end]))
		packets = packets[end:]
	}
	return keys, nil
}

// Merge joins copies of one certificate, in the place of the first. An older copy lacks what a newer one revokes.
func Merge(keys []*Key) []*Key {
	copies := map[string][]*Key{}
	for _, k := range keys {
		if k.pgp != nil {
			body := string(k.pgp.primary.body)
			copies[body] = append(copies[body], k)
		}
	}
	var merged []*Key
	for _, k := range keys {
		if k.pgp == nil {
			merged = append(merged, k)
			continue
		}
		body := string(k.pgp.primary.body)
		switch all := copies[body]; {
		case len(all) == 1:
			merged = append(merged, k)
		case len(all) > 1:
			var packets []packet
			for _, other := range all {
				packets = append(packets, other.pgp.packets...)
			}
			merged = append(merged, readCertificate(packets))
		}
		delete(copies, body)
	}
	return merged
}

// item is a key or user ID of a certificate, with the signatures that follow it.
type item struct {
	packet
	signatures []packet
}

// readItems returns the items in packets, of which the first is no signature. What is there twice is one item.
func readItems(packets []packet) []*item {
	var items []*item
	known := map[string]*item{}
	for last := (*item)(nil); len(packets) > 0; packets = packets[1:] {
		p := packets[0]
		switch p.tag {
		case tagTrust:
			continue
		case tagSignature:
			last.signatures = append(last.signatures, p)
			continue
		}
		key := string(p.tag) + string(p.body)
		if last = known[key]; last == nil {
			last = &item{packet: p}
			known[key], items = last, append(items, last)
		}
	}
	return items
}

// isRevocation reports whether a signature revokes a primary key, wherever it is in the certificate.
func isRevocation(body []byte) bool {
	return len(body) > 2 && (body[0] == 3 && body[2] == sigRevokesKey || body[0] != 3 && body[1] == sigRevokesKey)
}

// readCertificate reads the packets of one certificate. Nothing in it counts that the primary key has not
// signed, except what revokes a key: that counts whoever has signed it.
func readCertificate(packets []packet) *Key {
	primary, err := readPGPKey(packets[0].body)
	if err != nil {
		return &Key{Format: "pgp", Problem: err.Error()}
	}
	k := &Key{
		Format: "pgp", ID: fmt.Sprintf("%X", primary.id()), Fingerprint: fmt.Sprintf("%X", primary.fingerprint),
		Algorithm: primary.name, Created: primary.created, Problem: primary.problem,
	}
	c := &certificate{primary: primary, packets: packets, unfit: map[[8]byte]string{}}
	k.pgp = c
	if k.Problem != "" {
		return k
	}
	var direct, user *pgpSignature // the newest ones of the primary key about itself, and about a user ID
	for _, item := range readItems(packets) {
		signatures := item.signatures
		if slices.ContainsFunc(signatures, func(p packet) bool { return isRevocation(p.body) }) {
			k.Problem = "revoked"
			return k
		}
		switch item.tag {
		case tagPublicKey:
			found, problem := c.selfSignature(signatures, primary.hashed(), sigDirect, sigRevokesKey)
			if direct = found; problem != "" {
				k.Problem = problem
				return k
			}
		case tagUserID:
			signed := binary.BigEndian.AppendUint32(append(primary.hashed(), 0xB4), uint32(len(item.body)))
			found, problem := c.selfSignature(signatures, append(signed, item.body...), sigUser, sigRevokesUser)
			if found == nil || problem != "" {
				continue // a user ID that does not count
			}
			if k.Names = append(k.Names, string(item.body)); user == nil || found.created.After(user.created) {
				user = found
			}
		case tagSubkey:
			c.addSubkey(item.packet, signatures)
		}
	}
	if direct == nil && user == nil {
		k.Problem = "no valid self-signature with a strong hash"
		return k
	}
	for _, s := range []*pgpSignature{direct, user} {
		if s != nil {
			k.Expires = earlier(k.Expires, s.keyExpiry(primary))
		}
	}
	c.expires = k.Expires
	newest := user
	switch {
	case primary.version == 6 && direct == nil:
		k.Problem = "no valid direct-key signature, which a key of version 6 needs"
		return k
	case primary.version == 6:
		newest = direct // RFC 9580, section 10.1.1
	case user == nil || direct != nil && direct.hasFlags && (!user.hasFlags || direct.created.After(user.created)):
		newest = direct
	}
	if newest.flags&flagSign != 0 {
		c.usable = append(c.usable, &usableKey{primary, k.Expires})
	} else {
		c.unfit[primary.id()] = "the key is not for signing"
	}
	return k
}

// selfSignature returns the newest valid signature of that kind by the primary key. Its problem is that
// something is revoked, or may be.
func (c *certificate) selfSignature(packets []packet, signed []byte, kind, revocation byte) (newest *pgpSignature, problem string) {
	for _, p := range packets {
		s, err := readPGPSignature(p.body)
		switch {
		case err != nil && kind == sigUser: // signatures of others, which do not count
		case err != nil:
			return nil, "a signature of the certificate is not understood: " + err.Error()
		case s.kind == revocation:
			if kind == sigUser && !s.isBy(c.primary) {
				continue
			}
			return nil, "revoked"
		case !s.isBy(c.primary) || !(s.kind == kind || kind == sigUser && s.kind >= sigUser && s.kind <= sigUser+3):
		case s.verify(c.primary, s.sum(signed)) != nil:
		case newest == nil || s.created.After(newest.created):
			newest = s
		}
	}
	return newest, ""
}

// addSubkey adds a subkey if it is for signatures.
func (c *certificate) addSubkey(item packet, signatures []packet) {
	subkey, err := readPGPKey(item.body)
	if err != nil {
		return
	}
	signed := append(c.primary.hashed(), subkey.hashed()...)
	binding, problem := c.selfSignature(signatures, signed, sigSubkey, sigRevokesSubkey)
	switch {
	case problem != "":
	case subkey.version != c.primary.version:
		problem = "the subkey has another version than its certificate"
	case subkey.problem != "":
		problem = subkey.problem
	case binding == nil:
		problem = "no valid binding signature with a strong hash"
	case binding.flags&flagSign == 0:
		problem = "the key is not for signing"
	default:
		back, err := readPGPSignature(binding.embedded)
		if err != nil || back.kind != sigBack || back.verify(subkey, back.sum(signed)) != nil {
			problem = "the subkey has not signed its binding"
		}
	}
	if problem != "" {
		c.unfit[subkey.id()] = problem
		return
	}
	c.usable = append(c.usable, &usableKey{subkey, binding.keyExpiry(subkey)})
}

// earlier returns the earlier of two times; zero stands for never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// readPGPKey reads a public key or subkey. An error is for one whose fingerprint is unknown.
func readPGPKey(body []byte) (*pgpKey, error) {
	if len(body) < 6 || len(body) > 0xFFFF {
		return nil, errTruncated
	}
	k := &pgpKey{
		version: body[0], body: body, created: time.Unix(int64(binary.BigEndian.Uint32(body[1:])), 0), algorithm: body[5],
	}
	material := body[6:]
	switch k.version {
	case 4:
		sum := sha1.Sum(k.hashed())
		k.fingerprint = sum[:]
	case 6:
		if len(material) < 4 || uint64(binary.BigEndian.Uint32(material)) != uint64(len(material)-4) {
			return nil, errorf("a key whose parts have other lengths than it says")
		}
		material = material[4:]
		sum := sha256.Sum256(k.hashed())
		k.fingerprint = sum[:]
	default:
		return nil, errorf("a key of version %d, which is not supported (versions 4 and 6 are)", k.version)
	}
	if err := k.readPublic(material); err != nil {
		k.problem = err.Error()
	}
	return k, nil
}

// hashed returns what a signature about the key covers, RFC 9580, section 5.2.4.
func (k *pgpKey) hashed() []byte {
	if k.version == 6 {
		return append(binary.BigEndian.AppendUint32([]byte{0x9B}, uint32(len(k.body))), k.body...)
	}
	return append(binary.BigEndian.AppendUint16([]byte{0x99}, uint16(len(k.body))), k.body...)
}

var (
	oidP256    = []byte{0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07}
	oidP384    = []byte{0x2B, 0x81, 0x04, 0x00, 0x22}
	oidP521    = []byte{0x2B, 0x81, 0x04, 0x00, 0x23}
	oidEd25519 = []byte{0x2B, 0x06, 0x01, 0x04, 0x01, 0xDA, 0x47, 0x0F, 0x01}
)

// readPublic reads the part of a key that depends on its algorithm, RFC 9580, section 5.5.5.
func (k *pgpKey) readPublic(data []byte) error {
	switch k.algorithm {
	case pgpRSA, pgpRSASign:
		n, data, err := readMPI(data)
		if err != nil {
			return err
		}
		e, _, err := readMPI(data)
		if err != nil {
			return err
		}
		k.public, k.name, err = newRSA(n, e)
		return err
	case pgpDSA:
		k.name = "dsa"
		return errorf("a DSA key, which is too weak")
	case pgpEd25519:
		if len(data) != ed25519.PublicKeySize {
			return errTruncated
		}
		k.public, k.name = ed25519.PublicKey(data), "ed25519"
		return nil
	case pgpECDSA, pgpEdDSA:
		if len(data) == 0 || len(data) <= int(data[0]) {
			return errTruncated
		}
		if k.algorithm == pgpEdDSA && k.version != 4 {
			return errorf("an EdDSA key in the form of version 4")
		}
		oid, data := data[1:1+data[0]], data[1+data[0]:]
		point, _, err := readMPI(data)
		if err != nil {
			return err
		}
		if k.algorithm == pgpEdDSA {
			if !bytes.Equal(oid, oidEd25519) || len(point) != 1+ed25519.PublicKeySize || point[0] != 0x40 {
				return errorf("an EdDSA key with the curve %s, which is %s", curveName(oid), supported)
			}
			k.public, k.name = ed25519.PublicKey(point[1:]), "ed25519"
			return nil
		}
		for i, known := range [][]byte{oidP256, oidP384, oidP521} {
			if bytes.Equal(oid, known) {
				k.public, k.name, err = newECDSA(curves()[i], point)
				return err
			}
		}
		return errorf("an ECDSA key with the curve %s, which is %s", curveName(oid), supported)
	}
	if name := unsupported[k.algorithm]; name != "" {
		k.name = strings.ToLower(name)
		return errorf("an %s key, which is %s", name, supported)
	}
	return errorf("a key of the algorithm %d, which is not for signatures or not supported", k.algorithm)
}

// curveName returns the name of a curve that is not supported, RFC 9580, section 9.2, or its OID in hexadecimal.
func curveName(oid []byte) string {
	switch fmt.Sprintf("%X", oid) {
	case "2B2403030208010107":
		return "brainpoolP256r1"
	case "2B240303020801010B":
		return "brainpoolP384r1"
	case "2B240303020801010D":
		return "brainpoolP512r1"
	case "2B8104000A":
		return "secp256k1"
	case "2B6571":
		return "Ed448"
	}
	return fmt.Sprintf("%X", oid)
}

// curves returns the curves in the order of their OIDs; nothing is made before it is needed.
func curves() []elliptic.Curve {
	return []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()}
}

func newECDSA(curve elliptic.Curve, point []byte) (crypto.PublicKey, string, error) {
	public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, "", errorf("a malformed ECDSA key")
	}
	return public, fmt.Sprintf("ecdsa-p%d", curve.Params().BitSize), nil
}

func newRSA(n, e []byte) (crypto.PublicKey, string, error) {
	modulus := new(big.Int).SetBytes(n)
	exponent := new(big.Int).SetBytes(e)
	bits := modulus.BitLen()
	name := fmt.Sprintf("rsa-%d", bits)
	switch {
	case bits < minRSABits:
		return nil, name, errorf("an RSA key of %d bits, fewer than %d", bits, minRSABits)
	case bits > maxRSABits:
		return nil, name, errorf("an RSA key of %d bits, more than %d", bits, maxRSABits)
	case exponent.BitLen() > 31 || exponent.Bit(0) == 0 || exponent.Int64() < 3:
		return nil, name, errorf("an RSA key with an unusual exponent")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, name, nil
}

// readMPI reads a number, RFC 9580, section 3.2.
func readMPI(data []byte) (number, rest []byte, err error) {
	if len(data) < 2 {
		return nil, nil, errTruncated
	}
	size := (int(binary.BigEndian.Uint16(data)) + 7) / 8
	if data = data[2:]; len(data) < size {
		return nil, nil, errTruncated
	}
	return data[:size], data[size:], nil
}
