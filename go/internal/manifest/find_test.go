package manifest_test

import (
	"errors"
	"strings"
	"testing"

	"checksig/internal/manifest"
)

func TestFormatNamed(t *testing.T) {
	for _, want := range manifest.Formats {
		t.Run(want.Name, func(t *testing.T) {
			if got, err := manifest.FormatNamed(want.Name); got != want || err != nil {
				t.Errorf("FormatNamed = %v, %v", got, err)
			}
		})
	}
}

func TestFormatNamedNamesTheKnownFormats(t *testing.T) {
	f, err := manifest.FormatNamed("zip")
	var unknown *manifest.UnknownFormatError
	if f != nil || !errors.As(err, &unknown) || unknown.Name != "zip" || len(unknown.Known) != len(manifest.Formats) {
		t.Fatalf("FormatNamed = %v, %#v", f, err)
	}
	if want := `unknown format "zip"; known: ` + strings.Join(unknown.Known, ", "); err.Error() != want {
		t.Errorf("text %q, want %q", err, want)
	}
}

func TestFormatNamedSuggestsACloseName(t *testing.T) {
	for name, want := range map[string]string{
		"GNU":       `"gnu"`,
		"bds":       `"bsd"`,
		"hashdep":   `"hashdeep"`,
		"namefirst": `"name-first"`,
		"zip":       "",
		"gn":        "",
		"":          "",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := manifest.FormatNamed(name)
			if err == nil {
				t.Fatal("the name is known")
			}
			_, after, _ := strings.Cut(err.Error(), "; did you mean ")
			got, known, found := strings.Cut(after, "? known: ")
			if got != want || found && !strings.HasPrefix(known, manifest.Formats[0].Name+", ") {
				t.Errorf("got %q, which suggests %s, want %s", err, got, want)
			}
		})
	}
}

// Callers react to a file without a digest by the code, whatever the text is.
func TestLineCodes(t *testing.T) {
	text := "a,sha256=" + url64 + ",1\nb,,\nc,sha256=x,1\n"
	reading, err := manifest.Read(strings.NewReader(text), manifest.Options{FileName: "RECORD"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reading.Next(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []manifest.LineCode{manifest.NoDigest, manifest.NoCode} {
		_, err := reading.Next()
		var bad *manifest.LineError
		if !errors.As(err, &bad) || bad.Code != want {
			t.Errorf("got %#v, want the code %d", err, want)
		}
	}
}
