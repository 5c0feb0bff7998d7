package manifest_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

// FuzzRead reads any bytes in the detected or a given format. Entries are complete, line numbers only
// rise (except among the digests of one line), and an entry that any format writes is read back
// unchanged.
func FuzzRead(f *testing.F) {
	f.Add("sha1sum.txt", []byte(sha1A+"  a\n"), byte(255))
	f.Add("x", []byte("\xef\xbb\xbf\\"+sha1A+" *a\\nb\r\n# c\n\n"+md5A+"\tb"), byte(255))
	f.Add("MD5SUMS", []byte("hello\x00\n"+md5A+" \n"), byte(255))
	for i, tt := range samples {
		f.Add(tt.fileName, []byte(tt.text), byte(255))
		f.Add("x", []byte(tt.text), byte(i))
	}
	f.Fuzz(func(t *testing.T, fileName string, text []byte, choice byte) {
		if strings.ContainsAny(fileName, "\x00/") {
			return // not a file name
		}
		o := manifest.Options{FileName: fileName}
		if int(choice) < len(manifest.Formats) {
			o.Format = manifest.Formats[choice]
		}
		reading, err := manifest.Read(bytes.NewReader(text), o)
		if errors.Is(err, manifest.ErrNoManifest) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		last := manifest.Entry{}
		most := int64(bytes.Count(text, []byte("\n"))) + 2 // the end has a line number, too
		if strings.Contains(reading.Encoding, "+") {
			most = math.MaxInt64 // compressed
		}
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
			if reading.Format == manifest.OCFL {
				last.Line = 0 // its keys may be in any order
			}
			if e.Line < last.Line || e.Line > most || e.Line == last.Line && !mayRepeat(reading.Format, bad) {
				t.Fatalf("line %d after %d of %d", e.Line, last.Line, most)
			}
			last = e
			if bad != nil && bad.Fatal {
				return
			}
			if bad == nil {
				checkComplete(t, e)
				for _, format := range manifest.Formats {
					checkReadBack(t, format, e)
				}
			}
		}
	})
}

// mayRepeat reports whether a line of the format may have several entries, and, in a document, errors.
func mayRepeat(format *manifest.Format, bad *manifest.LineError) bool {
	rows := []*manifest.Format{
		manifest.Hashdeep, manifest.ENA, manifest.Columns, manifest.Gentoo, manifest.Table, manifest.Markdown, manifest.Mtree,
	}
	return format.ReadDocument != nil || bad == nil && slices.Contains(rows, format)
}

func checkComplete(t *testing.T, e manifest.Entry) {
	t.Helper()
	if e.Name == "" || strings.ContainsRune(e.Name, 0) || len(e.Digest) != e.Algorithm.Size || e.HasSize && e.Size < 0 {
		t.Fatalf("incomplete entry: %+v", e)
	}
}

// checkReadBack writes e, if the format can represent it, and reads it again.
func checkReadBack(t *testing.T, format *manifest.Format, e manifest.Entry) {
	t.Helper()
	text, ok := written(format, e)
	if !ok || len(text) > manifest.MaxLine {
		return
	}
	o := manifest.Options{FileName: e.Name, Algorithm: e.Algorithm, Format: format}
	if format == manifest.Sidecar {
		o.FileName += ".x"
		if strings.HasSuffix(o.FileName, ".txt") {
			return
		}
	}
	reading, err := manifest.Read(bytes.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	if reading.Encoding != "utf-8" || reading.Wrapper != "" {
		return // the name looks like an encoding mark or a wrapper
	}
	again, err := reading.Next()
	if err != nil || again.Name != e.Name || again.Algorithm != e.Algorithm || !bytes.Equal(again.Digest, e.Digest) ||
		again.HasSize && (!e.HasSize || again.Size != e.Size) {
		t.Fatalf("%s: %q was written as %q and read as %q, %v", format.Name, e.Name, text, again.Name, err)
	}
	if _, err = reading.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("%s: %q was written as more than one entry: %q", format.Name, e.Name, text)
	}
}

// written returns a manifest of one entry; ok is false if the format cannot represent it.
func written(format *manifest.Format, e manifest.Entry) (text []byte, ok bool) {
	w := format.Write
	if w == nil {
		return nil, false
	}
	var err error
	if w.Begin != nil {
		if text, err = w.Begin(nil, []*digest.Algorithm{e.Algorithm}); err != nil {
			return nil, false
		}
	}
	if text, err = w.File(text, []manifest.Entry{e}); err != nil {
		return nil, false
	}
	if w.End != nil {
		text = w.End(text)
	}
	return text, true
}

// FuzzUTF16 reads any text in UTF-16, of either byte order. The result is that of UTF-8.
func FuzzUTF16(f *testing.F) {
	for _, tt := range samples {
		f.Add(tt.fileName, tt.text, false)
	}
	f.Add("x", sha1A+"  \U0001f600\n", true)
	f.Fuzz(func(t *testing.T, fileName, text string, big bool) {
		if !utf8.ValidString(text) || strings.HasPrefix(text, "\ufeff") || strings.ContainsAny(fileName, "\x00/") {
			return
		}
		if len(text) > manifest.MaxLine/2 {
			return // detection looks at as many bytes in either encoding, not at as many characters
		}
		inUTF8, inUTF16 := readAll(t, fileName, text), readAll(t, fileName, inUTF16(big, text))
		if !slices.Equal(inUTF8, inUTF16) {
			t.Fatalf("in UTF-8 %q, in UTF-16 %q", inUTF8, inUTF16)
		}
	})
}
