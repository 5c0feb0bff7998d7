package manifest

import (
	"os"
	"strings"
	"testing"
)

// Classify agrees with the patterns for all names of up to four parts, although it decides most of them
// without these.
func TestClassifyAgreesWithThePatterns(t *testing.T) {
	parts := []string{"", "a", "sha256", "MD5", "b2", "sum", "SUMS", "checksum", "manifest-", "hashes", "tag", ".", "txt", "-", "_", "sfv", "release"}
	found := 0
	for i := range len(parts) * len(parts) * len(parts) * len(parts) {
		name := ""
		for ; i > 0; i /= len(parts) {
			name += parts[i%len(parts)]
		}
		if strings.HasPrefix(name, appleDouble) {
			continue // another rule
		}
		want := classify(name)
		if got := Classify(name); got != want {
			t.Errorf("Classify(%q) = %d, want %d", name, got, want)
		}
		if want != NoName {
			found++
		}
	}
	for _, name := range []string{"SHA1SUMS", "SHA512SUMS", "SHA256SUMS", "MD5SUMS"} {
		if classify(name) != Certain {
			t.Errorf("the patterns do not match %q", name)
		}
	}
	if found < 1000 {
		t.Errorf("only %d names of manifests were tried", found)
	}
}

// The reference lists the names that the code knows, in its order and its words.
func TestNamesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Usual names\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var listed []string
	for line := range strings.Lines(section) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "- "):
			listed = append(listed, line[2:])
		case strings.HasPrefix(line, "  ") && len(listed) > 0:
			listed[len(listed)-1] += " " + strings.TrimSpace(line)
		}
	}
	for i := range max(len(listed), len(nameRules)) {
		switch {
		case i >= len(listed):
			t.Errorf("not documented: %s", nameRules[i].doc)
		case i >= len(nameRules):
			t.Errorf("documented, but unknown: %s", listed[i])
		case listed[i] != nameRules[i].doc:
			t.Errorf("documented as\n\t%s\nwant\n\t%s", listed[i], nameRules[i].doc)
		}
	}
}

// Rules that are certain come first, so that a name that fits several is certain if one says so.
func TestCertainRulesComeFirst(t *testing.T) {
	for i := 1; i < len(nameRules); i++ {
		if nameRules[i].kind > nameRules[i-1].kind {
			t.Errorf("the certain rule %q comes after a candidate", nameRules[i].pattern)
		}
	}
}

// The names in testdata/names are those of files that publishers release; a name that is missed, or taken
// for a manifest's, belongs there.
func TestNamesOfPublishedFiles(t *testing.T) {
	for file, want := range map[string]NameKind{"certain": Certain, "candidate": Candidate, "none": NoName} {
		content, err := os.ReadFile("testdata/names/" + file + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		names := 0
		for name := range strings.Lines(string(content)) {
			if name = strings.TrimSuffix(name, "\n"); name == "" || name[0] == '#' {
				continue
			}
			names++
			if got := Classify(name); got != want {
				t.Errorf("%s: kind %d, want %d (%s)", name, got, want, file)
			}
		}
		if names < 150 {
			t.Errorf("only %d names in %s", names, file)
		}
	}
	for _, name := range []string{"", ".", "..", "a\x00.sha256", strings.Repeat("a", 300) + ".sha256"} {
		if got := Classify(name); got != NoName {
			t.Errorf("%q: kind %d", name, got)
		}
	}
	for _, name := range []string{"SUMS", "sha256sum.text", "checksum.dat", "sums.txt"} {
		if !IsNearName(name) {
			t.Errorf("%q does not resemble the name of a manifest", name)
		}
	}
	for _, name := range []string{"SHA256SUMS", "hashes.txt", "photo.jpg", "README.md"} {
		if IsNearName(name) {
			t.Errorf("%q is near", name)
		}
	}
}
