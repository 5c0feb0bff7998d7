package verify

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

// maxSuspects bounds the names that are kept to look for contradictions, far more than a person reads.
const maxSuspects = 100_000

// suspects are the keys of the files that mismatched. A file listed with two digests mismatches one of them,
// so that nothing has to be kept of files that verify.
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

// findContradictions reads the manifests once more and reports, as bad lines, every entry of a suspect
// whose digest is another than that of an earlier entry for the same file.
func findContradictions(ctx context.Context, rd *reader, record *recorder, keys map[string]bool) {
	if len(keys) == 0 {
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
	rd.again(ctx, 1, func(l *location, c claim) {
		e := &c.entry
		key := file{c.key(), e.Algorithm}
		if !keys[key.key] {
			return
		}
		before, listed := first[key]
		if !listed {
			first[key] = earlier{l.manifest, e.Line, e.Digest}
		} else if !bytes.Equal(before.digest, e.Digest) {
			where := fmt.Sprintf("line %d", before.line)
			if before.manifest != l.manifest {
				where = fmt.Sprintf("%s line %d", before.manifest.Path, before.line)
			}
			record.badLine(l.manifest, &manifest.LineError{Line: e.Line, Text: e.Name, Cause: fmt.Sprintf(
				"contradicts %s: another %s digest for the same file", where, e.Algorithm.Name)})
		}
	})
}
