package manifest_test

import (
	"bytes"
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
	sha1A = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8" // of "a"
	md5A  = "0cc175b9c0f1b6a831c399e269772661"
)

// readAll gives every entry as "line algorithm name" and every bad line as "line! cause".
func readAll(t testing.TB, fileName, text string) []string {
	t.Helper()
	reading, err := manifest.Read(strings.NewReader(text), manifest.Options{FileName: fileName})
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
			got = append(got, fmt.Sprintf("%d %s %s", e.Line, e.Algorithm.Name, e.Name))
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
		{"a backslash without the mark stays", "x", sha1A + `  a\nb` + "\n", []string{`1 sha1 a\nb`}},
		{"names that begin with blank or star", "x", sha1A + "   a\n" + sha1A + " **\n",
			[]string{"1 sha1  a", "2 sha1 *"}},
		{"trailing blanks belong to the name", "x", sha1A + "  a \t\n", []string{"1 sha1 a \t"}},
		{"names that are not UTF-8", "x", sha1A + "  \xff\xfe\n", []string{"1 sha1 \xff\xfe"}},
		{"one blank or TAB", "x", sha1A + " a\n" + sha1A + "\tb\n" + sha1A + "  c\n",
			[]string{"1 sha1 a", "2 sha1 b", "3 sha1  c"}},
		{"blanks before the digest", "x", " \t" + sha1A + "  a\n", []string{"1 sha1 a"}},
		{"the size decides", "x", sha1A + "  a\n" + md5A + "  b\n", []string{"1 sha1 a", "2 md5 b"}},
		{"the name decides", "MD5SUMS", sha1A + "  a\n" + md5A + "  b\n", []string{
			"1! a digest of 40 hexadecimal digits, but md5, which the manifest's name says, has 32", "2 md5 b"}},
		{"the separator may not change", "x", sha1A + "  a\n" + sha1A + " b\n", []string{
			"1 sha1 a", "2! one character before the file name where earlier lines have two"}},
		{"empty", "x", "", []string{}},
		{"garbage", "x", "hello\nhello world\n" + sha1A + "\n" + sha1A + " \n" + sha1A + "  \n", []string{
			"1! not a digest and a file name",
			"2! does not begin with a digest in hexadecimal",
			"3! not a digest and a file name",
			"4! no file name behind the digest",
			"5! no file name behind the digest"}},
		{"odd digests", "x", sha1A[1:] + "  a\n" + sha1A[2:] + "  a\n" + strings.Repeat(sha1A, 9) + "  a\n", []string{
			"1! does not begin with a digest in hexadecimal",
			"2! no known algorithm has digests of 38 hexadecimal digits",
			"3! does not begin with a digest"}},
		{"bad escapes", "x", `\` + sha1A + `  a\x` + "\n" + `\` + sha1A + `  a\` + "\n", []string{
			`1! unknown escape \x in the file name`, "2! the file name ends within an escape"}},
		{"NUL", "x", sha1A + "  a\x00b\n" + sha1A + "  c\n", []string{"1! holds a NUL byte", "2 sha1 c"}},
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
		t.Errorf("a line just within the limit was not read: %d entries", len(got))
	}
	// A line without an end must not be read to its end, nor kept.
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

func TestReadErrorsComeThrough(t *testing.T) {
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

func TestIsName(t *testing.T) {
	for _, name := range []string{"sha1sum.txt", "SHA1SUMS", "SHA256SUMS", "sha512sums.txt", "MD5SUMS", "md5sum.txt",
		"SHASUMS256.txt", "CHECKSUM", "checksums.txt", "md5checksums.txt", "tool_1.2_SHA256SUMS", "disc.iso.sha256", "a.md5"} {
		if !manifest.IsName(name) {
			t.Errorf("%q is not taken for a manifest", name)
		}
	}
	for _, name := range []string{"", ".md5", "notes.txt", "sha1sum.txt.bak", "httpd-08.log", "mysha1sums"} {
		if manifest.IsName(name) {
			t.Errorf("%q is taken for a manifest", name)
		}
	}
}

// FuzzRead holds for any bytes: no panic, entries are whole, lines only rise, and an entry that
// was read is read back the same after it was written.
func FuzzRead(f *testing.F) {
	f.Add("sha1sum.txt", []byte(sha1A+"  a\n"))
	f.Add("x", []byte("\xef\xbb\xbf\\"+sha1A+" *a\\nb\r\n# c\n\n"+md5A+"\tb"))
	f.Add("MD5SUMS", []byte("hello\x00\n"+md5A+" \n"))
	f.Fuzz(func(t *testing.T, fileName string, text []byte) {
		reading, err := manifest.Read(bytes.NewReader(text), manifest.Options{FileName: fileName})
		if err != nil {
			t.Fatal(err)
		}
		last, lines := int64(0), int64(bytes.Count(text, []byte("\n")))+1
		for {
			e, err := reading.Next()
			var bad *manifest.LineError
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.As(err, &bad):
				e.Line = bad.Line
			case err != nil:
				t.Fatal(err)
			}
			if e.Line <= last || e.Line > lines {
				t.Fatalf("line %d after %d of %d", e.Line, last, lines)
			}
			last = e.Line
			if bad != nil {
				if bad.Fatal {
					return
				}
				continue
			}
			if e.Name == "" || strings.ContainsRune(e.Name, 0) || len(e.Digest) != e.Algorithm.Size {
				t.Fatalf("not a whole entry: %+v", e)
			}
			writtenBack(t, reading.Format, e)
		}
	})
}

func writtenBack(t *testing.T, format *manifest.Format, e manifest.Entry) {
	t.Helper()
	text, err := format.Write.File(nil, []manifest.Entry{e})
	if err != nil {
		t.Fatal(err)
	}
	reading, err := manifest.Read(bytes.NewReader(text), manifest.Options{FileName: e.Algorithm.Name})
	if err != nil {
		t.Fatal(err)
	}
	again, err := reading.Next()
	if err != nil || again.Name != e.Name || again.Algorithm != e.Algorithm || !bytes.Equal(again.Digest, e.Digest) {
		t.Fatalf("%q was written as %q and read as %q, %v", e.Name, text, again.Name, err)
	}
	if _, err = reading.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("%q was written as more than one entry: %q", e.Name, text)
	}
}

func ExampleFormat_write() {
	sum, _ := hex.DecodeString(sha1A)
	e := manifest.Entry{Name: "two\nlines", Algorithm: digest.ByName("sha1"), Digest: sum}
	line, _ := manifest.GNU.Write.File(nil, []manifest.Entry{e})
	fmt.Printf("%s", line)
	// Output: \86f7e437faa5a7fce15d1ddcb9eaeaea377667b8  two\nlines
}
