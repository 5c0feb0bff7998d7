package gnu

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"syscall"
)

// maxLine is the longest line that is read, far longer than any path. A longer one counts as
// improperly formatted; coreutils would use memory without limit.
const maxLine = 1 << 20

// counts has the results of the lines of one manifest.
type counts struct {
	formatted   uint64 // properly formatted lines
	malformed   uint64
	unreadable  uint64
	mismatched  uint64
	anyVerified bool
}

// check verifies the files that each manifest lists.
func (p *program) check(o *options, manifests []string) bool {
	lines := &parser{
		algorithm: o.algorithm,
		chosen:    o.chosen,
		lengths:   !p.fixed || p.algorithm.anyLength,
		base64:    !p.fixed,
		bits:      o.bits,
	}
	ok := true
	for _, name := range manifests {
		ok = p.checkManifest(o, lines, name) && ok
	}
	return ok
}

func (p *program) checkManifest(o *options, lines *parser, name string) bool {
	in, displayName := p.in, name
	if name == "-" {
		displayName = "standard input"
		p.readIn = true
		if p.noInput {
			in = closedInput{}
		}
	} else {
		file, err := os.Open(name)
		if err != nil {
			p.complainOf(name, err)
			return false
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	m := manifest{lines: lines, in: in, isStdin: name == "-"}
	var c counts
	for t := range p.inOrder(m.tasks(), true) {
		p.checkTask(o, &c, displayName, t)
	}
	if m.err != nil {
		p.complain(p.quoteName(displayName) + ": read error")
		return false
	}
	return p.summarize(o, &c, displayName)
}

// closedInput is a standard input that was closed when the command started.
type closedInput struct{}

func (closedInput) Read([]byte) (int, error) { return 0, syscall.EBADF }

// checkTask prints and counts the result of one line.
func (p *program) checkTask(o *options, c *counts, manifest string, t *task) {
	if t.line != 0 {
		c.malformed++
		if o.warn {
			p.complain(fmt.Sprintf("%s: %d: improperly formatted %s checksum line",
				p.quoteName(manifest), t.line, t.algorithm.tag))
		}
		return
	}
	c.formatted++
	verdict := "OK"
	switch {
	case t.err != nil && o.ignoreMissing && errors.Is(t.err, fs.ErrNotExist):
		return
	case t.err != nil:
		p.complainOf(t.name, t.err)
		c.unreadable++
		verdict = "FAILED open or read"
	case !bytes.HasPrefix(t.sum, t.entry.digest):
		c.mismatched++
		verdict = "FAILED"
	default:
		c.anyVerified = true
	}
	if o.status || o.quiet && verdict == "OK" {
		return
	}
	p.out.add(func(dst []byte) []byte {
		return append(append(append(dst, p.quoteName(t.name)...), ": "+verdict...), '\n')
	})
}

// summarize prints the warnings about a manifest, and reports whether its verification succeeded.
func (p *program) summarize(o *options, c *counts, manifest string) bool {
	if c.formatted == 0 {
		p.complain(p.quoteName(manifest) + ": no properly formatted checksum lines found")
		return false
	}
	if !o.status {
		p.warn(c.malformed, "line is", "lines are", "improperly formatted")
		p.warn(c.unreadable, "listed file", "listed files", "could not be read")
		p.warn(c.mismatched, "computed checksum", "computed checksums", "did NOT match")
		if o.ignoreMissing && !c.anyVerified {
			p.complain(p.quoteName(manifest) + ": no file was verified")
		}
	}
	return c.anyVerified && c.mismatched == 0 && c.unreadable == 0 && (!o.strict || c.malformed == 0)
}

func (p *program) warn(n uint64, one, many, what string) {
	switch n {
	case 0:
	case 1:
		p.complain("WARNING: 1 " + one + " " + what)
	default:
		p.complain(fmt.Sprintf("WARNING: %d %s %s", n, many, what))
	}
}

// A manifest is a file of checksum lines.
type manifest struct {
	lines   *parser
	in      io.Reader
	isStdin bool
	err     error // the read error, if any; valid after the last task
}

// tasks returns a task for each line except comments and empty lines.
func (m *manifest) tasks() iter.Seq[*task] {
	return func(yield func(*task) bool) {
		in := bufio.NewReaderSize(m.in, readSize)
		for n := uint64(1); ; n++ {
			line, long, err := readLine(in)
			if err != nil && err != io.EOF {
				m.err = err
				return
			}
			if err == io.EOF && len(line) == 0 {
				return
			}
			if t := m.task(line, long, n); t != nil && !yield(t) {
				return
			}
		}
	}
}

// readLine returns the next line with its end. long is set if the line is longer than maxLine, and then
// only a part of it is returned. A last line without an end is returned before io.EOF.
func readLine(in *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(line) <= maxLine {
			line = append(line, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == io.EOF && len(line) > 0 {
			err = nil
		}
		return line, len(line) > maxLine, err
	}
}

// task returns the task for line n, nil for a comment or an empty line.
func (m *manifest) task(line []byte, long bool, n uint64) *task {
	if line[0] == '#' {
		return nil
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(line) == 0 {
		return nil
	}
	e, ok := entry{}, false
	if !long {
		e, ok = m.lines.parse(line)
	}
	if !ok || m.isStdin && e.name == "-" {
		return &task{line: n, algorithm: m.lines.algorithm}
	}
	return &task{name: e.name, algorithm: e.algorithm, bits: e.bits, entry: &e}
}
