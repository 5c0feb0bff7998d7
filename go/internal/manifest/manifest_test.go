package manifest_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

const (
	sha1A = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8" // the digest of "a"
	md5A  = "0cc175b9c0f1b6a831c399e269772661"
)

// readAll returns every entry as "line algorithm name [size]" and every bad line as "line! cause".
func readAll(t testing.TB, fileName, text string) []string {
	t.Helper()
	reading, err := manifest.Read(strings.NewReader(text), manifest.Options{FileName: fileName})
	if errors.Is(err, manifest.ErrNoManifest) {
		return []string{err.Error()}
	}
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for {
		e, err := reading.Next()
		var bad *manifest.LineError
		switch {
		case errors.Is(err, io.EOF):
			return got
		case errors.As(err, &bad):
			got = append(got, fmt.Sprintf("%d! %s", bad.Line, bad.Cause))
			if bad.Fatal {
				return got
			}
		case err != nil:
			t.Fatal(err)
		default:
			size := ""
			if e.HasSize {
				size = fmt.Sprintf(" %d", e.Size)
			}
			if e.BlockSize != 0 {
				size = fmt.Sprintf(" %d*%d", e.Blocks, e.BlockSize)
			}
			got = append(got, fmt.Sprintf("%d %s %s%s", e.Line, e.Algorithm.Name, e.Name, size))
		}
	}
}

func TestReadGNU(t *testing.T) {
	upper := strings.ToUpper(sha1A)
	for _, tt := range []struct {
		name, fileName, text string
		want                 []string
	}{
		{"text and binary", "sha1sum.txt", sha1A + "  a b\n" + sha1A + " *c\n",
			[]string{"1 sha1 a b", "2 sha1 c"}},
		{"upper case", "x", upper + "  a\n", []string{"1 sha1 a"}},
		{"CRLF", "x", sha1A + "  a\r\n" + sha1A + "  b\r\n", []string{"1 sha1 a", "2 sha1 b"}},
		{"no last newline", "x", sha1A + "  a", []string{"1 sha1 a"}},
		{"byte order mark", "x", "\xef\xbb\xbf" + sha1A + "  a\n", []string{"1 sha1 a"}},
		{"comments and empty lines", "x", "# " + sha1A + "  a\n\n\r\n" + sha1A + "  b\n",
			[]string{"4 sha1 b"}},
		{"escapes", "x", `\` + sha1A + `  a\nb\\c\rd` + "\n", []string{"1 sha1 a\nb\\c\rd"}},
		{"a backslash without a backslash before the digest", "x", sha1A + `  a\nb` + "\n", []string{`1 sha1 a\nb`}},
		{"names that begin with a space or star", "x", sha1A + "   a\n" + sha1A + " **\n",
			[]string{"1 sha1  a", "2 sha1 *"}},
		{"trailing blanks are part of the name", "x", sha1A + "  a \t\n", []string{"1 sha1 a \t"}},
		{"names that are not UTF-8", "x", sha1A + "  \xff\xfe\n", []string{"1 sha1 \xff\xfe"}},
		{"one space or TAB", "x", sha1A + " a\n" + sha1A + "\tb\n" + sha1A + "  c\n",
			[]string{"1 sha1 a", "2 sha1 b", "3 sha1  c"}},
		{"blanks before the digest", "x", " \t" + sha1A + "  a\n", []string{"1 sha1 a"}},
		{"the length selects the algorithm", "x", sha1A + "  a\n" + md5A + "  b\n", []string{"1 sha1 a", "2 md5 b"}},
		{"the manifest's name selects the algorithm", "MD5SUMS", sha1A + "  a\n" + md5A + "  b\n", []string{
			"1! expected 32 hex digits for md5, found 40", "2 md5 b"}},
		{"the separator must not change", "x", sha1A + "  a\n" + sha1A + " b\n", []string{
			"1 sha1 a", "2! expected two characters before the file name, as in earlier lines, found one"}},
		{"empty", "x", "", []string{}},
		{"garbage", "x", "hello\nhello world\n" + sha1A + "\n" + sha1A + " \n" + sha1A + "  \n", []string{
			"1! expected a digest and a file name",
			"2! expected a hex digest at the beginning of the line",
			"3! expected a digest and a file name",
			"4! no file name after the digest",
			"5! no file name after the digest"}},
		{"digests of wrong length", "x", sha1A[1:] + "  a\n" + sha1A[2:] + "  a\n" + strings.Repeat(sha1A, 9) + "  a\n", []string{
			"1! no known algorithm has digests of 39 hex digits",
			"2! no known algorithm has digests of 38 hex digits",
			"3! expected a hex digest at the beginning of the line"}},
		{"bad escapes", "x", `\` + sha1A + `  a\x` + "\n" + `\` + sha1A + `  a\` + "\n", []string{
			`1! unknown escape \x in the file name, expected \\, \n or \r`, "2! incomplete escape at the end of the file name"}},
		{"NUL", "x", sha1A + "  a\x00b\n" + sha1A + "  c\n", []string{"1! contains a NUL byte", "2 sha1 c"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := readAll(t, tt.fileName, tt.text)
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestLongLines(t *testing.T) {
	name := strings.Repeat("n", manifest.MaxLine-len(sha1A)-3)
	got := readAll(t, "x", sha1A+"  "+name+"\n"+sha1A+"  b\n")
	if len(got) != 2 || got[0] != "1 sha1 "+name || got[1] != "2 sha1 b" {
		t.Errorf("a line of the greatest length was not read: %d entries", len(got))
	}
	// A line without an end must be neither read on nor kept in memory.
	endless := io.MultiReader(strings.NewReader(sha1A+"  a\n"), iotest.OneByteReader(zeros{}))
	reading, err := manifest.Read(endless, manifest.Options{FileName: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = reading.Next(); err != nil {
		t.Fatal(err)
	}
	_, err = reading.Next()
	var bad *manifest.LineError
	if !errors.As(err, &bad) || !bad.Fatal || bad.Line != 2 || !strings.HasPrefix(bad.Cause, "line too long") {
		t.Errorf("got %v, want a fatal error on line 2", err)
	}
	if len(bad.Text) > 200 {
		t.Errorf("the error keeps %d bytes of the line", len(bad.Text))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestReadErrorsAreReturned(t *testing.T) {
	broken := errors.New("disk on fire")
	if _, err := manifest.Read(iotest.ErrReader(broken), manifest.Options{FileName: "x"}); !errors.Is(err, broken) {
		t.Errorf("at the beginning: got %v", err)
	}
	long := strings.Repeat(sha1A+"  a\n", 10_000)
	reading, err := manifest.Read(io.MultiReader(strings.NewReader(long), iotest.ErrReader(broken)), manifest.Options{FileName: "x"})
	for err == nil {
		_, err = reading.Next()
	}
	if !errors.Is(err, broken) {
		t.Errorf("in the middle: got %v", err)
	}
}

func ExampleFormat_write() {
	sum, _ := hex.DecodeString(sha1A)
	e := manifest.Entry{Name: "two\nlines", Algorithm: digest.ByName("sha1"), Digest: sum}
	line, _ := manifest.GNU.Write.File(nil, []manifest.Entry{e})
	fmt.Printf("%s", line)
	// Output: \86f7e437faa5a7fce15d1ddcb9eaeaea377667b8  two\nlines
}
