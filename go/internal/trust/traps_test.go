package trust_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/blake2b"

	"checksig/internal/trust"
)

func (g *gpgHome) revocation(key string) []byte {
	g.Helper()
	data, err := os.ReadFile(filepath.Join(g.dir, "openpgp-revocs.d", key+".rev"))
	if err != nil {
		g.Fatal(err)
	}
	_, armored, _ := strings.Cut(string(data), ":-----BEGIN")
	return g.gpg("-----BEGIN"+armored, "--dearmor")
}

func TestOlderCopyOfARevokedKeyIsRefused(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "ed25519", "sign,cert", "never")
	signature := g.gpg(content, "--detach-sign")
	old, oldText := g.export(key), g.gpg("", "--armor", "--export", key)
	g.gpg(string(g.revocation(key)), "--import")
	revoked, revokedText := g.export(key), g.gpg("", "--armor", "--export", key)
	for name, data := range map[string][]byte{
		"binary": append(bytes.Clone(old), revoked...), "armored": append(bytes.Clone(oldText), revokedText...),
		"newer first": append(bytes.Clone(revokedText), oldText...),
	} {
		t.Run(name, func(t *testing.T) {
			keys := mustParse(t, data)
			refuses(t, &trust.Policy{Keys: keys}, content, signature, "cannot be used: revoked")
			if len(keys) != 1 {
				t.Errorf("%d keys", len(keys))
			}
		})
	}
	keys := trust.Merge(mustParse(t, old, revoked))
	refuses(t, &trust.Policy{Keys: keys}, content, signature, "cannot be used: revoked")
}

func TestOlderCopyOfARevokedSubkeyIsRefused(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "ed25519", "cert", "never")
	g.gpg("", "--quick-add-key", key, "ed25519", "sign", "never")
	signature, old := g.gpg(content, "--detach-sign"), g.export(key)
	run(t, "key 1\nrevkey\ny\n0\n\ny\nsave\n", "gpg", "--homedir", g.dir, "--quiet", "--pinentry-mode", "loopback", "--passphrase", "",
		"--no-tty", "--command-fd", "0", "--edit-key", key)
	keys := mustParse(t, append(bytes.Clone(old), g.export(key)...))
	refuses(t, &trust.Policy{Keys: keys}, content, signature, "cannot be used: revoked")
}

func TestNewerCopyOfACertificateExtendsIt(t *testing.T) {
	g := newGPG(t)
	g.time = "20200101T000000"
	key := g.key("a@example.org", "ed25519", "sign,cert", "1y")
	signature, old := g.gpg(content, "--detach-sign"), g.export(key)
	g.time = "20200601T000000"
	g.gpg("", "--quick-set-expire", key, "3y")
	p := &trust.Policy{Keys: mustParse(t, append(bytes.Clone(old), g.export(key)...)), Now: at("2021-06-01")}
	accepts(t, p, content, signature)
	g.time = "20200701T000000"
	g.gpg("", "--quick-set-expire", key, "2020-08-01")
	p.Keys = mustParse(t, append(bytes.Clone(old), g.export(key)...))
	p.Now = at("2020-10-01") // when the older copy was valid
	refuses(t, p, content, signature, "expired on 2020-08-01")
}

func TestRevocationCountsWhereverItIs(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "ed25519", "sign,cert", "never")
	g.gpg("", "--quick-add-key", key, "ed25519", "sign", "never")
	signature := g.gpg(content, "-u", key+"!", "--detach-sign")
	data := append(g.export(key), g.revocation(key)...) // after the subkey
	refuses(t, &trust.Policy{Keys: mustParse(t, data)}, content, signature, "cannot be used: revoked")
}

func TestCertificatesOfOneKeyAreOneSigner(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	read := func(name string) []byte {
		data, err := os.ReadFile(path(name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	run(t, "", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path("k"))
	run(t, "", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path("ca"))
	files := []trust.File{{Name: "plain", Data: run(t, content, "ssh-keygen", "-q", "-Y", "sign", "-f", path("k"), "-n", "file")}}
	for i := range 2 {
		run(t, "", "ssh-keygen", "-q", "-s", path("ca"), "-I", "id", "-n", fmt.Sprintf("user%d@example.org", i), path("k.pub"))
		signature := run(t, content, "ssh-keygen", "-q", "-Y", "sign", "-f", path("k-cert.pub"), "-n", "file")
		files = append(files, trust.File{Name: fmt.Sprint(i), Data: signature})
	}
	allowed := "*@example.org cert-authority " + string(read("ca.pub")) + "plain@example.com " + string(read("k.pub"))
	p := &trust.Policy{Keys: mustParse(t, []byte(allowed)), Signers: 2}
	if signers, err := p.Verify([]byte(content), files); err == nil {
		t.Errorf("one key counts as several signers: %+v", signers)
	}
}

func TestOptionsInThePlaceOfPrincipalsAreRefused(t *testing.T) {
	key := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
	mustParse(t, []byte("user@example.org "+key))
	for _, options := range []string{`namespaces="git"`, "cert-authority", `valid-before="20200101"`, `Valid-After="20200101",namespaces="git"`} {
		if keys, err := trust.ParseKeys([]byte(options + " " + key)); err == nil {
			t.Errorf("%s: taken for a principal: %+v", options, keys[0])
		}
	}
}

func TestManySignaturesOfALargeMessageTakeNoTime(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "ed25519", "sign", "never")
	p := &trust.Policy{Keys: mustParse(t, g.export(key))}
	message := g.gpg(content, "--clearsign")
	_, armored, _ := strings.Cut(string(message), "-----BEGIN PGP SIGNATURE")
	signature := g.gpg("-----BEGIN PGP SIGNATURE"+armored, "--dearmor")
	packets := bytes.Repeat(signature, (trust.MaxSignature-1)/len(signature))
	text := bytes.Repeat([]byte("a line of the text\n"), 1<<20/19)
	head, _, _ := bytes.Cut(message, []byte("# files"))
	build := func(packets []byte) []byte {
		data := append(bytes.Clone(head), text...)
		data = append(data, "-----BEGIN PGP SIGNATURE-----\n\n"...)
		for encoded := base64.StdEncoding.EncodeToString(packets); len(encoded) > 0; {
			n := min(64, len(encoded))
			data = append(append(data, encoded[:n]...), '\n')
			encoded = encoded[n:]
		}
		return append(data, "-----END PGP SIGNATURE-----\n"...)
	}
	began := time.Now()
	if _, err := p.Open(build(packets)); err == nil {
		t.Error("accepted")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("%d signatures of a message of 1 MiB took %s", len(packets)/len(signature), took)
	}
	refuses(t, p, "", build(append(packets, signature...)), "too long for a signature")
}

func TestSignaturesByOthersAreNotCounted(t *testing.T) {
	g := newGPG(t)
	one := g.key("one@example.org", "ed25519", "sign", "never")
	g.key("two@example.org", "ed25519", "sign", "never")
	other := g.gpg(content, "-u", "two@example.org", "--detach-sign")
	mine := g.gpg(content, "-u", "one@example.org", "--detach-sign")
	accepts(t, &trust.Policy{Keys: mustParse(t, g.export(one))}, content, append(bytes.Repeat(other, 150), mine...))
}

func TestHashOfAFileIsNotSigned(t *testing.T) {
	for _, s := range samples(t) {
		if s.name != "minisign" {
			continue
		}
		lines := strings.SplitAfter(string(s.signature), "\n")
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines[1]))
		if err != nil {
			t.Fatal(err)
		}
		raw[1] = 'd'
		lines[1] = base64.StdEncoding.EncodeToString(raw) + "\n"
		sum := blake2b.Sum512([]byte(s.text))
		p := &trust.Policy{Keys: mustParse(t, s.key)}
		refuses(t, p, string(sum[:]), []byte(strings.Join(lines, "")), "of which this is the hash")
		refuses(t, p, string(sum[:]), []byte(strings.Join(lines[:2], "")), "without the trusted comment")
	}
}

// A file is hashed once, whatever its signatures are: each has its own trailer after it.
func TestSignaturesShareTheHashOfAFile(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "rsa2048", "sign", "never")
	p := &trust.Policy{Keys: mustParse(t, g.export(key))}
	var signatures []byte
	for _, hash := range []string{"SHA256", "SHA512", "SHA256"} {
		signatures = append(signatures, g.gpg(content, "--digest-algo", hash, "--sig-notation", "n@example.org="+hash, "--detach-sign")...)
	}
	files := []trust.File{{Name: "one", Data: signatures}, {Name: "two", Data: signatures}}
	if signers, err := p.Verify([]byte(content), files); err != nil || len(signers) != 2 {
		t.Errorf("%v, %v", signers, err)
	}
	if _, err := p.Verify([]byte(content+"x"), files); err == nil {
		t.Error("another text is accepted")
	}
	s := p.NewStream([]trust.File{{Name: "many", Data: bytes.Repeat(signatures, 33)}})
	began, piece := time.Now(), make([]byte, 1<<20)
	for range 64 {
		_, _ = s.Write(piece)
	}
	if _, err := s.Signers(); err == nil {
		t.Error("another file is accepted")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("99 signatures of 64 MiB took %s", took)
	}
}

// minisign signs a signature and its comment with the same key: they would be a message of their own, without a comment.
func TestTrustedCommentIsNoMessage(t *testing.T) {
	for _, s := range samples(t) {
		if s.name != "minisign" {
			continue
		}
		lines := strings.SplitAfter(string(s.signature), "\n")
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines[1]))
		if err != nil {
			t.Fatal(err)
		}
		global, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines[3]))
		if err != nil {
			t.Fatal(err)
		}
		comment := strings.TrimSuffix(strings.TrimPrefix(lines[2], "trusted comment: "), "\n")
		message := string(raw[10:]) + comment
		forged := append([]byte("Ed"), append(bytes.Clone(raw[2:10]), global...)...)
		signature := []byte(lines[0] + base64.StdEncoding.EncodeToString(forged) + "\n")
		p := &trust.Policy{Keys: mustParse(t, s.key)}
		accepts(t, p, s.text, s.signature)
		refuses(t, p, message, signature, "without the trusted comment that minisign always signs")
		if m, err := p.Open(append(signature, message...)); err == nil {
			t.Errorf("accepted: %q", m.Text)
		}
	}
}
