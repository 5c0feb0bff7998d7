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
	parts  [256][]Key // by the first byte
	sorted [256]bool
}

// Key stands for a name.
type Key [16]byte

// KeyOf returns the key of a name.
func KeyOf(name string) Key {
	sum := sha256.Sum256([]byte(name))
	return Key(sum[:16])
}

// Add adds a name.
func (s *Set) Add(name string) {
	if s == nil {
		return
	}
	p := KeyOf(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts[p[0]] = append(s.parts[p[0]], p)
	s.sorted[p[0]] = false
}

// Has reports whether a name was added. It is fast once nothing more is added.
func (s *Set) Has(name string) bool {
	if s == nil {
		return false
	}
	p := KeyOf(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sort(p[0])
	_, found := slices.BinarySearchFunc(s.parts[p[0]], p, compare)
	return found
}

// sort sorts the part of names whose keys begin with first: all at once could take seconds.
func (s *Set) sort(first byte) {
	if s.sorted[first] {
		return
	}
	part := s.parts[first]
	slices.SortFunc(part, compare)
	s.parts[first] = slices.Compact(part)
	s.sorted[first] = true
}

func compare(a, b Key) int { return bytes.Compare(a[:], b[:]) }
