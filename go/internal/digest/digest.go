// Package digest has the table of algorithms, their names and their strength.
//
//	a, err := digest.Find("sha256")
//	h := a.New()
//	h.Write(content)
//	sum := h.Sum(nil) // a.Size bytes
//
// A new algorithm is a new row of [Table]. Package multibuffer lists those of them that have kernels.
//
// # Algorithms
//
// Digests that are numbers (CRC-32, Adler-32 and xxHash) are written with the most significant byte first, as
// all tools print them. xxHash has the seed 0.
//
//	bsdsum, sysvsum   sum(1) of GNU coreutils; 16 bits, of which the size in blocks is no part
//	crc32             ISO/IEC 13239
//	crc32c            RFC 3720, appendix B.4
//	adler32           RFC 1950, section 8.2
//	cksum             POSIX, utility cksum
//	crc64nvme         NVM Express, NVM command set specification 1.0, section 5.2.1.3.4
//	xxh64             xxHash specification
//	xxh3, xxh128      xxHash library, version 0.8
//	md5               RFC 1321
//	ripemd160         ISO/IEC 10118-3
//	sha1, sha224 … sha512, sha512-224, sha512-256
//	                  FIPS 180-4
//	sha3-224 … sha3-512
//	                  FIPS 202
//	blake2b, blake2s  RFC 7693
//	blake3            the paper of its authors
//	sm3               GB/T 32905-2016
//	gitblob-sha1, gitblob-sha256
//	                  the object ID of a file's content in git: gitformat-pack(5), "git hash-object"
//
// BLAKE2 has digests of any whole number of bytes up to 64 (blake2b) or 32 (blake2s). Each length is an
// algorithm of its own, named after its bits: blake2b-256.
//
// The algorithms of torrents are described in torrent.go, those of uploads in parts in inparts.go.
//
// # Names
//
// An algorithm is found in five ways:
//
//   - [ByName]: by the exact name in the table, as reports have it
//   - [Find]: by that name or a usual spelling of it, for options
//   - [ByTag]: by the tag in a line of a manifest, in any usual spelling ("SHA2-256", "BLAKE2b512")
//   - [NamedIn]: by the name of a manifest ("SHA256SUMS", "disc.iso.md5")
//   - [BySize]: by the length of a digest, if nothing else is known
package digest

import (
	"hash"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Algorithm is a row of the table, or another length of a row with several lengths. Each has a single
// pointer, so algorithms are compared with ==.
type Algorithm struct {
	Name     string           // the name in options and reports: "sha256", "blake2b-256"
	Size     int              // length of the digest in bytes
	Strength Strength         // the attacks that it resists
	New      func() hash.Hash // returns a new hasher; see [Algorithm.Of] for whole contents

	// Head returns what is hashed before a content of that many bytes; nil for nothing.
	Head func(size int64) []byte

	// Spellings are its spellings in tags and in names of manifests, in lower case. "-" matches "-",
	// "_", "/" or nothing.
	Spellings []string
	words     []string // further spellings, only as whole words in the name of a manifest
	family    *family  // the lengths, for a row with several
}

// family holds the lengths of a row: any whole number of bytes up to the row's own.
type family struct {
	hasher func(size int) hash.Hash
	once   sync.Once
	all    []*Algorithm // index: size in bytes minus 1; written once
}

// Of returns a new hasher for a content of that many bytes, which are to be written to it.
func (a *Algorithm) Of(size int64) hash.Hash {
	h := a.New()
	a.Begin(h, size)
	return h
}

// Begin prepares h, one of the algorithm's hashers in its first state, for a content of that many bytes.
func (a *Algorithm) Begin(h hash.Hash, size int64) {
	if a.Head != nil {
		h.Write(a.Head(size))
	}
}

// Variable reports whether the algorithm has other lengths.
func (a *Algorithm) Variable() bool { return a.family != nil }

// Aliases returns the spellings other than the name.
func (a *Algorithm) Aliases() []string {
	return slices.DeleteFunc(slices.Clone(a.Spellings), func(s string) bool { return s == a.Name })
}

// OfSize returns the algorithm with digests of size bytes: a itself or another length of it. It
// returns nil if there is none.
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

// lengths returns all lengths, which it creates in its first call.
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
					Strength: unbroken(size),
					New:      func() hash.Hash { return f.hasher(size) },
					family:   f,
				})
			}
			f.all = append(f.all, a)
		}
	})
	return f.all
}

// ofBits returns the length with that number of bits, or nil.
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
	for _, a := range torrent {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// BySize returns the most common algorithm with digests of size bytes, or nil if there is none. It is
// for digests whose algorithm nothing else identifies: fewer than 8 hex digits are none, but a word or a number.
func BySize(size int) *Algorithm {
	for _, a := range Table {
		if a.Size == size && size >= 4 {
			return a
		}
	}
	return nil
}
