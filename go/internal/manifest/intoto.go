package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"checksig/internal/digest"
)

// InToto is a statement of the in-toto attestation framework, such as SLSA provenance. Sources: in-toto
// attestation framework, "Statement" v0.1 and v1, and "DigestSet"; DSSE, "Envelope"; PEP 740; OpenSSF model
// signing.
//
//	{"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": <name>, "digest": {<algorithm>: <hex digest>}}],
//	 "predicateType": <URI>, "predicate": {…}}
//
// It stands alone or, in base64, in a DSSE envelope, whose signature is not checked here:
//
//	{"payloadType": "application/vnd.in-toto+json", "payload": <base64>, "signatures": […]}
//
// or in PyPI's form of one. Any number of them may follow one another, as in JSON Lines.
//
// All digests of a subject are entries. One of an unknown algorithm is a bad line, too, and so is one that is
// not a file's, such as gitCommit: the others are entries nevertheless. In a model's signature the predicate
// lists the files; the subject is the model, and its digest that of the files' digests.
var InToto = &Format{Name: "in-toto", Detect: detectInToto, ReadDocument: readAttestation, Wrapper: func(head []byte) string {
	if object := jsonHead(head); hasKeys(object, "payload") || hasKeys(object, "envelope") || hasKeys(object, "attestation_bundles") {
		return "dsse"
	}
	return ""
}}

// Sigstore is a bundle of Sigstore with the signature of a file or of an [InToto] statement, which is not
// checked. Source: sigstore_bundle.proto, versions 0.1 to 0.3.
//
//	{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {…},
//	 "messageSignature": {"messageDigest": {"algorithm": "SHA2_256", "digest": <base64>}, …}}
//
// or with a DSSE envelope as "dsseEnvelope" instead. The bundle of a file is named after it: app.sigstore.json
// is about app.
var Sigstore = &Format{Name: "sigstore", Detect: detectSigstore, ReadDocument: readAttestation,
	Wrapper: func([]byte) string { return "sigstore" }}

const (
	inTotoPayload = "application/vnd.in-toto+json"
	inTotoType    = "https://in-toto.io/Statement/"
	modelType     = "https://model_signing/signature/v1.0"
	bundleType    = "application/vnd.dev.sigstore.bundle"
)

func detectInToto(head []byte, _ Options) bool {
	object := jsonHead(head)
	return strings.HasPrefix(object["_type"], inTotoType) || hasKeys(object, "subject", "predicateType") ||
		hasKeys(object, "payloadType") && (hasKeys(object, "payload") || hasKeys(object, "signatures")) ||
		hasKeys(object, "payload", "signatures") || hasKeys(object, "payload") && len(object) == 1 ||
		hasKeys(object, "attestation_bundles") || hasKeys(object, "verification_material", "envelope")
}

func detectSigstore(head []byte, _ Options) bool {
	object := jsonHead(head)
	return strings.HasPrefix(object["mediaType"], bundleType) ||
		hasKeys(object, "verificationMaterial") && (hasKeys(object, "messageSignature") || hasKeys(object, "dsseEnvelope"))
}

// attestation is one document of either format: a statement, an envelope, or a bundle.
type attestation struct {
	r           *jsonReader
	fileName    string
	statement   *statement
	found       string // which of them it is
	mixed       bool   // it is several
	payloadType string // of the envelope
	mediaType   string // of the bundle
}

func readAttestation(doc *Document, o Options) Next {
	return readJSON(doc, true, func(r *jsonReader) *jsonNode {
		return (&attestation{r: r, fileName: o.FileName, statement: &statement{r: r, attested: o.Attested}}).node()
	})
}

func (a *attestation) node() *jsonNode {
	fields := a.statement.node().fields
	payloadType := textNode(a.r, &a.payloadType)
	pypi := &jsonNode{required: []string{"statement"}, fields: map[string]*jsonNode{"statement": a.payload("envelope of PyPI")}}
	fields["payloadType"] = payloadType
	fields["payload"] = a.payload("envelope")
	fields["mediaType"] = textNode(a.r, &a.mediaType)
	fields["dsseEnvelope"] = &jsonNode{end: a.endEnvelope, fields: map[string]*jsonNode{
		"payloadType": payloadType, "payload": a.payload("bundle of a statement")}}
	fields["messageSignature"] = &jsonNode{read: a.message}
	fields["envelope"] = pypi
	fields["attestation_bundles"] = &jsonNode{each: &jsonNode{required: []string{"attestations"}, fields: map[string]*jsonNode{
		"attestations": {each: &jsonNode{required: []string{"envelope"}, fields: map[string]*jsonNode{"envelope": pypi}}}}}}
	return &jsonNode{fields: fields, end: a.end}
}

// is notes what the document is.
func (a *attestation) is(kind string) {
	a.mixed = a.mixed || a.found != "" && a.found != kind
	a.found = kind
}

// payload returns the node of an envelope's statement.
func (a *attestation) payload(kind string) *jsonNode {
	return &jsonNode{payload: func(content io.Reader) *jsonWalk {
		a.is(kind)
		r := newJSONReader(&Document{r: content})
		inner := &statement{r: r}
		return &jsonWalk{r: r, root: inner.node()}
	}}
}

// endEnvelope checks the type of the payload, which may come after it.
func (a *attestation) endEnvelope() ([]Entry, error) {
	found := a.payloadType
	a.payloadType = ""
	if found != inTotoPayload {
		return nil, valueErrorf("expected a payload of the type %s, found %.60q", inTotoPayload, found)
	}
	return nil, nil
}

// message returns the entry of a bundle for one file.
func (a *attestation) message(string) ([]Entry, error) {
	a.is("bundle of a file")
	f := jsonFile{name: bundledFile(a.fileName)}
	if f.name == "" {
		_ = f.fail(errors.New("no file name, and the bundle is not named after a file, as in name.sigstore.json"))
	}
	var tag, text string
	err := a.r.members(func(key string) error {
		if key != "messageDigest" {
			return a.r.skip()
		}
		return a.r.members(func(key string) (err error) {
			switch key {
			case "algorithm":
				tag, err = a.r.text()
			case "digest":
				text, err = a.r.text()
			default:
				err = a.r.skip()
			}
			return err
		})
	})
	if algorithm := digest.ByTag(tag); algorithm != nil && text != "" {
		_ = f.add(algorithm, text, func(text string) ([]byte, error) { return fromBase64(base64.StdEncoding, text) })
	} else if algorithm == nil && tag != "" {
		f.unknown = append(f.unknown, fmt.Sprintf("%.40q", tag))
	}
	return f.entries(err)
}

// bundledFile returns the name of the file that a bundle is named after, or "".
func bundledFile(fileName string) string {
	for _, suffix := range []string{".sigstore.json", ".sigstore", ".bundle"} {
		if name, ok := strings.CutSuffix(fileName, suffix); ok {
			return name
		}
	}
	return ""
}

var bundleVersion = pattern(`^application/vnd\.dev\.sigstore\.bundle(?:\+json;version=0\.[123]|\.v0\.[123]\+json)$`)

// end checks a document at its end, and prepares for the next one.
func (a *attestation) end() (entries []Entry, err error) {
	if a.statement.begun {
		a.is("statement")
		entries, err = a.statement.end()
	}
	found, mixed, mediaType := a.found, a.mixed, a.mediaType
	if found == "envelope" {
		_, err = a.endEnvelope()
	}
	a.found, a.mixed, a.mediaType = "", false, ""
	switch {
	case err != nil:
	case found == "" || mixed:
		err = valueErrorf("expected one statement, DSSE envelope or Sigstore bundle")
	case strings.HasPrefix(found, "bundle") && !bundleVersion().MatchString(mediaType):
		err = valueErrorf("unknown version of Sigstore bundles %.60q", mediaType)
	}
	return entries, err
}

// statement is one in-toto statement.
type statement struct {
	r             *jsonReader
	attested      bool // see [Options]
	begun         bool
	kind          string // "_type"
	predicateType string
	subjects      int
	held          *jsonFile // the last subject, until it is known whether it is a file or a model
	heldErr       error
	heldLine      int64
	resources     int
	model         Model
	digests       hash.Hash // of the resources' digests
}

func (s *statement) node() *jsonNode {
	return &jsonNode{end: s.end, fields: map[string]*jsonNode{
		"_type": {read: func(string) (_ []Entry, err error) {
			s.begun = true
			s.kind, err = s.r.text()
			return nil, err
		}},
		"predicateType": {read: func(string) (_ []Entry, err error) {
			s.begun = true
			if s.predicateType, err = s.r.text(); err != nil || s.predicateType == "" || s.predicateType == modelType {
				return nil, err
			}
			return s.release()
		}},
		"subject": {each: &jsonNode{read: s.subject}},
		"predicate": {
			skip:   func() bool { return s.predicateType != "" && s.predicateType != modelType },
			fields: map[string]*jsonNode{"resources": {each: &jsonNode{read: s.resource}}, "serialization": {read: s.serialization}},
		},
	}}
}

// Model is what the signature of a model says about the files that it lists, OpenSSF model signing v1.0.
type Model struct {
	Method        string   // "files" if it lists whole files
	AllowSymlinks bool     // otherwise there must be none
	IgnorePaths   []string // files, and folders with all in them, that need not be listed
}

// maxIgnored is how many paths the signature of a model may leave out.
const maxIgnored = 10_000

func (s *statement) serialization(string) ([]Entry, error) {
	return nil, s.r.members(func(key string) (err error) {
		switch key {
		case "method":
			s.model.Method, err = s.r.text()
		case "allow_symlinks":
			var value string
			value, err = s.r.scalar()
			s.model.AllowSymlinks = value == "true"
		case "ignore_paths":
			s.model.IgnorePaths, err = s.r.texts()
			if len(s.model.IgnorePaths) > maxIgnored {
				err = fmt.Errorf("the model's signature leaves out more than %d paths", maxIgnored)
			}
		default:
			err = s.r.skip()
		}
		return err
	})
}

// notFiles are the members of a digest set that are no digests of a file's content.
var notFiles = map[string]string{
	"gitCommit": "a Git commit", "gitTree": "a Git tree", "gitBlob": "a Git object", "gitTag": "a Git tag",
	"goModuleH1": "a Go module", "dirHash": "a folder", "dirHash1": "a folder",
}

// subject reads one subject. It is held back while it may be the only one, and so a model.
func (s *statement) subject(string) ([]Entry, error) {
	s.begun = true
	line := s.r.line()
	f := &jsonFile{}
	var others []string
	err := s.r.members(func(key string) (err error) {
		switch key {
		case "name":
			f.name, err = s.r.text()
		case "digest":
			err = s.r.members(func(tag string) error {
				if what := notFiles[tag]; what != "" {
					others = append(others, fmt.Sprintf("%s is of %s", tag, what))
					return s.r.skip()
				}
				return f.readHex(s.r, tag)
			})
		default:
			err = s.r.skip()
		}
		return err
	})
	if err != nil && !isValueError(err) {
		return nil, err
	}
	if others != nil {
		_ = f.fail(fmt.Errorf("no digest of a file: %s", strings.Join(others[:min(len(others), 10)], ", ")))
	}
	if isStrong := func(e Entry) bool { return e.Algorithm.Strength.Secure() }; s.attested && err == nil && f.digests != nil &&
		!slices.ContainsFunc(f.digests, isStrong) {
		_ = f.fail(errors.New("no digest that protects against tampering"))
	}
	before, beforeErr := s.release()
	s.subjects++
	s.held, s.heldErr, s.heldLine = f, err, line
	if s.predicateType == "" || s.predicateType == modelType {
		return before, beforeErr
	}
	return s.release()
}

// release returns the entries of the subject that is held back.
func (s *statement) release() ([]Entry, error) {
	if s.held == nil {
		return nil, nil
	}
	f := s.held
	s.held = nil
	entries, err := f.entries(s.heldErr)
	if s.resources > 0 {
		return entries, err // line numbers do not decrease
	}
	for i := range entries {
		entries[i].Line = s.heldLine
	}
	if bad, ok := err.(*LineError); ok {
		bad.Line = s.heldLine
	}
	return entries, err
}

// resource reads one file of a model.
func (s *statement) resource(string) ([]Entry, error) {
	f := jsonFile{}
	var tag, digits string
	err := s.r.members(func(key string) (err error) {
		switch key {
		case "name":
			f.name, err = s.r.text()
		case "algorithm":
			tag, err = s.r.text()
		case "digest":
			digits, err = s.r.text()
		default:
			err = s.r.skip()
		}
		return err
	})
	_ = f.addHex(tag, digits)
	if s.resources++; s.resources == 1 {
		s.digests = sha256.New()
	}
	for _, e := range f.digests {
		s.digests.Write(e.Digest)
	}
	return f.entries(err)
}

// end checks the statement at its end, and prepares for the next one.
func (s *statement) end() (entries []Entry, err error) {
	found := *s
	*s = statement{r: s.r, attested: s.attested}
	version := strings.TrimPrefix(found.kind, inTotoType)
	switch {
	case version == found.kind || version != "v0.1" && version != "v1" && version != "v1.0":
		err = valueErrorf("unknown type of statements %.60q, expected %sv1 or v0.1", found.kind, inTotoType)
	case found.predicateType == "":
		err = valueErrorf("no type of the predicate")
	case found.subjects == 0:
		err = valueErrorf("no subject")
	case found.predicateType == modelType:
		return nil, found.checkModel()
	case found.resources > 0:
		err = valueErrorf("resources before the type of the predicate, which is no model's signature")
	}
	entries, heldErr := found.release()
	return entries, orElse(err, heldErr)
}

// checkModel compares a model's digest with those of its files.
func (s *statement) checkModel() error {
	switch {
	case s.resources == 0:
		return valueErrorf("no resources of the model")
	case s.model.Method != "files":
		return valueErrorf("unknown serialization of the model %.40q, only \"files\" can be verified", s.model.Method)
	case s.subjects != 1 || s.held == nil:
		return valueErrorf("expected one subject of a model, found %d", s.subjects)
	}
	for _, e := range s.held.digests {
		if e.Algorithm.Name == "sha256" && bytes.Equal(e.Digest, s.digests.Sum(nil)) {
			s.r.doc.models = append(s.r.doc.models, s.model)
			return nil
		}
	}
	return valueErrorf("the digest of the model is not that of its files' digests")
}
