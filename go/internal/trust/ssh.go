package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Signatures of ssh-keygen -Y sign: PROTOCOL.sshsig, PROTOCOL.certkeys and PROTOCOL.u2f of OpenSSH; RFC 4253,
// RFC 5656, RFC 8332 and RFC 8709.
const (
	sshBegin     = "-----BEGIN SSH SIGNATURE-----"
	sshEnd       = "-----END SSH SIGNATURE-----"
	sshMagic     = "SSHSIG"
	sha256Prefix = "SHA256:"

	sshCertificate = "-cert-v01@openssh.com"
	sshUserCert    = 1
	maxPrincipals  = 256 // of a certificate, as in OpenSSH
)

// sshKey is a public key.
type sshKey struct {
	blob        []byte
	kind        string // "ssh-ed25519"
	public      crypto.PublicKey
	application string // of a security key, "ssh:"; "" for other keys
	name        string
	cert        *sshCert
}

// sshCert is what a certificate says about its key.
type sshCert struct {
	kind          uint32
	id            string
	principals    []string
	after, before uint64
	options       []byte // critical ones
	authority     *sshKey
	signed        []byte
	signature     []byte
}

// sshReader reads the strings and numbers of RFC 4251, section 5.
type sshReader struct {
	rest   []byte
	failed bool
}

func (r *sshReader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.failed, r.rest = true, nil
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *sshReader) number(size uint64) (n uint64) {
	for _, b := range r.take(size) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (r *sshReader) bytes() []byte { return r.take(r.number(4)) }

func (r *sshReader) string() string { return string(r.bytes()) }

// done reports whether everything was read, and nothing is left.
func (r *sshReader) done() bool { return !r.failed && len(r.rest) == 0 }

var errSSHKey = errorf("a malformed SSH key")

// readSSHKey reads a public key or a certificate.
func readSSHKey(blob []byte) (*sshKey, error) {
	r := &sshReader{rest: blob}
	k := &sshKey{blob: blob, kind: r.string()}
	kind, isCert := strings.CutSuffix(k.kind, sshCertificate)
	if isCert {
		r.bytes() // a nonce
		if strings.HasPrefix(kind, "sk-") {
			kind += "@openssh.com"
		}
	}
	var err error
	switch kind {
	case "ssh-ed25519", "sk-ssh-ed25519@openssh.com":
		public := r.bytes()
		if len(public) != ed25519.PublicKeySize {
			return nil, errSSHKey
		}
		k.public, k.name = ed25519.PublicKey(public), "ed25519"
	case "ssh-rsa":
		e, n := r.bytes(), r.bytes()
		if k.public, k.name, err = newRSA(n, e); err != nil {
			return nil, err
		}
	case "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "sk-ecdsa-sha2-nistp256@openssh.com":
		i := slices.Index([]string{"nistp256", "nistp384", "nistp521"}, r.string())
		point := r.bytes()
		if i < 0 || !strings.Contains(kind, curves()[i].Params().Name[2:]) {
			return nil, errSSHKey
		}
		if k.public, k.name, err = newECDSA(curves()[i], point); err != nil {
			return nil, err
		}
	case "ssh-dss":
		return nil, errorf("a DSA key, which is too weak")
	default:
		return nil, errorf("an SSH key of the unsupported type %.80q", k.kind)
	}
	if strings.HasPrefix(kind, "sk-") {
		if k.application = r.string(); k.application == "" {
			return nil, errSSHKey
		}
	}
	if isCert {
		if err = k.readCert(r); err != nil {
			return nil, err
		}
	}
	if !r.done() {
		return nil, errSSHKey
	}
	k.kind = kind
	return k, nil
}

func (k *sshKey) readCert(r *sshReader) error {
	c := &sshCert{}
	r.number(8) // the serial number
	c.kind, c.id = uint32(r.number(4)), r.string()
	names := &sshReader{rest: r.bytes()}
	for len(names.rest) > 0 && len(c.principals) < maxPrincipals {
		c.principals = append(c.principals, names.string())
	}
	c.after, c.before, c.options = r.number(8), r.number(8), r.bytes()
	r.bytes() // extensions
	r.bytes() // reserved
	authority := r.bytes()
	c.signed = k.blob[:len(k.blob)-len(r.rest)]
	c.signature = r.bytes()
	if r.failed || !names.done() || bytes.Contains(authority[:min(len(authority), 64)], []byte(sshCertificate)) {
		return errorf("a malformed SSH certificate")
	}
	var err error
	if c.authority, err = readSSHKey(authority); err != nil {
		return err
	}
	k.cert = c
	return nil
}

func (k *sshKey) fingerprint() string {
	sum := sha256.Sum256(k.blob)
	return sha256Prefix + base64.RawStdEncoding.EncodeToString(sum[:])
}

// verify reports whether k made a signature of data.
func (k *sshKey) verify(data, signature []byte) bool {
	r := &sshReader{rest: signature}
	algorithm, blob := r.string(), r.bytes()
	if k.application != "" {
		flags, counter := r.number(1), r.number(4)
		application, message := sha256.Sum256([]byte(k.application)), sha256.Sum256(data)
		data = append(bytes.Clone(application[:]), byte(flags))
		data = append(binary.BigEndian.AppendUint32(data, uint32(counter)), message[:]...)
		if flags&1 == 0 { // nobody has touched the security key
			return false
		}
	}
	if !r.done() {
		return false
	}
	switch public := k.public.(type) {
	case ed25519.PublicKey:
		return algorithm == k.kind && len(blob) == ed25519.SignatureSize && ed25519.Verify(public, data, blob)
	case *rsa.PublicKey:
		if len(blob) > public.Size() {
			return false
		}
		blob = append(make([]byte, public.Size()-len(blob)), blob...)
		switch algorithm { // ssh-rsa is SHA-1
		case "rsa-sha2-256":
			sum := sha256.Sum256(data)
			return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], blob) == nil
		case "rsa-sha2-512":
			sum := sha512.Sum512(data)
			return rsa.VerifyPKCS1v15(public, crypto.SHA512, sum[:], blob) == nil
		}
	case *ecdsa.PublicKey:
		numbers := &sshReader{rest: blob}
		a, b := numbers.bytes(), numbers.bytes()
		if algorithm != k.kind || !numbers.done() {
			return false
		}
		h := crypto.SHA256
		switch public.Params().BitSize {
		case 384:
			h = crypto.SHA384
		case 521:
			h = crypto.SHA512
		}
		digest := h.New()
		digest.Write(data)
		return ecdsa.Verify(public, digest.Sum(nil), new(big.Int).SetBytes(a), new(big.Int).SetBytes(b))
	}
	return false
}

// parseSSH parses a signature of ssh-keygen -Y sign, which is the whole of data.
func (p *Policy) parseSSH(data []byte) ([]*signature, error) {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"), "\n")
	if lines[0] != sshBegin || len(lines) < 3 || lines[len(lines)-1] != sshEnd {
		return nil, errorf("expected one SSH signature, from %s to %s", sshBegin, sshEnd)
	}
	blob, err := decodeBase64(strings.Join(lines[1:len(lines)-1], ""))
	if err != nil {
		return nil, err
	}
	r := &sshReader{rest: blob}
	magic, version := string(r.take(6)), r.number(4)
	public, namespace, reserved, algorithm, raw := r.bytes(), r.string(), r.bytes(), r.string(), r.bytes()
	switch {
	case !r.done() || magic != sshMagic:
		return nil, errorf("a malformed SSH signature")
	case version != 1 || len(reserved) > 0:
		return nil, errorf("an SSH signature of an unknown version")
	}
	wanted := p.Namespace
	if wanted == "" {
		wanted = "file"
	}
	if namespace != wanted {
		return nil, errorf("an SSH signature for the namespace %.80q instead of %.80q", namespace, wanted)
	}
	var h func() hash.Hash
	switch algorithm {
	case "sha256":
		h = sha256.New
	case "sha512":
		h = sha512.New
	default:
		return nil, errorf("an SSH signature with the unknown hash %.80q", algorithm)
	}
	key, err := readSSHKey(public)
	if err != nil {
		return nil, err
	}
	return []*signature{{hash: h, name: "SSH " + algorithm, check: func(sum []byte) (*Signer, error) {
		signed := []byte(sshMagic)
		for _, part := range [][]byte{[]byte(namespace), reserved, []byte(algorithm), sum} {
			signed = append(binary.BigEndian.AppendUint32(signed, uint32(len(part))), part...)
		}
		return p.checkSSH(key, namespace, signed, raw)
	}}}, nil
}

// checkSSH returns who of the trusted signers made a signature with key.
func (p *Policy) checkSSH(key *sshKey, namespace string, signed, raw []byte) (*Signer, error) {
	now := p.now()
	name := "ssh " + key.fingerprint()
	if key.cert != nil {
		name = "ssh certificate of the authority " + key.cert.authority.fingerprint()
	}
	err := error(errUnknownKey(name))
	for _, trusted := range p.Keys {
		a := trusted.ssh
		if a == nil {
			continue
		}
		signer := &Signer{
			Format: "ssh", KeyID: key.fingerprint(), Fingerprint: trusted.Fingerprint, Identity: a.identity,
		}
		switch {
		case a.isAuthority && key.cert != nil && bytes.Equal(key.cert.authority.blob, a.key.blob):
			principal, problem := a.check(key, now)
			if problem != nil {
				err = problem
				continue
			}
			signer.Identity = principal
			signer.ids = append([]string{publicID(key.public)}, key.cert.principals...)
		case !a.isAuthority && key.cert == nil && bytes.Equal(key.blob, a.key.blob):
			signer.ids = append([]string{publicID(key.public)}, a.principals...)
		default:
			continue
		}
		if problem := a.validFor(namespace, now); problem != nil {
			err = problem
			continue
		}
		if !key.verify(signed, raw) {
			return nil, errInvalid{errorf("the signature by the key %s is invalid", key.fingerprint())}
		}
		return signer, nil
	}
	return nil, err
}

// check returns the principal of a certificate of the authority a.
func (a *allowedSigner) check(key *sshKey, now time.Time) (principal string, err error) {
	c := key.cert
	seconds := uint64(max(now.Unix(), 0))
	switch {
	case c.kind != sshUserCert:
		return "", errorf("the SSH certificate %.80q is not one of a user", c.id)
	case len(c.options) > 0:
		return "", errorf("the SSH certificate %.80q has critical options, which are not supported", c.id)
	case seconds < c.after || seconds >= c.before:
		return "", errorf("the SSH certificate %.80q is not valid now", c.id)
	case !c.authority.verify(c.signed, c.signature):
		return "", errorf("the SSH certificate %.80q has an invalid signature", c.id)
	}
	for _, name := range c.principals {
		if matchList(a.principals, name) {
			return name, nil
		}
	}
	return "", errorf("no principal of the SSH certificate %.80q is trusted", c.id)
}

// allowedSigner is a line of an allowed_signers file, or of a file of public keys.
type allowedSigner struct {
	key           *sshKey
	identity      string
	principals    []string // patterns; nil for a public key alone
	namespaces    []string // patterns; nil for all
	after, before time.Time
	isAuthority   bool
}

// validFor returns why a signature for that namespace does not count now.
func (a *allowedSigner) validFor(namespace string, now time.Time) error {
	switch {
	case a.namespaces != nil && !matchList(a.namespaces, namespace):
		return errorf("the key %s is not trusted for the namespace %.80q", a.key.fingerprint(), namespace)
	case !a.after.IsZero() && now.Before(a.after):
		return errorf("the key %s is not valid yet", a.key.fingerprint())
	case !a.before.IsZero() && !now.Before(a.before):
		return errorf("the key %s is no longer valid", a.key.fingerprint())
	}
	return nil
}

// readAllowedSigner reads a line "PRINCIPALS [OPTIONS] TYPE KEY [COMMENT]", as in ALLOWED SIGNERS of
// ssh-keygen(1), or a public key without the first two.
func readAllowedSigner(line string) (*Key, error) {
	a := &allowedSigner{}
	words := splitQuoted(line)
	if len(words) > 0 && !isSSHType(words[0]) {
		a.identity = strings.Trim(words[0], `"`)
		a.principals = strings.Split(a.identity, ",")
		if slices.ContainsFunc(a.principals, isOption) {
			return nil, errorf("expected principals before the options of an allowed signer")
		}
		if words = words[1:]; len(words) > 1 && !isSSHType(words[0]) && isSSHType(words[1]) {
			if err := a.readOptions(words[0]); err != nil {
				return nil, err
			}
			words = words[1:]
		}
	}
	if len(words) < 2 || !isSSHType(words[0]) {
		return nil, errorf("expected an SSH public key, or a line of an allowed_signers file")
	}
	blob, err := decodeBase64(words[1])
	if err != nil {
		return nil, err
	}
	k := &Key{Format: "ssh", Names: a.principals, Authority: a.isAuthority, Expires: a.before}
	if a.principals == nil && len(words) > 2 {
		a.identity = strings.Join(words[2:], " ")
		k.Names = []string{a.identity}
	}
	sum := sha256.Sum256(blob)
	k.Fingerprint = sha256Prefix + base64.RawStdEncoding.EncodeToString(sum[:])
	k.ID = k.Fingerprint
	if a.key, err = readSSHKey(blob); err != nil {
		k.Algorithm, k.Problem = words[0], err.Error()
		return k, nil
	}
	if a.key.cert != nil || a.key.kind != words[0] {
		return nil, errorf("a certificate, or a key of another type than its line says")
	}
	k.ssh, k.Algorithm = a, a.key.name
	return k, nil
}

// isOption reports whether a word is an option of allowed_signers, which restricts nothing where principals are.
func isOption(word string) bool {
	name, _, _ := strings.Cut(strings.ToLower(word), "=")
	return slices.Contains([]string{"cert-authority", "namespaces", "valid-after", "valid-before"}, name)
}

func isSSHType(word string) bool {
	return strings.HasPrefix(word, "ssh-") || strings.HasPrefix(word, "ecdsa-sha2-") || strings.HasPrefix(word, "sk-")
}

// splitQuoted splits a line at blanks outside double quotes.
func splitQuoted(line string) []string {
	quoted := false
	return strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\t')
	})
}

// readOptions reads the options of an allowed signer. An unknown one is an error: it could be a restriction.
func (a *allowedSigner) readOptions(text string) (err error) {
	quoted := false
	options := strings.FieldsFunc(text, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && r == ','
	})
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		unquoted := strings.TrimSuffix(strings.TrimPrefix(value, `"`), `"`)
		switch strings.ToLower(name) {
		case "cert-authority":
			a.isAuthority = true
			if value != "" {
				err = errorf("cert-authority has no value")
			}
		case "namespaces":
			a.namespaces = strings.Split(unquoted, ",")
		case "valid-after":
			a.after, err = readSSHTime(unquoted)
		case "valid-before":
			a.before, err = readSSHTime(unquoted)
		default:
			err = errorf("unknown option %.80q of an allowed signer", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readSSHTime reads YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, in local time unless a Z follows.
func readSSHTime(text string) (time.Time, error) {
	digits, isUTC := strings.CutSuffix(text, "Z")
	zone := time.Local
	if isUTC {
		zone = time.UTC
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(layout) == len(digits) {
			if t, err := time.ParseInLocation(layout, digits, zone); err == nil {
				return t, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%.80q is no time as in 20251231 or 20251231235959Z", text)
}

// matchList reports whether a pattern matches text, and none that begins with "!", as PATTERNS of ssh_config(5).
func matchList(patterns []string, text string) bool {
	matched := false
	for _, pattern := range patterns {
		if negated, is := strings.CutPrefix(pattern, "!"); is {
			if matchPattern(negated, text) {
				return false
			}
			continue
		}
		matched = matched || matchPattern(pattern, text)
	}
	return matched
}

// matchPattern reports whether a pattern with "*" and "?" matches text.
func matchPattern(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
