package multibuffer

import (
	"errors"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	const all = hasSSE2 | hasAVX2 | hasAVX512 | hasSHANI | hasNEON | hasARMSHA
	for words, want := range map[string]features{
		"": all, "go": 0, "generic": 0, "sse2": hasSSE2, "avx2": hasSSE2 | hasAVX2,
		"avx512": hasSSE2 | hasAVX2 | hasAVX512, "avx2+shani": hasSSE2 | hasAVX2 | hasSHANI,
		"neon": hasNEON, "armsha": hasNEON | hasARMSHA,
	} {
		if found, err := choose(words, all); found != want || err != nil {
			t.Errorf("%q: %b, %v, not %b", words, found, err, want)
		}
	}
}

func TestChooseRejects(t *testing.T) {
	for words, complaint := range map[string]string{
		"avx512":     "avx512 is not available",
		"avx2+shani": "shani is not available",
		"mmx":        `unknown instruction set "mmx"; known: go, sse2, avx2, avx512, shani, neon, armsha`,
		"avx2,shani": `unknown instruction set "avx2,shani"; known: `,
		"+":          `unknown instruction set ""; known: `,
		"go+avx2":    `unknown instruction set "go"; known: `,
	} {
		_, err := choose(words, hasSSE2|hasAVX2)
		if !errors.Is(err, ErrChoice) || !strings.Contains(err.Error(), complaint) || !strings.HasPrefix(err.Error(), Variable) {
			t.Errorf("%q: %v, want %s", words, err, complaint)
		}
	}
}
