//go:build cgo

package multibuffer

import (
	"fmt"
	"strings"
	"testing"
)

// The kernels for one to six streams, on any CPU: where a vector takes several streams, none of them
// is hashed by itself.
func TestDispatch(t *testing.T) {
	avx512 := hasSSE2 | hasAVX2 | hasAVX512
	for _, c := range []struct {
		algorithm string
		has       features
		want      string
	}{
		{"md5", avx512, "plainx1 plainx2 avx512x8 avx512x8 avx512x8 avx512x8"},
		{"sha1", avx512 | hasSHANI, "shani shanix2 avx512x8 avx512x8 avx512x8 avx512x8"},
		{"sha1", avx512, "avx512x1 avx512x8 avx512x8 avx512x8 avx512x8 avx512x8"},
		{"sha256", avx512, "avx512x1 avx512x8 avx512x8 avx512x8 avx512x8 avx512x8"},
		{"sha256", hasSSE2 | hasAVX2 | hasSHANI, "shani shanix2 shanix2 shanix2 shanix2 shanix2"},
		{"sha256", hasSSE2 | hasAVX2, "avx2x1 avx2x1 avx2x8 avx2x8 avx2x8 avx2x8"},
		{"sha512", avx512, "avx512x1 avx512x4 avx512x4 avx512x4 avx512x8 avx512x8"},
		{"sha512", hasSSE2 | hasAVX2, "avx2x1 avx2x1 avx2x4 avx2x4 avx2x4 avx2x4"},
		{"sha512", hasSSE2, "sse2x1 sse2x2 sse2x2 sse2x2 sse2x2 sse2x2"},
	} {
		var names []string
		for count := 1; count <= 6; count++ {
			names = append(names, ByName(c.algorithm).best(c.has, count).Name())
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s with %s: %s, not %s", c.algorithm, fmt.Sprintf("%b", c.has), got, c.want)
		}
	}
}
