package gnu

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

const (
	md5OfNothing = "d41d8cd98f00b204e9800998ecf8427e"
	eight        = "d41d8cd98f00b204"
)

func parserFor(name string) *parser {
	c := commandNamed(name)
	return &parser{
		algorithm: c.algorithm, bits: c.algorithm.bits, chosen: c.fixed, lengths: !c.fixed || c.algorithm.anyLength,
	}
}

func TestLines(t *testing.T) {
	for _, test := range []struct {
		command, line string
		want          string // algorithm, bits and name; "" if the line is improperly formatted
	}{
		{"md5sum", md5OfNothing + "  name", "md5 128 name"},
		{"md5sum", md5OfNothing + " *name", "md5 128 name"},
		{"md5sum", md5OfNothing + " name", "md5 128 name"},
		{"md5sum", md5OfNothing + "\tname", "md5 128 name"},
		{"md5sum", " \t" + strings.ToUpper(md5OfNothing) + "   name ", "md5 128  name "},
		{"md5sum", md5OfNothing + "  *", "md5 128 *"},
		{"md5sum", md5OfNothing + " *", "md5 128 *"},
		{"md5sum", `\` + md5OfNothing + `  a\nb\rc\\d`, "md5 128 a\nb\rc\\d"},
		{"md5sum", md5OfNothing + `  a\nb`, `md5 128 a\nb`},
		{"md5sum", "MD5 (name) = " + md5OfNothing, "md5 128 name"},
		{"md5sum", "MD5(a) b)= " + md5OfNothing, "md5 128 a) b"},
		{"md5sum", "MD5 ()\t=" + md5OfNothing, "md5 128 "},
		{"md5sum", `\MD5 (\\) = ` + md5OfNothing, `md5 128 \`},
		{"md5sum", md5OfNothing + "  a\x00b", "md5 128 a"},
		{"b2sum", "d4  x", "blake2b 8 x"},
		{"b2sum", "BLAKE2b-64 (x) = " + eight, "blake2b 64 x"},
		{"b2sum", "BLAKE2b-0x40(x) = " + eight, "blake2b 64 x"},
		{"b2sum", "BLAKE2b-0100(x) = " + eight, "blake2b 64 x"},
		{"cksum", "MD5 (name) = " + md5OfNothing, "md5 128 name"},
		{"cksum", "MD5-64 (name) = " + eight, "md5 64 name"},
		{"cksum", "SM3 (name) = " + md5OfNothing + md5OfNothing, "sm3 256 name"},

		{"md5sum", "", ""},
		{"md5sum", md5OfNothing, ""},
		{"md5sum", md5OfNothing + " ", ""},
		{"md5sum", md5OfNothing + "0  name", ""},
		{"md5sum", md5OfNothing[1:] + "  name", ""},
		{"md5sum", md5OfNothing[1:] + "g  name", ""},
		{"md5sum", `\` + md5OfNothing + `  a\`, ""},
		{"md5sum", `\` + md5OfNothing + `  a\t`, ""},
		{"md5sum", `\` + md5OfNothing + "  a\x00", ""},
		{"md5sum", "MD5 (name) = " + md5OfNothing + " ", ""},
		{"md5sum", "MD5  (name) = " + md5OfNothing, ""},
		{"md5sum", "MD5 name) = " + md5OfNothing, ""},
		{"md5sum", "MD5 (name) " + md5OfNothing, ""},
		{"md5sum", "MD5", ""},
		{"md5sum", "MD5-64 (name) = " + eight, ""},
		{"md5sum", "SHA1 (name) = " + md5OfNothing + "01234567", ""},
		{"b2sum", "BLAKE2b-12 (x) = d41", ""},
		{"b2sum", "BLAKE2b-0 (x) = ", ""},
		{"b2sum", "BLAKE2b-520 (x) = " + strings.Repeat("0", 130), ""},
		{"b2sum", "d41  x", ""},
		{"cksum", "MD5\t(name) = " + md5OfNothing, ""},
		{"b2sum", "BLAKE2b- 8 (x) = d4", ""},
		{"cksum", "SHA3-128 (x) = " + md5OfNothing, ""},
		{"cksum", md5OfNothing + "  name", ""},
		{"cksum", "CRC (name) = 01234567", ""},
		{"cksum", "MD6 (name) = " + md5OfNothing, ""},
	} {
		t.Run(fmt.Sprintf("%s %.60q", test.command, test.line), func(t *testing.T) {
			e, ok := parserFor(test.command).parse([]byte(test.line))
			got := ""
			if ok {
				got = fmt.Sprintf("%s %d %s", e.algorithm.name, e.bits, e.name)
				if len(e.digest) != e.bits/8 {
					t.Errorf("%d bits, but %d bytes", e.bits, len(e.digest))
				}
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestFirstLineDecidesTheNumberOfBlanks(t *testing.T) {
	one, two := md5OfNothing+" name", md5OfNothing+"  name"
	p := parserFor("md5sum")
	for _, test := range []struct{ line, want string }{{one, "name"}, {two, " name"}} {
		if e, ok := p.parse([]byte(test.line)); !ok || e.name != test.want {
			t.Errorf("name of %q = %q, %t", test.line, e.name, ok)
		}
	}
	p = parserFor("md5sum")
	if _, ok := p.parse([]byte(two)); !ok {
		t.Errorf("%q is rejected", two)
	}
	if _, ok := p.parse([]byte(one)); ok {
		t.Errorf("%q after %q is accepted", one, two)
	}
}

// FuzzLine parses any line: entries are consistent with the line they come from.
func FuzzLine(f *testing.F) {
	for _, line := range []string{
		md5OfNothing + "  name", md5OfNothing + " *name", `\` + md5OfNothing + `  a\n`, "MD5 (name) = " + md5OfNothing,
		"BLAKE2b-64 (x) = " + eight, "SHA256-8(x)= 00", "\x00", `\\`, "MD5", "MD5-", "MD5(", "MD5()=", "SM3 (\x00) = 0",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, c := range commands {
			for _, encoded := range []bool{false, true} {
				p := parserFor(c.name)
				p.base64 = encoded
				given := bytes.Clone(line)
				e, ok := p.parse(line)
				if !bytes.Equal(line, given) {
					t.Fatalf("%s modified its line", c.name)
				}
				if !ok {
					continue
				}
				if encoded && len(e.digest) > maxBits/8 {
					continue // digits that no encoder writes
				}
				if len(e.digest) != e.bits/8 || e.bits%8 != 0 || len(e.digest) == 0 {
					t.Fatalf("%s: %q has a digest of %d bytes for %d bits", c.name, line, len(e.digest), e.bits)
				}
				if !encoded && !bytes.Contains(bytes.ToLower(line), []byte(hex.EncodeToString(e.digest))) {
					t.Fatalf("%s: %q does not contain the digest %x", c.name, line, e.digest)
				}
				if len(e.name) > len(line) || strings.Contains(e.name, "\x00") {
					t.Fatalf("%s: %q does not contain the name %q", c.name, line, e.name)
				}
				if size := e.algorithm.new(e.bits).Size(); size < len(e.digest) {
					t.Fatalf("%s: %q has a digest longer than %d bytes", c.name, line, size)
				}
			}
		}
	})
}
