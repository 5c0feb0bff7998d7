// Package digest holds the one table of algorithms.
//
// A new algorithm is a new row of [Table]; nothing else names one.
package digest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strings"
)

// MaxSize is the size in bytes of the longest digest in [Table].
const MaxSize = sha512.Size

// Algorithm is one row of the table.
type Algorithm struct {
	Name string           // as the project writes it: "sha256"
	Size int              // of the digest, in bytes
	New  func() hash.Hash // a streaming hasher
	tags []string         // what stands for it in the name of a manifest, in lower case
}

// Table lists every algorithm, by growing digest size. Where two rows share a size, the first
// is what the size alone stands for.
//
// Sources: MD5 is RFC 1321; SHA-1 and SHA-2 are FIPS 180-4.
var Table = []*Algorithm{
	{Name: "md5", Size: md5.Size, New: md5.New, tags: []string{"md5", "md-5"}},
	{Name: "sha1", Size: sha1.Size, New: sha1.New, tags: []string{"sha1", "sha-1", "shasums1"}},
	{Name: "sha224", Size: sha256.Size224, New: sha256.New224, tags: shaTags("224")},
	{Name: "sha256", Size: sha256.Size, New: sha256.New, tags: shaTags("256")},
	{Name: "sha384", Size: sha512.Size384, New: sha512.New384, tags: shaTags("384")},
	{Name: "sha512", Size: sha512.Size, New: sha512.New, tags: shaTags("512")},
}

func shaTags(bits string) []string {
	return []string{"sha" + bits, "sha-" + bits, "sha2-" + bits, "shasums" + bits}
}

// ByName returns the algorithm of that name ("sha256"), or nil.
func ByName(name string) *Algorithm {
	for _, a := range Table {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// BySize returns the algorithm that a digest of size bytes stands for when nothing else names
// one, or nil if no algorithm has digests of that size.
func BySize(size int) *Algorithm {
	for _, a := range Table {
		if a.Size == size {
			return a
		}
	}
	return nil
}

// NamedIn returns the one algorithm that the file name of a manifest names ("SHA256SUMS",
// "sha1sum.txt", "disc.iso.md5"), or nil if it names none, or more than one.
func NamedIn(fileName string) *Algorithm {
	fileName = strings.ToLower(fileName)
	var found *Algorithm
	for _, a := range Table {
		for _, tag := range a.tags {
			if !containsNumber(fileName, tag) {
				continue
			}
			if found != nil && found != a {
				return nil
			}
			found = a
		}
	}
	return found
}

// containsNumber reports whether s holds tag with no further digit behind it, so that "sha1"
// is not found in "sha128".
func containsNumber(s, tag string) bool {
	for {
		i := strings.Index(s, tag)
		if i < 0 {
			return false
		}
		s = s[i+len(tag):]
		if s == "" || s[0] < '0' || s[0] > '9' {
			return true
		}
	}
}
