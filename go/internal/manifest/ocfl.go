package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"checksig/internal/digest"
)

// OCFL is the format of the inventory of an OCFL object, inventory.json (Oxford Common File Layout 1.0 and
// 1.1, section 3.5).
//
// Its entries are the content files in the manifest block, and once more those in the fixity block, which
// has digests by other algorithms. The rules of an object are checked by package layout.
var OCFL = &Format{Name: "ocfl", Detect: detectOCFL, ReadDocument: readOCFL}

// inventoryName is the only name that an inventory may have.
const inventoryName = "inventory.json"

func detectOCFL(head []byte, o Options) bool {
	head = bytes.TrimLeft(head, " \t\r\n")
	return o.FileName == inventoryName && bytes.HasPrefix(head, []byte("{")) &&
		(bytes.Contains(head, []byte("ocfl.io/")) || bytes.Contains(head, []byte(`"digestAlgorithm"`)))
}

// Inventory is the content of an inventory. Strings are empty, and Has... unset, for what it lacks or has
// with a wrong type; then there is a problem.
type Inventory struct {
	ID, Type, Algorithm, Head string
	ContentDirectory          string // "content" if the inventory does not name it
	HasContentDirectory       bool
	Manifest                  []InventoryDigest
	Versions                  []InventoryVersion // in the order of the document
	Fixity                    []InventoryFixity
	Problems                  []InventoryProblem
	HasManifest, HasVersions  bool
}

// InventoryDigest is a digest, and the paths of the files that have it.
type InventoryDigest struct {
	Digest string // as written
	Line   int64
	Paths  []InventoryPath
}

// InventoryPath is a path in an inventory.
type InventoryPath struct {
	Name string
	Line int64
}

// InventoryFixity is what the fixity block has by one algorithm.
type InventoryFixity struct {
	Algorithm string
	Line      int64
	Digests   []InventoryDigest
}

// InventoryVersion is a version of an object.
type InventoryVersion struct {
	Name                    string
	Line                    int64
	Created, Message, User  string
	Address                 string
	HasMessage, HasUser     bool
	HasUserName, HasAddress bool
	HasCreated, HasState    bool
	State                   []InventoryDigest
}

// InventoryProblem is what an inventory has that it must not have, or lacks.
type InventoryProblem struct {
	Line int64
	Code string // of the specification, such as "E033"
	Text string
}

// MaxInventoryProblems is how many problems of an inventory are reported, far more than a person reads. One with
// more is not read further.
const MaxInventoryProblems = 1000

// maxVersions is how many versions of an object are read.
const maxVersions = 100_000

var errManyProblems = fmt.Errorf("more than %d problems", MaxInventoryProblems)

// ParseInventory reads an inventory. The error, with its line, is for a document that is not valid JSON, or has
// too much in it; whatever else is wrong is among the problems.
func ParseInventory(text string) (*Inventory, int64, error) {
	p := inventoryParser{cursor: jsonCursor{text: text}, inventory: &Inventory{ContentDirectory: "content"}}
	err := p.all()
	return p.inventory, p.cursor.lineNumber(), err
}

type inventoryParser struct {
	cursor    jsonCursor
	inventory *Inventory
}

// wrong notes a problem with the next value, and reads over that.
func (p *inventoryParser) wrong(code, format string, args ...any) error {
	if len(p.inventory.Problems) == MaxInventoryProblems {
		return errManyProblems
	}
	p.inventory.Problems = append(p.inventory.Problems,
		InventoryProblem{p.cursor.lineNumber(), code, fmt.Sprintf(format, args...)})
	return p.cursor.skip()
}

func (p *inventoryParser) all() error {
	if p.cursor.peek() != '{' && p.cursor.at < len(p.cursor.text) {
		return p.wrong("E033", "the inventory is not a JSON object")
	}
	inv := p.inventory
	err := p.cursor.object(func(key string) error {
		switch key {
		case "id":
			return p.text(&inv.ID, nil, "E037", "id")
		case "type":
			return p.text(&inv.Type, nil, "E038", "type")
		case "digestAlgorithm":
			return p.text(&inv.Algorithm, nil, "E039", "digestAlgorithm")
		case "head":
			return p.text(&inv.Head, nil, "E040", "head")
		case "contentDirectory":
			return p.text(&inv.ContentDirectory, &inv.HasContentDirectory, "E017", "contentDirectory")
		case "manifest":
			inv.HasManifest = true
			return p.digests(&inv.Manifest, "E106", "E092", "manifest")
		case "versions":
			inv.HasVersions = true
			return p.members("E045", "versions", p.version)
		case "fixity":
			return p.members("E111", "fixity", func(key string) error {
				inv.Fixity = append(inv.Fixity, InventoryFixity{Algorithm: key, Line: p.cursor.lineNumber()})
				return p.digests(&inv.Fixity[len(inv.Fixity)-1].Digests, "E057", "E057", fmt.Sprintf("fixity %.40q", key))
			})
		}
		return p.wrong("E102", "unknown key %.80q", key)
	})
	if err != nil {
		return err
	}
	return p.cursor.end()
}

// text reads a string into to; a value of another type is a problem.
func (p *inventoryParser) text(to *string, has *bool, code, what string) error {
	if p.cursor.peek() != '"' {
		return p.wrong(code, "%s is not a string", what)
	}
	text, err := p.cursor.string()
	*to = text
	if has != nil {
		*has = true
	}
	return err
}

// members reads an object; a value of another type is a problem.
func (p *inventoryParser) members(code, what string, member func(key string) error) error {
	if p.cursor.peek() != '{' {
		return p.wrong(code, "%s is not a JSON object", what)
	}
	return p.cursor.object(member)
}

// digests reads an object of digests with arrays of paths.
func (p *inventoryParser) digests(to *[]InventoryDigest, code, pathsCode, what string) error {
	return p.members(code, what, func(key string) error {
		d := InventoryDigest{Digest: key, Line: p.cursor.lineNumber()}
		if p.cursor.peek() != '[' {
			return p.wrong(pathsCode, "%s: the value of %.20q is not an array", what, key)
		}
		err := p.cursor.array(func() error {
			if p.cursor.peek() != '"' {
				return p.wrong(pathsCode, "%s: a path is not a string", what)
			}
			name, err := p.cursor.string()
			if len(name) > MaxLine {
				return fmt.Errorf("a path of over %d bytes", MaxLine)
			}
			if err == nil {
				d.Paths = append(d.Paths, InventoryPath{name, p.cursor.lineNumber()})
			}
			return err
		})
		*to = append(*to, d)
		return err
	})
}

func (p *inventoryParser) version(name string) error {
	if len(p.inventory.Versions) == maxVersions {
		return fmt.Errorf("document too large: more than %d versions", maxVersions)
	}
	v := InventoryVersion{Name: name, Line: p.cursor.lineNumber()}
	err := p.members("E047", fmt.Sprintf("the version %.40q", name), func(key string) error {
		switch key {
		case "created":
			return p.text(&v.Created, &v.HasCreated, "E049", "created")
		case "message":
			return p.text(&v.Message, &v.HasMessage, "E094", "message")
		case "state":
			v.HasState = true
			return p.digests(&v.State, "E050", "E051", "state")
		case "user":
			v.HasUser = true
			return p.members("E054", "user", func(key string) error {
				switch key {
				case "name":
					return p.text(&v.User, &v.HasUserName, "E054", "the user's name")
				case "address":
					return p.text(&v.Address, &v.HasAddress, "E054", "the user's address")
				}
				return p.wrong("E102", "unknown key %.80q", key)
			})
		}
		return p.wrong("E102", "unknown key %.80q", key)
	})
	p.inventory.Versions = append(p.inventory.Versions, v)
	return err
}

// OCFLAlgorithm returns the algorithm of that name in an inventory, or nil.
func OCFLAlgorithm(name string) *digest.Algorithm {
	if name != strings.ToLower(name) {
		return nil
	}
	if bits, is := strings.CutPrefix(name, "blake2b-"); is {
		return digest.ByTag("blake2b" + bits)
	}
	return digest.ByTag(name)
}

func readOCFL(doc *Document, _ Options) Next {
	var items func() ([]Entry, error)
	errorsLeft := MaxInventoryProblems
	return perItem(doc, func() ([]Entry, error) {
		if items == nil {
			text, err := readDocument(doc)
			if err != nil {
				return nil, err
			}
			items = inventoryItems(ParseInventory(text))
		}
		entries, err := items()
		if bad := (*LineError)(nil); errors.As(err, &bad) && !bad.Fatal {
			if errorsLeft--; errorsLeft < 0 {
				return nil, &LineError{Line: bad.Line, Cause: "E033: " + errManyProblems.Error(), Fatal: true}
			}
		}
		return entries, err
	})
}

// inventoryItems returns a function that returns the entries of one digest after the other. line and broken
// are where and why the inventory could not be read to its end, if it could not.
func inventoryItems(inv *Inventory, line int64, broken error) func() ([]Entry, error) {
	problems, block, fixity := inv.Problems, inv.Manifest, inv.Fixity
	of, rule := OCFLAlgorithm(inv.Algorithm), OCFLContent
	return func() ([]Entry, error) {
		for {
			switch {
			case len(problems) > 0:
				bad := problems[0]
				problems = problems[1:]
				return nil, &LineError{Line: bad.Line, Cause: bad.Code + ": " + bad.Text}
			case broken != nil:
				return nil, &LineError{Line: line, Cause: "E033: " + broken.Error(), Fatal: true}
			case of == nil:
				return nil, &LineError{Line: line, Fatal: true,
					Cause: fmt.Sprintf("E025: unknown digestAlgorithm %.40q, expected sha512 or sha256", inv.Algorithm)}
			case len(block) > 0:
				d := block[0]
				if len(d.Paths) <= pathsAtOnce {
					block = block[1:]
				} else {
					block[0].Paths = d.Paths[pathsAtOnce:]
					d.Paths = d.Paths[:pathsAtOnce]
				}
				return digestEntries(&d, of, rule)
			case len(fixity) > 0:
				next := fixity[0]
				fixity = fixity[1:]
				algorithm := OCFLAlgorithm(next.Algorithm)
				if algorithm == nil {
					return nil, &LineError{Line: next.Line, Code: Ignored, Cause: fmt.Sprintf(
						"the fixity block's digests by the unknown algorithm %.40q were not compared", next.Algorithm)}
				}
				block, of, rule = next.Digests, algorithm, OCFLFixity
			default:
				return nil, io.EOF
			}
		}
	}
}

// pathsAtOnce is how many entries of a digest are made at once.
const pathsAtOnce = 1000

func digestEntries(d *InventoryDigest, algorithm *digest.Algorithm, rule Rule) ([]Entry, error) {
	sum, err := hex.DecodeString(d.Digest)
	if err == nil && len(sum) != algorithm.Size {
		err = errors.New("wrong length")
	}
	if err != nil {
		return nil, &LineError{Line: d.Line, Text: excerpt([]byte(d.Digest)), Cause: fmt.Sprintf(
			"%sexpected a %s digest of %d hex digits", digestCodes[algorithm.Name], algorithm.Name, 2*algorithm.Size)}
	}
	entries := make([]Entry, 0, len(d.Paths))
	for _, path := range d.Paths {
		if path.Name == "" || strings.Contains(path.Name, "\x00") {
			err = &LineError{Line: path.Line, Text: path.Name, Cause: "expected the path of a file"}
			continue
		}
		entries = append(entries, Entry{Line: path.Line, Name: path.Name, Algorithm: algorithm, Digest: sum, Rule: rule})
	}
	return entries, err
}

// digestCodes are the codes for a digest that is not in hexadecimal (section 3.2).
var digestCodes = map[string]string{"sha1": "E029: ", "sha256": "E030: ", "sha512": "E031: ", "blake2b": "E032: "}
