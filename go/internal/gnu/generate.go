package gnu

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
)

// generate prints a line for each file. named is set if the names are operands.
func (p *program) generate(o *options, names []string, named bool) bool {
	ok := true
	announce := o.debug && strings.HasPrefix(o.algorithm.name, "crc")
	for t := range p.inOrder(tasksOf(o, names), len(names) > 1) {
		if announce && !isOpenError(t.err) {
			p.complain("using " + o.algorithm.support() + " hardware support")
			announce = false
		}
		if t.err != nil {
			p.complainOf(t.name, t.err)
			ok = false
			continue
		}
		if !p.out.add(func(dst []byte) []byte { return o.line(dst, t, named) }) {
			return false
		}
	}
	return ok
}

func isOpenError(err error) bool {
	var at *fs.PathError
	return errors.As(err, &at) && at.Op == "open"
}

func tasksOf(o *options, names []string) iter.Seq[*task] {
	return func(yield func(*task) bool) {
		for _, name := range names {
			if !yield(&task{name: name, algorithm: o.algorithm, bits: o.bits}) {
				return
			}
		}
	}
}

// line appends the line of output for t.
func (o *options) line(dst []byte, t *task, named bool) []byte {
	switch {
	case o.raw:
		return append(dst, t.sum...)
	case o.algorithm.sum != nil:
		dst = o.algorithm.print(dst, number(t.sum), t.size)
		if named {
			dst = append(dst, ' ')
			dst = append(dst, t.name...)
		}
	default:
		dst = o.digestLine(dst, t)
	}
	if o.zero {
		return append(dst, 0)
	}
	return append(dst, '\n')
}

func (o *options) digestLine(dst []byte, t *task) []byte {
	name := t.name
	if !o.zero && strings.ContainsAny(name, "\\\n\r") {
		dst = append(dst, '\\')
		name = escapeName(name)
	}
	if o.tag {
		dst = append(dst, o.algorithm.tagFor(t.bits)...)
		dst = append(append(append(dst, " ("...), name...), ") = "...)
		return o.appendDigest(dst, t.sum)
	}
	dst = append(o.appendDigest(dst, t.sum), ' ')
	if o.binary == 1 {
		dst = append(dst, '*')
	} else {
		dst = append(dst, ' ')
	}
	return append(dst, name...)
}

// tagFor returns the tag of a digest of that length.
func (a *algorithm) tagFor(bits int) string {
	switch {
	case a.name == "sha2":
		return fmt.Sprintf("SHA%d", bits)
	case a.lengths != nil, a.anyLength && bits != a.bits:
		return fmt.Sprintf("%s-%d", a.tag, bits)
	}
	return a.tag
}

func (o *options) appendDigest(dst, sum []byte) []byte {
	if o.base64 {
		return base64.StdEncoding.AppendEncode(dst, sum)
	}
	return hex.AppendEncode(dst, sum)
}

var escaper = strings.NewReplacer("\\", `\\`, "\n", `\n`, "\r", `\r`)

func escapeName(name string) string { return escaper.Replace(name) }

// number converts a checksum of 16 or 32 bits.
func number(sum []byte) uint32 {
	if len(sum) == 2 {
		return uint32(binary.BigEndian.Uint16(sum))
	}
	return binary.BigEndian.Uint32(sum)
}
