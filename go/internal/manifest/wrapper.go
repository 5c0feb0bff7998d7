package manifest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
)

// wrapper takes lines out of what a signature wraps around them. It is fed line by line.
type wrapper interface {
	// take returns the line that stands in a line of the wrapped text, or own for a line that is the
	// wrapper's own. The error says why it may not stand there.
	take(line []byte) (inner []byte, own bool, err error)
	// end returns why the text may not end here, or nil.
	end() error
}

// wrappedIn returns what a manifest that begins with head is wrapped in, if anything.
func wrappedIn(head []byte) (string, func() wrapper) {
	line := first(head, "")
	switch {
	case bytes.Equal(bytes.TrimRight(line, " \t"), pgpMessage):
		return "pgp", func() wrapper { return &pgp{} }
	case bytes.HasPrefix(line, signifyComment):
		return "signify", func() wrapper { return &signify{} }
	}
	return "", nil
}

// isMark reports whether a manifest that begins with text is taken for one in another encoding, or
// in a wrapper.
func isMark(text string) bool {
	for _, mark := range []string{string(utf8BOM), "\xff\xfe", "\xfe\xff", string(pgpMessage), string(signifyComment)} {
		if strings.HasPrefix(text, mark) {
			return true
		}
	}
	return false
}

// unwrapped returns the lines of head that w does not take for its own.
func unwrapped(head []byte, w wrapper) []byte {
	inside := []byte{}
	for line := range bytes.Lines(head) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if inner, own, err := w.take(line); !own && err == nil {
			inside = append(append(inside, inner...), '\n')
		}
	}
	return inside
}

// pgp is the cleartext signature framework of OpenPGP (RFC 9580, section 7): what stands between
// the headers and the signature is signed, and "- " escapes a line that begins with a dash.
type pgp struct{ at pgpPart }

type pgpPart int

const (
	pgpBefore pgpPart = iota
	pgpHeaders
	pgpText
	pgpArmorHeaders
	pgpSignature
	pgpAfter
)

var (
	pgpMessage   = []byte("-----BEGIN PGP SIGNED MESSAGE-----")
	pgpArmor     = []byte("-----BEGIN PGP SIGNATURE-----")
	pgpArmorTail = []byte("-----END PGP SIGNATURE-----")

	// RFC 9580, section 6.2.
	pgpArmorHeader = pattern(`^(?:Version|Comment|Hash|Charset): `)
	pgpArmorData   = pattern(`^=?[A-Za-z0-9+/]*={0,2}$`)
)

func (p *pgp) take(line []byte) ([]byte, bool, error) {
	mark := bytes.TrimRight(line, " \t")
	switch p.at {
	case pgpBefore, pgpAfter:
		if len(mark) == 0 {
			return nil, true, nil
		}
		if p.at == pgpAfter || !bytes.Equal(mark, pgpMessage) {
			return nil, false, errors.New("outside of the text that is signed")
		}
		p.at = pgpHeaders
	case pgpHeaders:
		if len(mark) == 0 {
			p.at = pgpText
		} else if !bytes.HasPrefix(line, []byte("Hash: ")) {
			return nil, false, errors.New(`a header of the signed text that is not "Hash"`)
		}
	case pgpText:
		return p.text(line, mark)
	case pgpArmorHeaders, pgpSignature:
		return nil, true, p.armor(mark)
	}
	return nil, true, nil
}

// armor takes the lines of the signature, in which nothing else may hide.
func (p *pgp) armor(line []byte) error {
	switch {
	case bytes.Equal(line, pgpArmorTail):
		p.at = pgpAfter
	case p.at == pgpArmorHeaders && len(line) == 0:
		p.at = pgpSignature
	case p.at == pgpArmorHeaders && pgpArmorHeader().Match(line), p.at == pgpSignature && pgpArmorData().Match(line):
	default:
		return errors.New("not a part of the PGP signature that it stands in")
	}
	return nil
}

func (p *pgp) text(line, mark []byte) ([]byte, bool, error) {
	inner, escaped := bytes.CutPrefix(line, []byte("- "))
	switch {
	case escaped || len(line) == 0 || line[0] != '-':
		return inner, false, nil
	case bytes.Equal(mark, pgpArmor):
		p.at = pgpArmorHeaders
		return nil, true, nil
	}
	return nil, false, errors.New("begins with a dash that is not escaped, as it has to be in signed text")
}

func (p *pgp) end() error {
	if p.at != pgpAfter {
		return errors.New("ends before the PGP signature does: cut short")
	}
	return nil
}

// signify is the wrapper of OpenBSD's signify -e (man page signify(1), signify.c): a comment that
// nothing vouches for, the signature in base64, and the text that is signed.
type signify struct{ lines int }

var signifyComment = []byte("untrusted comment: ")

// signifyBytes is the size of a signature: the algorithm "Ed", a key's number, and Ed25519's own.
const signifyBytes = 2 + 8 + 64

func (s *signify) take(line []byte) ([]byte, bool, error) {
	if s.lines == 0 && len(line) == 0 {
		return nil, true, nil
	}
	s.lines++
	if s.lines == 2 {
		signature, err := base64.StdEncoding.DecodeString(string(line))
		if err != nil || len(signature) != signifyBytes || !strings.HasPrefix(string(signature), "Ed") {
			return nil, false, errors.New("not a signature of signify, as its place demands")
		}
	}
	return line, s.lines <= 2, nil
}

func (s *signify) end() error {
	if s.lines < 2 {
		return errors.New("ends before the signature of signify does: cut short")
	}
	return nil
}
