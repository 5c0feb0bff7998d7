package manifest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// values reads a document, and returns the strings and keys in it; whole numbers as they are.
func values(text string) (string, error) {
	c := &jsonCursor{text: text}
	var out strings.Builder
	var value func() error
	value = func() error {
		switch b := c.peek(); {
		case b == '{':
			return c.object(func(key string) error {
				fmt.Fprintf(&out, "%s@%d ", key, c.lineNumber())
				return value()
			})
		case b == '[':
			return c.array(value)
		case b == '"':
			s, err := c.string()
			out.WriteString(s + " ")
			return err
		case '0' <= b && b <= '9':
			n, err := c.number()
			fmt.Fprint(&out, n, " ")
			return err
		}
		return c.skip()
	}
	err := value()
	if err == nil {
		err = c.end()
	}
	return out.String(), err
}

func TestJSONCursor(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": ["b", {"c": 12}], "d": null}`:     "a@1 b c@1 12 d@1 ",
		"{\n\"a\":\n\"b\\n\",\r\n\"c\": true}\n": "a@2 b\n c@4 ",
		`"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"`:   "é😀\"\\/\b\f\n\r\t ",
		`[]`:                                     "",
		`[-1.5e+3, false]`:                       "",
		`{"a": 1, "\u0061": 2}`:                  `error: the key "a" is there twice`,
		`{"a": 1`:                                "error: truncated: the JSON document has no end",
		`{"a"`:                                   "error: truncated: the JSON document has no end",
		`["a`:                                    "error: truncated: the JSON document has no end",
		`["\`:                                    "error: truncated: the JSON document has no end",
		``:                                       "error: truncated: the JSON document has no end",
		`[1,]`:                                   `error: invalid JSON: expected a value, found ']'`,
		`{"a": 1,}`:                              `error: invalid JSON: expected a key, found '}'`,
		`{a: 1}`:                                 `error: invalid JSON: expected a key, found 'a'`,
		`[1 2]`:                                  `error: invalid JSON: expected a comma or ']', found '2'`,
		`[01]`:                                   `error: invalid JSON: expected a value, found '0'`,
		`[NaN]`:                                  `error: invalid JSON: expected a value, found 'N'`,
		`{} {}`:                                  "error: invalid JSON: the document goes on after its end",
		"{}\x00":                                 "error: invalid JSON: the document goes on after its end",
		`"\ud83d"`:                               "error: invalid JSON: half of a character in a string",
		`"\ude00\ud83d"`:                         "error: invalid JSON: half of a character in a string",
		`"\x41"`:                                 "error: invalid JSON: an unknown escape in a string",
		`"\u+123"`:                               "error: invalid JSON: an unknown escape in a string",
		"\"a\nb\"":                               "error: invalid JSON: a control character in a string",
		"\"\xff\"":                               "error: invalid JSON: a string that is not UTF-8",
		"\"\\n\xff\"":                            "error: invalid JSON: a string that is not UTF-8",
		`[9223372036854775808]`:                  `error: expected a whole number, found "9223372036854775808"`,
		`[1.0]`:                                  `error: expected a whole number, found "1.0"`,
		strings.Repeat("[", 65):                  "error: nested more than 64 levels deep",
	} {
		got, err := values(text)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want {
			t.Errorf("%q\ngot  %q\nwant %q", text, got, want)
		}
	}
}

func TestParseStrings(t *testing.T) {
	all, err := ParseStrings(`{"a": "b", "c": 1, "d": {"a": "e"}}`)
	if err != nil || len(all) != 1 || all["a"] != "b" {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := ParseStrings(`{"a": "b", "a": "b"}`); err == nil {
		t.Error("a key may be there twice")
	}
}

func FuzzJSONCursor(f *testing.F) {
	f.Add(`{"a": ["b", {"c": 12}], "d": null}`)
	f.Add(`"\u00e9\ud83d\ude00"`)
	f.Fuzz(func(t *testing.T, text string) {
		_, errA := values(text)
		c := &jsonCursor{text: text}
		errB := c.skip()
		if errA == nil && errB != nil {
			t.Errorf("%q is valid, and cannot be skipped: %v", text, errB)
		}
	})
}

func TestDocumentInMemoryIsBounded(t *testing.T) {
	blanks := func(p []byte) (int, error) {
		for i := range p {
			p[i] = ' '
		}
		return len(p), nil
	}
	reading, err := Read(readFunc(blanks), Options{FileName: "inventory.json", Format: OCFL})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("line 1: a document of over %d bytes", MaxDocument)
	if _, err := reading.Next(); err == nil || err.Error() != want {
		t.Errorf("%v, expected %s", err, want)
	}
}

// TestHostileInventories counts what is kept of inventories that are as large as is read.
func TestHostileInventories(t *testing.T) {
	repeated := func(begin, each, end string) string {
		n := maxValues + 10
		var b strings.Builder
		b.WriteString(begin)
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, each, i)
		}
		b.WriteString(end)
		return b.String()
	}
	for _, c := range []struct{ name, text, want string }{
		{"paths", repeated(`{"manifest":{"00":[`, `"a%d"`, `]}}`), "document too large: more than 1000000 strings, arrays and objects"},
		{"digests", repeated(`{"manifest":{`, `"%x":[]`, `}}`), "document too large: more than 1000000 strings, arrays and objects"},
		{"versions", repeated(`{"versions":{`, `"v%d":{}`, `}}`), "document too large: more than 100000 versions"},
		{"empty objects", `{"x":[` + strings.Repeat("{},", 2_000_000) + `0]}`, "document too large: more than 1000000 strings, arrays and objects"},
		{"keys", repeated(`{`, `"k%d":0`, `}`), "more than 1000 problems"},
		{"wrong types", repeated(`{"versions":{`, `"v%d":0`, `}}`), "more than 1000 problems"},
		{"a long path", `{"manifest":{"00":["` + strings.Repeat("a/", MaxLine) + `"]}}`, "a path of over 65536 bytes"},
	} {
		inv, _, err := ParseInventory(c.text)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		kept := len(inv.Problems) + len(inv.Versions) + len(inv.Manifest)
		for _, d := range inv.Manifest {
			kept += len(d.Paths)
		}
		if kept > maxValues || len(inv.Problems) > MaxInventoryProblems {
			t.Errorf("%s: %d kept, %d problems", c.name, kept, len(inv.Problems))
		}
	}
}

func TestManyDescriptors(t *testing.T) {
	all, _, err := ParseImage(`{"manifests":[` + strings.Repeat("{},", maxDescriptors) + `{}]}`)
	if want := "document too large: more than 200000 descriptors"; err == nil || err.Error() != want || len(all) > maxDescriptors {
		t.Errorf("%v, want %q; %d kept", err, want, len(all))
	}
}

// TestManyBadDigests reads an inventory whose digests are all bad.
func TestManyBadDigests(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"digestAlgorithm":"sha512","manifest":{`)
	for i := range 5000 {
		fmt.Fprintf(&text, `"x%d":["a"],`, i)
	}
	text.WriteString(`"y":[]}}`)
	reading, err := Read(strings.NewReader(text.String()), Options{FileName: inventoryName, Format: OCFL})
	if err != nil {
		t.Fatal(err)
	}
	for count := 1; ; count++ {
		_, err := reading.Next()
		var bad *LineError
		if !errors.As(err, &bad) || bad.Fatal != (count == MaxInventoryProblems+1) {
			t.Fatalf("error %d: %v", count, err)
		}
		if bad.Fatal {
			return
		}
	}
}

// TestVerbatim demands that a document which a structure has read byte by byte is not decoded otherwise.
func TestVerbatim(t *testing.T) {
	text := `{"schemaVersion":2,"manifests":[]}`
	for _, marked := range []string{"\ufeff" + text, "\xff\xfe{\x00}\x00"} {
		reading, err := Read(strings.NewReader(marked), Options{FileName: "index.json", Format: OCI, Verbatim: true})
		if err != nil {
			t.Fatal(err)
		}
		var bad *LineError
		if _, err := reading.Next(); !errors.As(err, &bad) || !bad.Fatal {
			t.Errorf("%.6q: %v", marked, err)
		}
	}
}
