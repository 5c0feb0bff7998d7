package manifest

import (
	"encoding/xml"
	"errors"
	"fmt"
)

// Metalink lists downloads, their mirrors and digests: "*.meta4" (Metalink 4, RFC 5854) and "*.metalink"
// (Metalink 3.0, metalinker.org).
//
//	<metalink xmlns="urn:ietf:params:xml:ns:metalink">
//	  <file name="a.iso">
//	    <size>5</size>
//	    <hash type="sha-256">hex digest</hash>
//	    …
//
// In version 3 the digests are inside <verification>, and the files inside <files>. The digests of pieces are
// passed over: those of the whole file cover the same bytes, and a file that has none is a bad line.
// Signatures are not checked.
var Metalink = &Format{Name: "metalink", Detect: detectXML(metalink4, metalink3), ReadDocument: readMetalink}

var (
	metalink4 = xml.Name{Space: "urn:ietf:params:xml:ns:metalink", Local: "metalink"}
	metalink3 = xml.Name{Space: "http://www.metalinker.org/", Local: "metalink"}
)

// metalinkOther has the elements that list no digest, of both versions.
var metalinkOther = wordSet(`bittorrent changelog copyright description generator identity language license logo
	metaurl mimetype multimedia origin os published publisher relations releasedate resources screenshot signature
	tags updated upgrade url version`)

// metalinkReader reads one document.
type metalinkReader struct {
	xml   *xmlReader
	begun bool
	files int // how many <files> there were, in version 3
	in    bool
}

func readMetalink(doc *Document, _ Options) Next {
	m := &metalinkReader{xml: newXMLReader(doc, wordSet("file"))}
	return perItem(doc, m.item)
}

func (m *metalinkReader) item() ([]Entry, error) {
	if !m.begun {
		m.begun = true
		if _, err := m.xml.begin(metalink4, metalink3); err != nil {
			return nil, err
		}
		m.in = m.xml.root == metalink4
	}
	e, err := m.xml.child()
	switch {
	case err != nil:
		return nil, err
	case e == nil && m.in && m.xml.root == metalink3:
		m.in = false
		return nil, nil
	case e == nil:
		return nil, m.xml.end()
	}
	foreign, err := m.xml.isForeign(e)
	switch {
	case err != nil:
		return nil, err
	case foreign:
		return nil, m.xml.skip()
	case m.in && e.Name.Local == "file":
		return m.file(e)
	case !m.in && e.Name.Local == "files":
		m.in = true
		if m.files++; m.files > 1 {
			return nil, errors.New("several elements <files>")
		}
		return nil, nil
	case metalinkOther[e.Name.Local]:
		return nil, m.xml.skip()
	}
	return nil, e.unknown()
}

func (m *metalinkReader) file(e *xmlElement) ([]Entry, error) {
	f := &listedFile{line: e.line}
	if name, ok := e.attribute("name"); ok {
		f.setAttribute(name)
	}
	var pieces bool
	var verifications int
	digests := func(e *xmlElement) (err error) {
		switch e.Name.Local {
		case "hash":
			err = m.hash(e, f)
		case "pieces":
			pieces = true
			err = m.xml.skip()
		case "signature":
			err = m.xml.skip()
		default:
			err = e.unknown()
		}
		return err
	}
	err := m.xml.children(func(e *xmlElement) error {
		switch {
		case e.Name.Local == "size":
			text, err := m.xml.word()
			f.setSize(text)
			return err
		case e.Name.Local == "verification" && m.xml.root == metalink3:
			if verifications++; verifications > 1 {
				f.fail(errors.New("several elements <verification>"))
			}
			return m.xml.children(digests)
		case metalinkOther[e.Name.Local]:
			return m.xml.skip()
		case m.xml.root == metalink3:
			return e.unknown()
		}
		return digests(e)
	})
	if err != nil {
		return nil, err
	}
	if pieces && len(f.entries) == 0 {
		f.fail(fmt.Errorf("%w as a whole, only of pieces, which checksig does not verify", errNoDigest))
	}
	return f.done()
}

func (m *metalinkReader) hash(e *xmlElement, f *listedFile) error {
	tag, ok := e.attribute("type")
	text, err := m.xml.word()
	switch {
	case err != nil:
		return err
	case !ok:
		f.fail(errors.New("a digest without its algorithm (type)"))
	default:
		f.addDigest(tag, text)
	}
	return nil
}
