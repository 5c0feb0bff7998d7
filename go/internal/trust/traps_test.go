package trust_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
