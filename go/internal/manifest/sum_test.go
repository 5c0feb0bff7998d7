package manifest_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

// The algorithm of sum is BSD's unless the caller says otherwise, and every line is read in that algorithm.
func TestSums(t *testing.T) {
	for name, c := range map[string]struct {
		format    *manifest.Format
		algorithm string
		text      string
		want      []string
	}{
		"BSD": {manifest.Sum, "", "00097 1 a\n97 1 a\n65536 1 a\n00097 x a\n00097 1\n00097 1 \nhello\n00097 1  a\n00097 9999999999999999999 a\n", []string{
			"bsdsum 0061 a 1*1024", "! fewer than 5 digits: name the algorithm, sysvsum (System V) or bsdsum", `! expected a sum up to 65535, found "65536"`,
			"! expected a sum, a number of blocks and a file name", "! expected a sum, a number of blocks and a file name",
			"! expected a sum, a number of blocks and a file name", "! expected a sum, a number of blocks and a file name", "bsdsum 0061  a 1*1024",
			`! expected a size in bytes, found "9999999999999999999"`}},
		"BSD, by name":      {nil, "bsdsum", "97 1 a\n", []string{"bsdsum 0061 a 1*1024"}},
		"System V, by name": {nil, "sysvsum", "97 1 a\n65535 2 b\n", []string{"sysvsum 0061 a 1*512", "sysvsum ffff b 2*512"}},
		"another algorithm": {manifest.Sum, "sha256", "00097 1 a\n", []string{"! bsdsum is weaker than sha256, the algorithm asked for"}},
		"cksum": {manifest.Cksum, "", "4294967295 1 a\n4294967296 1 a\n1 9999999999999999999 a\n1 1\n1  1 a\n", []string{
			"cksum ffffffff a 0*0", `! expected a CRC up to 4294967295, found "4294967296"`, `! expected a size in bytes, found "9999999999999999999"`,
			"! expected a CRC, a size and a file name", "! expected a CRC, a size and a file name"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := manifest.Options{FileName: "CHECKSUMS", Format: c.format}
			if c.algorithm != "" {
				o.Algorithm = digest.ByName(c.algorithm)
			}
			reading, err := manifest.Read(strings.NewReader(c.text), o)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for {
				e, err := reading.Next()
				var bad *manifest.LineError
				if errors.Is(err, io.EOF) {
					break
				}
				if errors.As(err, &bad) {
					got = append(got, "! "+bad.Cause)
				} else {
					got = append(got, fmt.Sprintf("%s %x %s %d*%d", e.Algorithm.Name, e.Digest, e.Name, e.Blocks, e.BlockSize))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
