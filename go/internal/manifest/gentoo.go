package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"checksig/internal/digest"
)

// Gentoo is the list of the files of a package, or of a whole repository, of Gentoo. Sources: GLEP 74 and, for
// the older tags, GLEP 44.
//
//	("DATA" | "DIST" | "MANIFEST" | "EBUILD" | "MISC" | "AUX") SP <name> SP <size> {SP <algorithm> SP <hex digest>}
//	("IGNORE" | "OPTIONAL") SP <name>
//	"TIMESTAMP" SP <time>
//
// In a name, \xHH, \uHHHH and \UHHHHHHHH stand for a character of Unicode. The name of an AUX file is relative
// to the folder "files". A DIST file is a download; its folder is not listed, so that its name stands for a file
// next to the manifest.
//
// What IGNORE and OPTIONAL list is not verified, as the format says, and is in [Reading.Unverified]. A digest of
// an unknown algorithm is a bad line; the others in that line are entries. Empty lines are skipped.
var Gentoo = &Format{Name: "gentoo", Detect: detectGentoo, Read: readGentoo}

var (
	gentooLine = pattern(`^(?:DATA|DIST|MANIFEST|EBUILD|MISC|AUX) [^ ]+ [0-9]+(?: |$)`)
	gentooTag  = pattern(`^(?:DATA|DIST|MANIFEST|EBUILD|MISC|AUX|IGNORE|OPTIONAL|TIMESTAMP) [^ ]`)
	gentooTime = pattern(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$`)
)

func detectGentoo(head []byte, o Options) bool {
	for line := range contentLines(head, "") {
		switch {
		case gentooLine().Match(line):
			return true
		case !gentooTag().Match(line):
			return false
		case o.FileName == "Manifest":
			return true
		}
	}
	return false
}

func readGentoo(lines *Lines, _ Options) Next {
	return perRows(lines, func(line []byte) ([]Entry, error) {
		fields := words(line)
		if len(fields) == 0 {
			return nil, nil
		}
		tag := string(fields[0])
		switch tag {
		case "IGNORE", "OPTIONAL":
			if len(fields) != 2 {
				return nil, errors.New("expected a name without blanks")
			}
			lines.ignores(tag)
			return nil, nil
		case "TIMESTAMP":
			if len(fields) != 2 || !gentooTime().Match(fields[1]) {
				return nil, errors.New("expected a time, as in 2024-03-29T14:47:33Z")
			}
			return nil, nil
		case "DATA", "DIST", "MANIFEST", "EBUILD", "MISC", "AUX":
			return gentooEntries(tag, fields[1:])
		}
		return nil, fmt.Errorf("unknown tag %.40q", tag)
	})
}

// gentooEntries returns the entries of a line, and the error for what is wrong with some of them.
func gentooEntries(tag string, fields [][]byte) (entries []Entry, err error) {
	if len(fields) < 2 || len(fields)%2 != 0 {
		return nil, errors.New("expected a name, a size, and pairs of an algorithm and a digest")
	}
	name, err := unescapeGentoo(string(fields[0]))
	if err != nil {
		return nil, err
	}
	switch {
	case tag == "AUX":
		name = "files/" + name
	case tag == "DIST" && strings.Contains(name, "/"):
		return nil, errors.New("the name of a DIST file must not contain a slash")
	}
	size, err := parseSize(fields[1])
	if err != nil {
		return nil, err
	}
	if len(fields) == 2 {
		return nil, errNoDigest
	}
	for i := 2; i < len(fields); i += 2 {
		a := digest.ByTag(string(fields[i]))
		if a == nil {
			err = cmp.Or(err, unknownAlgorithm(fields[i]))
			continue
		}
		sum, wrong := decodeDigest(a, fields[i+1])
		if wrong != nil {
			err = cmp.Or(err, wrong)
			continue
		}
		entries = append(entries, Entry{Name: name, Algorithm: a, Digest: sum, HasSize: true, Size: size})
	}
	return entries, err
}

// unescapeGentoo returns the name that s stands for (GLEP 74, "Path and filename encoding").
func unescapeGentoo(s string) (string, error) {
	var name strings.Builder
	for {
		before, after, found := strings.Cut(s, `\`)
		name.WriteString(before)
		if !found {
			return name.String(), nil
		}
		digits := 0
		if after != "" {
			digits = map[byte]int{'x': 2, 'u': 4, 'U': 8}[after[0]]
		}
		if digits == 0 || len(after) <= digits {
			return "", errors.New(`unknown escape in the file name, expected \xHH, \uHHHH or \UHHHHHHHH`)
		}
		character, err := strconv.ParseUint(after[1:1+digits], 16, 32)
		if err != nil || character == 0 || character > 0x10ffff {
			return "", errors.New(`unknown escape in the file name, expected \xHH, \uHHHH or \UHHHHHHHH`)
		}
		name.WriteRune(rune(character))
		s = after[1+digits:]
	}
}
