package digest

import (
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"hash"
	"math/bits"
)

// Torrents of BitTorrent have digests of parts of a file, from which one digest of the whole file is computed
// here. The algorithms are found by [ByName] and [ByTag], but have no row in [Table]: no other manifest has
// their digests.
//
//	btv1-<length>         BEP 3: SHA-1 over the SHA-1 digests of the file's pieces of that length
//	btv1-<length>-padded  BEP 47: the same, the last piece filled with zeros
//	btv2                  BEP 52: root of the SHA-256 hash tree over blocks of 16 KiB
//
// The root of an empty file, which BEP 52 does not define, is zeros.
var torrent = func() (rows []*Algorithm) {
	for length := MinPiece; length <= MaxPiece; length *= 2 {
		for _, padded := range []bool{false, true} {
			name := fmt.Sprintf("btv1-%d", length)
			if padded {
				name += "-padded"
			}
			rows = append(rows, &Algorithm{Name: name, Size: sha1.Size, Strength: Broken,
				New: func() hash.Hash { return newPieces(length, padded) }})
		}
	}
	return append(rows, TorrentTree)
}()

// TorrentTree is the algorithm of torrents of version 2.
var TorrentTree = &Algorithm{Name: "btv2", Size: sha256.Size, Strength: unbroken(sha256.Size), New: newTree}

// The lengths of pieces that are known: powers of two. A greater one would let a small torrent of many files
// cause any amount of work, because each file's last piece may have to be filled with zeros.
const (
	MinPiece int64 = 16 << 10
	MaxPiece int64 = 64 << 20
)

// TorrentPieces returns the algorithm of torrents of version 1 with pieces of length bytes, or nil.
func TorrentPieces(length int64, padded bool) *Algorithm {
	if length < MinPiece || length > MaxPiece || bits.OnesCount64(uint64(length)) != 1 {
		return nil
	}
	row := 2 * (bits.TrailingZeros64(uint64(length)) - bits.TrailingZeros64(uint64(MinPiece)))
	if padded {
		row++
	}
	return torrent[row]
}

// parts cuts what is written into parts of one length, and hashes each.
type parts struct {
	length int64
	part   hash.Hash
	filled int64        // bytes in part
	full   func([]byte) // takes the digest of each full part
	sum    [MaxSize]byte
}

func (p *parts) Write(data []byte) (int, error) {
	written := len(data)
	for len(data) > 0 {
		n := min(int64(len(data)), p.length-p.filled)
		p.part.Write(data[:n])
		data = data[n:]
		if p.filled += n; p.filled == p.length {
			p.full(p.part.Sum(p.sum[:0]))
			p.resetPart()
		}
	}
	return written, nil
}

func (p *parts) resetPart() {
	p.part.Reset()
	p.filled = 0
}

// clone returns a copy of a hasher of the standard library.
func clone(h hash.Hash) hash.Hash { return must(h.(hash.Cloner).Clone()).(hash.Hash) }

// pieces computes the digest of a file in a torrent of version 1.
type pieces struct {
	parts
	padded  bool
	digests hash.Hash // over the digests of the pieces
}

func newPieces(length int64, padded bool) hash.Hash {
	p := &pieces{parts: parts{length: length, part: sha1.New()}, padded: padded, digests: sha1.New()}
	p.full = func(sum []byte) { p.digests.Write(sum) }
	return p
}

func (p *pieces) Reset() {
	p.resetPart()
	p.digests.Reset()
}

func (p *pieces) Sum(dst []byte) []byte {
	if p.filled == 0 {
		return p.digests.Sum(dst)
	}
	part, digests := p.part, clone(p.digests)
	if p.padded {
		var zeros [4 << 10]byte
		part = clone(part)
		for left := p.length - p.filled; left > 0; {
			n := min(left, int64(len(zeros)))
			part.Write(zeros[:n])
			left -= n
		}
	}
	digests.Write(part.Sum(nil))
	return digests.Sum(dst)
}

func (p *pieces) Size() int      { return sha1.Size }
func (p *pieces) BlockSize() int { return sha1.BlockSize }

// tree computes the digest of a file in a torrent of version 2.
type tree struct {
	parts
	leaves uint64                // of full blocks
	roots  [64][sha256.Size]byte // roots[i] is that of 2^i leaves, and counts if that bit of leaves is set
}

func newTree() hash.Hash {
	t := &tree{parts: parts{length: 16 << 10, part: sha256.New()}}
	t.full = func(sum []byte) { t.leaves = addLeaf(&t.roots, t.leaves, [sha256.Size]byte(sum)) }
	return t
}

// addLeaf adds a leaf to the roots of n leaves, and returns how many there are now.
func addLeaf(roots *[64][sha256.Size]byte, n uint64, sum [sha256.Size]byte) uint64 {
	level := bits.TrailingZeros64(^n)
	for i := range level {
		sum = parent(roots[i], sum)
	}
	roots[level] = sum
	return n + 1
}

func parent(left, right [sha256.Size]byte) [sha256.Size]byte {
	var both [2 * sha256.Size]byte
	copy(both[:], left[:])
	copy(both[sha256.Size:], right[:])
	return sha256.Sum256(both[:])
}

func (t *tree) Reset() {
	t.resetPart()
	t.leaves = 0
}

// Sum fills the tree with leaves of zeros up to a power of two.
func (t *tree) Sum(dst []byte) []byte {
	roots, leaves := t.roots, t.leaves
	if t.filled > 0 {
		leaves = addLeaf(&roots, leaves, [sha256.Size]byte(t.part.Sum(nil)))
	}
	var root, zero [sha256.Size]byte
	if leaves == 0 {
		return append(dst, zero[:]...)
	}
	top := bits.Len64(leaves - 1) // levels above the leaves
	open := false                 // root holds what is right of the roots so far
	for level := range top {
		switch has := leaves>>level&1 == 1; {
		case has && open:
			root = parent(roots[level], root)
		case has:
			root, open = parent(roots[level], zero), true
		case open:
			root = parent(root, zero)
		}
		zero = parent(zero, zero)
	}
	if !open {
		root = roots[top] // a power of two
	}
	return append(dst, root[:]...)
}

func (t *tree) Size() int      { return sha256.Size }
func (t *tree) BlockSize() int { return sha256.BlockSize }
