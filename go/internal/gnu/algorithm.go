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
	name      string // the argument of --algorithm
	tag       string // the tag in lines and messages
	bits      int
	anyLength bool             // bits is the longest of several lengths
	sum       func() hash.Hash // for checksums, which are printed as numbers; nil for digests
	print     func(dst []byte, sum uint32, size uint64) []byte
	newer     bool // not in coreutils 9.1

	once     sync.Once
	checksum *digest.Algorithm // what pooled returns for a checksum
}

// algorithms are in the order in which cksum's messages list them.
var algorithms = []*algorithm{
	{name: "bsd", tag: "BSD", bits: 16, sum: newBSD, print: printBSD},
	{name: "sysv", tag: "SYSV", bits: 16, sum: newSysV, print: printSysV},
	{name: "crc", tag: "CRC", bits: 32, sum: newCRC, print: printCRC},
	{name: "crc32b", tag: "CRC32B", bits: 32, sum: newCRC32B, print: printCRC, newer: true}, // 9.6
	{name: "md5", tag: "MD5", bits: 128},
	{name: "sha1", tag: "SHA1", bits: 160},
	{name: "sha224", tag: "SHA224", bits: 224},
	{name: "sha256", tag: "SHA256", bits: 256},
	{name: "sha384", tag: "SHA384", bits: 384},
	{name: "sha512", tag: "SHA512", bits: 512},
	{name: "blake2b", tag: "BLAKE2b", bits: maxBits, anyLength: true},
	{name: "sm3", tag: "SM3", bits: 256},
}

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
	name := a.name
	if a.anyLength && bits != a.bits {
		name = fmt.Sprintf("%s-%d", name, bits)
	}
	return digest.ByName(name)
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
