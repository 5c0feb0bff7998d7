package manifest_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"checksig/internal/manifest"
)

// A digest with a number of parts after it is read as one of their digests if their size is known, and is a bad line
// otherwise: never a digest of the whole file.
func TestDigestsOfParts(t *testing.T) {
	const parts = 8 << 20
	base := inBase64(base64.StdEncoding, sha256A)
	for _, tt := range []struct{ fileName, text, want string }{
		{"x", md5A + "-3  a b\n" + md5A + "  c\n", "md5-parts-8388608 a b 3, md5 c 0"},
		{"x", md5A + "-1\ta\n", "md5-parts-8388608 a 0"},
		{"SHA256SUMS", base + "-10000  a\n", "sha256-parts-8388608 a 10000"},
		{"x", "a  " + sha256A + "-2\n", "sha256-parts-8388608 a 2"},
		{"a.sha256", sha256A + "-2\n", "sha256-parts-8388608 a 2"},
		{"a.crc32", crcA + "-2  a\n", "crc32-parts-8388608 a 2"},
		{"x", "b,a,,succeeded,200,," + s3("CRC32", "COMPOSITE", crcA+"-2") + "\n", "crc32-parts-8388608 a 2"},
		{"x", "b,a,,succeeded,200,," + s3("MD5", "COMPOSITE", md5A) + "\n", "md5-parts-8388608 a 0"},
		{"x", "b,a,,succeeded,200,," + s3("MD5", "FULL_OBJECT", md5A) + "\n", "md5 a 0"},
		{"x", "b,a,,succeeded,200,," + s3("MD5", "FULL_OBJECT", md5A+"-2") + "\n", "!"},
		{"SHA256SUMS", md5A + "-3  a\n", "!"},
		{"x", md5A + "  b\n" + crcA + "-2  a\n", "md5 b 0, !"},
		{"x", md5A + "  b\ncrc32:" + crcA + "-2  a\n", "md5 b 0, crc32-parts-8388608 a 2"},
		{"x", md5A + "-0  a\n", "!"},
		{"x", md5A + "-03  a\n", "!"},
		{"x", md5A + "-10001  a\n", "!"},
		{"x", md5A + "-  a\n", "!"},
		{"x", md5A + "-3-3  a\n", "!"},
		{"B2SUMS", sha256A + "-3  a\n", "!"},
	} {
		for _, size := range []int64{parts, 0} {
			reading, err := manifest.Read(strings.NewReader(tt.text), manifest.Options{FileName: tt.fileName, PartSize: size})
			if err != nil {
				t.Fatalf("%q: %v", tt.text, err)
			}
			var found []string
			for {
				e, err := reading.Next()
				var bad *manifest.LineError
				if errors.Is(err, io.EOF) {
					break
				} else if errors.As(err, &bad) {
					found = append(found, "!")
					continue
				} else if err != nil {
					t.Fatal(err)
				}
				found = append(found, fmt.Sprintf("%s %s %d", e.Algorithm.Name, e.Name, e.Blocks))
				if e.Blocks > 0 && e.BlockSize != size {
					t.Errorf("%q: parts of %d bytes", tt.text, e.BlockSize)
				}
			}
			want := strings.Split(tt.want, ", ")
			for i := range want {
				if size == 0 && strings.Contains(want[i], "parts") {
					want[i] = "!"
				}
			}
			if !slices.Equal(found, want) {
				t.Errorf("%s, parts of %d bytes: %q: %q, want %q", tt.fileName, size, tt.text, found, want)
			}
		}
	}
}
