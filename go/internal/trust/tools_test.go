package trust_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"checksig/internal/trust"
)

// content is the manifest that the tests sign: a line that begins with a dash, trailing blanks, no sign of what
// the formats of signatures use.
const content = "# files\n- a line with a dash\nblanks at the end  \n" +
	"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a\n"

// run runs a program of whose output nothing else depends, and returns it.
func run(t testing.TB, stdin string, name string, arguments ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CHECKSIG_TEST_STRICT") == "1" {
			t.Fatalf("%s is missing", name)
		}
		t.Skipf("%s is missing", name)
	}
	command := exec.Command(path, arguments...)
	command.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, arguments, err, stderr.String())
	}
	return out
}

// gpgHome is a GnuPG of its own.
type gpgHome struct {
	testing.TB
	dir  string
	time string // "20200101T000000" for --faked-system-time; "" for now
}

func newGPG(t testing.TB) *gpgHome {
	t.Helper()
	dir, err := os.MkdirTemp("", "g") // the path of its socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", dir, "--kill", "all").Run()
		os.RemoveAll(dir)
	})
	return &gpgHome{TB: t, dir: dir}
}

func (g *gpgHome) gpg(stdin string, arguments ...string) []byte {
	g.Helper()
	all := []string{"--homedir", g.dir, "--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", "--passphrase", "",
		"--no-auto-key-locate", "--allow-weak-digest-algos"}
	if g.time != "" {
		all = append(all, "--faked-system-time", g.time)
	}
	return run(g, stdin, "gpg", append(all, arguments...)...)
}

// key makes a key, and returns its fingerprint.
func (g *gpgHome) key(user, algorithm, usage, expires string) string {
	g.Helper()
	g.gpg("", "--quick-gen-key", user, algorithm, usage, expires)
	for _, line := range strings.Split(string(g.gpg("", "--with-colons", "--list-keys", user)), "\n") {
		if fields := strings.Split(line, ":"); fields[0] == "fpr" {
			return fields[9]
		}
	}
	g.Fatal("no key")
	return ""
}

func (g *gpgHome) export(keys ...string) []byte {
	g.Helper()
	return g.gpg("", append([]string{"--export"}, keys...)...)
}

func mustParse(t testing.TB, data ...[]byte) []*trust.Key {
	t.Helper()
	var all []*trust.Key
	for _, d := range data {
		keys, err := trust.ParseKeys(d)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, keys...)
	}
	return all
}

// verify verifies data, a signature of content or a signed message.
func verify(p *trust.Policy, text string, data []byte) ([]trust.Signer, error) {
	if trust.Embedded(data) != "" && text == "" {
		m, err := p.Open(data)
		if err != nil {
			return nil, err
		}
		return m.Signers, nil
	}
	return p.Verify([]byte(text), []trust.File{{Name: "signature", Data: data}})
}

func accepts(t testing.TB, p *trust.Policy, text string, data []byte) []trust.Signer {
	t.Helper()
	signers, err := verify(p, text, data)
	if err != nil || len(signers) == 0 {
		t.Fatalf("refused: %v", err)
	}
	return signers
}

func refuses(t testing.TB, p *trust.Policy, text string, data []byte, why string) {
	t.Helper()
	signers, err := verify(p, text, data)
	if err == nil {
		t.Fatalf("accepted: %v", signers)
	}
	if !strings.Contains(err.Error(), why) {
		t.Fatalf("refused because of %q instead of %q", err, why)
	}
}

// sample is a signature of content of one format, with the key for it.
type sample struct {
	name      string
	key       []byte
	text      string // what is signed; "" for a signed message
	signature []byte
}

var made struct {
	sync.Mutex
	samples []sample
}

// samples returns signatures of content in every format, made by its own tool.
func samples(t testing.TB) []sample {
	t.Helper()
	made.Lock()
	defer made.Unlock()
	if made.samples != nil {
		return made.samples
	}
	var all []sample
	g := newGPG(t)
	for _, algorithm := range []string{"ed25519", "rsa2048", "nistp256"} {
		user := algorithm + " <" + algorithm + "@example.org>"
		g.key(user, algorithm, "sign", "never")
		key := g.export(user)
		armoredKey := g.gpg("", "--armor", "--export", user)
		all = append(all,
			sample{"pgp binary " + algorithm, key, content, g.gpg(content, "-u", user, "--detach-sign")},
			sample{"pgp armored " + algorithm, armoredKey, content, g.gpg(content, "-u", user, "--armor", "--detach-sign")},
			sample{"pgp clear " + algorithm, key, "", g.gpg(content, "-u", user, "--clearsign")})
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(path(name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	write("m", content)
	run(t, "", "signify-openbsd", "-G", "-n", "-p", path("s.pub"), "-s", path("s.sec"))
	run(t, "", "signify-openbsd", "-S", "-s", path("s.sec"), "-m", path("m"), "-x", path("m.sig"))
	run(t, "", "signify-openbsd", "-S", "-e", "-s", path("s.sec"), "-m", path("m"), "-x", path("m.e"))
	all = append(all, sample{"signify", read("s.pub"), content, read("m.sig")}, sample{"signify embedded", read("s.pub"), "", read("m.e")})
	run(t, "", "minisign", "-G", "-W", "-p", path("n.pub"), "-s", path("n.sec"))
	run(t, "", "minisign", "-S", "-s", path("n.sec"), "-m", path("m"), "-x", path("m.minisig"), "-t", "timestamp:1700000000 a comment")
	run(t, "", "minisign", "-S", "-l", "-s", path("n.sec"), "-m", path("m"), "-x", path("m.legacy"))
	all = append(all, sample{"minisign", read("n.pub"), content, read("m.minisig")}, sample{"minisign legacy", read("n.pub"), content, read("m.legacy")})
	remove := func(name string) {
		if err := os.Remove(path(name)); err != nil {
			t.Fatal(err)
		}
	}
	remove("m.sig") // which ssh-keygen would not replace
	for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
		run(t, "", "ssh-keygen", "-q", "-t", kind, "-N", "", "-C", kind+"@example.org", "-f", path(kind))
		run(t, "", "ssh-keygen", "-q", "-Y", "sign", "-f", path(kind), "-n", "file", path("m"))
		all = append(all, sample{"ssh " + kind, read(kind + ".pub"), content, read("m.sig")})
		remove("m.sig")
	}
	made.samples = all
	return all
}

func TestEveryToolsSignatureIsVerified(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			p := &trust.Policy{Keys: mustParse(t, s.key)}
			signer := accepts(t, p, s.text, s.signature)[0]
			if signer.Fingerprint != p.Keys[0].Fingerprint || signer.KeyID == "" || signer.Format != strings.Fields(s.name)[0] {
				t.Errorf("signed by %+v, not by %+v", signer, p.Keys[0])
			}
			if s.text != "" {
				refuses(t, p, content+"\n", s.signature, "invalid")
				return
			}
			m, err := p.Open(s.signature)
			if err != nil {
				t.Fatal(err)
			}
			want := content
			if m.Format == "pgp" {
				want = strings.ReplaceAll(content, "end  \n", "end\n") // which are not signed
			}
			if string(m.Text) != want {
				t.Errorf("the signed text is %q instead of %q", m.Text, want)
			}
			if lines := bytes.Split(s.signature, []byte("\n")); !bytes.HasPrefix(lines[m.Line-1], []byte("# files")) {
				t.Errorf("the text begins in line %d, which is %q", m.Line, lines[m.Line-1])
			}
		})
	}
}

// TestTampering changes every byte of the text, the signature and the key: no signature of a changed text is
// accepted, and no other text ever comes out of a signed message.
func TestTampering(t *testing.T) {
	all := samples(t)
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			p := &trust.Policy{Keys: mustParse(t, s.key)}
			signed := []byte(s.text)
			if s.text == "" {
				m, err := p.Open(s.signature)
				if err != nil {
					t.Fatal(err)
				}
				signed = m.Text
			}
			for _, mask := range []byte{0x01, 0x20, 0x80} {
				for i := range s.text {
					changed := []byte(s.text)
					changed[i] ^= mask
					if _, err := verify(p, string(changed), s.signature); err == nil {
						t.Fatalf("byte %d of the text: %q is accepted", i, changed)
					}
				}
				for i := range s.signature {
					changed := bytes.Clone(s.signature)
					changed[i] ^= mask
					if s.text == "" {
						if m, err := p.Open(changed); err == nil && !bytes.Equal(m.Text, signed) {
							t.Fatalf("byte %d of the message: %q is accepted", i, m.Text)
						}
						continue
					}
					// Whatever of it is not signed may change, but it must stay a signature of this text alone.
					if _, err := verify(p, s.text+"x", changed); err == nil {
						t.Fatalf("byte %d of the signature: another text is accepted", i)
					}
				}
				for i := range s.key {
					changed := bytes.Clone(s.key)
					changed[i] ^= mask
					keys, err := trust.ParseKeys(changed)
					if err != nil {
						continue
					}
					signers, err := verify(&trust.Policy{Keys: keys}, s.text, s.signature)
					if err == nil && signers[0].Fingerprint != p.Keys[0].Fingerprint {
						t.Fatalf("byte %d of the key: another key is accepted", i)
					}
				}
			}
			for _, other := range all {
				if mustParse(t, other.key)[0].Fingerprint == p.Keys[0].Fingerprint {
					continue
				}
				if _, err := verify(&trust.Policy{Keys: mustParse(t, other.key)}, s.text, s.signature); err == nil {
					t.Fatalf("the key of %s is accepted", other.name)
				}
			}
		})
	}
}

func TestTextForms(t *testing.T) {
	for _, s := range samples(t) {
		if !bytes.HasPrefix(s.signature, []byte("-----BEGIN PGP")) {
			continue
		}
		p := &trust.Policy{Keys: mustParse(t, s.key)}
		accepts(t, p, s.text, bytes.ReplaceAll(s.signature, []byte("\n"), []byte("\r\n")))
		accepts(t, p, s.text, append(bytes.Clone(s.signature), "\r\n\n"...))
	}
}

func TestConcurrentVerificationsShareNoState(t *testing.T) {
	all := samples(t)
	var keys []*trust.Key
	for _, s := range all {
		keys = append(keys, mustParse(t, s.key)...)
	}
	p := &trust.Policy{Keys: keys}
	var running sync.WaitGroup
	for range 8 {
		running.Add(1)
		go func() {
			defer running.Done()
			for _, s := range all {
				if _, err := verify(p, s.text, s.signature); err != nil {
					t.Errorf("%s: %v", s.name, err)
				}
				if s.text != "" {
					if _, err := verify(p, s.text+"x", s.signature); err == nil {
						t.Errorf("%s: another text is accepted", s.name)
					}
				}
			}
		}()
	}
	running.Wait()
}

func at(text string) func() time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return func() time.Time { return t }
}
