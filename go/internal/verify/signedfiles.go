package verify

import (
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"checksig/internal/digest"
	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
	"checksig/internal/trust"
)

// signatureFormat is the format of a signature file that takes the place of a manifest: it lists one file.
const signatureFormat = "signature"

// RunSigned verifies files that are signed one by one, without a manifest: the file at r.Path, or all files in that
// folder. Its signature files take the place of a manifest, and the file is their entry. In a folder, a file without
// a signature is unlisted, which is a failure: otherwise who removes a signature could change the file.
func RunSigned(ctx context.Context, r Request, sink Sink, progress *hashpool.Progress) (Summary, error) {
	began := time.Now()
	progress.Start()
	group := guard.New(ctx)
	defer group.Close()
	path, err := safefs.Absolute(r.Dir, r.Path)
	if err != nil {
		return Summary{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return Summary{}, safefs.At(r.Path, err)
	}
	if info.IsDir() && r.Signature != "" {
		return Summary{}, ErrSignature
	}
	s := &signedFiles{ctx: group.Context(), request: &r, record: &recorder{sink: sink, progress: progress}, buf: make([]byte, 1<<18)}
	group.Run(func() {
		if info.IsDir() {
			group.Fail(s.folder(path))
		} else {
			s.named(path)
		}
	})
	if err := group.Err(); err == nil && r.Collect == nil && info.IsDir() && len(s.record.manifests) == 0 {
		return Summary{}, safefs.At(r.Path, ErrNoManifest)
	}
	summary := s.record.summary()
	summary.BytesRead, summary.Elapsed, summary.unlistedFails = progress.Bytes.Load(), time.Since(began), true
	return summary, group.Err()
}

// signedFiles verifies the files of one run.
type signedFiles struct {
	ctx     context.Context
	request *Request
	record  *recorder
	buf     []byte
}

// named verifies the file that the caller has named.
func (s *signedFiles) named(path string) {
	var files []trust.File // each has its own error
	if s.request.Signature != "" {
		files, _ = readNamedSignature(&s.request.Reading)
	} else {
		files, _ = readSignatures(s.request.Path, path, safefs.Open)
	}
	s.verify(s.request.Path, files, func() (*safefs.File, error) { return safefs.Open(path) })
}

// folder verifies the files in a folder.
func (s *signedFiles) folder(path string) error {
	tree, err := safefs.OpenTree(path, s.request.FollowOutside)
	if err != nil {
		return safefs.At(s.request.Path, err)
	}
	defer tree.Close()
	if s.request.Recursive {
		return tree.Walk(s.ctx, func(name string, entry fs.DirEntry) error {
			if unreadable, is := entry.(*safefs.UnreadableFolder); is {
				m := &Manifest{Path: s.shown(name)}
				s.record.manifest(m)
				s.record.badLine(m, &manifest.LineError{Cause: "cannot be read: " + safefs.Cause(unreadable.Err)})
				return fs.SkipDir
			}
			if !isFolder(tree, name, entry) {
				s.inFolder(tree, name)
			}
			return nil
		})
	}
	names, err := tree.Names()
	slices.Sort(names)
	for _, name := range names {
		if s.ctx.Err() != nil {
			break
		}
		if !isFolder(tree, name, nil) {
			s.inFolder(tree, name)
		}
	}
	return err
}

func (s *signedFiles) shown(name string) string {
	return filepath.Join(s.request.Path, filepath.FromSlash(name))
}

// inFolder verifies the file called name, unless it is the signature of another one.
func (s *signedFiles) inFolder(tree *safefs.Tree, name string) {
	if isSignature(tree, name) {
		return
	}
	files, _ := readSignatures(s.shown(name), name, tree.Open) // each has its own error
	if len(files) == 0 {
		s.record.unlistedFile(&UnlistedFile{Path: s.shown(name)})
		return
	}
	s.verify(s.shown(name), files, func() (*safefs.File, error) { return tree.Open(name) })
}

// isSignature reports whether the file called name is the signature of a file next to it, which is none itself: nobody
// verifies a signature's signature.
func isSignature(tree *safefs.Tree, name string) bool {
	for _, suffix := range manifest.AllSignatureSuffixes {
		signed, is := strings.CutSuffix(name, suffix)
		if !is || signed == "" || strings.HasSuffix(signed, "/") || isSignature(tree, signed) {
			continue
		}
		if info, err := tree.Stat(signed); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// verify verifies a file, which is read once.
func (s *signedFiles) verify(path string, files []trust.File, open func() (*safefs.File, error)) {
	m := &Manifest{Path: path, Format: signatureFormat}
	if len(files) > 0 {
		m.Path = files[0].Name
	}
	result := &Result{Manifest: m, Entry: manifest.Entry{Line: 1, Name: filepath.Base(path), Algorithm: digest.ByName("sha256")}}
	if filepath.Join(filepath.Dir(m.Path), result.Name) != filepath.Clean(path) {
		result.OpenedAs = path
	}
	if collect := s.request.Collect; collect != nil {
		for _, f := range files {
			collect(f.Name, f.Data)
		}
		return
	}
	stream, sum := s.request.Trust.NewStream(files), sha256.New()
	file, err := open()
	if err == nil {
		result.BytesRead, err = file.CopyTo(s.ctx, io.MultiWriter(stream, sum), s.buf, func(n int) { s.record.progress.Bytes.Add(int64(n)) })
		file.Close()
	}
	switch {
	case s.ctx.Err() != nil:
		return
	case err != nil:
		result.Status, result.Detail = Unreadable, safefs.Cause(err)
		s.record.manifest(m)
		s.record.result(result)
		return
	}
	if m.Signers, err = stream.Signers(); err != nil {
		m.Untrusted = true
		s.record.manifest(m)
		s.record.badLine(m, &manifest.LineError{Cause: "untrusted, nothing of it counts: " + err.Error(), Code: manifest.Untrusted})
		return
	}
	m.Path = m.Signers[0].File
	result.Digest = sum.Sum(nil)
	result.Found = result.Digest
	s.record.manifest(m)
	for _, text := range remarks(result.Name, stream, m.Signers) {
		s.record.note(m, 0, text)
	}
	s.record.result(result)
}
