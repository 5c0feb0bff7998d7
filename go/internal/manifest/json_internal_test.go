package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// FuzzJSON reads any bytes as a JSON document: jsonReader accepts what encoding/json accepts, whether it
// skips or reads it, and returns the same strings.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-0.5e+10,true,false,null,"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"],"b":{"c":{}}}`, ` [ ] `, `"\ud800"`, `01`, `-`, `1.`, `1e`, `[1,]`, `{"a":1,}`,
		`{"a":1,"a":2}`, "\"\x00\"", "\"\xff\"", `nul`, `tru e`, `"a`, `{`, `{"a"`, `{"a":`, `[}`, `+1`, `.5`, `NaN`, "\ufeff1",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxJSONDepth || len(text) > maxJSONScalar {
			return // beyond limits that encoding/json does not have
		}
		valid := json.Valid(text)
		document := func(read func(r *jsonReader) error) error {
			r := newJSONReader(&Document{r: bytes.NewReader(text)})
			if err := read(r); err != nil {
				return err
			}
			if end, err := r.atEnd(); err != nil || !end {
				return errors.New("more text")
			}
			return nil
		}
		if err := document((*jsonReader).skip); (err == nil) != valid {
			t.Fatalf("skipped with %v, valid: %t", err, valid)
		}
		var got []string
		err := document(func(r *jsonReader) error { return readStrings(r, &got) })
		if err == nil && !valid {
			t.Fatal("what is not JSON was read")
		}
		if err != nil && valid && !isValueError(err) && !strings.Contains(err.Error(), "two members") && !strings.Contains(err.Error(), "not Unicode") {
			t.Fatal(err)
		}
		if err == nil {
			want, wantErr := decodedStrings(text)
			if wantErr != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Fatalf("got %q, want %q, %v", got, want, wantErr)
			}
		}
	})
}

// readStrings appends all strings and keys of a value.
func readStrings(r *jsonReader, all *[]string) error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		return r.members(func(key string) error {
			*all = append(*all, key)
			return readStrings(r, all)
		})
	case '[':
		return r.elements(func() error { return readStrings(r, all) })
	case '"':
		text, err := r.text()
		*all = append(*all, text)
		return err
	}
	_, err = r.scalar()
	return err
}

// decodedStrings returns the same by encoding/json.
func decodedStrings(text []byte) (all []string, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // of any size
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if s, ok := token.(string); ok {
			all = append(all, s)
		}
	}
}
