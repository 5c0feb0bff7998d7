package engine

import (
	"bytes"
	"crypto/sha256"
	"path/filepath"
	"slices"
	"sync"
)

// nameSet is a set of names, of which it keeps 16 bytes each: the beginning of SHA-256, which
// nobody can make two names agree in.
type nameSet struct {
	wanted bool // unless it is, nothing is kept

	mu     sync.Mutex
	parts  *[256][]shortName // by the first byte; nil if there are none
	sorted bool
}

type shortName [16]byte

func shorten(name string) shortName {
	sum := sha256.Sum256([]byte(name))
	return shortName(sum[:16])
}

func (s *nameSet) add(name string) {
	if !s.wanted {
		return
	}
	short := shorten(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts == nil {
		s.parts = new([256][]shortName)
	}
	s.parts[short[0]] = append(s.parts[short[0]], short)
	s.sorted = false
}

func (s *nameSet) has(name string) bool {
	short := shorten(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts == nil {
		return false
	}
	s.sort()
	_, found := slices.BinarySearchFunc(s.parts[short[0]], short, compareShort)
	return found
}

func (s *nameSet) sort() {
	if s.sorted {
		return
	}
	for i, part := range s.parts {
		slices.SortFunc(part, compareShort)
		s.parts[i] = slices.Compact(part)
	}
	s.sorted = true
}

func compareShort(a, b shortName) int { return bytes.Compare(a[:], b[:]) }

// addClaim adds the name of the file that c is about. Only the system can tell what a name with
// ".." stands for, so that is left out.
func (s *nameSet) addClaim(c *claim) {
	switch {
	case !s.wanted || hasDots(c.name):
	case filepath.IsAbs(c.name):
		s.add(filepath.Clean(c.name))
	default:
		s.add(filepath.Join(c.base.dir, c.name))
	}
}
