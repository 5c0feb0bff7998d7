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
	gnuLine    = regexp.MustCompile(`(?s)^[ \t]*(\\?)([0-9a-fA-F]{64}|[0-9a-zA-Z+/]{43}=)[ \t](.+)$`)
	gnuTagged  = regexp.MustCompile(`(?s)^[ \t]*(\\?)([^ \t,|(]+) ?\((.+)\)[ \t]*=[ \t]*([0-9a-zA-Z+/=]+)$`)
	gnuEscaped = regexp.MustCompile(`(?s)^(?:[^\\]|\\[\\nr])*$`)
	gnuPlain   = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r")
)

// plainly reads a manifest of SHA-256 digests as the format is described, and as slowly: an entry
// is "line digest name", a line that is none "line".
func plainly(text string) []string {
	got := []string{}
	two, one := false, false // characters between digest and name
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
		switch match := gnuLine.FindStringSubmatch(line); {
		case strings.Contains(line, "\x00"):
			got = append(got, n)
		case line == "" || line[0] == '#':
		case match == nil && tag != nil && tag[1] == "" && plainDigest(tag[2], tag[4]) != "":
			got = append(got, n+" "+plainDigest(tag[2], tag[4])+" "+tag[3])
		case match == nil && tag != nil && gnuEscaped.MatchString(tag[3]) && plainDigest(tag[2], tag[4]) != "":
			got = append(got, n+" "+plainDigest(tag[2], tag[4])+" "+gnuPlain.Replace(tag[3]))
		case match == nil || match[3] == " " || plainDigest("sha256", match[2]) == "":
			got = append(got, n)
		default:
			escaped, sum, name := match[1] != "", plainDigest("sha256", match[2]), match[3]
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

// plainDigest returns in hexadecimal what a digest with that tag says, "" if it says nothing.
func plainDigest(tag, text string) string {
	a := digest.ByTag(tag)
	if a == nil {
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
		"00000000000000000\r00000000000000000000000000= 0", // 32 bytes to package base64
		sum + "  \n" + sum + " \n" + sum + "\n" + sum + "  a\x00b\n" + sum + "  \xff\r\r\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(asDescribed)
}

// The longest lines stand here, as they make the fuzzing slow.
func TestGNUAgainstItsDescription(t *testing.T) {
	longest := strings.Repeat("0", 64) + "  " + strings.Repeat("n", manifest.MaxLine-66)
	for _, text := range []string{longest, longest[1:], longest[1:] + "\n", longest[2:] + "\n", longest + "\n"} {
		asDescribed(t, []byte("#\n"+text))
		asDescribed(t, []byte(text))
		asDescribed(t, []byte("0"+text[1:]+text))
	}
}

func asDescribed(t *testing.T, text []byte) {
	t.Helper()
	reading, err := manifest.Read(bytes.NewReader(text), manifest.Options{FileName: "SHA256SUMS", Format: manifest.GNU})
	if err != nil {
		t.Fatal(err)
	}
	if reading.Encoding != "utf-8" || reading.Wrapper != "" {
		return // what lies below the format is not described here
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
	if want := plainly(string(text)); !slices.Equal(got, want) {
		t.Fatalf("%q is read as\n%q, by its description\n%q", text, got, want)
	}
}
