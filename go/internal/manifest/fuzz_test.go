package manifest_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

// FuzzRead holds for any bytes and every format, the detected one and one that is asked for: no
// panic, entries are whole, lines only rise (but for the digests of one line), and an entry that
// was read is read back the same after any format wrote it.
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
			return // no file is called so
		}
		o := manifest.Options{FileName: fileName}
		if int(choice) < len(manifest.Formats) {
			o.Format = manifest.Formats[choice]
		}
		reading, err := manifest.Read(bytes.NewReader(text), o)
		if err != nil {
			t.Fatal(err)
		}
		last := manifest.Entry{}
		most := int64(bytes.Count(text, []byte("\n"))) + 2 // the end has a number, too
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
			if e.Line < last.Line || e.Line > most || e.Line == last.Line && (bad != nil || !severalInALine(reading.Format)) {
				t.Fatalf("line %d after %d of %d", e.Line, last.Line, most)
			}
			last = e
			if bad != nil && bad.Fatal {
				return
			}
			if bad == nil {
				wholeEntry(t, e)
				for _, format := range manifest.Formats {
					writtenBack(t, format, e)
				}
			}
		}
	})
}

func severalInALine(format *manifest.Format) bool {
	return format == manifest.Hashdeep || format == manifest.ENA
}

func wholeEntry(t *testing.T, e manifest.Entry) {
	t.Helper()
	if e.Name == "" || strings.ContainsRune(e.Name, 0) || len(e.Digest) != e.Algorithm.Size || e.HasSize && e.Size < 0 {
		t.Fatalf("not a whole entry: %+v", e)
	}
}

// writtenBack writes e, if the format can, and reads it again.
func writtenBack(t *testing.T, format *manifest.Format, e manifest.Entry) {
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
		return // a name that looks like what lies below a format
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

// written is a manifest of one entry.
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

// FuzzUTF16 holds for any text: in UTF-16, of either order, it says what it says in UTF-8.
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
			return // what bounds detection is counted in UTF-8, too
		}
		narrow, wider := readAll(t, fileName, text), readAll(t, fileName, wide(big, text))
		if !slices.Equal(narrow, wider) {
			t.Fatalf("in UTF-8 %q, in UTF-16 %q", narrow, wider)
		}
	})
}
