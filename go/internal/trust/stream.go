package trust

import (
	"bytes"
	"hash"
)

// maxWhole is the size of the largest file of which a signature is verified that covers the file itself, and not a
// hash of it: those of signify, and of minisign with -l.
const maxWhole = 64 << 20

// Stream verifies signatures of a file that is written to it. It keeps nothing of the file, except for signatures that
// cover the file itself.
type Stream struct {
	collector  collector
	signatures []fileSignature
	whole      *bytes.Buffer // nil if no signature needs it
	size       int64
	hashes     hashes
	count      int // of the signatures that may count
}

type fileSignature struct {
	*signature
	file string
}

// NewStream returns what verifies the signatures in files.
func (p *Policy) NewStream(files []File) *Stream {
	s := &Stream{collector: collector{policy: p}, hashes: hashes{}}
	for _, f := range files {
		signatures, err := []*signature(nil), f.Err
		if err == nil {
			signatures, err = p.parse(f.Data)
		}
		if err != nil {
			s.collector.problem(f.Name, err)
			continue
		}
		s.add(f.Name, signatures)
	}
	return s
}

// add adds the signatures in a file.
func (s *Stream) add(file string, signatures []*signature) {
	for _, one := range signatures {
		if one.err == nil {
			s.count++
		}
		switch {
		case one.err != nil:
		case s.count > maxSignatures:
			one = &signature{err: errorf("more than %d signatures", maxSignatures)}
		case one.hash == nil:
			s.whole = &bytes.Buffer{}
		case s.hashes[one.name] == nil:
			s.hashes[one.name] = one.hash()
		}
		s.signatures = append(s.signatures, fileSignature{one, file})
	}
}

// hashes are those that signatures need, by their names: however many signatures there are, a file is hashed once.
type hashes map[string]hash.Hash

func (h hashes) write(p []byte) {
	for _, one := range h {
		one.Write(p)
	}
}

// sum returns the hash of what was written and the suffix of s.
func (h hashes) sum(s *signature) ([]byte, error) {
	state := h[s.name]
	if len(s.suffix) == 0 {
		return state.Sum(nil), nil
	}
	cloner, is := state.(hash.Cloner)
	if !is {
		return nil, errorf("the hash %s cannot be copied", s.name)
	}
	clone, err := cloner.Clone()
	if err != nil {
		return nil, err
	}
	clone.Write(s.suffix)
	return clone.Sum(nil), nil
}

// Write takes the next bytes of the file. It never fails.
func (s *Stream) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	s.hashes.write(p)
	if s.whole != nil && s.size <= maxWhole {
		s.whole.Write(p)
	}
	return len(p), nil
}

// Take takes the whole content of the file, which is not copied.
func (s *Stream) Take(content []byte) {
	s.whole, s.size = bytes.NewBuffer(content), int64(len(content))
	s.hashes.write(content)
}

// Remarks returns why some signatures did not count, after Signers succeeded with others: one may be damaged, or a
// file only has the name of a signature. Those by keys that are not trusted are not among them.
func (s *Stream) Remarks() []string { return s.collector.problems }

// Signers returns who signed the file, once all of it was written. The error is that of [Policy.Verify].
func (s *Stream) Signers() ([]Signer, error) {
	for _, one := range s.signatures {
		var signed []byte
		switch {
		case one.err != nil:
		case one.hash != nil:
			signed, one.err = s.hashes.sum(one.signature)
		case s.size > maxWhole:
			one.err = errorf("covers the file itself, which has more than %d bytes; a signature of its hash is needed", maxWhole)
		default:
			signed = s.whole.Bytes()
		}
		s.collector.add(one.file, one.signature, signed)
	}
	return s.collector.result()
}
