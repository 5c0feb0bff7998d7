package manifest_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"checksig/internal/manifest"
)

// listOf returns a GNU manifest of n files.
func listOf(n int) string {
	var text strings.Builder
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		fmt.Fprintf(&text, "%016x%016x%016x%016x  file-%d\n", random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64(), i)
	}
	return text.String()
}

// bzip2Empty is a bzip2 stream of nothing.
const bzip2Empty = "BZh9\x17\x72\x45\x38\x50\x90\x00\x00\x00\x00"

// compressors compress a text; a test is skipped if the tool is missing.
var compressors = map[string]func(t testing.TB, text string) []byte{
	"gzip": func(t testing.TB, text string) []byte {
		return packed(t, text, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
	},
	"xz": func(t testing.TB, text string) []byte {
		return packed(t, text, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) })
	},
	"zstd": func(t testing.TB, text string) []byte {
		return packed(t, text, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) })
	},
	"bzip2": func(t testing.TB, text string) []byte { return piped(t, text, "bzip2") },
}

func packed(t testing.TB, text string, open func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func piped(t testing.TB, text string, command ...string) []byte {
	t.Helper()
	c := exec.Command(command[0], command[1:]...)
	c.Stdin = strings.NewReader(text)
	out, err := c.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skipf("%s is not installed", command[0])
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// count reads a manifest to its end, and returns its number of entries and the error before the end.
func count(data []byte, fileName string) (entries int, encoding string, err error) {
	reading, err := manifest.Read(bytes.NewReader(data), manifest.Options{FileName: fileName})
	if err != nil {
		return 0, "", err
	}
	for {
		_, err := reading.Next()
		switch {
		case errors.Is(err, io.EOF):
			return entries, reading.Encoding, nil
		case err != nil:
			return entries, reading.Encoding, err
		}
		entries++
	}
}

func TestCompressed(t *testing.T) {
	for name, compress := range compressors {
		t.Run(name, func(t *testing.T) {
			small, large := listOf(3), listOf(4_000)
			for _, text := range []string{small, large} {
				data := compress(t, text)
				want := strings.Count(text, "\n")
				if n, encoding, err := count(data, "SHA256SUMS.gz"); n != want || err != nil || encoding != name+"+utf-8" {
					t.Errorf("%d entries of %d, %s, %v", n, want, encoding, err)
				}
				twice := append(bytes.Clone(data), compress(t, small)...)
				if n, _, err := count(twice, "SHA256SUMS"); n != want+3 || err != nil {
					t.Errorf("two members: %d entries of %d, %v", n, want+3, err)
				}
			}
		})
	}
}

// A compressed manifest that is cut, damaged or continued has an error.
func TestCompressedDamaged(t *testing.T) {
	for name, compress := range compressors {
		t.Run(name, func(t *testing.T) {
			data := compress(t, listOf(3))
			for size := range data {
				if n, _, err := count(data[:size], "SHA256SUMS"); err == nil && (n > 0 || size > 10) {
					t.Errorf("cut after %d of %d bytes: %d entries", size, len(data), n)
				}
			}
			for _, more := range []string{"x", "\n", "garbage that goes on\n", "\x1f\x8b\x08", "BZh9", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd"} {
				if n, _, err := count(append(bytes.Clone(data), more...), "SHA256SUMS"); err == nil {
					t.Errorf("followed by %q: %d entries", more, n)
				}
			}
			for i := range data {
				for _, bit := range []byte{1, 0x80} {
					damaged := bytes.Clone(data)
					damaged[i] ^= bit
					if n, encoding, err := count(damaged, "SHA256SUMS"); err == nil && n != 3 {
						t.Errorf("byte %d: %d entries in %s", i, n, encoding)
					}
				}
			}
		})
	}
}

// A name loses the ending of the compression before it names a file or an algorithm.
func TestCompressedSidecar(t *testing.T) {
	data := compressors["gzip"](t, strings.Repeat("0", 64)+"\n")
	reading, err := manifest.Read(bytes.NewReader(data), manifest.Options{FileName: "disc.iso.sha256.gz"})
	if err != nil {
		t.Fatal(err)
	}
	if e, err := reading.Next(); err != nil || e.Name != "disc.iso" || e.Algorithm.Name != "sha256" {
		t.Errorf("%+v, %v", e, err)
	}
}

// Neither a small file that expands much, nor a large one with little in it, is read to its end.
func TestCompressionBombs(t *testing.T) {
	blanks := strings.Repeat("\n", 32<<20)
	for name, data := range map[string][]byte{
		"gzip of blank lines": compressors["gzip"](t, "# x\n"+blanks),
		"zstd of blank lines": compressors["zstd"](t, "# x\n"+blanks),
		"empty gzip members":  append(compressors["gzip"](t, listOf(1)), bytes.Repeat(compressors["gzip"](t, ""), 20_000)...),
		"empty bzip2 streams": append([]byte(nil), strings.Repeat(bzip2Empty, 50_000)...),
		"empty xz streams":    append(compressors["xz"](t, listOf(1)), bytes.Repeat(compressors["xz"](t, ""), 50_000)...),
		"small xz streams":    append(compressors["xz"](t, listOf(1)), bytes.Repeat(compressors["xz"](t, "# x\n"), 2_000)...),
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := count(data, "SHA256SUMS"); err == nil {
				t.Error("read to its end")
			} else {
				t.Log(err)
			}
		})
	}
}

// Memory is bounded whatever window a file asks for.
func TestCompressionWindow(t *testing.T) {
	for _, c := range [][]string{{"xz", "-9"}, {"xz", "--lzma2=dict=256MiB"}, {"zstd", "-q"}, {"zstd", "--long=27", "-q"}, {"xz", "-0", "-C", "sha256"}, {"xz", "-C", "none"}, {"xz", "-C", "crc32", "--block-size=65536"}} {
		t.Run(strings.Join(c, " "), func(t *testing.T) {
			n, _, err := count(piped(t, listOf(2_000), append(c, "-c")...), "SHA256SUMS")
			if tooLarge := strings.Contains(c[1], "256MiB") || c[1] == "--long=27"; tooLarge != (err != nil) || !tooLarge && n != 2_000 {
				t.Errorf("%d entries, %v", n, err)
			}
		})
	}
}
