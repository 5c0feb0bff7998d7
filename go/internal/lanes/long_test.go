//go:build checksig_long && cgo && (amd64 || arm64)

package lanes

import (
	"bytes"
	"slices"
	"testing"
)

// TestGigabytes hashes 1 GiB and a little in every lane, which takes minutes.
func TestGigabytes(t *testing.T) {
	const pieces = 1<<10 + 1
	piece := random(7, 1<<20)
	eachKernel(t, func(t *testing.T, a *Algorithm, k Kernel) {
		h := reference[a.Name]()
		lanes := make([]int, k.Width())
		for i := range lanes {
			lanes[i] = i
		}
		streams := NewStreams(a, k.Width())
		for i := range pieces {
			piece[i%len(piece)]++
			h.Write(piece)
			streams.Hash(k, lanes, slices.Repeat([][]byte{piece}, k.Width()), len(piece)/blockSize(a))
		}
		padding := pad(a, make([]byte, pieces<<20))[pieces<<20:]
		streams.Hash(k, lanes, slices.Repeat([][]byte{padding}, k.Width()), len(padding)/blockSize(a))
		for i := range lanes {
			if found, want := streams.Sum(i), h.Sum(nil); !bytes.Equal(found, want) {
				t.Errorf("lane %d: %x, not %x", i, found, want)
			}
		}
	})
}
