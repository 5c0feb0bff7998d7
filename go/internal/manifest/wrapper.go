package manifest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
)

// wrapper separates signed text from the signature around it, line by line.
type wrapper interface {
	// take returns the signed line inside line. own reports a line of the wrapper itself. The error is
	// for a line that is not allowed at this position.
	take(line []byte) (inner []byte, own bool, err error)
	// end returns an error if the text is truncated, nil if it may end here.
	end() error
}

// detectWrapper returns the wrapper of a manifest that begins with head: its name and a function that
// creates one; "" and nil if there is none.
func detectWrapper(head []byte) (string, func() wrapper) {
	line := firstContentLine(head, "")
	switch {
	case bytes.Equal(bytes.TrimRight(line, " \t"), pgpMessage):
		return "pgp", func() wrapper { return &pgp{} }
	case bytes.HasPrefix(line, signifyComment):
		return "signify", func() wrapper { return &signify{} }
	}
	return "", nil
}

// startsLayer reports whether text at the beginning of a manifest is read as the mark of a compression, an
// encoding or a wrapper.
func startsLayer(text string) bool {
	if compressionOf([]byte(text)) != nil {
		return true
	}
	for _, mark := range []string{string(utf8BOM), "\xff\xfe", "\xfe\xff", string(pgpMessage), string(signifyComment)} {
		if strings.HasPrefix(text, mark) {
			return true
		}
	}
	return false
}

// unwrap returns the signed lines in head.
func unwrap(head []byte, w wrapper) []byte {
	signed := []byte{}
	for line := range bytes.Lines(head) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if inner, own, err := w.take(line); !own && err == nil {
			signed = append(append(signed, inner...), '\n')
		}
	}
	return signed
}

// pgp is the cleartext signature framework of OpenPGP (RFC 9580, section 7).
//
// The lines between the headers and the signature are signed. "- " escapes a line that begins with a
// dash.
type pgp struct{ part pgpPart }

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

	// RFC 9580, sections 7 and 9.5, and older ones. The header is not signed, and must not look like an entry.
	pgpHash = pattern(`^Hash: *(?:(?:MD5|SHA-?1|RIPEMD160|SHA(?:224|256|384|512)|SHA3-(?:256|512))(?: *, *|[ \t]*$))+$`)
	// RFC 9580, section 6.2.
	pgpArmorHeader = pattern(`^(?:Version|Comment|Hash|Charset): `)
	pgpArmorData   = pattern(`^=?[A-Za-z0-9+/]*={0,2}$`)
)

func (p *pgp) take(line []byte) ([]byte, bool, error) {
	mark := bytes.TrimRight(line, " \t")
	switch p.part {
	case pgpBefore, pgpAfter:
		if len(mark) == 0 {
			return nil, true, nil
		}
		if p.part == pgpAfter || !bytes.Equal(mark, pgpMessage) {
			return nil, false, errors.New("outside the signed text")
		}
		p.part = pgpHeaders
	case pgpHeaders:
		if len(mark) == 0 {
			p.part = pgpText
		} else if !pgpHash().Match(line) {
			return nil, false, errors.New(`expected a "Hash" header or an empty line before the signed text`)
		}
	case pgpText:
		return p.text(line, mark)
	case pgpArmorHeaders, pgpSignature:
		return nil, true, p.armor(mark)
	}
	return nil, true, nil
}

// armor checks a line of the signature. It rejects other lines, which could look signed.
func (p *pgp) armor(line []byte) error {
	switch {
	case bytes.Equal(line, pgpArmorTail):
		p.part = pgpAfter
	case p.part == pgpArmorHeaders && len(line) == 0:
		p.part = pgpSignature
	case p.part == pgpArmorHeaders && pgpArmorHeader().Match(line), p.part == pgpSignature && pgpArmorData().Match(line):
	default:
		return errors.New("expected a line of the PGP signature")
	}
	return nil
}

func (p *pgp) text(line, mark []byte) ([]byte, bool, error) {
	// The signature does not cover blanks at the end of a line (section 7.2): they must not be a part of
	// a name.
	inner, escaped := bytes.CutPrefix(bytes.TrimRight(line, " \t\r"), []byte("- "))
	switch {
	case escaped || len(line) == 0 || line[0] != '-':
		return inner, false, nil
	case bytes.Equal(mark, pgpArmor):
		p.part = pgpArmorHeaders
		return nil, true, nil
	}
	return nil, false, errors.New(`unescaped dash at the beginning of a signed line, expected "- -"`)
}

func (p *pgp) end() error {
	if p.part != pgpAfter {
		return errors.New("truncated: the end of the PGP signature is missing")
	}
	return nil
}

// signify is the wrapper that signify -e of OpenBSD writes (man page signify(1), signify.c).
//
// It consists of a comment, which is not signed, the signature in base64, and the signed text.
type signify struct{ lines int }

var signifyComment = []byte("untrusted comment: ")

// signifyBytes is the size of a signature: the algorithm "Ed", the key's number, and the Ed25519
// signature.
const signifyBytes = 2 + 8 + 64

func (s *signify) take(line []byte) ([]byte, bool, error) {
	if s.lines == 0 && len(line) == 0 {
		return nil, true, nil
	}
	s.lines++
	if s.lines == 2 {
		signature, err := base64.StdEncoding.DecodeString(string(line))
		if err != nil || len(signature) != signifyBytes || !strings.HasPrefix(string(signature), "Ed") {
			return nil, false, errors.New("expected a signify signature in base64")
		}
	}
	return line, s.lines <= 2, nil
}

func (s *signify) end() error {
	if s.lines < 2 {
		return errors.New("truncated: the signify signature is missing")
	}
	return nil
}
