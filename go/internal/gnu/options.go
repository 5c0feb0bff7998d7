package gnu

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// An option is the letter of a short option, or a number from 256 on if there is only a long one.
type option int

const (
	optIgnoreMissing option = iota + 256
	optQuiet
	optStatus
	optStrict
	optTag
	optUntagged
	optDebug
	optBase64
	optRaw
	optHelp
	optVersion
)

// The order of the rows is that of the messages about ambiguous options.
var (
	lengthRow = longOption{name: "length", argument: true, id: 'l'}
	checkRows = []longOption{
		{name: "check", id: 'c'},
		{name: "ignore-missing", id: optIgnoreMissing},
		{name: "quiet", id: optQuiet},
		{name: "status", id: optStatus},
		{name: "warn", id: 'w'},
		{name: "strict", id: optStrict},
		{name: "tag", id: optTag},
		{name: "zero", id: 'z'},
	}
	modeRows  = []longOption{{name: "binary", id: 'b'}, {name: "text", id: 't'}}
	cksumRows = []longOption{
		{name: "algorithm", argument: true, id: 'a'},
		{name: "base64", id: optBase64},
		{name: "debug", id: optDebug},
		{name: "raw", id: optRaw},
		{name: "untagged", id: optUntagged},
	}
	helpRows = []longOption{{name: "help", id: optHelp}, {name: "version", id: optVersion}}

	digestLong = rows(checkRows, modeRows, helpRows)
	lengthLong = rows([]longOption{lengthRow}, checkRows, modeRows, helpRows)
	cksumLong  = rows([]longOption{lengthRow}, checkRows, cksumRows, modeRows, helpRows)
	sumLong    = rows([]longOption{{name: "sysv", id: 's'}}, helpRows)
)

func rows(tables ...[]longOption) []longOption {
	var all []longOption
	for _, table := range tables {
		all = append(all, table...)
	}
	return all
}

// options has the values of the options.
type options struct {
	algorithm     *algorithm
	chosen        bool   // the algorithm is given by the command or --algorithm
	bits          int    // length of the digest; 0 for the algorithm's own
	length        string // the argument of --length
	check         bool
	tag           bool
	asksTag       bool // --tag is given
	binary        int  // 1 for --binary, 0 for --text, -1 for neither
	zero          bool
	ignoreMissing bool
	quiet         bool
	status        bool
	warn          bool
	strict        bool
	debug         bool
	base64        bool
	raw           bool
}

// errDone is returned for --help and --version, which end the command with success.
var errDone = errors.New("done")

// parse returns the options and operands in args. If it returns an error, its output or message has
// already been written.
func (p *program) parse(args []string) (*options, []string, error) {
	o := &options{algorithm: p.algorithm, chosen: p.fixed, tag: p.tagged, binary: -1}
	_, posix := p.environ("POSIXLY_CORRECT")
	s := scanner{p: p, args: args, posix: posix}
	for {
		id, argument, ok, err := s.next()
		if ok && err == nil {
			err = p.set(o, id, argument)
		}
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			break
		}
	}
	p.out.byNUL = o.zero
	return o, s.operands, p.validate(o)
}

// set stores one option in o.
func (p *program) set(o *options, id option, argument string) error {
	switch id {
	case 'a':
		return p.setAlgorithm(o, argument)
	case 'l':
		return p.setLength(o, argument)
	case 'c':
		o.check = true
	case 'z':
		o.zero = true
	case 'w':
		o.warn, o.quiet, o.status = true, false, false
	case optQuiet:
		o.warn, o.quiet, o.status = false, true, false
	case optStatus:
		o.warn, o.quiet, o.status = false, false, true
	case optStrict:
		o.strict = true
	case optIgnoreMissing:
		o.ignoreMissing = true
	case 'b':
		o.binary = 1
	case 't':
		o.binary = 0
	case optTag:
		o.tag, o.asksTag = true, true
	case optUntagged:
		o.tag, o.asksTag = false, false
	case optDebug:
		o.debug = true
	case optBase64:
		o.base64 = true
	case optRaw:
		o.raw = true
	case 'r', 's': // sum
		o.algorithm = algorithmNamed(map[option]string{'r': "bsd", 's': "sysv"}[id])
	case optHelp:
		p.out.add(func(dst []byte) []byte { return append(dst, p.help()...) })
		return errDone
	case optVersion:
		p.out.add(func(dst []byte) []byte { return fmt.Appendf(dst, "%s (checksig) %s\n", p.name, p.version) })
		return errDone
	}
	return nil
}

func (p *program) setAlgorithm(o *options, name string) error {
	a := algorithmNamed(name)
	if a == nil {
		message := fmt.Sprintf("invalid argument %s for %s\nValid arguments are:", p.quote(name), p.quote("--algorithm"))
		for _, a := range algorithms {
			message += "\n  - " + p.quote(a.name)
		}
		p.complain(message)
		p.hint()
		return errUsage
	}
	o.algorithm, o.chosen = a, true
	return nil
}

func (p *program) setLength(o *options, text string) error {
	bits, err := parseLength(text)
	if err != nil {
		message := "invalid length: " + p.quote(text)
		if errors.Is(err, errNegative) {
			message += ": Value too large for defined data type"
		}
		p.complain(message)
		return errUsage
	}
	o.length, o.bits = text, int(min(bits, math.MaxInt32))
	return nil
}

// validate rejects options that contradict each other. It reports the first contradiction, in the order
// of coreutils.
func (p *program) validate(o *options) error {
	if problems := p.wrongLength(o); problems != nil {
		for _, problem := range problems {
			p.complain(problem)
		}
		return errUsage
	}
	if o.check && o.chosen && o.algorithm.sum != nil {
		p.complain("--check is not supported with --algorithm={bsd,sysv,crc,crc32b}")
		return errUsage
	}
	if message := p.contradiction(o); message != "" {
		p.complain(message)
		p.hint()
		return errUsage
	}
	if o.bits == 0 {
		o.bits = o.algorithm.bits
	}
	return nil
}

// wrongLength returns the messages about a length that the algorithm does not have.
func (p *program) wrongLength(o *options) []string {
	const lengths = "224, 256, 384, or 512"
	a := o.algorithm
	switch invalid := "invalid length: " + p.quote(o.length); {
	case o.bits != 0 && !a.hasLengths():
		return []string{"--length is only supported with --algorithm blake2b, sha2, or sha3"}
	case a.lengths != nil && o.length == "" && !o.check:
		return []string{fmt.Sprintf("--algorithm=%s requires specifying --length %s", a.name, lengths)}
	case a.lengths != nil && o.length != "" && !slices.Contains(a.lengths, o.bits):
		return []string{invalid, fmt.Sprintf("digest length for %s must be %s", p.quote(a.tag), lengths)}
	case o.bits > maxBits:
		return []string{invalid, fmt.Sprintf("maximum digest length for %s is %d bits", p.quote(a.tag), maxBits)}
	case o.bits%8 != 0:
		return []string{invalid, "length is not a multiple of 8"}
	}
	return nil
}

// contradiction returns the message about the first contradiction, or "".
func (p *program) contradiction(o *options) string {
	const onlyWhenChecking = "the --%s option is meaningful only when verifying checksums"
	switch {
	case o.base64 && o.raw:
		return "--base64 and --raw are mutually exclusive"
	case o.check && o.zero:
		return "the --zero option is not supported when verifying checksums"
	case o.check && o.asksTag:
		return "the --tag option is meaningless when verifying checksums"
	case o.check && o.binary >= 0:
		return "the --binary and --text options are meaningless when verifying checksums"
	case o.check:
		return ""
	case o.ignoreMissing:
		return fmt.Sprintf(onlyWhenChecking, "ignore-missing")
	case o.status:
		return fmt.Sprintf(onlyWhenChecking, "status")
	case o.warn:
		return fmt.Sprintf(onlyWhenChecking, "warn")
	case o.quiet:
		return fmt.Sprintf(onlyWhenChecking, "quiet")
	case o.strict:
		return fmt.Sprintf(onlyWhenChecking, "strict")
	case o.tag && o.binary == 0 && p.fixed:
		return "--tag does not support --text mode"
	case o.tag && o.binary == 0:
		return "--text mode is only supported with --untagged"
	}
	return ""
}
