package engine

import (
	"bytes"
	"fmt"
	"path/filepath"
	"sync"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

// maxSuspects bounds the names that are kept to look for contradictions; it is far more than a
// person reads.
const maxSuspects = 100_000

// suspects are the names of the files that mismatched: one that is listed with two digests is
// among them. So nothing has to be kept of the files that verify.
type suspects struct {
	mu    sync.Mutex
	names map[string]bool
}

func (s *suspects) add(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = map[string]bool{}
	}
	if len(s.names) < maxSuspects {
		s.names[filepath.Clean(name)] = true
	}
}

// contradictions reads the manifests once more and reports, as bad lines, every entry of a suspect
// whose digest is another than that of an earlier entry for the same file.
func (r *run) contradictions(f *found) {
	if len(r.suspects.names) == 0 {
		return
	}
	type file struct {
		name      string
		algorithm *digest.Algorithm
	}
	type place struct {
		manifest *Manifest
		line     int64
		digest   []byte
	}
	first := map[file]place{}
	for i, name := range f.names {
		m := r.manifests[i]
		f.entries(r.ctx, name, func(e manifest.Entry) {
			key := file{filepath.Clean(e.Name), e.Algorithm}
			if !r.suspects.names[key.name] {
				return
			}
			earlier, listed := first[key]
			if !listed {
				first[key] = place{m, e.Line, e.Digest}
			} else if !bytes.Equal(earlier.digest, e.Digest) {
				where := fmt.Sprintf("line %d", earlier.line)
				if earlier.manifest != m {
					where = fmt.Sprintf("%s line %d", earlier.manifest.Path, earlier.line)
				}
				r.badLine(m, &manifest.LineError{Line: e.Line, Text: e.Name, Cause: fmt.Sprintf(
					"contradicts %s: another %s digest for the same file", where, e.Algorithm.Name)})
			}
		})
	}
}
