package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ErrNoManifest is the error for a file that is no manifest.
var ErrNoManifest = errors.New("not a checksum manifest")

// Content is what the beginning of a file tells about whether it is a manifest.
type Content uint8

const (
	NoDigests  Content = iota // no manifest
	Unknown                   // there are digests, but in no format that is known
	Recognised                // a manifest
)

// Recognise looks at the beginning of a file, at most [MaxLine] bytes of it, whose name alone does not tell
// whether it is a manifest; o holds the name. For a [Sidecar] it also returns the name of the file that it is
// about. The error is the reader's.
//
// It demands more than [Read] of a format of lines: the first digest must have 128 bits, unless the name has
// the algorithm, or o allows short ones and the format is none that other texts resemble.
func Recognise(r io.Reader, o Options) (content Content, about string, err error) {
	raw := newBuffer(r)
	start, err := raw.Peek(len(appleDoubleMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return NoDigests, "", err
	}
	if bytes.Equal(start, appleDoubleMagic) {
		return NoDigests, "", nil
	}
	beginning, err := begin(raw, &o)
	if err != nil {
		return NoDigests, "", err
	}
	head := beginning.head
	format := detected(head, o, beginning.newWrapper != nil)
	if format == nil || format == unknownJSON || format == wrappedJSON {
		if !isBinary(head) && (hasDigest(head) || hasBase64Digest(head) || isOnlyComments(head)) {
			return Unknown, "", nil
		}
		return NoDigests, "", nil
	}
	if format.ReadDocument != nil {
		return Recognised, "", nil
	}
	next, _, _ := beginning.next(format, o)
	e, err := next()
	var bad *LineError
	switch {
	case errors.As(err, &bad), errors.Is(err, io.EOF):
		if slices.Contains(lineFormats, format) {
			return Unknown, "", nil
		}
		return Recognised, "", nil // it has a header
	case err != nil:
		return NoDigests, "", err
	case len(e.Digest) < minDigest && o.inFileName == nil && !(o.AllowShort && slices.Contains(shortFormats, format)):
		return NoDigests, "", nil
	case format == NameFirst && (strings.ContainsAny(e.Name, " \t") || strings.HasSuffix(e.Name, ":")):
		return Unknown, "", nil // a sentence or a heading before a digest
	case format == Sidecar:
		about = e.Name
	}
	return Recognised, about, nil
}

// appleDoubleMagic begins the files of macOS that are called "._" and the name of another file. Source:
// "AppleSingle/AppleDouble Formats for Foreign Files", Apple Computer, 1990.
var appleDoubleMagic = []byte{0, 5, 0x16, 7}

// lineFormats are recognised by nothing but the first line that lists a file.
var lineFormats = []*Format{
	Sidecar, Base64, BSD, OpenSSL, PrintMD, Pipe, Columns, SFV, GNU, NameFirst, RECORD, CFVCSV,
}

// shortFormats are those whose lines are no ordinary text, although their digests are short.
var shortFormats = []*Format{BSD, OpenSSL, SFV, GNU, Sum, Cksum, S3Batch, CFVCSV}

// rejectReason returns why a file that begins with head, and has no known format, is no manifest; nil if it
// may be a manifest nevertheless, whose lines are all bad: it is text, and its name or the caller says so, or
// it holds a digest. A manifest's name allows control characters, which the names of files may have.
func rejectReason(head []byte, o Options) error {
	switch {
	case isBinary(head) && (!IsName(o.FileName) || bytes.IndexByte(head, 0) >= 0) || bytes.IndexByte(head, 0) >= 0 && !hasDigest(head):
		return fmt.Errorf("%w, but binary data", ErrNoManifest)
	case len(bytes.TrimSpace(head)) == 0, IsName(o.FileName), o.untaggedAlgorithm() != nil, o.AcceptText, hasDigest(head):
		return nil
	}
	return fmt.Errorf("%w, but text without digests", ErrNoManifest)
}

// isBinary reports whether head has more control characters than a text that was damaged.
func isBinary(head []byte) bool {
	const most = 64 // bytes of text for each
	controls := 0
	for _, c := range head {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\x1b' {
			controls++
		}
	}
	return controls > 2+len(head)/most
}

// hasDigest reports whether a word of head may be a digest in hexadecimal, a part of one, or the beginning of
// one in groups. Words end where neither a letter nor a digit follows.
func hasDigest(head []byte) bool {
	start, isHex, grouped := 0, true, 0
	for i := 0; i <= len(head); i++ {
		if i < len(head) && isWordByte(head[i]) {
			isHex = isHex && isHexDigit(head[i])
			continue
		}
		switch n := i - start; {
		case n == 0:
		case isHex && n%2 == 0:
			grouped += n
		case isHex && n >= 2*minDigest:
			return true
		default:
			grouped = 0
		}
		if grouped >= 2*minDigest {
			return true
		}
		start, isHex = i+1, true
	}
	return false
}

// hasBase64Digest reports whether a word of head is as long as a digest in base64, and none of a text. Words
// end at blanks, because those of Go's go.sum are not digests of files.
func hasBase64Digest(head []byte) bool {
	for word := range bytes.FieldsSeq(head) {
		if isBase64Digest(word) && bytes.ContainsAny(word, "0123456789+/=") {
			return true
		}
	}
	return false
}

// isOnlyComments reports whether head has no end, and nothing but comments: what comes after it is unknown.
func isOnlyComments(head []byte) bool {
	return len(head) >= MaxLine-len(utf8BOM) && firstContentLine(head[:bytes.LastIndexByte(head, '\n')+1], "#;") == nil &&
		len(bytes.TrimSpace(head)) > 0
}

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func isHexDigit(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }
