package gnu

import (
	"errors"
	"math"
	"strings"
)

var (
	errInvalid  = errors.New("not a number")
	errOverflow = errors.New("too large")
	errNegative = errors.New("negative")
)

// parseLength reads the decimal argument of --length. As in coreutils, blanks and a sign may precede it,
// and nothing may follow it. One that is too large is the largest one.
func parseLength(text string) (uint64, error) {
	digits, negative := strings.CutPrefix(strings.TrimLeft(text, " \t\n\v\f\r"), "-")
	if negative && (digits == "" || hexValue(digits[0]) > 9) {
		return 0, errInvalid
	}
	if !negative {
		digits = text
	}
	n, rest, err := parseNumber(digits, 10)
	switch {
	case rest != "" || errors.Is(err, errInvalid):
		return 0, errInvalid
	case negative && (n != 0 || err != nil):
		return 0, errNegative
	case err != nil:
		return math.MaxUint64, nil
	}
	return n, nil
}

// parseNumber reads a number from the beginning of text as strtoumax(3) does, and returns the rest.
// base is 10, or 0 to take it from the number's prefix.
func parseNumber(text string, base uint64) (n uint64, rest string, err error) {
	i := 0
	for i < len(text) && isSpace(text[i]) {
		i++
	}
	if i < len(text) && text[i] == '+' {
		i++
	}
	if base == 0 {
		base = 10
		switch {
		case i+2 < len(text) && text[i] == '0' && text[i+1]|0x20 == 'x' && hexValue(text[i+2]) < 16:
			base = 16
			i += 2
		case i < len(text) && text[i] == '0':
			base = 8
		}
	}
	start := i
	for ; i < len(text) && hexValue(text[i]) < base; i++ {
		digit := hexValue(text[i])
		if n > (math.MaxUint64-digit)/base {
			err = errOverflow
		}
		n = n*base + digit
	}
	if i == start {
		return 0, text, errInvalid
	}
	return n, text[i:], err
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// hexValue returns the value of a hex digit, or 255 if c is not one.
func hexValue(c byte) uint64 {
	switch {
	case '0' <= c && c <= '9':
		return uint64(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return uint64(c|0x20-'a') + 10
	}
	return math.MaxUint8
}
