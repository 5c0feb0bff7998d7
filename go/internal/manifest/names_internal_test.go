package manifest

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"checksig/internal/digest"
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

var update = flag.Bool("update", false, "write docs/reference/names.md instead of comparing it")

// The reference is what the rules say; python3 tools/dev.py reference writes it.
func TestNamesAreDocumented(t *testing.T) {
	const path = "../../../docs/reference/names.md"
	page := namesPage()
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(string(written), "\r\n", "\n") != page {
		t.Error("docs/reference/names.md is not what the rules say; run python3 tools/dev.py reference")
	}
}

// namesPage returns the page of the reference about the names of manifests.
func namesPage() string {
	var b strings.Builder
	code := func(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }
	items := func(kind NameKind) {
		b.WriteString("\n")
		for i := range nameRules {
			if nameRules[i].kind == kind {
				b.WriteString("- " + nameRules[i].doc + "\n")
			}
		}
	}
	fmt.Fprintf(&b, `# Names that are searched for

<!-- Generated from go/internal/manifest/names.go by python3 tools/dev.py reference. Do not edit. -->

In a folder, checksig uses the files with the names below as manifests. A manifest of any other name can be verified by
its path.

%sALGORITHM%s stands for any [spelling](#spellings-of-algorithms) of any [algorithm](algorithms.md). Upper and lower case
are the same unless noted. A name may be followed by the ending of a [compressed](formats.md#compression) file: %s.

## Names of manifests

A file with such a name is a manifest, whatever it contains. If it cannot be understood, the result is not OK.
`, "`", "`", code(compressionSuffixes))
	items(Certain)
	fmt.Fprintf(&b, `
## Names that other files have too

A file with such a name is opened, and used as a manifest only if its first 64 KiB begin as those of one: a known
format, and a digest of at least 128 bits unless the name has the algorithm. Any other such file is passed over; if it
contains anything like a digest, a note says that it could not be understood.
`)
	items(Candidate)
	fmt.Fprintf(&b, `- each name of both lists followed by %s: a clear-signed manifest has such
  a name, and so has a detached signature
- each name of both lists after %s, which macOS puts in front of the names of files of its own

## If there is none

If there is no manifest in a folder, the error names a file that looks like one: %s"SUMS" looks like one: checksig
"disc/SUMS"%s. If all that looks like one cannot be understood, that is an error too, not only a note. A file that is
given by its path is read whatever its name is; it is refused if it is binary, or text without anything like a digest.

## Spellings of algorithms

A %s-%s stands for itself, %s_%s or nothing. %sN%s is a length in bits, which may be left out.

| algorithm | spellings |
|---|---|
`, code(SignatureSuffixes), "`"+appleDouble+"`", "`", "`", "`", "`", "`", "`", "`", "`")
	for _, a := range digest.Table {
		words := append([]string{a.Name}, a.Spellings...)
		slices.Sort(words)
		for i := range words {
			if a.Variable() {
				words[i] += "-N"
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", a.Name, code(slices.Compact(words)))
	}
	b.WriteString(`
## Patterns

These are the regular expressions (RE2) of the lists above, in their order. They match whole names, in lower case unless
marked (cased). ALGORITHM is a spelling of an algorithm; PREFIX is nothing, or anything that ends in "_", "." or "-".
Names of a pattern that is marked (plain) have no extension, ".txt", or one that begins with a digit.

<!-- not run: these are patterns -->
` + "```text\n")
	for i := range nameRules {
		rule := &nameRules[i]
		mark := ""
		if rule.cased {
			mark = " (cased)"
		}
		if rule.plain {
			mark = " (plain)"
		}
		fmt.Fprintf(&b, "%s%s\n", rule.pattern, mark)
	}
	b.WriteString("```\n")
	return b.String()
}

// Each name that the reference shows as an example has the kind of its rule.
func TestDocumentedNamesFit(t *testing.T) {
	tried := 0
	for i := range nameRules {
		examples := nameRules[i].doc[strings.LastIndex(nameRules[i].doc, ": ")+1:]
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(examples, -1) {
			name := strings.NewReplacer("ALGORITHM", "sha512", "*", "tool", "DIGEST-", strings.Repeat("ab", 32)+"-", ":DIGEST", ":"+strings.Repeat("ab", 32)).Replace(m[1])
			if name[0] == '.' && Classify(name) != nameRules[i].kind {
				name = "MD5" + name // an ending
			}
			if got := Classify(name); got != nameRules[i].kind {
				t.Errorf("%q: kind %d, want %d", name, got, nameRules[i].kind)
			}
			tried++
		}
	}
	if tried < 60 {
		t.Errorf("only %d examples", tried)
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
