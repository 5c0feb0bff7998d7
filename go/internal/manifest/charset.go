package manifest

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/transform"
)

// Charset is an encoding of text in which ASCII or other characters are written differently from UTF-8.
type Charset struct {
	Name string // in lower case
	of   encoding.Encoding
}

// CharsetNamed returns the encoding of that name in IANA's registry of character sets; nil for UTF-8 and
// ASCII, whose text is used as it is.
func CharsetNamed(name string) (*Charset, error) {
	lower := strings.ToLower(name)
	switch lower {
	case "utf-8", "utf8", "us-ascii", "ascii":
		return nil, nil
	}
	of, err := ianaindex.IANA.Encoding(name)
	if err != nil || of == nil {
		return nil, fmt.Errorf("unsupported encoding %.40q; known: UTF-8, UTF-16, and most others of IANA's registry", name)
	}
	return &Charset{lower, of}, nil
}

// Reader returns a reader of r's text in UTF-8. It fails at bytes that are not text of the encoding.
func (c *Charset) Reader(r io.Reader) io.Reader {
	return &strictText{r: transform.NewReader(r, c.of.NewDecoder()), charset: c.Name}
}

// replacement is what a decoder puts in the place of what it cannot decode.
var replacement = []byte("\uFFFD")

// strictText reads text and fails at a replacement character, before which it may end.
type strictText struct {
	r       io.Reader
	charset string
	tail    []byte // the last bytes returned, fewer than a replacement character has
	err     error
}

func (s *strictText) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	seen := append(s.tail, p[:n]...)
	if bytes.Contains(seen, replacement) {
		s.err = fmt.Errorf("bytes that are not text in the encoding %s", s.charset)
		return 0, s.err
	}
	s.tail = append([]byte(nil), seen[max(0, len(seen)-len(replacement)+1):]...)
	return n, err
}
