package digest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"fmt"
	"hash"
	"hash/adler32"
	"hash/crc32"
	"hash/crc64"

	"github.com/cespare/xxhash/v2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/zeebo/blake3"
	"github.com/zeebo/xxh3"
	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/blake2s"
	"golang.org/x/crypto/ripemd160" //lint:ignore SA1019 gpg --print-mds still writes it
)

// MaxSize is the size in bytes of the longest digest in [Table].
const MaxSize = 64

// Table lists every algorithm, ordered by the length of the digest. The first of several rows with
// one length is the result of [BySize]. The package comment gives the sources.
var Table = []*Algorithm{
	{Name: "bsdsum", Size: 2, Strength: Checksum, New: newBSDSum},
	{Name: "sysvsum", Size: 2, Strength: Checksum, New: newSysVSum},
	{Name: "crc32", Size: crc32.Size, Strength: Checksum, New: newCRC32,
		Spellings: []string{"crc-32", "crc-32b"}, words: []string{"sfv"}},
	{Name: "crc32c", Size: crc32.Size, Strength: Checksum, New: newCRC32C,
		Spellings: []string{"crc-32c"}},
	{Name: "adler32", Size: adler32.Size, Strength: Checksum, New: newAdler32,
		Spellings: []string{"adler-32"}},
	{Name: "cksum", Size: 4, Strength: Checksum, New: newCKSum},
	{Name: "xxh64", Size: 8, Strength: Checksum, New: newXXH64,
		Spellings: []string{"xxh64", "xxhash64"}},
	{Name: "xxh3", Size: 8, Strength: Checksum, New: newXXH3,
		Spellings: []string{"xxh3", "xxh3-64"}},
	{Name: "crc64nvme", Size: crc64.Size, Strength: Checksum, New: newCRC64NVME,
		Spellings: []string{"crc-64-nvme"}},
	{Name: "md5", Size: md5.Size, Strength: Broken, New: md5.New,
		Spellings: []string{"md-5"}},
	{Name: "xxh128", Size: 16, Strength: Checksum, New: newXXH128,
		Spellings: []string{"xxh128", "xxh3-128", "xxhash128"}},
	{Name: "sha1", Size: sha1.Size, Strength: Broken, New: sha1.New,
		Spellings: []string{"sha-1"}, words: []string{"shasums1"}},
	{Name: "ripemd160", Size: ripemd160.Size, Strength: unbroken(ripemd160.Size), New: ripemd160.New,
		Spellings: []string{"ripemd-160", "rmd-160"}},
	{Name: "gitblob-sha1", Size: sha1.Size, Strength: Broken, New: sha1.New, Head: gitHead,
		Spellings: []string{"git-blob-sha-1", "git-blob", "sha-1-git"}},
	sha2("sha224", sha256.Size224, sha256.New224, "224"),
	sha2("sha512-224", sha512.Size224, sha512.New512_224, "512-224", "512t224"),
	sha3Row("sha3-224", 28, sha3.New224),
	sha2("sha256", sha256.Size, sha256.New, "256"),
	sha2("sha512-256", sha512.Size256, sha512.New512_256, "512-256", "512t256"),
	sha3Row("sha3-256", 32, sha3.New256),
	{Name: "blake2s", Size: blake2s.Size, Strength: unbroken(blake2s.Size), New: newBLAKE2s,
		Spellings: []string{"blake2s"}, family: &family{hasher: newBLAKE2sOf}},
	{Name: "blake3", Size: 32, Strength: unbroken(32), New: newBLAKE3,
		Spellings: []string{"blake3", "blake3-256"}, words: []string{"b3"}},
	{Name: "gitblob-sha256", Size: sha256.Size, Strength: unbroken(sha256.Size), New: sha256.New, Head: gitHead,
		Spellings: []string{"git-blob-sha-256", "sha-256-git"}},
	{Name: "sm3", Size: sm3.Size, Strength: unbroken(sm3.Size), New: sm3.New,
		words: []string{"sm3"}},
	sha2("sha384", sha512.Size384, sha512.New384, "384"),
	sha3Row("sha3-384", 48, sha3.New384),
	sha2("sha512", sha512.Size, sha512.New, "512"),
	sha3Row("sha3-512", 64, sha3.New512),
	{Name: "blake2b", Size: blake2b.Size, Strength: unbroken(blake2b.Size), New: newBLAKE2b,
		Spellings: []string{"blake2b"}, words: []string{"b2"}, family: &family{hasher: newBLAKE2bOf}},
}

func sha2(name string, size int, hasher func() hash.Hash, numbers ...string) *Algorithm {
	a := &Algorithm{Name: name, Size: size, Strength: unbroken(size), New: hasher}
	for _, number := range numbers {
		a.Spellings = append(a.Spellings, "sha-"+number, "sha2-"+number)
		a.words = append(a.words, "shasums"+number)
	}
	return a
}

func sha3Row(name string, size int, hasher func() *sha3.SHA3) *Algorithm {
	return &Algorithm{Name: name, Size: size, Strength: unbroken(size),
		New: func() hash.Hash { return hasher() }, Spellings: []string{name}}
}

func newCRC32() hash.Hash   { return crc32.NewIEEE() }
func newCRC32C() hash.Hash  { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }
func newAdler32() hash.Hash { return adler32.New() }
func newXXH64() hash.Hash   { return xxhash.New() }
func newXXH3() hash.Hash    { return xxh3.New() }
func newXXH128() hash.Hash  { return xxh3.New128() }
func newBLAKE3() hash.Hash  { return blake3.New() }

// gitHead returns what precedes the content of a file in a blob of git, whose object ID is a hash of both.
func gitHead(size int64) []byte { return fmt.Appendf(nil, "blob %d\x00", size) }

func newBLAKE2b() hash.Hash { return newBLAKE2bOf(blake2b.Size) }

func newBLAKE2bOf(size int) hash.Hash { return must(blake2b.New(size, nil)) }

func newBLAKE2s() hash.Hash { return must(blake2s.New256(nil)) }

// newBLAKE2sOf returns a hasher for digests of 1 to 32 bytes.
//
// Package blake2s creates unkeyed hashers for 32 bytes only, but can compute the others: its saved
// state has a byte for the size, and Reset starts again with the parameter block (RFC 7693, section
// 2.8) for that size.
func newBLAKE2sOf(size int) hash.Hash {
	const sizeAt = len("b2s") + 8*4 + 2*4
	h := newBLAKE2s()
	saved := h.(interface {
		MarshalBinary() ([]byte, error)
		UnmarshalBinary(data []byte) error
	})
	state := must(saved.MarshalBinary())
	state[sizeAt] = byte(size)
	if err := saved.UnmarshalBinary(state); err != nil || h.Size() != size {
		panic("digest: unexpected saved state of blake2s")
	}
	h.Reset()
	return h
}

// must panics for errors that only a wrong call can cause.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
