package trust

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The certificate and the clear-signed message of RFC 9580, appendices A.3 and A.6.
const (
	V6Certificate = `-----BEGIN PGP PUBLIC KEY BLOCK-----

xioGY4d/4xsAAAAg+U2nu0jWCmHlZ3BqZYfQMxmZu52JGggkLq2EVD34laPCsQYf
GwoAAABCBYJjh3/jAwsJBwUVCg4IDAIWAAKbAwIeCSIhBssYbE8GCaaX5NUt+mxy
KwwfHifBilZwj2Ul7Ce62azJBScJAgcCAAAAAK0oIBA+LX0ifsDm185Ecds2v8lw
gyU2kCcUmKfvBXbAf6rhRYWzuQOwEn7E/aLwIwRaLsdry0+VcallHhSu4RN6HWaE
QsiPlR4zxP/TP7mhfVEe7XWPxtnMUMtf15OyA51YBM4qBmOHf+MZAAAAIIaTJINn
+eUBXbki+PSAld2nhJh/LVmFsS+60WyvXkQ1wpsGGBsKAAAALAWCY4d/4wKbDCIh
BssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce62azJAAAAAAQBIKbpGG2dWTX8
j+VjFM21J0hqWlEg+bdiojWnKfA5AQpWUWtnNwDEM0g12vYxoWM8Y81W+bHBw805
I8kWVkXU6vFOi+HWvv/ira7ofJu16NnoUkhclkUrk0mXubZvyl4GBg==
-----END PGP PUBLIC KEY BLOCK-----
`
	v6Fingerprint = "CB186C4F0609A697E4D52DFA6C722B0C1F1E27C18A56708F6525EC27BAD9ACC9"
	V6Message     = `-----BEGIN PGP SIGNED MESSAGE-----

What we need from the grocery store:

- - tofu
- - vegetables
- - noodles

-----BEGIN PGP SIGNATURE-----

wpgGARsKAAAAKQWCY5ijYyIhBssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce6
2azJAAAAAGk2IHZJX1AhiJD39eLuPBgiUU9wUA9VHYblySHkBONKU/usJ9BvuAqo
/FvLFuGWMbKAdA+epq7V4HOtAPlBWmU8QOd6aud+aSunHQaaEJ+iTFjP2OMW0KBr
NK2ay45cX1IVAQ==
-----END PGP SIGNATURE-----
`
)

func v6Keys(t *testing.T) []*Key {
	t.Helper()
	keys, err := ParseKeys([]byte(V6Certificate))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestVersion6(t *testing.T) {
	keys := v6Keys(t)
	if k := keys[0]; len(keys) != 1 || k.Fingerprint != v6Fingerprint || k.ID != v6Fingerprint[:16] || k.Problem != "" || k.Algorithm != "ed25519" {
		t.Fatalf("got %+v", keys[0])
	}
	pinned, err := Pin(keys, []string{strings.ToLower(v6Fingerprint)})
	if err != nil {
		t.Fatal(err)
	}
	p := &Policy{Keys: pinned}
	m, err := p.Open([]byte(V6Message))
	if err != nil {
		t.Fatal(err)
	}
	s := m.Signers[0]
	if s.Fingerprint != v6Fingerprint || s.KeyID != v6Fingerprint[:16] || s.Time.UTC().Format(time.DateOnly) != "2022-12-13" {
		t.Errorf("got %+v", s)
	}
	if !strings.HasSuffix(string(m.Text), "- noodles\n\n") {
		t.Errorf("got %q", m.Text)
	}
}

// No bit of a signature or certificate of version 6 can be changed. What nobody has signed is where the certificate's
// subkey begins: it is for encryption, and does not count.
func TestVersion6Tampering(t *testing.T) {
	clear, err := readClearText([]byte(V6Message))
	if err != nil {
		t.Fatal(err)
	}
	p := &Policy{Keys: v6Keys(t)}
	check := func(p *Policy, signature []byte) error {
		signatures, err := p.parsePGP(signature, pgpText)
		if err != nil {
			return err
		}
		s := p.NewStream(nil)
		s.add("", signatures)
		s.Take(clear.canonical)
		_, err = s.Signers()
		return err
	}
	if err := check(p, clear.signature); err != nil {
		t.Fatal(err)
	}
	for i := range len(clear.signature) * 8 {
		changed := bytes.Clone(clear.signature)
		changed[i/8] ^= 1 << (i % 8)
		if check(p, changed) == nil {
			t.Errorf("accepted with bit %d changed", i)
		}
	}
	lines := lineReader{rest: []byte(strings.TrimPrefix(V6Certificate, pgpKeyBegin+"\n"))}
	certificate, err := lines.block(pgpKeyBegin)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := readPackets(certificate)
	if err != nil {
		t.Fatal(err)
	}
	signed := 2 + len(packets[0].body) + 2 + len(packets[1].body)
	for i := range signed * 8 {
		changed := bytes.Clone(certificate)
		changed[i/8] ^= 1 << (i % 8)
		keys, err := readCertificates(changed)
		if err != nil {
			continue
		}
		if check(&Policy{Keys: keys}, clear.signature) == nil {
			t.Errorf("accepted with bit %d of the certificate changed", i)
		}
	}
}

// Keys that are not supported say what they are, and what to do.
func TestUnsupportedKeys(t *testing.T) {
	curve := func(algorithm byte, oid string) []byte {
		raw, _ := hex.DecodeString(oid)
		return append(append([]byte{4, 0, 0, 0, 1, algorithm, byte(len(raw))}, raw...), 0, 3, 4)
	}
	for want, body := range map[string][]byte{
		"an ECDSA key with the curve brainpoolP256r1, which is ": curve(pgpECDSA, "2B2403030208010107"),
		"an ECDSA key with the curve brainpoolP512r1, which is ": curve(pgpECDSA, "2B240303020801010D"),
		"an ECDSA key with the curve secp256k1, which is ":       curve(pgpECDSA, "2B8104000A"),
		"an ECDSA key with the curve 2B01, which is ":            curve(pgpECDSA, "2B01"),
		"an EdDSA key with the curve Ed448, which is ":           curve(pgpEdDSA, "2B6571"),
		"an Ed448 key, which is ":                                append([]byte{6, 0, 0, 0, 1, 28, 0, 0, 0, 57}, make([]byte, 57)...),
		"an ML-DSA-65+Ed25519 key, which is ":                    {6, 0, 0, 0, 1, 30, 0, 0, 0, 0},
	} {
		k, err := readPGPKey(body)
		if err != nil || k.problem != want+supported {
			t.Errorf("got %v, %+v, want %q", err, k, want)
		}
	}
	for _, version := range []byte{3, 5} {
		_, err := readPGPKey([]byte{version, 0, 0, 0, 0, 1, 0, 0})
		if want := fmt.Sprintf("a key of version %d, which is not supported (versions 4 and 6 are)", version); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		_, err = readPGPSignature([]byte{version, 0, 1, 8, 0, 0, 0, 0})
		if want := fmt.Sprintf("a signature of version %d, which is not supported", version); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
