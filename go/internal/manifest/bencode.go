package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// maxBencodeDepth is how many lists and dictionaries may be inside each other.
const maxBencodeDepth = 100

// bencode is a place in a text in the encoding of BEP 3. Nothing is built in memory: values are found by
// reading the text again from a place that was kept.
//
// Only the one valid encoding of each value is accepted: no leading zeros, and keys sorted, each once.
type bencode struct {
	text []byte
	at   int
}

var errBencode = errors.New("truncated, or no valid encoding of a torrent (BEP 3)")

// peek returns the next byte, which tells the type of the value: 'd', 'l', 'i' or a digit; 0 at the end.
func (b *bencode) peek() byte {
	if b.at < len(b.text) {
		return b.text[b.at]
	}
	return 0
}

// number reads decimal digits up to end.
func (b *bencode) number(end byte) (int64, error) {
	rest := b.text[b.at:]
	const longest = len("-9223372036854775808") + 1
	size := bytes.IndexByte(rest[:min(len(rest), longest)], end)
	if size < 0 {
		return 0, errBencode
	}
	digits := string(rest[:size])
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != digits {
		return 0, errBencode
	}
	b.at += size + 1
	return n, nil
}

// bytes reads a string. It is a part of the text.
func (b *bencode) bytes() ([]byte, error) {
	size, err := b.number(':')
	if err != nil || size < 0 || size > int64(len(b.text)-b.at) {
		return nil, errBencode
	}
	value := b.text[b.at:][:size]
	b.at += int(size)
	return value, nil
}

func (b *bencode) integer() (int64, error) {
	if b.peek() != 'i' {
		return 0, errors.New("expected an integer")
	}
	b.at++
	return b.number('e')
}

// enter reads the beginning of a list ('l') or a dictionary ('d').
func (b *bencode) enter(kind byte) error {
	if b.peek() != kind {
		return fmt.Errorf("expected %s", map[byte]string{'l': "a list", 'd': "a dictionary"}[kind])
	}
	b.at++
	return nil
}

// leave reports whether the list or dictionary ends here, and then reads its end.
func (b *bencode) leave() bool {
	if b.peek() != 'e' {
		return false
	}
	b.at++
	return true
}

// skip reads a value of any type, and checks its encoding.
func (b *bencode) skip() error {
	type open struct {
		dict bool
		last []byte // key
		any  bool
	}
	var inside []open
	for {
		last := len(inside) - 1
		closed := last >= 0 && b.leave()
		if closed {
			inside = inside[:last]
		} else if last >= 0 && inside[last].dict {
			key, err := b.bytes()
			if err != nil {
				return err
			}
			if inside[last].any && bytes.Compare(inside[last].last, key) >= 0 {
				return fmt.Errorf("the keys of a dictionary are not sorted: %.40q", key)
			}
			inside[last].last, inside[last].any = key, true
		}
		if !closed {
			switch c := b.peek(); c {
			case 'd', 'l':
				b.at++
				if inside = append(inside, open{dict: c == 'd'}); len(inside) > maxBencodeDepth {
					return fmt.Errorf("over %d lists and dictionaries inside each other", maxBencodeDepth)
				}
			case 'i':
				if _, err := b.integer(); err != nil {
					return err
				}
			default:
				if _, err := b.bytes(); err != nil {
					return err
				}
			}
		}
		if len(inside) == 0 {
			return nil
		}
	}
}

// dict calls each for the values of a dictionary, which each may read from the place that it gets.
func (b *bencode) dict(each func(key string, value bencode) error) error {
	if err := b.enter('d'); err != nil {
		return err
	}
	for !b.leave() {
		key, err := b.bytes()
		if err != nil {
			return err
		}
		value := *b
		if err := b.skip(); err != nil {
			return err
		}
		if err := each(string(key), value); err != nil {
			return err
		}
	}
	return nil
}
