package manifest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	maxXMLToken = 1 << 20 // bytes of one tag, text or comment
	maxXMLDepth = 64      // elements that are open at once
	maxXMLAttrs = 64      // of one element
)

// xmlReader reads a document in XML 1.0 (W3C, fifth edition) from its beginning to its end, one element after
// another. It knows no entities but the five of the specification, and refuses document type declarations.
//
// Elements are compared by namespace and name. An element of another namespace than the root's is an
// extension, which is passed over; what a format does not know in the root's namespace is an error. So is an
// element that is no extension: of no namespace, or of that of another manifest. See [xmlReader.isForeign].
type xmlReader struct {
	doc     *Document
	decoder *xml.Decoder
	read    int64           // bytes read
	begins  int64           // where the last token begins
	ended   bool            // all was read
	line    int64           // of the last token
	root    xml.Name        // of the root element
	depth   int             // elements that are open
	items   map[string]bool // elements that list files, which must not be passed over
	next    xmlElement
}

// xmlElement is the beginning of an element.
type xmlElement struct {
	xml.StartElement
	line int64
}

func newXMLReader(doc *Document, items map[string]bool) *xmlReader {
	x := &xmlReader{doc: doc, items: items}
	x.decoder = xml.NewDecoder(x)
	x.decoder.CharsetReader = decodedCharset
	return x
}

// decodedCharset returns r for the names of encodings that need no decoding, or were decoded before: see
// [decode].
func decodedCharset(label string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "utf-16", "utf-16le", "utf-16be", "us-ascii":
		return r, nil
	}
	return nil, fmt.Errorf("encoding %.20q is not supported; convert the document to UTF-8", label)
}

// Read implements [io.Reader] for the decoder. It fails if a token is too long.
func (x *xmlReader) Read(p []byte) (int, error) {
	room := x.begins + maxXMLToken - x.read
	if room <= 0 {
		return 0, fmt.Errorf("a tag, text or comment of over %d bytes", maxXMLToken)
	}
	n, err := x.doc.Read(p[:min(int64(len(p)), room)])
	x.read += int64(n)
	x.ended = x.ended || errors.Is(err, io.EOF)
	return n, err
}

// token returns the next token. Comments and processing instructions are passed over.
func (x *xmlReader) token() (xml.Token, error) {
	for {
		x.begins = x.decoder.InputOffset()
		x.line = x.doc.Line(x.begins)
		t, err := x.decoder.Token()
		if err != nil {
			return nil, x.reason(err)
		}
		switch t := t.(type) {
		case xml.Comment, xml.ProcInst:
			continue
		case xml.Directive:
			return nil, errors.New("a document type declaration is not supported; remove <!DOCTYPE …>")
		case xml.StartElement:
			if x.depth++; x.depth > maxXMLDepth {
				return nil, fmt.Errorf("over %d elements inside each other", maxXMLDepth)
			}
			if err := checkAttributes(t.Attr); err != nil {
				return nil, err
			}
		case xml.EndElement:
			x.depth--
		}
		return t, nil
	}
}

// reason returns the error for a document that the decoder rejects.
func (x *xmlReader) reason(err error) error {
	if errors.Is(err, io.EOF) && x.depth == 0 && x.root.Local != "" {
		return io.EOF
	}
	var syntax *xml.SyntaxError
	if x.ended && (errors.Is(err, io.EOF) || errors.As(err, &syntax) && x.decoder.InputOffset() == x.read) {
		return io.ErrUnexpectedEOF
	}
	if errors.As(err, &syntax) {
		return fmt.Errorf("invalid XML: %s", syntax.Msg)
	}
	return err
}

// checkAttributes returns an error for an attribute that is there twice.
func checkAttributes(all []xml.Attr) error {
	if len(all) > maxXMLAttrs {
		return fmt.Errorf("an element with over %d attributes", maxXMLAttrs)
	}
	for i, a := range all {
		for _, other := range all[:i] {
			if a.Name == other.Name {
				return fmt.Errorf("several attributes %.40q", a.Name.Local)
			}
		}
	}
	return nil
}

// begin reads up to the beginning of the root element, which must be one of names.
func (x *xmlReader) begin(names ...xml.Name) (*xmlElement, error) {
	root, err := x.child()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if root.Name == name {
			x.root = name
			return root, nil
		}
	}
	return nil, fmt.Errorf("unexpected root element <%.40s> of namespace %.80q", root.Name.Local, root.Name.Space)
}

// end reads what follows the root element. The error is [io.EOF] if that is nothing.
func (x *xmlReader) end() error {
	for {
		t, err := x.token()
		if err != nil {
			return err
		}
		if text, is := t.(xml.CharData); !is || len(bytes.TrimSpace(text)) > 0 {
			return errors.New("content after the end of the document")
		}
	}
}

// child returns the beginning of the next element inside the one that is open, and nil at its end. The
// element must be read, by child, text or skip, before the next one. It is valid until then.
func (x *xmlReader) child() (*xmlElement, error) {
	for {
		t, err := x.token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			x.next = xmlElement{t, x.line}
			return &x.next, nil
		case xml.EndElement:
			return nil, nil
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, fmt.Errorf("text between elements: %.40q", bytes.TrimSpace(t))
			}
		}
	}
}

// isForeign reports whether an element is an extension, which may be passed over. The error is for an element
// that could list files: of no namespace, or of the namespace of another manifest.
func (x *xmlReader) isForeign(e *xmlElement) (bool, error) {
	switch space := e.Name.Space; {
	case space == x.root.Space:
		return false, nil
	case space == "":
		return false, fmt.Errorf("element <%.40s> of no namespace, expected %q", e.Name.Local, x.root.Space)
	case manifestSpaces[space]:
		return false, fmt.Errorf("element <%.40s> of namespace %q, expected %q", e.Name.Local, space, x.root.Space)
	}
	return true, nil
}

// manifestSpaces are the namespaces of manifests.
var manifestSpaces = map[string]bool{
	metalink3.Space: true, metalink4.Space: true, ascmhlRoot.Space: true, ascmhlChainRoot.Space: true, repomdRoot.Space: true,
	primaryRoot.Space: true,
}

// children calls each for the elements of the root's namespace inside the one that is open. each must read the
// element. Elements of other namespaces are passed over.
func (x *xmlReader) children(each func(e *xmlElement) error) error {
	for {
		e, err := x.child()
		switch {
		case err != nil:
			return err
		case e == nil:
			return nil
		}
		foreign, err := x.isForeign(e)
		switch {
		case err != nil:
			return err
		case foreign:
			err = x.skip()
		default:
			err = each(e)
		}
		if err != nil {
			return err
		}
	}
}

// text returns the text of the element that is open, as it is, and reads its end. There must be no elements
// in it.
func (x *xmlReader) text() (string, error) {
	var text []byte
	for {
		t, err := x.token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return "", fmt.Errorf("unexpected element <%.40s> in a text", t.Name.Local)
		case xml.EndElement:
			return string(text), nil
		case xml.CharData:
			if len(text)+len(t) > MaxLine {
				return "", fmt.Errorf("a text of over %d bytes", MaxLine)
			}
			text = append(text, t...)
		}
	}
}

// word returns the text of the element that is open, without white space around it.
func (x *xmlReader) word() (string, error) {
	text, err := x.text()
	return strings.Trim(text, " \t\r\n"), err
}

// skip reads the rest of the element that is open. Text between elements of the root's namespace is an error, and so
// is one of them that lists a file: nothing else would verify it.
func (x *xmlReader) skip() error {
	type open struct{ own, text bool }
	inside := []open{{}}
	for {
		t, err := x.token()
		if err != nil {
			return err
		}
		last := len(inside) - 1
		switch t := t.(type) {
		case xml.StartElement:
			isOwn := t.Name.Space == x.root.Space
			if isOwn && x.items[t.Name.Local] {
				return fmt.Errorf("an element <%s> where none belongs", t.Name.Local)
			}
			inside[last].own = inside[last].own || isOwn
			inside = append(inside, open{})
		case xml.CharData:
			inside[last].text = inside[last].text || len(bytes.TrimSpace(t)) > 0
		case xml.EndElement:
			if inside[last].own && inside[last].text {
				return errors.New("text between elements")
			}
			if inside = inside[:last]; last == 0 {
				return nil
			}
		}
	}
}

// unknown returns the error for an element that the format does not know.
func (e *xmlElement) unknown() error {
	return fmt.Errorf("unknown element <%.40s>", e.Name.Local)
}

// attribute returns the value of an attribute without a namespace.
func (e *xmlElement) attribute(name string) (value string, ok bool) {
	for _, a := range e.Attr {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

// hasBase reports whether relative addresses in the element start from another one (XML Base).
func (e *xmlElement) hasBase() bool {
	for _, a := range e.Attr {
		if a.Name.Local == "base" && (a.Name.Space == "xml" || a.Name.Space == "http://www.w3.org/XML/1998/namespace") {
			return true
		}
	}
	return false
}

// wordSet returns the words of a text, as a set.
func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(text) {
		set[word] = true
	}
	return set
}

// detectXML returns the detection of documents whose root element is one of names.
func detectXML(names ...xml.Name) func([]byte, Options) bool {
	return func(head []byte, _ Options) bool {
		root, ok := xmlRoot(head)
		for _, name := range names {
			if ok && root == name {
				return true
			}
		}
		return false
	}
}

// xmlRoot returns the name of the root element, if head begins with one.
func xmlRoot(head []byte) (xml.Name, bool) {
	if text := bytes.TrimLeft(head, " \t\r\n"); len(text) == 0 || text[0] != '<' {
		return xml.Name{}, false
	}
	decoder := xml.NewDecoder(bytes.NewReader(head))
	decoder.CharsetReader = decodedCharset
	for {
		t, err := decoder.Token()
		if err != nil {
			return xml.Name{}, false
		}
		if start, is := t.(xml.StartElement); is {
			return start.Name, true
		}
	}
}
