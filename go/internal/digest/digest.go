// Package digest holds the one table of algorithms.
//
// A new algorithm is a new row of [Table]; nothing else names one.
package digest

import (
	"hash"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Algorithm is a row of the table, or one length of a row that has several. There is one pointer
// for each, so two are the same algorithm if they are equal.
type Algorithm struct {
	Name     string           // as the project writes it: "sha256", "blake2b-256"
	Size     int              // of the digest, in bytes
	Strength Strength         // what it withstands
	New      func() hash.Hash // a streaming hasher

	// Spellings are how tags and names of manifests write it, in lower case; "-" stands for one
	// of "-", "_", "/", or for nothing.
	Spellings []string
	words     []string // stand for it too, but only in the name of a manifest and between its words
	family    *family  // of a row with several lengths
}

// family is a row's lengths: any whole number of bytes up to the row's own.
type family struct {
	hasher func(size int) hash.Hash
	once   sync.Once
	all    []*Algorithm // by size in bytes less 1; written once
}

// Variable tells whether there are other lengths of the algorithm.
func (a *Algorithm) Variable() bool { return a.family != nil }

// Aliases are the spellings other than the name.
func (a *Algorithm) Aliases() []string {
	return slices.DeleteFunc(slices.Clone(a.Spellings), func(s string) bool { return s == a.Name })
}

// OfSize returns the algorithm with digests of size bytes: itself, another length of it, or nil if
// there is none.
func (a *Algorithm) OfSize(size int) *Algorithm {
	switch {
	case size == a.Size:
		return a
	case a.family == nil:
		return nil
	}
	all := a.family.lengths()
	if size < 1 || size > len(all) {
		return nil
	}
	return all[size-1]
}

// lengths makes all lengths when the first one is asked for.
func (f *family) lengths() []*Algorithm {
	f.once.Do(func() {
		for _, a := range Table {
			if a.family != f {
				continue
			}
			for size := 1; size < a.Size; size++ {
				f.all = append(f.all, &Algorithm{
					Name:     a.Name + "-" + strconv.Itoa(8*size),
					Size:     size,
					Strength: soundOf(size),
					New:      func() hash.Hash { return f.hasher(size) },
					family:   f,
				})
			}
			f.all = append(f.all, a)
		}
	})
	return f.all
}

// ofBits returns the length of so many bits, or nil.
func (a *Algorithm) ofBits(digits string) *Algorithm {
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || digits[0] == '0' || n%8 != 0 || a.family == nil {
		return nil
	}
	return a.OfSize(int(n / 8))
}

// ByName returns the algorithm of that name ("sha256", "blake2b-256"), or nil.
func ByName(name string) *Algorithm {
	for _, a := range Table {
		if a.Name == name {
			return a
		}
		if digits, ok := strings.CutPrefix(name, a.Name+"-"); ok && a.family != nil {
			return a.ofBits(digits)
		}
	}
	return nil
}

// BySize returns the algorithm that a digest of size bytes stands for when nothing else names
// one, or nil if no row has digests of that size.
func BySize(size int) *Algorithm {
	for _, a := range Table {
		if a.Size == size {
			return a
		}
	}
	return nil
}
