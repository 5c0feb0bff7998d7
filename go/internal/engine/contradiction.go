package engine

import (
	"bytes"
	"fmt"
	"sync"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

// maxSuspects bounds the names that are kept to look for contradictions; it is far more than a
// person reads.
const maxSuspects = 100_000

// suspects are the keys of the files that mismatched: one that is listed with two digests is
// among them. So nothing has to be kept of the files that verify.
type suspects struct {
	mu   sync.Mutex
	keys map[string]bool
}

func (s *suspects) add(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = map[string]bool{}
	}
	if len(s.keys) < maxSuspects {
		s.keys[key] = true
	}
}

// contradictions reads the manifests once more and reports, as bad lines, every entry of a suspect
// whose digest is another than that of an earlier entry for the same file.
func (r *run) contradictions() {
	if len(r.suspects.keys) == 0 {
		return
	}
	type file struct {
		key       string
		algorithm *digest.Algorithm
	}
	type earlier struct {
		manifest *Manifest
		line     int64
		digest   []byte
	}
	first := map[file]earlier{}
	r.readAgain(r.ctx, 1, func(l *listing, c claim) {
		e := &c.entry
		key := file{c.key(), e.Algorithm}
		if !r.suspects.keys[key.key] {
			return
		}
		m := l.place.manifest
		before, listed := first[key]
		if !listed {
			first[key] = earlier{m, e.Line, e.Digest}
		} else if !bytes.Equal(before.digest, e.Digest) {
			where := fmt.Sprintf("line %d", before.line)
			if before.manifest != m {
				where = fmt.Sprintf("%s line %d", before.manifest.Path, before.line)
			}
			r.badLine(m, &manifest.LineError{Line: e.Line, Text: e.Name, Cause: fmt.Sprintf(
				"contradicts %s: another %s digest for the same file", where, e.Algorithm.Name)})
		}
	})
}
