package trust_test

import (
	"bytes"
	"strings"
	"testing"

	"checksig/internal/trust"
)

// FuzzParseKeys looks for files of keys that end the program, or that give a key without a fingerprint.
func FuzzParseKeys(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.key)
	}
	f.Add([]byte(trust.V6Certificate))
	f.Add([]byte(`user@example.org namespaces="file",valid-after="20200101" ssh-ed25519 AAAA`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := trust.ParseKeys(data)
		if err == nil && len(keys) == 0 {
			t.Fatal("neither keys nor an error")
		}
		for _, k := range keys {
			if k.Problem == "" && k.Fingerprint == "" {
				t.Fatalf("a key without a fingerprint: %+v", k)
			}
		}
	})
}

// FuzzSignature looks for signatures that are accepted for another text.
func FuzzSignature(f *testing.F) {
	p := &trust.Policy{}
	for _, s := range samples(f) {
		p.Keys = append(p.Keys, mustParse(f, s.key)...)
		f.Add(s.signature)
	}
	p.Keys = append(p.Keys, mustParse(f, []byte(trust.V6Certificate))...)
	_, signature, _ := strings.Cut(trust.V6Message, "- noodles\n\n")
	f.Add([]byte(signature))
	f.Fuzz(func(t *testing.T, data []byte) {
		if signers, err := p.Verify([]byte("another text"), []trust.File{{Name: "f", Data: data}}); err == nil {
			t.Fatalf("signed by %+v", signers)
		}
	})
}

// FuzzOpen looks for signed messages whose text is not the one that was signed.
func FuzzOpen(f *testing.F) {
	p := &trust.Policy{}
	signed := map[string]bool{}
	for _, s := range samples(f) {
		p.Keys = append(p.Keys, mustParse(f, s.key)...)
		f.Add(s.signature)
		if s.text == "" {
			m, err := p.Open(s.signature)
			if err != nil {
				f.Fatal(err)
			}
			signed[string(m.Text)] = true
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := p.Open(data)
		if err != nil {
			return
		}
		if !signed[string(m.Text)] {
			t.Fatalf("%q was never signed", m.Text)
		}
		if !bytes.Contains(data, []byte("# files")) {
			t.Fatal("the text is not in the message")
		}
	})
}
