package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"checksig/internal/layout"
	"checksig/internal/manifest"
	"checksig/internal/nameset"
	"checksig/internal/printable"
	"checksig/internal/safefs"
	"checksig/internal/trust"
)

// ErrSignature says that a signature file was named for a folder, which may hold several manifests.
var ErrSignature = errors.New("a signature is that of one manifest: name the manifest, not its folder")

// untrustedError is the error for a manifest that nobody who is trusted has signed.
type untrustedError struct{ error }

func (e *untrustedError) Unwrap() error { return e.error }

// untrustedCause returns the cause of an [untrustedError] in err, "" if there is none.
func untrustedCause(err error) string {
	var untrusted *untrustedError
	if errors.As(err, &untrusted) {
		return untrusted.Error()
	}
	return ""
}

// openSignatures reads the signature file that the request names, or those next to m. The error is about a lack of
// descriptors, which may end.
func (rd *reader) openSignatures(m *openManifest) (files []trust.File, err error) {
	d, l := rd.discovery, m.location
	if rd.reading.Beside != nil {
		return rd.reading.Beside, nil
	}
	if rd.reading.Signature != "" {
		return readNamedSignature(rd.reading)
	}
	if d.content != nil {
		return nil, nil
	}
	folder := d.roots.At(l.folder, "")
	tree, err := folder.Acquire()
	if err != nil {
		return nil, err
	}
	defer folder.Release()
	if d.named != "" {
		return readSignatures(m.Path, d.named, d.openNamed)
	}
	return readSignatures(m.Path, l.name, tree.Open)
}

// readNamedSignature reads the signature file that a request names.
func readNamedSignature(r *Reading) ([]trust.File, error) {
	path, err := safefs.Absolute(r.Dir, r.Signature)
	if err != nil {
		return []trust.File{{Name: r.Signature, Err: err}}, err
	}
	file, err := safefs.Open(path)
	f, err := readSignature(r.Signature, file, err)
	return []trust.File{f}, err
}

// readSignatures reads the signature files next to the file that open opens by that name, and shown for people. The
// error is the first lack of descriptors; what could be read is returned all the same.
func readSignatures(shown, name string, open func(name string) (*safefs.File, error)) (files []trust.File, exhausted error) {
	for _, suffix := range manifest.AllSignatureSuffixes {
		file, err := open(name + suffix)
		if safefs.IsMissing(err) {
			continue
		}
		f, err := readSignature(shown+suffix, file, err)
		if exhausted == nil {
			exhausted = err
		}
		files = append(files, f)
	}
	return files, exhausted
}

// readSignature reads and closes a signature file that was opened, or not, because of err. The error returned is about
// a lack of descriptors.
func readSignature(name string, file *safefs.File, err error) (trust.File, error) {
	f := trust.File{Name: name}
	if err == nil {
		f.Data, err = io.ReadAll(io.LimitReader(file, trust.MaxSignature+1))
		if err == nil && len(f.Data) > trust.MaxSignature && trust.IsAttestation(f.Data) {
			var rest []byte
			rest, err = io.ReadAll(io.LimitReader(file, trust.MaxAttested-trust.MaxSignature))
			f.Data = append(f.Data, rest...)
		}
		file.Close()
	}
	if safefs.IsExhausted(err) {
		f.Err = err
		return f, err
	}
	if err != nil {
		f.Err = errors.New("cannot be read: " + safefs.Cause(err))
	}
	return f, nil
}

// signedContent returns those bytes of m that were signed, after their signatures were verified. The manifest is
// read once: what is verified is what is parsed. The error is an [untrustedError], or that of reading it.
func (rd *reader) signedContent(ctx context.Context, m *openManifest, o *manifest.Options) (io.Reader, error) {
	data := rd.discovery.content
	if data == nil {
		var err error
		data, err = layout.ReadWhole(ctx, m.file)
		m.close()
		if err != nil {
			return nil, err
		}
	}
	m.isLarge = len(data) >= largeManifest
	if collect := rd.reading.Collect; collect != nil {
		collect(m.Path, data)
		for _, f := range m.signatures {
			collect(f.Name, f.Data)
		}
		return nil, &untrustedError{errors.New("not verified yet")}
	}
	signed, err := rd.authenticate(m, data, o)
	if err != nil {
		m.Untrusted = true
		return nil, &untrustedError{err}
	}
	if s := m.location.structure; s != nil {
		if s.charset != nil {
			m.Untrusted = true
			return nil, &untrustedError{errors.New("its encoding is named by a file that is not signed")}
		}
		if m.location.found != nil {
			return bytes.NewReader(signed), s.Layout.(layout.Finder).Take(m.location.inStructure(), signed)
		}
	}
	return bytes.NewReader(signed), nil
}

// authenticate returns what of a manifest's content is signed, and notes by whom.
func (rd *reader) authenticate(m *openManifest, data []byte, o *manifest.Options) ([]byte, error) {
	policy := rd.reading.Trust
	files := m.signatures
	m.signatures = nil
	embedded := trust.Embedded(data)
	if embedded == "" && rd.reading.Signature == "" && policy.Attested.Has(data) {
		embedded = "dsse"
	}
	if embedded == "" || len(files) > 0 {
		name := filepath.Base(m.Path)
		if rd.discovery.content != nil && rd.reading.Beside == nil {
			name = "" // it is no file
		}
		stream := policy.NewStream(files)
		stream.Take(data)
		signers, err := stream.Signers()
		if err == nil {
			m.Signers = signers
			m.remarks = remarks(name, stream, signers)
			return data, nil
		}
		var reason *trust.Error
		if embedded == "" || rd.reading.Signature != "" || errors.As(err, &reason) && reason.Invalid {
			return nil, err
		}
		m.remarks = remarks(name, stream, nil)
	}
	open := policy.Open
	if embedded == "dsse" {
		open = policy.OpenAttested
	}
	message, err := open(data)
	if err != nil {
		return nil, err
	}
	m.Signers = message.Signers
	if embedded == "dsse" {
		if f := o.Format; f != nil && f != manifest.InToto && f != manifest.Sigstore {
			return nil, fmt.Errorf("holds attestations, not the format %s", f.Name)
		}
		o.Format, o.Verbatim, o.Attested = manifest.InToto, true, true
		m.listed = &nameset.Set{}
		m.remarks = append(m.remarks, message.Remarks...)
		return message.Text, nil
	}
	m.remarks = append(m.remarks, remarksOf(message.Remarks)...)
	o.Unwrapped, o.FirstLine = message.Format, message.Line
	return message.Text, nil
}

// remarks returns what is worth knowing about the signatures of the file called name, which is trusted: those that did
// not count, and a signed comment with another name, as for a file that took the place of another one.
func remarks(name string, stream *trust.Stream, signers []trust.Signer) []string {
	found := remarksOf(stream.Remarks())
	for _, s := range signers {
		if other := s.FileName(); name != "" && other != "" && other != name {
			found = append(found, "the signed comment is about a file of another name: "+printable.Quote(other))
		}
	}
	return found
}

func remarksOf(problems []string) (found []string) {
	for _, problem := range problems {
		found = append(found, "another signature does not count: "+problem)
	}
	return found
}

// noteSignature notes the file called name in a folder if it has the name of a signature of a manifest.
func (d *discovery) noteSignature(folder, name string) {
	for _, suffix := range manifest.AllSignatureSuffixes {
		signed, is := strings.CutSuffix(name, suffix)
		if !is || manifest.Classify(signed) == manifest.NoName {
			continue
		}
		if d.signatures == nil {
			d.signatures = map[string][]string{}
		}
		key := path.Join(folder, signed)
		d.signatures[key] = append(d.signatures[key], name)
	}
}

// findUnchecked looks for signatures next to m that the request does not ask to check.
func (r *run) findUnchecked(m *openManifest, err error) {
	d, l := r.discovery, m.location
	if r.request.Trust != nil || r.record.sink.Note == nil || err != nil {
		return
	}
	for _, f := range r.request.Beside {
		m.Unchecked = append(m.Unchecked, f.Name)
	}
	if d.content != nil {
		return
	}
	if d.named == "" {
		for _, name := range d.signatures[path.Join(l.folder, l.name)] {
			if !d.isManifest(l.folder, name) {
				m.Unchecked = append(m.Unchecked, d.path(l.folder, name))
			}
		}
		return
	}
	tree, err := m.folder.Acquire()
	if err != nil {
		return
	}
	defer m.folder.Release()
	for _, suffix := range manifest.AllSignatureSuffixes {
		if info, err := tree.Stat(filepath.Base(d.named) + suffix); err == nil && info.Mode().IsRegular() {
			m.Unchecked = append(m.Unchecked, m.Path+suffix)
		}
	}
}

// isManifest reports whether the file called name in a folder is read as a manifest itself.
func (d *discovery) isManifest(folder, name string) bool {
	return hasLocation(d.locations, folder, name)
}

// hasLocation reports whether the file called name in a folder is among locations, which are sorted.
func hasLocation(locations []*location, folder, name string) bool {
	wanted := path.Join(folder, name)
	_, found := slices.BinarySearchFunc(locations, wanted, func(l *location, wanted string) int {
		return strings.Compare(path.Join(l.folder, l.name), wanted)
	})
	return found
}
