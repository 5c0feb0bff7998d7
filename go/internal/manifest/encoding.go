package manifest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// errHalfUnit is the error for UTF-16 text with an odd number of bytes.
var errHalfUnit = errors.New("the manifest ends in the middle of a UTF-16 character")

// decode returns a reader of r's text in UTF-8, and the name of r's encoding.
//
// UTF-16 is recognised by its byte order mark, which ">" in Windows PowerShell writes. Any other
// text is returned unchanged.
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

// utf16Reader converts UTF-16 to UTF-8.
//
// An unpaired surrogate, which file names on Windows may contain, becomes three bytes as in WTF-8.
// The os package does the same.
type utf16Reader struct {
	r       *bufio.Reader
	order   binary.ByteOrder
	pending []byte // rest of a character that did not fit into the caller's buffer
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

// next decodes one character. After an error it consumes nothing, so the next call returns it again.
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

// peek returns the code unit at that offset, in bytes, without consuming it.
func (u *utf16Reader) peek(offset int) (rune, error) {
	units, err := u.r.Peek(offset + 2)
	switch {
	case len(units) == offset+2:
		return rune(u.order.Uint16(units[offset:])), nil
	case errors.Is(err, io.EOF) && len(units) == offset+1:
		return 0, errHalfUnit
	}
	return 0, err
}
