package trust_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"checksig/internal/trust"
)

func TestExpiredKeyIsRefused(t *testing.T) {
	g := newGPG(t)
	g.time = "20200101T000000"
	key := g.key("a@example.org", "ed25519", "sign", "1y")
	signature := g.gpg(content, "--detach-sign")
	p := &trust.Policy{Keys: mustParse(t, g.export(key)), Now: at("2020-06-01")}
	accepts(t, p, content, signature)
	p.Now = at("2021-06-01")
	refuses(t, p, content, signature, "expired on 2020-12-31")
	g.gpg("", "--quick-set-expire", key, "3y")
	p.Keys = mustParse(t, g.export(key)) // a newer copy
	accepts(t, p, content, signature)
}

func TestExpiredSubkeyIsRefused(t *testing.T) {
	g := newGPG(t)
	g.time = "20200101T000000"
	key := g.key("a@example.org", "ed25519", "cert", "never")
	g.gpg("", "--quick-add-key", key, "ed25519", "sign", "1y")
	signature := g.gpg(content, "--detach-sign")
	p := &trust.Policy{Keys: mustParse(t, g.export(key)), Now: at("2020-06-01")}
	signer := accepts(t, p, content, signature)[0]
	if signer.Fingerprint != key || strings.HasSuffix(key, signer.KeyID) {
		t.Errorf("signed by %+v, whose primary key is %s", signer, key)
	}
	p.Now = at("2021-06-01")
	refuses(t, p, content, signature, "expired on 2020-12-31")
}

func TestRevokedKeyIsRefused(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "ed25519", "sign", "never")
	signature := g.gpg(content, "--detach-sign")
	accepts(t, &trust.Policy{Keys: mustParse(t, g.export(key))}, content, signature)
	revocation, err := os.ReadFile(filepath.Join(g.dir, "openpgp-revocs.d", key+".rev"))
	if err != nil {
		t.Fatal(err)
	}
	g.gpg(strings.Replace(string(revocation), ":-----BEGIN", "-----BEGIN", 1), "--import")
	refuses(t, &trust.Policy{Keys: mustParse(t, g.export(key))}, content, signature, "cannot be used: revoked")
}

func TestRevokedSubkeyIsRefused(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "ed25519", "cert", "never")
	g.gpg("", "--quick-add-key", key, "ed25519", "sign", "never")
	signature := g.gpg(content, "--detach-sign")
	accepts(t, &trust.Policy{Keys: mustParse(t, g.export(key))}, content, signature)
	run(t, "key 1\nrevkey\ny\n0\n\ny\nsave\n", "gpg", "--homedir", g.dir, "--quiet", "--pinentry-mode", "loopback", "--passphrase", "",
		"--no-tty", "--command-fd", "0", "--edit-key", key)
	refuses(t, &trust.Policy{Keys: mustParse(t, g.export(key))}, content, signature, "cannot be used: revoked")
}

func TestWrongUsageIsRefused(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "rsa2048", "sign,cert", "never")
	signature := g.gpg(content, "--detach-sign")
	data := g.export(key)
	accepts(t, &trust.Policy{Keys: mustParse(t, data)}, content, signature)
	run(t, "change-usage\ns\nq\nsave\n", "gpg", "--homedir", g.dir, "--quiet", "--pinentry-mode", "loopback", "--passphrase", "",
		"--no-tty", "--command-fd", "0", "--expert", "--edit-key", key)
	refuses(t, &trust.Policy{Keys: mustParse(t, g.export(key))}, content, signature, "the key is not for signing")
}

func TestSignatureFromTheFutureOrBeforeTheKeyIsRefused(t *testing.T) {
	g := newGPG(t)
	g.time = "20200101T000000"
	key := g.key("a@example.org", "ed25519", "sign", "never")
	signature := g.gpg(content, "--detach-sign")
	p := &trust.Policy{Keys: mustParse(t, g.export(key)), Now: at("2019-12-01")}
	refuses(t, p, content, signature, "in the future")
	g.time = "20190101T000000"
	early := g.gpg(content, "--ignore-time-conflict", "--ignore-valid-from", "--detach-sign")
	p.Now = at("2021-01-01")
	accepts(t, p, content, signature)
	refuses(t, p, content, early, "before the key")
}

func TestExpiredSignatureIsRefused(t *testing.T) {
	g := newGPG(t)
	g.time = "20200101T000000"
	key := g.key("a@example.org", "ed25519", "sign", "never")
	signature := g.gpg(content, "--default-sig-expire", "1y", "--detach-sign")
	p := &trust.Policy{Keys: mustParse(t, g.export(key)), Now: at("2020-06-01")}
	accepts(t, p, content, signature)
	p.Now = at("2021-06-01")
	refuses(t, p, content, signature, "the signature expired")
}

func TestWeakHashNeverCounts(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "rsa2048", "sign", "never")
	p := &trust.Policy{Keys: mustParse(t, g.export(key))}
	for _, hash := range []string{"SHA1", "RIPEMD160", "SHA224"} {
		refuses(t, p, content, g.gpg(content, "--digest-algo", hash, "--detach-sign"), "too weak")
		refuses(t, p, "", g.gpg(content, "--digest-algo", hash, "--clearsign"), "too weak")
	}
	for _, hash := range []string{"SHA256", "SHA384", "SHA512"} {
		accepts(t, p, content, g.gpg(content, "--digest-algo", hash, "--detach-sign"))
		accepts(t, p, "", g.gpg(content, "--digest-algo", hash, "--clearsign"))
	}
	// MD5, which gpg no longer writes: the number of the hash is in byte 3 of the signature's body.
	signature := g.gpg(content, "--digest-algo", "SHA256", "--detach-sign")
	body := bytes.Index(signature, []byte{4, 0, 1, 8})
	if signature[body+3] = 1; body < 0 {
		t.Fatal("the signature has another form")
	}
	refuses(t, p, content, signature, "signed with MD5, which is too weak")
}

func TestWeakSelfSignatureNeverCounts(t *testing.T) {
	g := newGPG(t)
	g.gpg("", "--cert-digest-algo", "SHA1", "--quick-gen-key", "a@example.org", "rsa2048", "sign", "never")
	signature := g.gpg(content, "--detach-sign")
	refuses(t, &trust.Policy{Keys: mustParse(t, g.export())}, content, signature, "no valid self-signature with a strong hash")
}

func TestWeakKeyNeverCounts(t *testing.T) {
	g := newGPG(t)
	for user, algorithm := range map[string]string{"rsa@example.org": "rsa1024", "dsa@example.org": "dsa2048"} {
		key := g.key(user, algorithm, "sign", "never")
		signature := g.gpg(content, "-u", user, "--digest-algo", "SHA256", "--detach-sign")
		refuses(t, &trust.Policy{Keys: mustParse(t, g.export(key))}, content, signature, "cannot be used: ")
	}
	dir := t.TempDir()
	key := filepath.Join(dir, "k")
	run(t, "", "ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", key)
	data, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	if k := mustParse(t, data)[0]; !strings.Contains(k.Problem, "1024 bits") {
		t.Errorf("a key of 1024 bits is accepted: %+v", k)
	}
}

func TestUnknownCriticalSubpacketIsRefused(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "ed25519", "sign", "never")
	p := &trust.Policy{Keys: mustParse(t, g.export(key))}
	accepts(t, p, content, g.gpg(content, "--sig-notation", "a@example.org=b", "--detach-sign"))
	refuses(t, p, content, g.gpg(content, "--sig-notation", "!a@example.org=b", "--detach-sign"), "critical subpacket of type 20")
}

func TestAnotherKindOfSignatureIsRefused(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "ed25519", "sign", "never")
	p := &trust.Policy{Keys: mustParse(t, g.export(key))}
	// A certification is no signature of a file, whatever is made to look like its content.
	refuses(t, p, content, g.gpg(content, "--textmode", "--detach-sign"), "a signature of type 0x01 instead of 0x00")
}

// CVE-2019-3462: a detached signature that contains a signed message of its own.
func TestDetachedSignatureWithItsOwnMessageIsRefused(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "ed25519", "sign", "never")
	p := &trust.Policy{Keys: mustParse(t, g.export(key))}
	refuses(t, p, content, g.gpg(content, "--clearsign"), "a signed message of its own")
	refuses(t, p, content, g.gpg(content, "--compress-algo", "none", "--sign"), "a message of its own")
	refuses(t, p, content, g.gpg(content, "--sign"), "without a length") // which is compressed
	signature := g.gpg(content, "--detach-sign")
	refuses(t, p, content, append(bytes.Clone(signature), "\xcb\x08b\x00\x00\x00\x00\x00a\n"...), "a message of its own")
	for _, s := range samples(t) {
		if s.name == "signify embedded" {
			refuses(t, &trust.Policy{Keys: mustParse(t, s.key)}, content, s.signature, "a signify message of its own")
		}
	}
}

// The traps of clear-signed messages: CVE-2013-1051, CVE-2019-11841, and those of gpg.fail.
func TestClearSignedMessageIsStrict(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "ed25519", "sign", "never")
	p := &trust.Policy{Keys: mustParse(t, g.export(key))}
	message := string(g.gpg(content, "--clearsign"))
	entry := strings.Repeat("0", 64) + "  evil\n"
	replace := func(old, changed string) string {
		if !strings.Contains(message, old) {
			t.Fatalf("%q is missing in %q", old, message)
		}
		return strings.Replace(message, old, changed, 1)
	}
	for name, trap := range map[string]struct{ text, why string }{
		"text before":               {entry + message, "no signed message"},
		"blank line before":         {"\n" + message, "no signed message"},
		"byte order mark":           {"\xef\xbb\xbf" + message, "no signed message"},
		"text after":                {message + entry, "text after"},
		"two messages":              {message + message, "text after"},
		"unknown header":            {replace("Hash: ", "NotDashEscaped: yes\nHash: "), `expected a "Hash" header`},
		"entry as a header":         {replace("\n\n", "\n"+entry+"\n"), `expected a "Hash" header`},
		"entry in the Hash header":  {replace("\n\n", "\nHash: SHA256 "+entry+"\n"), `expected a "Hash" header`},
		"blanks before the text":    {replace("\n\n", "\n \t\n"), `expected a "Hash" header`},
		"form feed":                 {replace("# files", "# files\f"+entry), "control character"},
		"vertical tab":              {replace("# files", "# files\v"+entry), "control character"},
		"NUL":                       {replace("# files", "# files\x00"), "control character"},
		"bare CR":                   {replace("# files", "# files\r"+entry), "control character"},
		"unescaped dash":            {replace("- - a line", "- a line\n-evil"), "unescaped dash"},
		"text added":                {replace("# files", entry+"# files"), "invalid"},
		"text removed":              {replace("# files\n", ""), "invalid"},
		"nested begin":              {replace("# files", "-----BEGIN PGP SIGNED MESSAGE-----"), "unescaped dash"},
		"text in the signature":     {replace("SIGNATURE-----\n\n", "SIGNATURE-----\n\n"+entry), "not in base64"},
		"header in the signature":   {replace("SIGNATURE-----\n\n", "SIGNATURE-----\nEvil: "+entry+"\n"), "unknown header of the armor"},
		"no end":                    {replace("-----END PGP SIGNATURE-----\n", ""), "truncated"},
		"no signature":              {message[:strings.Index(message, "-----BEGIN PGP SIGNATURE")], "truncated"},
		"signature of another text": {replace("a line", "another line"), "invalid"},
		"entry after the checksum":  {replace("-----END", "=AAAA\n"+entry+"-----END"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.Open([]byte(trap.text))
			if err == nil || !strings.Contains(err.Error(), trap.why) {
				t.Errorf("%v instead of %q", err, trap.why)
			}
		})
	}
	refuses(t, p, content, []byte(string(g.gpg(content, "--armor", "--detach-sign"))+entry), "text outside the signature")
}

func TestSignersAreCounted(t *testing.T) {
	g := newGPG(t)
	one, two := g.key("one@example.org", "ed25519", "sign", "never"), g.key("two@example.org", "ed25519", "sign", "never")
	g.gpg("", "--quick-add-key", one, "ed25519", "sign", "never")
	sign := func(users ...string) (all []byte) {
		for _, user := range users {
			all = append(all, g.gpg(content, "-u", user, "--armor", "--detach-sign")...)
		}
		return all
	}
	p := &trust.Policy{Keys: mustParse(t, g.export(one, two)), Signers: 2}
	accepts(t, p, content, sign("one@example.org", "two@example.org"))
	accepts(t, p, "", g.gpg(content, "-u", "one@example.org", "-u", "two@example.org", "--clearsign"))
	refuses(t, p, content, sign("one@example.org"), "1 of 2 different trusted signers")
	refuses(t, p, content, sign("one@example.org", "one@example.org"), "1 of 2 different trusted signers")
	// A certificate with two keys is one signer.
	refuses(t, p, content, sign(one+"!", "one@example.org"), "1 of 2 different trusted signers")
	g.key("three@example.org", "ed25519", "sign", "never")
	refuses(t, p, content, sign("one@example.org", "three@example.org"), "1 of 2 different trusted signers")
	// An invalid signature by a trusted key is an error, however many are valid.
	other := g.gpg("another text", "-u", "two@example.org", "--armor", "--detach-sign")
	p.Signers = 1
	refuses(t, p, content, append(sign("one@example.org"), other...), "invalid")
	pinned, err := trust.Pin(p.Keys, []string{two})
	if err != nil {
		t.Fatal(err)
	}
	p.Keys = pinned
	refuses(t, p, content, sign(one+"!"), "signed by a key that is not trusted: pgp "+one)
	accepts(t, p, content, sign("two@example.org", "one@example.org"))
	both := sign(one+"!", "three@example.org", one+"!")
	refuses(t, p, content, both, "3 signatures by keys that are not trusted: pgp "+one+", pgp ")
	var many []byte
	signature := g.gpg(content, "-u", one+"!", "--detach-sign")
	fingerprint, _ := hex.DecodeString(one)
	for i := range 9 {
		other := append([]byte{byte(i)}, fingerprint[1:]...)
		many = append(many, bytes.ReplaceAll(signature, fingerprint, other)...)
	}
	refuses(t, p, content, many, "9 signatures by keys that are not trusted: pgp 00")
	refuses(t, p, content, many, one[2:]+" and more")
}

// One key in two certificates is one signer, and so is one whose certificate is another key's, too.
func TestOneKeyInTwoCertificatesIsOneSigner(t *testing.T) {
	g := newGPG(t)
	g.key("one@example.org", "ed25519", "sign", "never")
	_, grip, _ := strings.Cut(string(g.gpg("", "--with-colons", "--with-keygrip", "--list-keys")), "\ngrp:::::::::")
	grip, _, _ = strings.Cut(grip, ":")
	g.gpg("Key-Type: EDDSA\nKey-Curve: ed25519\nKey-Grip: "+grip+"\nName-Email: two@example.org\nKey-Usage: sign\n"+
		"Expire-Date: 0\nCreation-Date: 20200101T000000\n%no-protection\n%commit\n", "--gen-key")
	p := &trust.Policy{Keys: mustParse(t, g.export()), Signers: 2}
	if len(p.Keys) != 2 || p.Keys[0].Fingerprint == p.Keys[1].Fingerprint {
		t.Fatalf("%d keys", len(p.Keys))
	}
	for _, user := range []string{"one@example.org", "two@example.org"} {
		accepts(t, &trust.Policy{Keys: p.Keys}, content, g.gpg(content, "-u", user, "--detach-sign"))
	}
	signature := g.gpg(content, "-u", "one@example.org", "-u", "two@example.org", "--detach-sign")
	refuses(t, p, content, signature, "1 of 2 different trusted signers")
}

func TestSignersWithOnePrincipalAreOne(t *testing.T) {
	dir := t.TempDir()
	var allowed, same, signatures []string
	manifest := filepath.Join(dir, "m")
	if err := os.WriteFile(manifest, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		key := filepath.Join(dir, fmt.Sprint("k", i))
		run(t, "", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
		signatures = append(signatures, string(run(t, content, "ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", "file")))
		public, err := os.ReadFile(key + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		allowed = append(allowed, fmt.Sprintf("user%d@example.org %s", i, public))
		same = append(same, fmt.Sprintf("user@example.org %s", public))
	}
	files := []trust.File{{Name: "a", Data: []byte(signatures[0])}, {Name: "b", Data: []byte(signatures[1])}}
	p := &trust.Policy{Keys: mustParse(t, []byte(strings.Join(allowed, ""))), Signers: 2}
	if _, err := p.Verify([]byte(content), files); err != nil {
		t.Error(err)
	}
	p.Keys = mustParse(t, []byte(strings.Join(same, "")))
	if _, err := p.Verify([]byte(content), files); err == nil {
		t.Error("one principal counts as two signers")
	}
}

func TestAllowedSigners(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	read := func(name string) string {
		data, err := os.ReadFile(path(name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(data))
	}
	run(t, "", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a comment", "-f", path("k"))
	run(t, "", "ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", path("ca"))
	run(t, "", "ssh-keygen", "-q", "-s", path("ca"), "-I", "id", "-n", "user@example.org", "-V", "20200101:20300101", path("k.pub"))
	sign := func(namespace, key string) []byte {
		return run(t, content, "ssh-keygen", "-q", "-Y", "sign", "-f", path(key), "-n", namespace)
	}
	plain, other, certified := sign("file", "k"), sign("git", "k"), sign("file", "k-cert.pub")
	key, ca := read("k.pub"), read("ca.pub")
	now := at("2025-06-01")
	for _, test := range []struct {
		allowed, namespace string
		signature          []byte
		why                string // "" if it is accepted
	}{
		{key, "", plain, ""},
		{"# a comment\n\nuser@example.org " + key, "", plain, ""},
		{`user@example.org namespaces="file,git" ` + key, "", plain, ""},
		{`user@example.org namespaces="f*" ` + key, "", plain, ""},
		{`user@example.org namespaces="git" ` + key, "", plain, "not trusted for the namespace"},
		{`user@example.org namespaces="*,!file" ` + key, "", plain, "not trusted for the namespace"},
		{key, "", other, `for the namespace "git" instead of "file"`},
		{key, "git", other, ""},
		{`user@example.org valid-after="20250101",valid-before="20260101" ` + key, "", plain, ""},
		{`user@example.org valid-before="20250101" ` + key, "", plain, "no longer valid"},
		{`user@example.org valid-after="20260101Z" ` + key, "", plain, "not valid yet"},
		{ca, "", plain, "not trusted"},
		{`user@example.org cert-authority ` + key, "", plain, "not trusted"},
		{`user@example.org cert-authority ` + ca, "", certified, ""},
		{`*@example.org cert-authority ` + ca, "", certified, ""},
		{`other@example.org cert-authority ` + ca, "", certified, "no principal"},
		{`*,!user@example.org cert-authority ` + ca, "", certified, "no principal"},
		{`user@example.org ` + ca, "", certified, "not trusted"},
		{`user@example.org ` + key, "", certified, "not trusted"},
		{`user@example.org cert-authority,namespaces="git" ` + ca, "", certified, "not trusted for the namespace"},
	} {
		p := &trust.Policy{Keys: mustParse(t, []byte(test.allowed+"\n")), Namespace: test.namespace, Now: now}
		signers, err := verify(p, content, test.signature)
		switch {
		case test.why == "" && err != nil:
			t.Errorf("%.60s: %v", test.allowed, err)
		case test.why == "" && strings.HasPrefix(test.allowed, "ssh-") && signers[0].Identity != "a comment":
			t.Errorf("%.60s: signed by %q", test.allowed, signers[0].Identity)
		case test.why != "" && (err == nil || !strings.Contains(err.Error(), test.why)):
			t.Errorf("%.60s: %v instead of %q", test.allowed, err, test.why)
		}
	}
	p := &trust.Policy{Keys: mustParse(t, []byte("user@example.org cert-authority "+ca)), Now: at("2031-01-01")}
	refuses(t, p, content, certified, "not valid now")
	for _, bad := range []string{
		"user@example.org unknown-option " + key, `user@example.org valid-after="tomorrow" ` + key,
		"user@example.org", "user@example.org ssh-ed25519 AAAA%", "ssh-rsa" + strings.TrimPrefix(key, "ssh-ed25519"),
		key + "\n\x1b[31m", read("k"), read("k-cert.pub"),
	} {
		if keys, err := trust.ParseKeys([]byte(bad)); err == nil {
			t.Errorf("%.40q is accepted: %+v", bad, keys[0])
		}
	}
}

func TestMinisignsTrustedCommentIsVerified(t *testing.T) {
	for _, s := range samples(t) {
		if !strings.HasPrefix(s.name, "minisign") {
			continue
		}
		p := &trust.Policy{Keys: mustParse(t, s.key)}
		signer := accepts(t, p, s.text, s.signature)[0]
		if !strings.HasPrefix(signer.Comment, "timestamp:") || signer.Time.IsZero() {
			t.Errorf("the trusted comment is missing: %+v", signer)
		}
		if changed := strings.Replace(string(s.signature), "timestamp:1", "timestamp:2", 1); changed != "" {
			refuses(t, p, s.text, []byte(changed), "the trusted comment is not signed")
		}
		lines := strings.SplitAfter(string(s.signature), "\n")
		refuses(t, p, s.text, []byte(string(s.signature)+"more\n"), "text after the signature")
		refuses(t, p, s.text, []byte(strings.Join(lines[:3], "")), "line 4")
		refuses(t, p, s.text, []byte(strings.Join(lines[:2], "")), "trusted comment")
		bare := strings.Split(string(s.key), "\n")[1]
		accepts(t, &trust.Policy{Keys: mustParse(t, []byte(bare))}, s.text, s.signature)
	}
}

func TestKeyFilesAreRefused(t *testing.T) {
	g := newGPG(t)
	key := g.key("a@example.org", "ed25519", "sign", "never")
	kbx, err := os.ReadFile(filepath.Join(g.dir, "pubring.kbx"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		data []byte
		why  string
	}{
		"nothing":               {nil, "holds no public key"},
		"text":                  {[]byte("some text\n"), "expected an SSH public key"},
		"a private key":         {g.gpg("", "--export-secret-keys"), "holds a private key"},
		"an armored one":        {g.gpg("", "--armor", "--export-secret-keys"), "holds a private key"},
		"a keybox":              {kbx, "a keybox of GnuPG"},
		"a truncated key":       {g.export(key)[:100], "truncated"},
		"a signature":           {g.gpg(content, "--detach-sign"), "expected a public key"},
		"a short signify key":   {[]byte("untrusted comment: x\nRWQ=\n"), "expected a public key of signify"},
		"a comment alone":       {[]byte("untrusted comment: x\n"), "in two lines"},
		"a key of version 3":    {[]byte("\x99\x00\x08\x03\x00\x00\x00\x00\x01\x00\x00"), ""},
		"an RSA key in base64":  {[]byte(base64.StdEncoding.EncodeToString(make([]byte, 42))), "expected an SSH public key"},
		"too many bytes":        {make([]byte, trust.MaxKeys+1), "too long"},
		"a packet in parts":     {[]byte("\xc6\xe1"), "in parts"},
		"a PEM of another kind": {[]byte("-----BEGIN PUBLIC KEY-----\n"), "expected an SSH public key"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := trust.ParseKeys(test.data)
			if test.why == "" {
				if err != nil || keys[0].Problem == "" {
					t.Errorf("%v instead of a key with a problem", err)
				}
			} else if err == nil || !strings.Contains(err.Error(), test.why) {
				t.Errorf("%v instead of %q", err, test.why)
			}
		})
	}
}

func TestTextAroundArmoredKeys(t *testing.T) {
	g := newGPG(t)
	one, two := g.key("one@example.org", "ed25519", "sign", "never"), g.key("two@example.org", "ed25519", "sign", "never")
	file := "Keys of the project\n\n" + string(g.gpg("", "--armor", "--export", one)) + "\npub two\n" + string(g.gpg("", "--armor", "--export", two))
	if keys := mustParse(t, []byte(file)); len(keys) != 2 || keys[0].Fingerprint != one || keys[1].Fingerprint != two {
		t.Errorf("got %+v", keys)
	}
	if keys := mustParse(t, g.export(one, two)); len(keys) != 2 {
		t.Errorf("got %+v", keys)
	}
}

func TestPin(t *testing.T) {
	keys := []*trust.Key{{Fingerprint: "0123456789ABCDEF0123456789ABCDEF01234567"}, {Fingerprint: "SHA256:abc"}}
	for _, text := range []string{"0123 4567 89ab cdef 0123  4567 89AB CDEF 0123 4567", "0x0123456789abcdef0123456789abcdef01234567", "SHA256:abc"} {
		if pinned, err := trust.Pin(keys, []string{text}); err != nil || len(pinned) != 1 {
			t.Errorf("%s: %v, %v", text, pinned, err)
		}
	}
	for _, text := range []string{"89ABCDEF01234567", "01234567", "0123456789ABCDEF0123456789ABCDEF01234568", "", "SHA256:ABC"} {
		if pinned, err := trust.Pin(keys, []string{text}); err == nil {
			t.Errorf("%s: %v", text, pinned)
		}
	}
}
