package manifest

import (
	"bytes"
	"errors"
	"fmt"

	"checksig/internal/digest"
)

// FileHash is what PowerShell's Get-FileHash shows (Microsoft's reference, "Get-FileHash"), in the
// table it makes by itself or in the list of "Format-List":
//
//	Algorithm       Hash                 Path           Algorithm : SHA256
//	---------       ----                 ----           Hash      : <hex digest>
//	SHA256          <hex digest>         C:\dl\name     Path      : C:\dl\name
//
// A narrow window cuts names short, or breaks them: such a line is a bad one.
var FileHash = &Format{Name: "get-filehash", Detect: detectFileHash, Read: readFileHash}

var (
	fileHashTitles = pattern(`^Algorithm[ ]+Hash[ ]+Path[ ]*$`)
	fileHashRule   = pattern(`^-+[ ]+-+[ ]+-+[ ]*$`)
	fileHashRow    = pattern(`^([^ ]+)[ ]+([0-9A-Fa-f]+)[ ]+(.*[^ ])[ ]*$`)
	fileHashItem   = pattern(`^(Algorithm|Hash|Path)[ ]+: (.*[^ ])[ ]*$`)
)

func detectFileHash(head []byte, _ Options) bool {
	line := first(head, "")
	item := fileHashItem().FindSubmatch(line)
	return fileHashTitles().Match(line) || item != nil && string(item[1]) == "Algorithm"
}

func readFileHash(lines *Lines, _ Options) Next {
	var f fileHash
	next := perLine(lines, func(line []byte) (Entry, error) {
		item := fileHashItem().FindSubmatch(line)
		row := fileHashRow().FindSubmatch(line)
		switch {
		case isBlank(line):
			return Entry{}, errNoEntry
		case line[0] == ' ':
			return Entry{}, errors.New("goes on with the line above, which a narrow window broke")
		case item != nil:
			return f.item(string(item[1]), item[2])
		case f.open():
			return Entry{}, f.fail("a file's Algorithm, Hash and Path are not together")
		case fileHashTitles().Match(line) || fileHashRule().Match(line):
			return Entry{}, errNoEntry
		case row == nil:
			return Entry{}, errors.New("not an algorithm, a digest and a path")
		}
		return fileHashEntry(row[1], row[2], row[3])
	})
	return whole(lines, next, f.unfinished)
}

// fileHash is a file of the list, of which not all three items were read yet.
type fileHash struct{ algorithm, hash []byte }

func (f *fileHash) open() bool { return f.algorithm != nil }

func (f *fileHash) fail(cause string) error {
	*f = fileHash{}
	return errors.New(cause)
}

func (f *fileHash) item(key string, value []byte) (Entry, error) {
	switch {
	case key == "Algorithm" && f.algorithm == nil:
		f.algorithm = bytes.Clone(value)
	case key == "Hash" && f.algorithm != nil && f.hash == nil:
		f.hash = bytes.Clone(value)
	case key == "Path" && f.hash != nil:
		e, err := fileHashEntry(f.algorithm, f.hash, value)
		*f = fileHash{}
		return e, err
	default:
		return Entry{}, f.fail("a file's Algorithm, Hash and Path are not together")
	}
	return Entry{}, errNoEntry
}

func (f *fileHash) unfinished() error {
	if f.open() {
		return errors.New("ends within the list of a file: cut short")
	}
	return nil
}

func fileHashEntry(tag, digits, path []byte) (Entry, error) {
	algorithm := digest.ByTag(string(tag))
	if algorithm == nil {
		return Entry{}, fmt.Errorf("%.40q is no known algorithm", tag)
	}
	if bytes.HasSuffix(path, []byte("...")) || bytes.HasSuffix(path, []byte("…")) {
		return Entry{}, errors.New("the path was cut short by a narrow window")
	}
	sum, err := decodeDigest(algorithm, digits)
	return Entry{Name: string(path), Algorithm: algorithm, Digest: sum}, err
}
