package trust

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// ASCII armor and the cleartext signature framework of OpenPGP: RFC 9580, sections 6 and 7.
const (
	pgpKeyBegin       = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	pgpSignatureBegin = "-----BEGIN PGP SIGNATURE-----"
	clearSignBegin    = "-----BEGIN PGP SIGNED MESSAGE-----"
)

var (
	armorHeader = pattern(`^(?:Version|Comment|MessageID|Hash|Charset): [^\x00-\x1f]*$`)
	hashHeader  = pattern(`^Hash: [A-Za-z0-9-]+(?:, ?[A-Za-z0-9-]+)*$`)
)

// pattern compiles an expression when it is needed.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// lineReader gives the lines of a text without their ends, LF or CRLF.
type lineReader struct {
	rest []byte
	n    int64
}

func (l *lineReader) next() (line []byte, ok bool) {
	if len(l.rest) == 0 {
		return nil, false
	}
	line, l.rest, _ = bytes.Cut(l.rest, []byte("\n"))
	l.n++
	return bytes.TrimSuffix(line, []byte("\r")), true
}

// block reads an armored block of which the first line was read, up to its end.
func (l *lineReader) block(begin string) ([]byte, error) {
	end := strings.Replace(begin, "BEGIN", "END", 1)
	for {
		line, ok := l.next()
		if !ok {
			return nil, errorf("truncated: %s is missing", end)
		}
		if len(bytes.TrimRight(line, " \t")) == 0 {
			break
		}
		if !armorHeader().Match(line) {
			return nil, errorf("line %d: unknown header of the armor", l.n)
		}
	}
	var text strings.Builder
	checksum := ""
	for {
		line, ok := l.next()
		trimmed := string(bytes.TrimRight(line, " \t"))
		switch {
		case !ok:
			return nil, errorf("truncated: %s is missing", end)
		case trimmed == end:
			data, err := decodeBase64(text.String())
			if err == nil && checksum != "" {
				err = checkArmor(data, checksum)
			}
			return data, err
		case checksum != "":
			return nil, errorf("line %d: expected %s", l.n, end)
		case strings.HasPrefix(trimmed, "="):
			checksum = trimmed[1:]
		default:
			text.WriteString(trimmed)
		}
	}
}

// checkArmor compares the CRC-24 of an armor, RFC 9580, section 6.1.1.
func checkArmor(data []byte, checksum string) error {
	want, err := decodeBase64(checksum)
	if err != nil || len(want) != 3 {
		return errorf("the checksum of the armor is malformed")
	}
	crc := uint32(0xB704CE)
	for _, b := range data {
		crc ^= uint32(b) << 16
		for range 8 {
			if crc <<= 1; crc&0x1000000 != 0 {
				crc ^= 0x1864CFB
			}
		}
	}
	if byte(crc>>16) != want[0] || byte(crc>>8) != want[1] || byte(crc) != want[2] {
		return errorf("the checksum of the armor differs")
	}
	return nil
}

// readArmoredSignatures returns the packets of all armored blocks in data, which holds nothing else.
func readArmoredSignatures(data []byte) ([]byte, error) {
	var all []byte
	lines := lineReader{rest: data}
	for {
		line, ok := lines.next()
		switch {
		case !ok:
			return all, nil
		case len(line) == 0:
		case string(bytes.TrimRight(line, " \t")) == pgpSignatureBegin:
			packets, err := lines.block(pgpSignatureBegin)
			if err != nil {
				return nil, err
			}
			all = append(all, packets...)
		default:
			return nil, errorf("line %d: text outside the signature", lines.n)
		}
	}
}

// readArmoredKeys returns the keys of all armored blocks in data. There may be text around them, as in the
// files KEYS of the Apache Software Foundation.
func readArmoredKeys(data []byte) (keys []*Key, err error) {
	lines := lineReader{rest: data}
	for {
		line, ok := lines.next()
		if !ok {
			return keys, nil
		}
		if string(bytes.TrimRight(line, " \t")) != pgpKeyBegin {
			continue
		}
		first := lines.n
		packets, err := lines.block(pgpKeyBegin)
		var more []*Key
		if err == nil {
			more, err = readCertificates(packets)
		}
		if err != nil {
			return nil, errorf("the block in line %d: %s", first, err)
		}
		keys = append(keys, more...)
	}
}

// clearText is a clear-signed message.
type clearText struct {
	text      []byte // its lines, each with LF
	canonical []byte // what is signed: the same lines, with CRLF between them
	line      int64  // in which the text begins
	signature []byte // packets
}

// readClearText reads a message that is the whole of data. It is stricter than RFC 9580: nothing is before the
// message and nothing but empty lines after it, only Hash is known as a header, every line that begins with a
// dash is escaped, and there are no control characters. What one program takes for the signed text, another
// could otherwise take for a header, a line's end or the signature.
func readClearText(data []byte) (*clearText, error) {
	lines := lineReader{rest: data}
	if first, _ := lines.next(); string(first) != clearSignBegin {
		return nil, errorf("line 1: expected %s", clearSignBegin)
	}
	for {
		line, ok := lines.next()
		if !ok {
			return nil, errorf("truncated: the signed text is missing")
		}
		if len(line) == 0 {
			break
		}
		if !hashHeader().Match(line) {
			return nil, errorf(`line %d: expected a "Hash" header or an empty line before the signed text`, lines.n)
		}
	}
	c := &clearText{line: lines.n + 1}
	for {
		line, ok := lines.next()
		if !ok {
			return nil, errorf("truncated: the signature is missing")
		}
		if string(line) == pgpSignatureBegin {
			break
		}
		if len(line) > 0 && line[0] == '-' {
			if line, ok = bytes.CutPrefix(line, []byte("- ")); !ok {
				return nil, errorf(`line %d: unescaped dash at the beginning of a signed line, expected "- -"`, lines.n)
			}
		}
		for _, b := range line {
			if b < ' ' && b != '\t' || b == 0x7f {
				return nil, errorf("line %d: control character in the signed text", lines.n)
			}
		}
		line = bytes.TrimRight(line, " \t")
		if len(c.text) > 0 {
			c.canonical = append(c.canonical, "\r\n"...)
		}
		c.canonical = append(c.canonical, line...)
		c.text = append(append(c.text, line...), '\n')
	}
	var err error
	if c.signature, err = lines.block(pgpSignatureBegin); err != nil {
		return nil, err
	}
	for {
		line, ok := lines.next()
		if !ok {
			return c, nil
		}
		if len(line) > 0 {
			return nil, errorf("line %d: text after the signed message", lines.n)
		}
	}
}
