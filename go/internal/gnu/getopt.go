package gnu

import (
	"errors"
	"strings"
)

// A longOption is a row of the table for getopt_long(3).
type longOption struct {
	name     string
	argument bool // an argument is required
	id       option
}

// errUsage is the error for wrong usage. Its message has already been written.
var errUsage = errors.New("usage")

// A scanner finds options as getopt_long(3) does: also after operands, unless POSIXLY_CORRECT is set.
type scanner struct {
	p        *program
	args     []string
	cluster  string // the rest of an argument with several short options
	operands []string
	posix    bool
}

// next returns the next option and its argument; ok is false at the end.
func (s *scanner) next() (id option, argument string, ok bool, err error) {
	for s.cluster == "" {
		if len(s.args) == 0 {
			return 0, "", false, nil
		}
		word := s.args[0]
		switch {
		case word == "--":
			s.operands = append(s.operands, s.args[1:]...)
			s.args = nil
			continue
		case len(word) < 2 || word[0] != '-':
			if s.posix {
				s.operands = append(s.operands, s.args...)
				s.args = nil
				continue
			}
			s.operands = append(s.operands, word)
			s.args = s.args[1:]
			continue
		case word[1] == '-':
			s.args = s.args[1:]
			id, argument, err = s.long(word[2:])
			return id, argument, true, err
		}
		s.args = s.args[1:]
		s.cluster = word[1:]
	}
	id, argument, err = s.short()
	return id, argument, true, err
}

func (s *scanner) short() (option, string, error) {
	c := s.cluster[0]
	s.cluster = s.cluster[1:]
	i := strings.IndexByte(s.p.command.short, c)
	if c == ':' || i < 0 {
		return 0, "", s.fail("invalid option -- '" + string([]byte{c}) + "'")
	}
	if !strings.HasPrefix(s.p.command.short[i+1:], ":") {
		return option(c), "", nil
	}
	argument := s.cluster
	s.cluster = ""
	if argument == "" {
		if len(s.args) == 0 {
			return 0, "", s.fail("option requires an argument -- '" + string([]byte{c}) + "'")
		}
		argument, s.args = s.args[0], s.args[1:]
	}
	return option(c), argument, nil
}

func (s *scanner) long(word string) (option, string, error) {
	name, argument, given := strings.Cut(word, "=")
	found := s.matching(name)
	switch {
	case len(found) == 0:
		return 0, "", s.fail("unrecognized option '--" + word + "'")
	case len(found) > 1:
		message := "option '--" + word + "' is ambiguous; possibilities:"
		for _, o := range found {
			message += " '--" + o.name + "'"
		}
		return 0, "", s.fail(message)
	}
	o := found[0]
	switch {
	case given && !o.argument:
		return 0, "", s.fail("option '--" + o.name + "' doesn't allow an argument")
	case !given && o.argument:
		if len(s.args) == 0 {
			return 0, "", s.fail("option '--" + o.name + "' requires an argument")
		}
		argument, s.args = s.args[0], s.args[1:]
	}
	return o.id, argument, nil
}

// matching returns the option of that name, or else all options that begin with it.
func (s *scanner) matching(name string) []longOption {
	var found []longOption
	for _, o := range s.p.command.long {
		if o.name == name {
			return []longOption{o}
		}
		if strings.HasPrefix(o.name, name) {
			found = append(found, o)
		}
	}
	return found
}

// fail writes message and the hint about --help.
func (s *scanner) fail(message string) error {
	s.p.complain(message)
	s.p.hint()
	return errUsage
}
