// Package nameset holds sets of names in 16 bytes each, whatever their length.
package nameset

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"sync"
)

// Set is a set of names. It keeps the first 128 bits of each name's SHA-256, in which nobody can make
// two names agree. The zero value is empty; a nil Set stays empty. It may be used from any goroutine.
type Set struct {
	mu     sync.Mutex
	parts  [256][]prefix // by the first byte
	sorted bool
}

type prefix [16]byte

func prefixOf(name string) prefix {
	sum := sha256.Sum256([]byte(name))
	return prefix(sum[:16])
}

// Add adds a name.
func (s *Set) Add(name string) {
	if s == nil {
		return
	}
	p := prefixOf(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts[p[0]] = append(s.parts[p[0]], p)
	s.sorted = false
}

// Has reports whether a name was added. It is fast once nothing more is added.
func (s *Set) Has(name string) bool {
	if s == nil {
		return false
	}
	p := prefixOf(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sort()
	_, found := slices.BinarySearchFunc(s.parts[p[0]], p, compare)
	return found
}

func (s *Set) sort() {
	if s.sorted {
		return
	}
	for i, part := range s.parts {
		slices.SortFunc(part, compare)
		s.parts[i] = slices.Compact(part)
	}
	s.sorted = true
}

func compare(a, b prefix) int { return bytes.Compare(a[:], b[:]) }
