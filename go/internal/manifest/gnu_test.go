package manifest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

var (
	gnuLine    = regexp.MustCompile(`(?s)^[ \t]*(\\?)([^ \t]+)[ \t](.+)$`)
	gnuPlainly = regexp.MustCompile(`^(?:[0-9a-fA-F]{64}|[0-9a-zA-Z+/]{43}=)$`)
	gnuPrefix  = regexp.MustCompile(`(?s)^(?:([^:]+):|([^:]+)-|((?i)XXH3)_)([0-9a-zA-Z+/=]+)$`)
	gnuFSUM    = regexp.MustCompile(`(?s)^\?([^*]+)\*(.+)$`)
	gnuRemark  = regexp.MustCompile(`^(?:;|//)`)
	gnuHeading = regexp.MustCompile(`(?i)^[#; \t]*(?:(?:hash|algorithm):[ \t]+)?([^ \t:]+):?(?:[ \t]+(?:hash|hashes|sums?|checksums?|digests?):?)?[ \t]*$`)
	gnuOther   = regexp.MustCompile(`^(?:md|sha|ripemd|rmd|whirlpool|tiger|tth|ed2k|aich|gost|has|snefru|edon|btih|crc|xxh|blake|keccak|shake|adler|` +
		`fletcher|streebog|stribog|skein|kangaroo|k12)`)
	gnuTagged  = regexp.MustCompile(`(?s)^[ \t]*(\\?)([^ \t,|(]+) *\((.+)\)[ \t]*=[ \t]*([0-9a-zA-Z+/=]+)$`)
	gnuEscaped = regexp.MustCompile(`(?s)^(?:[^\\]|\\[\\nr])*$`)
	gnuPlain   = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r")
)

// readByPattern is a second implementation of GNU for SHA-256, by regular expressions. It returns
// "line digest name" for an entry and "line" for a bad line.
func readByPattern(text string) []string {
	got := []string{}
	two, one := false, false // whether entries had two characters or one before the name
	for i, line := range strings.SplitAfter(text, "\n") {
		n := strconv.Itoa(i + 1)
		if len(line) > manifest.MaxLine || len(line) == manifest.MaxLine && !strings.HasSuffix(line, "\n") {
			return append(got, n)
		}
		if i == 0 {
			line = strings.TrimPrefix(line, "\xef\xbb\xbf")
		}
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		tag := gnuTagged.FindStringSubmatch(line)
		match := gnuLine.FindStringSubmatch(line)
		digits := ""
		if match != nil {
			digits = hexOfWord(match[2])
			if fsum := gnuFSUM.FindStringSubmatch(match[3]); fsum != nil && match[1] == "" && isTag(fsum[1]) && !strings.Contains(line, "\x00") {
				if sum := hexOf(fsum[1], match[2]); sum != "" {
					got = append(got, n+" "+sum+" "+fsum[2])
				} else {
					got = append(got, n)
				}
				continue
			}
			if digits == "" {
				match = nil
			}
		}
		switch {
		case strings.Contains(line, "\x00"):
			got = append(got, n)
		case line == "" || line[0] == '#':
		case match == nil && tag != nil && tag[1] == "" && hexOf(tag[2], tag[4]) != "":
			got = append(got, n+" "+hexOf(tag[2], tag[4])+" "+tag[3])
		case match == nil && tag != nil && gnuEscaped.MatchString(tag[3]) && hexOf(tag[2], tag[4]) != "":
			got = append(got, n+" "+hexOf(tag[2], tag[4])+" "+gnuPlain.Replace(tag[3]))
		case match == nil && gnuRemark.MatchString(line) && !manifest.LooksLikeDigest([]byte(line)):
		case match == nil || match[3] == " ":
			got = append(got, n)
		default:
			escaped, sum, name := match[1] != "", digits, match[3]
			marked := len(name) > 1 && (name[0] == ' ' || name[0] == '*')
			if two && !marked {
				got = append(got, n)
				continue
			}
			two, one = two || !one && marked, one || !two && !marked
			if two {
				name = name[1:]
			}
			if escaped && !gnuEscaped.MatchString(name) {
				got = append(got, n)
				continue
			}
			if escaped {
				name = gnuPlain.Replace(name)
			}
			got = append(got, n+" "+sum+" "+name)
		}
	}
	return got
}

// hasHeading reports whether a line may be a heading, which readByPattern does not know.
func hasHeading(text string) bool {
	for line := range strings.Lines(text) {
		heading := gnuHeading.FindStringSubmatch(strings.TrimRight(strings.TrimPrefix(line, "\xef\xbb\xbf"), "\r\n"))
		if heading != nil && (isTag(heading[1]) || strings.HasSuffix(strings.TrimRight(line, "\r\n"), " HASH")) {
			return true
		}
	}
	return false
}

// isTag reports whether text may be the tag of a known or an unknown algorithm.
func isTag(text string) bool {
	text = strings.NewReplacer("-", "", "_", "", "/", "").Replace(strings.ToLower(text))
	return digest.ByTag(text) != nil || gnuOther.MatchString(text) || digest.ByTag(strings.TrimSuffix(strings.TrimSuffix(text, "s"), "sum")) != nil
}

// hexOfWord returns the digest at the beginning of a line in hex, "" if it is none.
func hexOfWord(word string) string {
	if gnuPlainly.MatchString(word) {
		return hexOf("sha256", word)
	}
	if p := gnuPrefix.FindStringSubmatch(word); p != nil {
		return hexOf(p[1]+p[2]+p[3], p[4])
	}
	return ""
}

// hexOf returns a digest with that tag in hex, "" if it is not one or weaker than the manifest's name says.
func hexOf(tag, text string) string {
	a := digest.ByTag(tag)
	if a == nil || !a.AtLeast(digest.ByName("sha256")) {
		return ""
	}
	if sum, err := hex.DecodeString(text); err == nil && len(sum) == a.Size {
		return hex.EncodeToString(sum)
	}
	if sum, err := base64.StdEncoding.DecodeString(text); err == nil && len(sum) == a.Size &&
		base64.StdEncoding.EncodeToString(sum) == text {
		return hex.EncodeToString(sum)
	}
	return ""
}

func FuzzGNUAgainstItsDescription(f *testing.F) {
	sum := strings.Repeat("0aF3", 16)
	for _, text := range []string{
		sum + "  a\n" + sum + " *b\r\n\\" + sum + `  c\\d\ne` + "\n",
		"\xef\xbb\xbf# c\n\n" + sum + " a\n" + sum + "  b\n" + sum + "\t*c",
		" \t" + sum + "  a\n" + sum + " b\n\\" + sum + "  c\\",
		"SHA256 (a) = " + sum + "\n\\MD5(a\\nb)= " + sum[:32] + "\nSHA-1 (a) =" + sum[:40] + "\nSHA3 (a) = " + sum,
		"SHA256 (a) = RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=\nRBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o= *a\n",
		"00000000000000000\r00000000000000000000000000= 0", // package base64 decodes this to 32 bytes
		"sha256:" + sum + "  a\nsha512-" + sum + " b\nsha256-RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o= *c\nsha3-256:" + sum + "  d\nXXH3_" + sum[:16] + "  e",
		sum + " ?SHA256*a\n" + sum + " ?MD5*a\n" + sum + "  ?SHA256*a\n" + sum + " ?x*a\n; x\n// x\n; " + sum + "  a\nSHA256   (a) = " + sum,
		sum + "  \n" + sum + " \n" + sum + "\n" + sum + "  a\x00b\n" + sum + "  \xff\r\r\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(checkByPattern)
}

// The longest lines are not seeds of the fuzz test, because they slow it down.
func TestGNUAgainstItsDescription(t *testing.T) {
	longest := strings.Repeat("0", 64) + "  " + strings.Repeat("n", manifest.MaxLine-66)
	for _, text := range []string{longest, longest[1:], longest[1:] + "\n", longest[2:] + "\n", longest + "\n"} {
		checkByPattern(t, []byte("#\n"+text))
		checkByPattern(t, []byte(text))
		checkByPattern(t, []byte("0"+text[1:]+text))
	}
}

// checkByPattern compares the two implementations.
func checkByPattern(t *testing.T, text []byte) {
	t.Helper()
	reading, err := manifest.Read(bytes.NewReader(text), manifest.Options{FileName: "SHA256SUMS", Format: manifest.GNU})
	if err != nil {
		t.Fatal(err)
	}
	if reading.Encoding != "utf-8" || reading.Wrapper != "" || hasHeading(string(text)) {
		return // readByPattern has no encodings, wrappers and headings
	}
	got := []string{}
	for {
		e, err := reading.Next()
		var bad *manifest.LineError
		if errors.Is(err, io.EOF) {
			break
		} else if errors.As(err, &bad) {
			got = append(got, strconv.FormatInt(bad.Line, 10))
			if bad.Fatal {
				break
			}
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		got = append(got, strconv.FormatInt(e.Line, 10)+" "+hex.EncodeToString(e.Digest)+" "+e.Name)
	}
	if want := readByPattern(string(text)); !slices.Equal(got, want) {
		t.Fatalf("%q is read as\n%q, by patterns as\n%q", text, got, want)
	}
}
