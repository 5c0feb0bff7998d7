package printable

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// example is a name in tests/golden/quoting.json, and how Python shows it.
type example struct {
	Name           json.RawMessage // a string, or {"hex": ...} for bytes that are not UTF-8
	Text           string
	Posix, Windows string // instead of Text, where they differ
}

func (e *example) name(t *testing.T) string {
	t.Helper()
	var text string
	if json.Unmarshal(e.Name, &text) == nil {
		return text
	}
	var object struct{ Hex string }
	if err := json.Unmarshal(e.Name, &object); err != nil {
		t.Fatal(err)
	}
	data, err := hex.DecodeString(object.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestQuoteAgreesWithPython(t *testing.T) {
	data, err := os.ReadFile("../../../tests/golden/quoting.json")
	if err != nil {
		t.Fatal(err)
	}
	var groups map[string][]example
	if err := json.Unmarshal(data, &groups); err != nil {
		t.Fatal(err)
	}
	for group, examples := range groups {
		t.Run(group, func(t *testing.T) {
			for _, e := range examples {
				if e.Text != "" {
					e.Posix, e.Windows = e.Text, e.Text
				}
				name := e.name(t)
				if got := quote(name, false); got != e.Posix {
					t.Errorf("%q: %s, want %s", name, got, e.Posix)
				}
				if got := quote(name, true); got != e.Windows {
					t.Errorf("%q on Windows: %s, want %s", name, got, e.Windows)
				}
			}
		})
	}
}

// FuzzQuote holds for any name: what is shown is one line of UTF-8 in quotes, without control characters.
func FuzzQuote(f *testing.F) {
	f.Add("a\xff\u0085\"\\\n")
	f.Fuzz(func(t *testing.T, name string) {
		for _, windows := range []bool{false, true} {
			text := quote(name, windows)
			inside := text[1 : len(text)-1]
			if !utf8.ValidString(text) || text[0] != '"' || text[len(text)-1] != '"' {
				t.Fatalf("%q: %s", name, text)
			}
			if strings.ContainsFunc(inside, func(r rune) bool { return r < ' ' || 0x7F <= r && r < 0xA0 }) {
				t.Fatalf("%q: %q", name, text)
			}
		}
	})
}
