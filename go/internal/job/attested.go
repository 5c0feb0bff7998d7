package job

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"time"

	"checksig/internal/manifest"
	"checksig/internal/trust"
	"checksig/internal/verify"
	"checksig/internal/wire"
)

// attested is the value of a field of that name, in JSON: what the caller found out about one attestation in a file.
type attested struct {
	File      string `json:"file"` // the SHA-256 of the file's content, in hex
	Line      int64  `json:"line"`
	Refused   string `json:"refused"`
	LeftOut   string `json:"left_out"`
	Text      string `json:"text"`      // in base64
	Statement bool   `json:"statement"` // Text is an in-toto statement, otherwise a bundle with a digest alone

	Public string `json:"public"` // in base64: see [trust.Attestation]

	Format, Key, Fingerprint, Identity, Issuer, Predicate string

	Index string `json:"index"` // in the log
	Time  *int64 `json:"time"`  // in seconds since 1970
}

func setAttested(r *request, key, value string) error {
	var a attested
	d := json.NewDecoder(bytes.NewReader([]byte(value)))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return wire.RequestErrorf("%s is not as expected: %s", key, err)
	}
	file, err := hex.DecodeString(a.File)
	if err != nil || len(file) != sha256.Size {
		return wire.RequestErrorf("%s has no file", key)
	}
	text, err := base64.StdEncoding.DecodeString(a.Text)
	if err != nil {
		return wire.RequestErrorf("%s has a text that is not in base64", key)
	}
	public, err := base64.StdEncoding.DecodeString(a.Public)
	if err != nil {
		return wire.RequestErrorf("%s has a public key that is not in base64", key)
	}
	if a.Refused == "" && a.LeftOut == "" && (len(text) == 0 || a.Fingerprint == "") {
		return wire.RequestErrorf("%s has no text or no signer", key)
	}
	one := trust.Attestation{
		Public: string(public), Line: a.Line, Text: text, Statement: a.Statement, Refused: a.Refused, LeftOut: a.LeftOut,
		Signer: trust.Signer{
			Format: a.Format, KeyID: a.Key, Fingerprint: a.Fingerprint, Identity: a.Identity, Issuer: a.Issuer,
			Predicate: a.Predicate, LogIndex: a.Index,
		},
	}
	if a.Time != nil {
		one.Signer.Time = time.Unix(*a.Time, 0)
	}
	if r.attested == nil {
		r.attested = trust.Attested{}
	}
	r.attested[[sha256.Size]byte(file)] = append(r.attested[[sha256.Size]byte(file)], one)
	return nil
}

// findDigests finds the files that attestations are about.
func findDigests(all trust.Attested) {
	for _, list := range all {
		for i := range list {
			if a := &list[i]; a.Refused == "" && a.LeftOut == "" {
				a.Digests = digestsIn(a.Text)
			}
		}
	}
}

// digestsIn returns the digests in an authenticated document, by algorithm; none if something in it is wrong.
func digestsIn(text []byte) map[string][][]byte {
	reading, err := manifest.Read(bytes.NewReader(text), manifest.Options{
		FileName: "file.sigstore.json", Format: manifest.InToto, Verbatim: true, Attested: true,
	})
	found := map[string][][]byte{}
	for err == nil {
		var entry manifest.Entry
		if entry, err = reading.Next(); err == nil {
			found[entry.Algorithm.Name] = append(found[entry.Algorithm.Name], entry.Digest)
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil
	}
	return found
}

// runBundles sends the files that a verification would need to be attested, and verifies nothing.
func runBundles(ctx context.Context, r *request, j *Job) (func([]byte) []byte, error) {
	seen := map[string]bool{}
	reading := verify.Reading{
		Dir: r.cwd, Recursive: r.recursive, FollowOutside: r.followOutside, Root: r.root, Format: r.format, Content: r.content,
		Include: r.include, Exclude: r.exclude, Trust: &trust.Policy{}, Signature: r.signature,
		Beside: r.beside, Source: r.remote(ctx, j),
		Collect: func(path string, data []byte) {
			if len(data) > trust.MaxAttested || !trust.IsAttestation(data) || seen[path] {
				return
			}
			seen[path] = true
			j.append(func(dst []byte) []byte { return wire.AppendBundle(dst, path, data) })
		},
	}
	sink := verify.Sink{
		Manifest: func(*verify.Manifest) {}, Read: func(*verify.Manifest) {}, Result: func(*verify.Result) {},
		BadLine: func(*verify.BadLine) {}, Unlisted: func(*verify.UnlistedFile) {},
	}
	run := verify.Run
	if r.signed {
		run = verify.RunSigned
	}
	_, err := run(ctx, verify.Request{Reading: reading, Path: r.paths[0]}, sink, &j.progress)
	return func(dst []byte) []byte { return wire.AppendSummary(dst, &wire.Summary{}) }, err
}
