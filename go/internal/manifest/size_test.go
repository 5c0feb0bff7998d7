package manifest_test

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"checksig/internal/manifest"
)

// The result does not depend on whether the length of a manifest is known.
func TestReaderOfKnownLength(t *testing.T) {
	entry := strings.Repeat("0", 64) + "  "
	for _, size := range []int{0, 1, 2, 14, 15, 16, 17, 66, 67, 1000, manifest.MaxLine - 1, manifest.MaxLine, manifest.MaxLine + 1} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			for _, end := range []string{"", "\n", "\r\n", "\n" + entry + "b", "\n" + entry + "b\n"} {
				for _, mark := range []string{"", "\xef\xbb\xbf", "\xff\xfe"} {
					content := mark + (entry + strings.Repeat("a", manifest.MaxLine))[:size] + end
					known := read(t, bytes.NewReader([]byte(content)))
					unknown := read(t, struct{ io.Reader }{strings.NewReader(content)})
					if known != unknown {
						t.Fatalf("%q, %q: got %q, want %q", mark, end, known, unknown)
					}
				}
			}
		})
	}
}

// read returns the format, entries and errors of a manifest as text.
func read(t *testing.T, r io.Reader) string {
	t.Helper()
	reading, err := manifest.Read(r, manifest.Options{FileName: "SHA256SUMS"})
	if err != nil {
		return err.Error()
	}
	text := reading.Format.Name
	for {
		entry, err := reading.Next()
		var bad *manifest.LineError
		switch {
		case errors.Is(err, io.EOF):
			return text
		case errors.As(err, &bad):
			if text += bad.Error(); bad.Fatal {
				return text
			}
		case err != nil:
			return text + err.Error()
		default:
			text += entry.Name + "\n"
		}
	}
}
