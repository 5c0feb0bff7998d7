package manifest

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"checksig/internal/digest"
)

// PrintMD is the output of gpg --print-md and --print-mds, as Apache and old Maven repositories publish it.
// Source: print_hashline and print_hex in g10/gpg.c of GnuPG 2.2.
//
//	<name> ": " [<tag> " = "] <groups of hex digits>
//	SP+ <more groups>
//
// The groups have two, four or eight digits, with one or two spaces between them. A long digest continues on
// lines that begin with a space. A name that is too long for this has a line of its own:
//
//	a.txt:    MD5 = 5B BF 5A 52 32 8E 74 39  AE 6E 71 9D FE 71 22 00
//	a.txt: SHA256 = 2C8B08DA 5CE60398 E1F19AF0 E5DCCC74 4DF274B8 26ABE585 EABA68C5
//	                25434806
//	a-long-name.tar.gz:
//	11F6 AD8E C52A 2984 ABAA  FD7C 3B51 6503 785C 2072
//
// Without a name, as gpg writes it for standard input, the digest is about the file that the manifest is named
// after, as in [Sidecar]. A digest that is not complete is one bad line with all its lines. Comments and
// headings are as in [GNU].
var PrintMD = &Format{Name: "print-md", Detect: detectPrintMD, Read: readPrintMD, HasText: true}

var (
	// Greedy, because a name may contain ": ".
	printMDNamed  = pattern(`^(.+): +(?:([A-Z][A-Za-z0-9/_-]*) = )?(` + hexGroups + `)[ \t]*$`)
	printMDName   = pattern(`^(.+):[ \t]*$`)
	printMDTagged = pattern(`^ *([A-Z][A-Za-z0-9/_-]*) = (` + hexGroups + `)[ \t]*$`)
	printMDGroups = pattern(`^( *)(` + hexGroup + `|` + hexGroups + `)[ \t]*$`)
)

const (
	hexGroup  = `(?:[0-9A-Fa-f]{8}|[0-9A-Fa-f]{4}|[0-9A-Fa-f]{2})`
	hexGroups = hexGroup + `(?: {1,2}` + hexGroup + `)+`
)

func detectPrintMD(head []byte, o Options) bool {
	// Without a regular expression first: other formats have to pass here.
	line := bytes.TrimRight(firstEntryLine(head), " \t")
	if !bytes.HasSuffix(line, []byte(":")) && !isHexGroup(line[bytes.LastIndexByte(line, ' ')+1:]) {
		return false
	}
	_, err := readPrintMD(&Lines{r: bufio.NewReaderSize(bytes.NewReader(head), MaxLine)}, o)()
	return err == nil
}

func readPrintMD(lines *Lines, o Options) Next {
	p := printMD{lines: lines, digests: o.untagged()}
	p.sidecar, _ = splitSidecar(o.FileName)
	var ended error
	return withEndCheck(lines, func() (Entry, error) {
		for len(p.done) == 0 {
			if ended != nil {
				return Entry{}, ended
			}
			line, n, err := lines.Next()
			var bad *LineError
			switch {
			case err == nil:
				p.take(line, n)
			case errors.As(err, &bad) && !bad.Fatal:
				p.end()
				p.done = append(p.done, printMDResult{err: bad})
			default:
				p.end()
				ended = err
			}
		}
		first := p.done[0]
		p.done = p.done[1:]
		return first.entry, first.err
	}, p.digests.truncated)
}

// printMD collects the lines of one digest.
type printMD struct {
	lines   *Lines
	digests untagged
	sidecar string          // the file that the manifest is named after
	done    []printMDResult // what [Next] returns before it reads on

	first     int64 // the number of the digest's first line; 0 if no digest has begun
	text      string
	name, tag string
	digits    []byte
	group     int  // digits in each group; 0 before the first
	uneven    bool // there are groups of other lengths
}

type printMDResult struct {
	entry Entry
	err   error
}

// take processes line n.
func (p *printMD) take(line []byte, n int64) {
	groups := printMDGroups().FindSubmatch(line)
	nameAlone := p.first > 0 && len(p.digits) == 0
	if groups != nil && p.first > 0 && (nameAlone || len(groups[1]) > 0) {
		p.add(groups[2])
		return
	}
	tagged := printMDTagged().FindSubmatch(line)
	if tagged != nil && nameAlone && p.tag == "" {
		p.tag = string(tagged[1])
		p.add(tagged[2])
		return
	}
	p.end()
	if named := printMDNamed().FindSubmatch(line); named != nil {
		p.begin(line, n, named[1], named[2], named[3])
		return
	}
	name := printMDName().FindSubmatch(line)
	switch {
	case tagged != nil:
		p.begin(line, n, nil, tagged[1], tagged[2])
	case groups != nil && len(groups[1]) == 0 && bytes.IndexByte(groups[2], ' ') > 0:
		p.begin(line, n, nil, nil, groups[2])
	case hidesDigest(line) && line[0] == '#':
		p.done = append(p.done, printMDResult{err: lineError(n, line, errHiddenDigest)})
	case isBlank(line), p.digests.heading(line), line[0] == '#', isRemark(line):
	case hasRemarkMark(line):
		p.done = append(p.done, printMDResult{err: lineError(n, line, errHiddenDigest)})
	case name != nil:
		p.begin(line, n, name[1], nil, nil)
	default:
		cause := errors.New("expected a file name and a digest in groups")
		p.done = append(p.done, printMDResult{err: p.lines.rejected(n, line, cause)})
	}
}

func (p *printMD) begin(line []byte, n int64, name, tag, groups []byte) {
	p.first, p.text, p.name, p.tag = n, excerpt(line), string(name), string(tag)
	p.digits, p.group, p.uneven = nil, 0, false
	p.add(groups)
}

// add adds groups of digits; of a digest that is too long, only as much as shows that.
func (p *printMD) add(groups []byte) {
	for group := range bytes.FieldsSeq(groups) {
		if p.group == 0 {
			p.group = len(group)
		}
		p.uneven = p.uneven || len(group) != p.group
		if len(p.digits) <= 2*digest.MaxSize {
			p.digits = append(p.digits, group...)
		}
	}
}

// end ends the digest that has begun, if one has.
func (p *printMD) end() {
	if p.first == 0 {
		return
	}
	e, err := p.entry()
	e.Line = p.first
	if err != nil {
		err = &LineError{Line: p.first, Text: p.text, Cause: err.Error()}
	}
	p.digests.awaited = false
	p.done = append(p.done, printMDResult{e, err})
	p.first = 0
}

func (p *printMD) entry() (Entry, error) {
	e := Entry{Name: p.name, Algorithm: p.digests.algorithm}
	if e.Name == "" {
		e.Name = p.sidecar
	}
	switch {
	case len(p.digits) == 0:
		return e, errors.New("no digest after the file name")
	case p.uneven:
		return e, fmt.Errorf("expected groups of %d hex digits", p.group)
	case p.tag != "":
		if e.Algorithm = digest.ByTag(p.tag); e.Algorithm == nil {
			return e, unknownAlgorithm(p.tag)
		}
	case p.digests.unknown != "":
		return e, unknownAlgorithm(p.digests.unknown)
	case e.Algorithm == nil:
		e.Assumed = true
		e.Algorithm = digest.BySize(hex.DecodedLen(len(p.digits)))
		if e.Algorithm == nil || e.Algorithm.Size < md5.Size { // gpg has none
			return e, fmt.Errorf("no known algorithm has digests of %d hex digits", len(p.digits))
		}
	}
	if e.Name == "" {
		return e, errors.New("no file name, and the manifest is not named after a file, as in name.sha256")
	}
	if len(p.digits) != hex.EncodedLen(e.Algorithm.Size) {
		return e, wrongDigest(e.Algorithm, p.digits)
	}
	var err error
	e.Digest, err = hex.DecodeString(string(p.digits))
	return e, err
}
