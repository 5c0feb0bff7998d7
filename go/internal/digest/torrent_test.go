package digest_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"checksig/internal/digest"
)

const block = 16 << 10

// Lengths around those of blocks and pieces.
var torrentLengths = []int{0, 1, block - 1, block, block + 1, 2*block - 1, 2 * block, 2*block + 1, 3 * block, 3*block + 5,
	4 * block, 5*block + 1, 7 * block, 8 * block, 8*block + 1, 13*block + 77}

func content(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i*7 + i>>13)
	}
	return data
}

// piecesOf returns the digest of a torrent of version 1 as BEP 3 and BEP 47 define it.
func piecesOf(data []byte, length int, padded bool) []byte {
	var sums []byte
	for len(data) > 0 {
		piece := data[:min(length, len(data))]
		data = data[len(piece):]
		if padded {
			piece = append(bytes.Clone(piece), make([]byte, length-len(piece))...)
		}
		sum := sha1.Sum(piece)
		sums = append(sums, sum[:]...)
	}
	sum := sha1.Sum(sums)
	return sum[:]
}

// rootOf returns the root of a torrent of version 2 as BEP 52 defines it, of a tree with that many leaves.
func rootOf(data []byte, leaves int) []byte {
	if leaves == 1 {
		if len(data) == 0 {
			return make([]byte, sha256.Size)
		}
		sum := sha256.Sum256(data)
		return sum[:]
	}
	half := min(len(data), leaves/2*block)
	sum := sha256.Sum256(append(rootOf(data[:half], leaves/2), rootOf(data[half:], leaves/2)...))
	return sum[:]
}

func TestTorrent(t *testing.T) {
	for _, n := range torrentLengths {
		data := content(n)
		leaves := 1
		for leaves*block < n {
			leaves *= 2
		}
		want := map[*digest.Algorithm][]byte{digest.TorrentTree: rootOf(data, leaves)}
		for _, length := range []int{block, 2 * block, 64 * block} {
			for _, padded := range []bool{false, true} {
				want[digest.TorrentPieces(int64(length), padded)] = piecesOf(data, length, padded)
			}
		}
		for a, sum := range want {
			t.Run(fmt.Sprintf("%s of %d bytes", a.Name, n), func(t *testing.T) {
				h := a.New()
				for _, chunk := range []int{n + 1, 1000, block, block + 1} {
					h.Reset()
					h.Write([]byte("x"))
					h.Reset()
					for rest := data; len(rest) > 0; rest = rest[min(chunk, len(rest)):] {
						h.Write(rest[:min(chunk, len(rest))])
						if len(rest) == n {
							h.Sum(nil) // changes nothing
						}
					}
					if got := h.Sum([]byte("x")); !bytes.Equal(got[1:], sum) || h.Size() != a.Size {
						t.Errorf("in parts of %d: got %s, want %s", chunk, hex.EncodeToString(got[1:]), hex.EncodeToString(sum))
					}
				}
			})
		}
	}
}

// The algorithms of torrents have names of their own, and are in no table that others are chosen from.
func TestTorrentNames(t *testing.T) {
	for length := digest.MinPiece; length <= digest.MaxPiece; length *= 2 {
		for _, padded := range []bool{false, true} {
			a := digest.TorrentPieces(length, padded)
			want := fmt.Sprintf("btv1-%d", length)
			if padded {
				want += "-padded"
			}
			if a.Name != want || digest.ByName(want) != a || digest.ByTag(want) != a || a.Strength != digest.Broken {
				t.Errorf("%s is %+v", want, a)
			}
		}
	}
	if a := digest.ByName("btv2"); a != digest.TorrentTree || digest.ByTag("BTV2") != a || a.Strength.Bits() != 128 {
		t.Errorf("btv2 is %+v", a)
	}
	for _, length := range []int64{-1, 0, 1, block / 2, block + 1, 3 * block, 2 * digest.MaxPiece, 1 << 62} {
		if a := digest.TorrentPieces(length, false); a != nil {
			t.Errorf("%d is %+v", length, a)
		}
	}
	for _, a := range digest.Table {
		if a == digest.TorrentTree || digest.BySize(a.Size) == digest.TorrentTree {
			t.Errorf("%s is in the table", a.Name)
		}
	}
	if a := digest.NamedIn("a.btv2"); a != nil {
		t.Errorf("a.btv2 names %s", a.Name)
	}
}
