package manifest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// errHalfUnit says that UTF-16 was cut in two.
var errHalfUnit = errors.New("the manifest ends within a UTF-16 character")

// decode returns a reader of what r holds as UTF-8, and the encoding's name. UTF-16 is told by its
// byte order mark, which Windows PowerShell writes with ">"; all else stays as it is.
func decode(r *bufio.Reader) (*bufio.Reader, string, error) {
	mark, err := r.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	var order binary.ByteOrder
	name := "utf-8"
	switch string(mark) {
	case "\xff\xfe":
		order, name = binary.LittleEndian, "utf-16le"
	case "\xfe\xff":
		order, name = binary.BigEndian, "utf-16be"
	default:
		return r, name, nil
	}
	if _, err := r.Discard(len(mark)); err != nil {
		return nil, "", err
	}
	return bufio.NewReaderSize(&utf16Reader{r: r, order: order}, MaxLine), name, nil
}

// utf16Reader turns UTF-16 into UTF-8. A surrogate without its other half, which names on Windows
// may hold, becomes the three bytes that WTF-8 has for it, as in the os package.
type utf16Reader struct {
	r       *bufio.Reader
	order   binary.ByteOrder
	pending []byte // of a character that did not fit
	buffer  [utf8.UTFMax]byte
}

func (u *utf16Reader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(u.pending) == 0 {
			if u.pending, err = u.next(); err != nil {
				break
			}
		}
		copied := copy(p[n:], u.pending)
		u.pending = u.pending[copied:]
		n += copied
	}
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// next decodes one character. Whatever stops it stays in front of the next call.
func (u *utf16Reader) next() ([]byte, error) {
	unit, err := u.peek(0)
	if err != nil {
		return nil, err
	}
	character, size := unit, 2
	if utf16.IsSurrogate(unit) {
		if low, err := u.peek(2); err == nil && utf16.DecodeRune(unit, low) != utf8.RuneError {
			character, size = utf16.DecodeRune(unit, low), 4
		}
	}
	if _, err := u.r.Discard(size); err != nil {
		return nil, err
	}
	if utf16.IsSurrogate(character) {
		return append(u.buffer[:0], 0xe0|byte(character>>12), 0x80|byte(character>>6)&0x3f, 0x80|byte(character)&0x3f), nil
	}
	return utf8.AppendRune(u.buffer[:0], character), nil
}

// peek returns the unit at so many bytes from here.
func (u *utf16Reader) peek(at int) (rune, error) {
	units, err := u.r.Peek(at + 2)
	switch {
	case len(units) == at+2:
		return rune(u.order.Uint16(units[at:])), nil
	case errors.Is(err, io.EOF) && len(units) == at+1:
		return 0, errHalfUnit
	}
	return 0, err
}
