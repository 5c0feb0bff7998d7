package job

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"checksig/internal/printable"
	"checksig/internal/safefs"
	"checksig/internal/trust"
	"checksig/internal/verify"
	"checksig/internal/wire"
)

// check returns an error for options that mean nothing without keys, so that nobody believes in them.
func (o *trustOptions) check() error {
	for option, isSet := range map[string]bool{
		"attested": o.attested != nil, "trust_fingerprint": len(o.fingerprints) > 0, "signers": o.signers > 0, "signature": o.signature != "", "namespace": o.namespace != "",
	} {
		if isSet {
			flag := "--" + strings.ReplaceAll(option, "_", "-")
			return &ValueError{fmt.Sprintf("%s (%s) needs keys: --trust FILE (trust=) names a file of them", flag, option)}
		}
	}
	return nil
}

func setTrust(r *request, key, value string) error {
	content, isContent := strings.CutPrefix(value, "c")
	if _, err := base64.StdEncoding.DecodeString(content); isContent && err != nil {
		return wire.RequestErrorf("%s is not in base64", key)
	}
	if !isContent && !strings.HasPrefix(value, "p") {
		return wire.RequestErrorf("%s must begin with p or c", key)
	}
	r.trust = append(r.trust, value)
	return nil
}

// addBeside adds a signature file that the caller has read: "c" for its content or "e" for the cause of an error, that in
// base64, ":" and its name.
func addBeside(r *request, key, value string) error {
	text, name, _ := strings.Cut(value, ":")
	if text == "" || !strings.Contains("ce", text[:1]) {
		return wire.RequestErrorf("%s must begin with c or e", key)
	}
	data, err := base64.StdEncoding.DecodeString(text[1:])
	if err != nil {
		return wire.RequestErrorf("%s is not in base64", key)
	}
	f := trust.File{Name: name, Data: data}
	switch {
	case text[0] == 'e':
		f.Data, f.Err = nil, errors.New("cannot be read: "+string(data))
	case len(data) > trust.MaxSignature && !trust.IsAttestation(data):
		f.Data = data[:trust.MaxSignature+1] // which is refused
	}
	r.beside = append(r.beside, f)
	return nil
}

// runSigned verifies files that are signed one by one, and sends what it finds as records.
func runSigned(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	policy, err := r.policy(ctx)
	if err == nil && policy == nil {
		err = &ValueError{"a signature needs keys: --trust FILE (trust=) names a file of them"}
	}
	if err != nil {
		return nil, err
	}
	s, err := verify.RunSigned(ctx, verify.Request{
		Reading: verify.Reading{Dir: r.cwd, Recursive: r.recursive, FollowOutside: r.followOutside, Trust: policy, Signature: r.signature},
		Path:    r.paths[0],
	}, j.verifySink(r), &j.progress)
	summary := summaryOf(&s)
	return func(dst []byte) []byte { return wire.AppendSummary(dst, &summary) }, err
}

// runKeys sends what files of keys hold.
func runKeys(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	policy, err := r.policy(ctx)
	if err != nil {
		return nil, err
	}
	if policy != nil {
		for _, k := range policy.Keys {
			record := wire.Key{
				Authority: k.Authority, Created: k.Created, Expires: k.Expires, Format: k.Format, Algorithm: k.Algorithm,
				ID: k.ID, Fingerprint: k.Fingerprint, Problem: k.Problem, Names: k.Names,
			}
			j.append(func(dst []byte) []byte { return wire.AppendKey(dst, &record) })
		}
	}
	return func(dst []byte) []byte { return wire.AppendSummary(dst, &wire.Summary{}) }, nil
}

// keyFiles returns the paths of the files of keys.
func (o *trustOptions) keyFiles() (paths []string) {
	for _, source := range o.trust {
		if path, is := strings.CutPrefix(source, "p"); is {
			paths = append(paths, path)
		}
	}
	return paths
}

// policy reads the files of keys; nil if there are none. A key file that is missing, or holds no key, is an error:
// it must never mean that fewer signatures are needed.
func (r *request) policy(ctx context.Context) (*trust.Policy, error) {
	if len(r.trust) == 0 && !r.attesting {
		return nil, r.trustOptions.check()
	}
	if len(r.trust) == 0 && (len(r.fingerprints) > 0 || r.namespace != "") {
		return nil, (&trustOptions{fingerprints: r.fingerprints, namespace: r.namespace}).check()
	}
	findDigests(r.attested)
	p := &trust.Policy{Signers: r.signers, Namespace: r.namespace, Attested: r.attested, Attesting: r.attesting}
	for _, source := range r.trust {
		data, name, err := r.keyFile(ctx, source)
		if err != nil {
			return nil, err
		}
		keys, err := trust.ParseKeys(data)
		if err != nil {
			return nil, &ValueError{printable.Quote(name) + ": not a file of keys: " + err.Error()}
		}
		p.Keys = append(p.Keys, keys...)
	}
	p.Keys = trust.Merge(p.Keys) // a newer copy may revoke what an older one holds
	if len(r.fingerprints) > 0 {
		keys, err := trust.Pin(p.Keys, r.fingerprints)
		if err != nil {
			return nil, &ValueError{err.Error()}
		}
		p.Keys = keys
	}
	return p, nil
}

// keyFile returns the content and the name of a file of keys.
func (r *request) keyFile(ctx context.Context, source string) (data []byte, name string, err error) {
	if content, is := strings.CutPrefix(source, "c"); is {
		data, err = base64.StdEncoding.DecodeString(content)
		return data, "the keys", err
	}
	name = strings.TrimPrefix(source, "p")
	data, err = r.readFile(ctx, name, trust.MaxKeys)
	if errors.Is(err, safefs.ErrNotRegular) {
		err = &ValueError{printable.Quote(name) + ": not a file of keys: " + safefs.Cause(safefs.ErrNotRegular)}
	}
	return data, name, err
}

// sendSignatures sends what is known of a manifest's signatures.
func (j *Job) sendSignatures(m *verify.Manifest) {
	var records []wire.Signature
	for _, s := range m.Signers {
		records = append(records, wire.Signature{
			State: wire.SignatureVerified, Time: s.Time, Format: s.Format, KeyID: s.KeyID, Fingerprint: s.Fingerprint,
			Identity: s.Identity, Comment: s.Comment, File: s.File, Issuer: s.Issuer, Predicate: s.Predicate, LogIndex: s.LogIndex,
		})
	}
	if m.Untrusted {
		records = append(records, wire.Signature{State: wire.SignatureUntrusted})
	}
	for _, path := range m.Unchecked {
		records = append(records, wire.Signature{State: wire.SignatureUnchecked, File: path})
	}
	for i := range records {
		records[i].Manifest = m.Index
		j.append(func(dst []byte) []byte { return wire.AppendSignature(dst, &records[i]) })
	}
}
