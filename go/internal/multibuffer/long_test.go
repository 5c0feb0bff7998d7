//go:build checksig_long && cgo && (amd64 || arm64)

package multibuffer

import (
	"bytes"
	"slices"
	"testing"
)

// longPieces is how many pieces of 1 MiB each lane hashes: more than 2³² bits and 2³⁰ bytes.
const longPieces = 1<<10 + 1

// eachPiece calls f with one piece after another; no two are equal.
func eachPiece(f func(piece []byte)) {
	piece := random(7, 1<<20)
	for i := range longPieces {
		piece[i]++
		f(piece)
	}
}

// TestGigabytes hashes a little more than 1 GiB in every lane of every kernel.
func TestGigabytes(t *testing.T) {
	want := map[string][]byte{}
	for _, a := range Algorithms {
		h := reference[a.Name]()
		eachPiece(func(piece []byte) { h.Write(piece) })
		want[a.Name] = h.Sum(nil)
	}
	eachKernel(t, func(t *testing.T, a *Algorithm, k Kernel) {
		t.Parallel()
		streams := NewStreams(a, k.Width())
		lanes := make([]int, k.Width())
		for i := range lanes {
			lanes[i] = i
		}
		inAll := func(data []byte) {
			streams.Hash(k, lanes, slices.Repeat([][]byte{data}, k.Width()), len(data)/a.BlockSize())
		}
		eachPiece(inAll)
		inAll(padding(a, longPieces<<20))
		for i := range lanes {
			if found := streams.Sum(i); !bytes.Equal(found, want[a.Name]) {
				t.Errorf("lane %d: %x, not %x", i, found, want[a.Name])
			}
		}
	})
}
