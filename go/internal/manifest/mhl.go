package manifest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"checksig/internal/digest"
)

// ASCMHL is the media hash list of the American Society of Cinematographers, version 2.0: ascmhl/*.mhl.
// Source: "ASC MHL Specification", theasc.com, and its schema ASCMHL.xsd.
//
//	<hashlist version="2.0" xmlns="urn:ASC:MHL:v2.0">
//	  <hashes>
//	    <hash>
//	      <path size="5">Clips/A001.mov</path>
//	      <xxh64 action="original">hex digest</xxh64>
//	    …
//
// Names are relative to the folder above ascmhl. The digests of folders are passed over: they are computed from
// the names and digests of the files. A digest of a file that failed when the list was made is a bad line. The
// hash lists below <references> are entries like any other file.
var ASCMHL = &Format{Name: "ascmhl", Base: "..", Folder: "/ascmhl", Detect: detectXML(ascmhlRoot), ReadDocument: readASCMHL}

// ASCMHLChain is the list of the hash lists in a folder ascmhl, ascmhl_chain.xml. Source: as for [ASCMHL], and
// ASCMHLDirectory.xsd. Names are relative to its folder.
var ASCMHLChain = &Format{Name: "ascmhl-chain", Detect: detectXML(ascmhlChainRoot), ReadDocument: readASCMHLChain}

// MHL is the media hash list of version 1.x, *.mhl. Source: mediahashlist.org.
//
//	<hashlist version="1.1">
//	  <hash>
//	    <file>Clips/A001.mov</file>
//	    <size>5</size>
//	    <xxhash64be>hex digest</xxhash64be>
//	    …
//
// An xxhash64 whose byte order is not defined is an unknown algorithm.
var MHL = &Format{Name: "mhl", Detect: detectXML(mhlRoot), ReadDocument: readMHL}

var (
	ascmhlRoot      = xml.Name{Space: "urn:ASC:MHL:v2.0", Local: "hashlist"}
	ascmhlChainRoot = xml.Name{Space: "urn:ASC:MHL:DIRECTORY:v2.0", Local: "ascmhldirectory"}
	mhlRoot         = xml.Name{Local: "hashlist"}
)

// mhlDialect is how one kind of hash list names its elements.
type mhlDialect struct {
	root     xml.Name
	versions []string        // of the root element; nil if it has none
	groups   map[string]bool // elements that contain items
	items    map[string]bool // elements that list a file
	other    map[string]bool // elements between them that list none
	name     string          // of the element with a file's name
	inItem   map[string]bool // elements of an item that are no digests
	tags     map[string]string
}

var mhlTags = map[string]string{"md5": "md5", "sha1": "sha1", "xxh64": "xxh64", "xxh3": "xxh3", "xxh128": "xxh128",
	"c4": "c4", "sha256": "sha256", "sha512": "sha512"}

func readASCMHL(doc *Document, _ Options) Next {
	return readHashList(doc, &mhlDialect{
		root: ascmhlRoot, versions: []string{"2.0"}, groups: wordSet("hashes references"),
		items: wordSet("hash hashlistreference"), other: wordSet("creatorinfo processinfo metadata directoryhash"),
		name: "path", inItem: wordSet("previousPath metadata"), tags: mhlTags,
	})
}

func readASCMHLChain(doc *Document, _ Options) Next {
	return readHashList(doc, &mhlDialect{root: ascmhlChainRoot, items: wordSet("hashlist"), name: "path", tags: mhlTags})
}

func readMHL(doc *Document, _ Options) Next {
	return readHashList(doc, &mhlDialect{
		root: mhlRoot, versions: []string{"1.0", "1.1"}, items: wordSet("hash"), other: wordSet("creatorinfo"), name: "file",
		inItem: wordSet("size lastmodificationdate creationdate hashdate null"),
		tags: map[string]string{"md5": "md5", "sha1": "sha1", "xxhash64be": "xxh64", "c4": "c4", "sha256": "sha256",
			"sha512": "sha512"},
	})
}

func readHashList(doc *Document, d *mhlDialect) Next {
	x := newXMLReader(doc, d.items)
	begun, inGroup := false, false
	return perItem(doc, func() ([]Entry, error) {
		if !begun {
			begun = true
			root, err := x.begin(d.root)
			if err != nil {
				return nil, err
			}
			if err := d.checkVersion(root); err != nil {
				return nil, err
			}
		}
		e, err := x.child()
		switch {
		case err != nil:
			return nil, err
		case e == nil && inGroup:
			inGroup = false
			return nil, nil
		case e == nil:
			return nil, x.end()
		}
		foreign, err := x.isForeign(e)
		switch {
		case err != nil:
			return nil, err
		case !foreign && d.other[e.Name.Local] && e.Name.Local == "creatorinfo":
			return nil, x.children(d.noDigest(x))
		case foreign || d.other[e.Name.Local]:
			return nil, x.skip()
		case d.groups[e.Name.Local] && !inGroup:
			inGroup = true
			return nil, nil
		case d.items[e.Name.Local] && inGroup == (len(d.groups) > 0):
			return d.item(x, e)
		}
		return nil, e.unknown()
	})
}

// noDigest passes over an element of one that holds no files and no digests.
func (d *mhlDialect) noDigest(x *xmlReader) func(*xmlElement) error {
	return func(e *xmlElement) error {
		if _, is := d.tags[e.Name.Local]; is || d.items[e.Name.Local] {
			return fmt.Errorf("an element <%s> where none belongs", e.Name.Local)
		}
		return x.skip()
	}
}

func (d *mhlDialect) checkVersion(root *xmlElement) error {
	version, _ := root.attribute("version")
	if d.versions == nil {
		return nil
	}
	for _, known := range d.versions {
		if version == known {
			return nil
		}
	}
	return fmt.Errorf("unknown version %.20q; known: %s", version, strings.Join(d.versions, ", "))
}

func (d *mhlDialect) item(x *xmlReader, e *xmlElement) ([]Entry, error) {
	f := &listedFile{line: e.line}
	err := x.children(func(e *xmlElement) error {
		local := e.Name.Local
		switch {
		case local == d.name:
			if size, ok := e.attribute("size"); ok {
				f.setSize(size)
			}
			text, err := x.text()
			f.setName(text)
			return err
		case local == "size" && d.inItem[local]:
			text, err := x.word()
			f.setSize(text)
			return err
		case d.inItem[local]:
			return x.skip()
		}
		action, _ := e.attribute("action")
		text, err := x.word()
		if err != nil {
			return err
		}
		switch tag, known := d.tags[local]; {
		case action == "failed":
			f.fail(fmt.Errorf("the file failed when the list was made: its %.20s is not verified", local))
		case !known:
			f.fail(unknownAlgorithm(local))
		case tag == "c4":
			f.addC4(text)
		default:
			f.addDigest(tag, text)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f.done()
}

const c4Digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// addC4 adds a C4 ID (SMPTE ST 2114): "c4" and a SHA-512 digest as a number of 88 digits to base 58.
func (f *listedFile) addC4(text string) {
	const size = 2 + 88
	n, base := new(big.Int), big.NewInt(int64(len(c4Digits)))
	valid := len(text) == size && text[:2] == "c4"
	for i := 2; i < len(text) && valid; i++ {
		at := strings.IndexByte(c4Digits, text[i])
		valid = at >= 0
		n.Add(n.Mul(n, base), big.NewInt(int64(at)))
	}
	if !valid || n.BitLen() > 8*sha512.Size {
		f.fail(errors.New(`expected a C4 ID: "c4" and 88 letters and digits`))
		return
	}
	f.add(sha512, n.FillBytes(make([]byte, sha512.Size)))
}

var sha512 = digest.ByName("sha512")
