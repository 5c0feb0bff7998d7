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
				for windows, want := range map[bool]string{false: e.Posix, true: e.Windows} {
					if got := `"` + escape(name, windows, true) + `"`; got != want {
						t.Errorf("%q, Windows %t: %s, want %s", name, windows, got, want)
					}
					got := escape(name, windows, false)
					if !strings.ContainsAny(name, `"\`) && `"`+got+`"` != want {
						t.Errorf("the text %q, Windows %t: %s, want %s without the quotes", name, windows, got, want)
					}
					if again := escape(got, windows, false); again != got {
						t.Errorf("the text %q, Windows %t: %s, and then %s", name, windows, got, again)
					}
				}
			}
		})
	}
}

// FuzzQuote holds for any name and text: what is shown is one line of UTF-8, without control characters.
func FuzzQuote(f *testing.F) {
	f.Add("a\xff\u0085\"\\\n")
	f.Fuzz(func(t *testing.T, name string) {
		for _, windows := range []bool{false, true} {
			for _, quotes := range []bool{false, true} {
				text := escape(name, windows, quotes)
				control := func(r rune) bool { return r < ' ' || 0x7F <= r && r < 0xA0 }
				if !utf8.ValidString(text) || strings.ContainsFunc(text, control) {
					t.Fatalf("%q: %q", name, text)
				}
			}
		}
	})
}
