package digest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"checksig/internal/digest"
)

func TestFind(t *testing.T) {
	for name, want := range map[string]string{
		"md5": "md5", "sha256": "sha256", "blake2b": "blake2b", "blake2b-256": "blake2b-256", "SHA256": "sha256",
		"sha-256": "sha256", "SHA2-256": "sha256", "sha512_256": "sha512-256", "BLAKE2b-256": "blake2b-256",
	} {
		t.Run(name, func(t *testing.T) {
			a, err := digest.Find(name)
			if err != nil || a != digest.ByName(want) {
				t.Errorf("Find = %v, %v", a, err)
			}
		})
	}
}

func TestFindNamesTheKnownAlgorithms(t *testing.T) {
	a, err := digest.Find("whirlpool")
	var unknown *digest.UnknownError
	if a != nil || !errors.As(err, &unknown) || unknown.Name != "whirlpool" || len(unknown.Known) != len(digest.Table) {
		t.Fatalf("Find = %v, %#v", a, err)
	}
	want := `unknown algorithm "whirlpool"; known: ` + strings.Join(unknown.Known, ", ")
	if err.Error() != want {
		t.Errorf("text %q, want %q", err, want)
	}
	if !strings.Contains(want, ", sha1, ") {
		t.Errorf("%q does not list sha1", want)
	}
}

func TestFindSuggestsACloseName(t *testing.T) {
	for name, want := range map[string]string{
		"sha-265":                          "sha256",
		"sha25":                            "sha256",
		"sha2566":                          "sha256",
		"sha3-265":                         "sha3-256",
		"crc23":                            "crc32",
		"blake3s":                          "", // blake3 or blake2s
		"blake2":                           "", // blake2b, blake2s or blake3
		"sha2":                             "",
		"md4":                              "",
		"":                                 "",
		"whirlpool":                        "",
		"sha256\x00\x00":                   "",
		strings.Repeat("-", 99) + "sha256": "",
	} {
		t.Run(fmt.Sprintf("%.40q", name), func(t *testing.T) {
			_, err := digest.Find(name)
			if err == nil {
				t.Fatal("the name is known")
			}
			_, after, _ := strings.Cut(err.Error(), "; did you mean ")
			got, known, found := strings.Cut(after, "? known: ")
			if want != "" {
				want = `"` + want + `"`
			}
			if got != want || found && !strings.HasPrefix(known, digest.Table[0].Name+", ") {
				t.Errorf("got %q, which suggests %s, want %s", err, got, want)
			}
		})
	}
}

func ExampleFind() {
	a, _ := digest.Find("sha256")
	h := a.New()
	h.Write([]byte("abc"))
	fmt.Printf("%s, %s: %x\n", a.Name, a.Strength, h.Sum(nil))
	// Output: sha256, strong, 128 bits: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
}
