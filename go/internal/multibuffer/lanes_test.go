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

func TestChooseWhatIsNotThere(t *testing.T) {
	for words, complaint := range map[string]string{
		"avx512":     "there is no avx512 here",
		"avx2+shani": "there is no shani here",
		"mmx":        `"mmx" is none of go, sse2, avx2, avx512, shani, neon, armsha`,
		"avx2,shani": `"avx2,shani" is none of`,
		"+":          `"" is none of`,
		"go+avx2":    `"go" is none of`,
	} {
		_, err := choose(words, hasSSE2|hasAVX2)
		if !errors.Is(err, ErrChoice) || !strings.Contains(err.Error(), complaint) || !strings.HasPrefix(err.Error(), Variable) {
			t.Errorf("%q: %v, nothing about %s", words, err, complaint)
		}
	}
}
