package verify

import (
	"context"
	"fmt"
	"sync"

	"checksig/internal/digest"
	"checksig/internal/manifest"
	"checksig/internal/nameset"
)

const (
	// maxSuspects bounds the files that are looked at for contradictions, far more than a person reads.
	maxSuspects = 100_000

	// maxEarlier bounds the digests that are kept to compare others with.
	maxEarlier = 4 * maxSuspects

	// maxContradictions bounds those reported. All of them are mismatches, too.
	maxContradictions = 10_000
)

// suspects are the keys of the files that mismatched. A file listed with two digests mismatches one of them,
// so that nothing has to be kept of files that verify.
type suspects struct {
	mu   sync.Mutex
	keys map[nameset.Key]bool
}

func (s *suspects) add(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = map[nameset.Key]bool{}
	}
	if len(s.keys) < maxSuspects {
		s.keys[nameset.KeyOf(key)] = true
	}
}

// findContradictions reads the manifests once more and reports, as bad lines, every entry of a suspect
// whose digest is another than that of an earlier entry for the same file.
func findContradictions(ctx context.Context, rd *reader, record *recorder, keys map[nameset.Key]bool) {
	if len(keys) == 0 {
		return
	}
	type file struct {
		key       nameset.Key
		algorithm *digest.Algorithm
	}
	type earlier struct {
		manifest *Manifest
		line     int64
		digest   nameset.Key
	}
	first := map[file]earlier{}
	found := 0
	ctx, end := context.WithCancel(ctx)
	defer end()
	rd.again(ctx, 1, func(l *location, c claim, _ error) {
		e := &c.entry
		key := file{nameset.KeyOf(c.key()), e.Algorithm}
		if !keys[key.key] || found > maxContradictions {
			return
		}
		sum := nameset.KeyOf(string(e.Digest))
		before, listed := first[key]
		switch {
		case listed && before.digest == sum, !listed && len(first) == maxEarlier:
			return
		case !listed:
			first[key] = earlier{l.manifest, e.Line, sum}
			return
		}
		if found++; found > maxContradictions {
			record.badLine(l.manifest, &manifest.LineError{
				Cause: fmt.Sprintf("more than %d contradictions, which are not all reported", maxContradictions)})
			end()
			return
		}
		where := fmt.Sprintf("line %d", before.line)
		if before.manifest != l.manifest {
			where = fmt.Sprintf("%s line %d", before.manifest.Path, before.line)
		}
		record.badLine(l.manifest, &manifest.LineError{Line: e.Line, Text: e.Name, Cause: fmt.Sprintf(
			"contradicts %s: another %s digest for the same file", where, e.Algorithm.Name)})
	})
}
