// Package gnu implements the checksum commands of GNU coreutils 9.12, byte for byte.
//
// The commands are md5sum, sha1sum, sha224sum, sha256sum, sha384sum, sha512sum, b2sum, cksum and sum.
// They have the same options, output, messages and exit codes. Files are read ahead in parallel, and
// the output keeps the order of the operands. docs/reference/coreutils.md lists the few differences.
//
//	gnu.Main([]string{"sha256sum", "--check", "SHA256SUMS"}, version)
//
// Sources: the manual of coreutils ("Summarizing files"), POSIX for the CRC of cksum, and tests that
// compare the output with that of coreutils.
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

// ClosedEnv is the environment variable that lists which of the descriptors 0 and 1 were closed when
// the command was called ("0", "1" or "01"). A Go program cannot find out, because its runtime opens
// them.
const ClosedEnv = "CHECKSIG_CLOSED"

// A command is one of the commands of coreutils.
type command struct {
	name      string
	algorithm *algorithm // its algorithm; for cksum the default
	short     string     // the short options, in the syntax of getopt(3)
	long      []longOption
	fixed     bool // there is no option for the algorithm
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

// commandNamed returns the command of that name, or nil.
func commandNamed(name string) *command {
	for _, c := range commands {
		if c.name == name {
			return c
		}
	}
	return nil
}

// Is reports whether there is a command of that name.
func Is(name string) bool { return commandNamed(name) != nil }

// Main runs the command args[0] with the other arguments in this process, and returns its exit code.
func Main(args []string, version string) int {
	resetSIGQUIT()
	closed := os.Getenv(ClosedEnv)
	p := &program{
		command: commandNamed(args[0]),
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
	noInput bool // standard input was closed at the start
	readIn  bool // standard input is an operand
	ended   bool // all files were read
	environ func(string) (string, bool)

	encoding sync.Once
	isUTF8   bool
}

func (p *program) run(args []string) int {
	o, operands, err := p.parse(args)
	ok := errors.Is(err, errDone) || err == nil && p.work(o, operands)
	if p.readIn && p.noInput && p.out.err == nil { // coreutils fails again when it closes it
		p.complain("standard input: " + strerror(syscall.EBADF))
		ok = false
	}
	p.ended = true
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

// complain writes a message as error(3) does: it flushes standard output, and begins with the command's
// name.
//
// A write error ends the command at the line that could not be written, before any later message. Without
// newlines, the line is not written before the message flushes it.
func (p *program) complain(message string) {
	p.out.flush()
	if p.out.err != nil && !p.out.byNUL && !p.ended {
		return
	}
	_, _ = fmt.Fprintf(p.err, "%s: %s\n", p.name, message)
}

// complainOf writes the message about err for a file.
func (p *program) complainOf(name string, err error) {
	p.complain(p.quoteName(name) + ": " + strerror(err))
}
