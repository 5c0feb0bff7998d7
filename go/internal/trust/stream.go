package trust

import "bytes"

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
}

type fileSignature struct {
	*signature
	file string
}

// NewStream returns what verifies the signatures in files.
func (p *Policy) NewStream(files []File) *Stream {
	s := &Stream{collector: collector{policy: p}}
	count := 0
	for _, f := range files {
		signatures, err := []*signature(nil), f.Err
		if err == nil {
			signatures, err = p.parse(f.Data)
		}
		if err != nil {
			s.collector.problem(f.Name, err)
			continue
		}
		for _, one := range signatures {
			if one.err == nil {
				count++
			}
			if one.err == nil && count > maxSignatures {
				one = &signature{err: errorf("more than %d signatures", maxSignatures)}
			}
			if one.err == nil && one.hash == nil {
				s.whole = &bytes.Buffer{}
			}
			s.signatures = append(s.signatures, fileSignature{one, f.Name})
		}
	}
	return s
}

// Write takes the next bytes of the file. It never fails.
func (s *Stream) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	for _, one := range s.signatures {
		if one.hash != nil {
			one.hash.Write(p)
		}
	}
	if s.whole != nil && s.size <= maxWhole {
		s.whole.Write(p)
	}
	return len(p), nil
}

// Signers returns who signed the file, once all of it was written. The error is that of [Policy.Verify].
func (s *Stream) Signers() ([]Signer, error) {
	for _, one := range s.signatures {
		var signed []byte
		switch {
		case one.err != nil:
		case one.hash != nil:
			one.hash.Write(one.suffix)
			signed = one.hash.Sum(nil)
		case s.size > maxWhole:
			one.err = errorf("covers the file itself, which has more than %d bytes; a signature of its hash is needed", maxWhole)
		default:
			signed = s.whole.Bytes()
		}
		s.collector.add(one.file, one.signature, signed)
	}
	return s.collector.result()
}
