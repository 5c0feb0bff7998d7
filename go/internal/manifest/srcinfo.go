package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"checksig/internal/digest"
)

// Srcinfo is the metadata of an Arch Linux package's sources, .SRCINFO. Sources: the ArchWiki's ".SRCINFO"; the man
// page PKGBUILD(5).
//
//	pkgbase = <name>
//		source = [<name>"::"]<URL> | <name>
//		sha256sums = <hex digest> | "SKIP"
//		source_x86_64 = …
//		sha256sums_x86_64 = …
//
// The n-th digest of an algorithm is that of the n-th source, for each architecture. The name of a source is the part
// before "::", or else the last part of the URL. Sources with SKIP are not verified: [Reading.Unverified] has "SKIP". A
// source without one of its digests, and a digest without its source, are bad lines. Other keys are skipped.
var Srcinfo = &Format{Name: "srcinfo", Detect: detectSrcinfo, Read: readSrcinfo}

var (
	srcinfoLine = pattern(`^[ \t]*([a-z][a-z0-9_]*) = ?(.*?)[ \t]*$`)
	srcinfoSums = pattern(`^([a-z0-9]+)sums(_[a-z0-9_]+)?$`)
)

func detectSrcinfo(head []byte, _ Options) bool {
	return bytes.HasPrefix(firstContentLine(head, "#"), []byte("pkgbase = "))
}

// srcinfo holds what the lines list so far.
type srcinfo struct {
	group
	sources map[string][]srcinfoSource // by the suffix of the architecture
	sums    map[string]int             // how many digests a key has so far
	order   []string                   // the keys of sums
	lines   []srcinfoDigest
}

type srcinfoSource struct {
	line int64
	text string
}

type srcinfoDigest struct {
	line   int64
	key    string
	suffix string
	at     int
	digits string
}

func readSrcinfo(lines *Lines, _ Options) Next {
	next := perGroup(func() ([]row, error) {
		s := &srcinfo{sources: map[string][]srcinfoSource{}, sums: map[string]int{}}
		for {
			line, n, err := s.next(lines)
			if err != nil {
				if errors.Is(err, io.EOF) {
					s.pair(lines)
				}
				return s.sorted(), err
			}
			if isBlank(line) || line[0] == '#' {
				continue
			}
			field := srcinfoLine().FindSubmatch(line)
			if field == nil {
				s.fail(n, line, errors.New(`expected "<key> = <value>"`))
				continue
			}
			s.read(n, string(field[1]), string(field[2]))
		}
	})
	return withEndCheck(lines, next, lines.endOfLast)
}

func (s *srcinfo) read(n int64, key, value string) {
	if suffix, is := strings.CutPrefix(key, "source"); is && (suffix == "" || suffix[0] == '_') {
		s.sources[suffix] = append(s.sources[suffix], srcinfoSource{n, value})
		return
	}
	match := srcinfoSums().FindStringSubmatch(key)
	if match == nil {
		if hasLongHex(value) && len(strings.Trim(value, "0123456789abcdefABCDEF")) == 0 && !strings.HasPrefix(key, "valid") {
			s.fail(n, []byte(value), fmt.Errorf("a digest in the field %.40q, which is not verified", key))
		}
		return
	}
	s.lines = append(s.lines, srcinfoDigest{n, key, match[2], s.sums[key], value})
	if s.sums[key]++; s.sums[key] == 1 {
		s.order = append(s.order, key)
	}
}

// pair adds the entries, once all lines are read: digests may come before their sources.
func (s *srcinfo) pair(lines *Lines) {
	for _, d := range s.lines {
		if err := s.entry(lines, d); err != nil {
			s.fail(d.line, []byte(d.digits), err)
		}
	}
	listed := map[string]bool{} // suffixes that have digests
	for _, key := range s.order {
		suffix := srcinfoSums().FindStringSubmatch(key)[2]
		listed[suffix] = true
		if all := s.sources[suffix]; s.sums[key] < len(all) {
			missing := all[s.sums[key]]
			s.fail(missing.line, []byte(missing.text), fmt.Errorf("%w among the %.40s", errNoDigest, key))
		}
	}
	for suffix, all := range s.sources {
		if !listed[suffix] {
			s.fail(all[0].line, []byte(all[0].text), errNoDigest)
		}
	}
}

func (s *srcinfo) entry(lines *Lines, d srcinfoDigest) error {
	sources := s.sources[d.suffix]
	if d.at >= len(sources) {
		return errors.New("a digest without its source")
	}
	if d.digits == "SKIP" {
		lines.ignores("SKIP")
		return nil
	}
	tag := srcinfoSums().FindStringSubmatch(d.key)[1]
	a := digest.ByTag(tag)
	switch tag {
	case "b2":
		a = digest.ByName("blake2b")
	case "ck":
		a = cksum
	}
	if a == nil {
		return unknownAlgorithm(tag)
	}
	e := Entry{Algorithm: a}
	var err error
	if a == cksum {
		e.Digest, err = parseCksum([]byte(d.digits))
	} else {
		e.Digest, err = decodeDigest(a, []byte(d.digits))
	}
	if err != nil {
		return err
	}
	e.Name, e.RawName = srcinfoName(sources[d.at].text)
	if e.Name == "" {
		return errNoName
	}
	s.add(d.line, e)
	return nil
}

// srcinfoName returns the name of a source's file, and what it was derived from if that is another text.
func srcinfoName(source string) (name, raw string) {
	if name, _, isNamed := strings.Cut(source, "::"); isNamed {
		return name, source
	}
	if !strings.Contains(source, "://") {
		return source, ""
	}
	return source[strings.LastIndexByte(source, '/')+1:], source
}
