package manifest_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"checksig/internal/manifest"
)

func TestCharsets(t *testing.T) {
	for _, tt := range []struct{ charset, text, want string }{
		{"ISO-8859-1", "J\xfcrg", "Jürg"},
		{"latin1", "J\xfcrg", "Jürg"},
		{"windows-1252", "\x80", "€"},
		{"Shift_JIS", "\x93\xfa\x96{", "日本"},
		{"EUC-JP", "\xc6\xfc\xcb\xdc", "日本"},
		{"UTF-16", "\xff\xfea\x00\xfc\x00", "aü"},
		{"utf-16be", "\x00a\x00\xfc", "aü"},
		{"UTF-16", "\x00a\xd8\x00", "error"},
		{"Shift_JIS", "ab\x81", "error"},
		{"GB18030", "a\xff", "error"},
	} {
		charset, err := manifest.CharsetNamed(tt.charset)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []io.Reader{strings.NewReader(tt.text), iotest.OneByteReader(strings.NewReader(tt.text))} {
			got, err := io.ReadAll(iotest.OneByteReader(charset.Reader(r)))
			if tt.want == "error" && err == nil || tt.want != "error" && (err != nil || string(got) != tt.want) {
				t.Errorf("%s: %q, %v, expected %q", tt.charset, got, err, tt.want)
			}
		}
	}
	for _, name := range []string{"UTF-8", "us-ascii", "ASCII"} {
		if charset, err := manifest.CharsetNamed(name); charset != nil || err != nil {
			t.Errorf("%s: %v, %v", name, charset, err)
		}
	}
	for _, name := range []string{"WTF-8", "UTF-7", "", "x\n"} {
		if _, err := manifest.CharsetNamed(name); err == nil {
			t.Errorf("%q is known", name)
		}
	}
}
