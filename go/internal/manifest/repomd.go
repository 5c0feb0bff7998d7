package manifest

import (
	"encoding/xml"
	"errors"
)

// Repomd is the index of an RPM repository, repodata/repomd.xml. Sources: createrepo_c, and openSUSE's
// "Standards: RPM Metadata".
//
//	<repomd xmlns="http://linux.duke.edu/metadata/repo">
//	  <data type="primary">
//	    <checksum type="sha256">hex digest</checksum>
//	    <location href="repodata/primary.xml.gz"/>
//	    <size>5</size>
//	    …
//
// Names are relative to the folder above repodata. <open-checksum> and <open-size> are about the content
// before compression, <header-checksum> and <header-size> about a part of the file: they are passed over.
// The packages themselves are listed by the primary metadata, which [RPMPrimary] reads.
var Repomd = &Format{Name: "repomd", Base: "..", Folder: "/repodata", Detect: detectXML(repomdRoot), ReadDocument: readRepomd}

// RPMPrimary is the list of packages of an RPM repository, repodata/*primary.xml without its compression.
// Names are relative to the folder above repodata.
//
//	<metadata xmlns="http://linux.duke.edu/metadata/common">
//	  <package type="rpm">
//	    <checksum type="sha256" pkgid="YES">hex digest</checksum>
//	    <size package="5" …/>
//	    <location href="a-1-1.noarch.rpm"/>
//	    …
var RPMPrimary = &Format{Name: "rpm-primary", Base: "..", Folder: "/repodata", Detect: detectXML(primaryRoot), ReadDocument: readPrimary}

var (
	repomdRoot  = xml.Name{Space: "http://linux.duke.edu/metadata/repo", Local: "repomd"}
	primaryRoot = xml.Name{Space: "http://linux.duke.edu/metadata/common", Local: "metadata"}
)

var (
	repomdOther = wordSet(`database_version header-checksum header-size open-checksum open-size revision tags timestamp`)
	rpmOther    = wordSet(`arch description format name packager summary time url version`)
)

func readRepomd(doc *Document, _ Options) Next {
	return readRPM(doc, repomdRoot, "data", repomdOther, func(x *xmlReader, _ *xmlElement) (string, error) {
		return x.word()
	})
}

func readPrimary(doc *Document, _ Options) Next {
	return readRPM(doc, primaryRoot, "package", rpmOther, func(x *xmlReader, e *xmlElement) (string, error) {
		size, _ := e.attribute("package")
		return size, x.skip()
	})
}

// readRPM reads metadata of RPM repositories: item is the element that lists a file, other are those that are
// passed over, and size reads the element of that name.
func readRPM(doc *Document, root xml.Name, item string, other map[string]bool,
	size func(*xmlReader, *xmlElement) (string, error)) Next {
	x := newXMLReader(doc, wordSet(item))
	file := func(e *xmlElement) ([]Entry, error) {
		f := &listedFile{line: e.line}
		checksums := 0
		err := x.children(func(e *xmlElement) error {
			switch {
			case e.Name.Local == "checksum":
				if checksums++; checksums > 1 {
					f.fail(errors.New("several elements <checksum>"))
				}
				return rpmChecksum(x, e, f)
			case e.Name.Local == "location":
				rpmLocation(e, f)
				return x.skip()
			case e.Name.Local == "size":
				text, err := size(x, e)
				f.setSize(text)
				return err
			case other[e.Name.Local]:
				return x.skip()
			}
			return e.unknown()
		})
		if err != nil {
			return nil, err
		}
		return f.done()
	}
	begun := false
	return perItem(doc, func() ([]Entry, error) {
		if !begun {
			begun = true
			if _, err := x.begin(root); err != nil {
				return nil, err
			}
		}
		e, err := x.child()
		switch {
		case err != nil:
			return nil, err
		case e == nil:
			return nil, x.end()
		}
		foreign, err := x.isForeign(e)
		switch {
		case err != nil:
			return nil, err
		case foreign || other[e.Name.Local]:
			return nil, x.skip()
		case e.Name.Local == item:
			return file(e)
		}
		return nil, e.unknown()
	})
}

func rpmChecksum(x *xmlReader, e *xmlElement, f *listedFile) error {
	tag, ok := e.attribute("type")
	text, err := x.word()
	switch {
	case err != nil:
		return err
	case !ok:
		f.fail(errors.New("a digest without its algorithm (type)"))
	case tag == "sha": // as createrepo wrote until 2009
		f.addDigest("sha1", text)
	default:
		f.addDigest(tag, text)
	}
	return nil
}

func rpmLocation(e *xmlElement, f *listedFile) {
	if e.hasBase() {
		f.fail(errors.New("the location starts from another address (xml:base)"))
	}
	if name, ok := e.attribute("href"); ok {
		f.setAttribute(name)
	}
}
