// Package gnu is md5sum, sha1sum, sha224sum, sha256sum, sha384sum, sha512sum, b2sum, cksum and
// sum, as GNU coreutils 9.1 has them: the same options, output, messages and exit codes, byte for
// byte. Files are read ahead in parallel; what is printed keeps the order of the operands.
//
// Source: the manual of coreutils ("Summarizing files"), POSIX for cksum's CRC, and coreutils 9.1
// itself, asked side by side. docs/coreutils.md names the few differences.
package gnu

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
)

// The exit codes of all commands.
const (
	exitOK      = 0
	exitFailure = 1
)

// ClosedEnv names the environment variable that lists which of the descriptors 0 and 1 were closed
// when the command was called ("0", "1" or "01"): a Go runtime opens them before it can be asked.
const ClosedEnv = "CHECKSIG_CLOSED"

// A command is what one name stands for.
type command struct {
	name      string
	algorithm *algorithm // what it computes, for cksum if --algorithm names no other
	short     string     // the short options, as for getopt(3)
	long      []longOption
	fixed     bool // the algorithm cannot be chosen
	tagged    bool // lines with tags are the default
}

const (
	digestShort = "bctwz"
	lengthShort = "l:bctwz"
	cksumShort  = "a:l:bctwz"
)

var commands = []*command{
	{name: "md5sum", algorithm: algorithmNamed("md5"), short: digestShort, long: digestLong, fixed: true},
	{name: "sha1sum", algorithm: algorithmNamed("sha1"), short: digestShort, long: digestLong, fixed: true},
	{name: "sha224sum", algorithm: algorithmNamed("sha224"), short: digestShort, long: digestLong, fixed: true},
	{name: "sha256sum", algorithm: algorithmNamed("sha256"), short: digestShort, long: digestLong, fixed: true},
	{name: "sha384sum", algorithm: algorithmNamed("sha384"), short: digestShort, long: digestLong, fixed: true},
	{name: "sha512sum", algorithm: algorithmNamed("sha512"), short: digestShort, long: digestLong, fixed: true},
	{name: "b2sum", algorithm: algorithmNamed("blake2b"), short: lengthShort, long: lengthLong, fixed: true},
	{name: "cksum", algorithm: algorithmNamed("crc"), short: cksumShort, long: cksumLong, tagged: true},
	{name: "sum", algorithm: algorithmNamed("bsd"), short: "rs", long: sumLong, fixed: true},
}

// named returns the command of that name, or nil.
func named(name string) *command {
	for _, c := range commands {
		if c.name == name {
			return c
		}
	}
	return nil
}

// Is reports whether a command of that name is here.
func Is(name string) bool { return named(name) != nil }

// Main runs the command args[0] with the arguments behind it, in this process, and returns its
// exit code.
func Main(args []string, version string) int {
	plainSignals()
	closed := os.Getenv(ClosedEnv)
	p := &program{
		command: named(args[0]),
		version: version,
		in:      os.Stdin,
		out:     output{w: os.Stdout, closed: strings.Contains(closed, "1")},
		err:     os.Stderr,
		noInput: strings.Contains(closed, "0"),
		environ: os.LookupEnv,
	}
	return p.run(args[1:])
}

// A program is one run of a command.
type program struct {
	*command
	version string
	in      io.Reader
	out     output
	err     io.Writer
	noInput bool // standard input was closed
	readIn  bool // standard input was an operand
	environ func(string) (string, bool)

	encoding sync.Once
	isUTF8   bool
}

func (p *program) run(args []string) int {
	o, operands, err := p.parse(args)
	ok := errors.Is(err, errDone) || err == nil && p.work(o, operands)
	if p.readIn && p.noInput { // it cannot be closed
		p.complain("standard input: " + strerror(syscall.EBADF))
		ok = false
	}
	if problem := p.out.close(); problem != "" {
		p.complain(problem)
		ok = false
	}
	if !ok {
		return exitFailure
	}
	return exitOK
}

func (p *program) work(o *options, operands []string) bool {
	if o.raw && len(operands) > 1 {
		p.complain("the --raw option is not supported with multiple files")
		return false
	}
	named := len(operands) > 0
	if !named {
		operands = []string{"-"}
	}
	if o.check {
		return p.check(o, operands)
	}
	return p.generate(o, operands, named)
}

// complain writes a message as error(3) does: standard output first, then the command's name.
func (p *program) complain(message string) {
	p.out.flush()
	_, _ = fmt.Fprintf(p.err, "%s: %s\n", p.name, message)
}

// complainOf writes that err came about with a file.
func (p *program) complainOf(name string, err error) {
	p.complain(p.quoteName(name) + ": " + strerror(err))
}
