package gnu

import (
	"fmt"
	"hash"
	"hash/crc32"
	"sync"

	"checksig/internal/digest"
)

// maxBits is the length of the longest digest, that of BLAKE2b.
const maxBits = 512

// An algorithm is a row of cksum's table.
type algorithm struct {
	name      string           // the argument of --algorithm
	tag       string           // the tag in lines and messages
	bits      int              // of the digest; the longest of several lengths
	anyLength bool             // any multiple of 8 is a length
	lengths   []int            // the only lengths, which --length selects; nil for the one of bits, or any
	sum       func() hash.Hash // for checksums, which are printed as numbers; nil for digests
	print     func(dst []byte, sum uint32, size uint64) []byte

	once     sync.Once
	checksum *digest.Algorithm // what pooled returns for a checksum
}

// algorithms are in the order in which cksum's messages list them.
var algorithms = []*algorithm{
	{name: "bsd", tag: "BSD", bits: 16, sum: digest.ByName("bsdsum").New, print: printBSD},
	{name: "sysv", tag: "SYSV", bits: 16, sum: digest.ByName("sysvsum").New, print: printSysV},
	{name: "crc", tag: "CRC", bits: 32, sum: digest.ByName("cksum").New, print: printCRC},
	{name: "crc32b", tag: "CRC32B", bits: 32, sum: newCRC32B, print: printCRC},
	{name: "md5", tag: "MD5", bits: 128},
	{name: "sha1", tag: "SHA1", bits: 160},
	{name: "sha224", tag: "SHA224", bits: 224},
	{name: "sha256", tag: "SHA256", bits: 256},
	{name: "sha384", tag: "SHA384", bits: 384},
	{name: "sha512", tag: "SHA512", bits: 512},
	{name: "sha2", tag: "SHA2", bits: 512, lengths: shaLengths},
	{name: "sha3", tag: "SHA3", bits: 512, lengths: shaLengths},
	{name: "blake2b", tag: "BLAKE2b", bits: maxBits, anyLength: true},
	{name: "sm3", tag: "SM3", bits: 256},
}

// shaLengths are those of SHA-2 and SHA-3 (FIPS 180-4 and 202).
var shaLengths = []int{224, 256, 384, 512}

// hasLengths reports whether --length is for this algorithm.
func (a *algorithm) hasLengths() bool { return a.anyLength || a.lengths != nil }

func algorithmNamed(name string) *algorithm { return find(name, (*algorithm).byName) }

func algorithmTagged(tag string) *algorithm { return find(tag, (*algorithm).byTag) }

func (a *algorithm) byName() string { return a.name }

func (a *algorithm) byTag() string { return a.tag }

func find(word string, key func(*algorithm) string) *algorithm {
	for _, a := range algorithms {
		if key(a) == word {
			return a
		}
	}
	return nil
}

// digest returns the engine's algorithm for digests of that many bits; nil for a checksum. If the
// algorithm has a single length, its digests may be longer than bits.
func (a *algorithm) digest(bits int) *digest.Algorithm {
	if a.sum != nil {
		return nil
	}
	switch {
	case a.name == "sha2":
		return digest.ByName(fmt.Sprintf("sha%d", bits))
	case a.lengths != nil, a.anyLength && bits != a.bits:
		return digest.ByName(fmt.Sprintf("%s-%d", a.name, bits))
	}
	return digest.ByName(a.name)
}

// pooled returns the algorithm for a pool: that of digest, or one for a checksum.
func (a *algorithm) pooled(bits int) *digest.Algorithm {
	if a.sum == nil {
		return a.digest(bits)
	}
	a.once.Do(func() { a.checksum = &digest.Algorithm{Name: a.name, Size: a.bits / 8, New: a.sum} })
	return a.checksum
}

// new returns a hasher for digests of that many bits, with the same exception as digest.
func (a *algorithm) new(bits int) hash.Hash {
	if a.sum != nil {
		return a.sum()
	}
	return a.digest(bits).New()
}

func newCRC32B() hash.Hash { return crc32.NewIEEE() }
