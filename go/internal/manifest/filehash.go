package manifest

import (
	"bytes"
	"errors"

	"checksig/internal/digest"
)

// FileHash is the output of PowerShell's Get-FileHash. Source: Microsoft's reference, "Get-FileHash".
//
// It is a table, or the list that Format-List prints:
//
//	Algorithm       Hash                 Path           Algorithm : SHA256
//	---------       ----                 ----           Hash      : <hex digest>
//	SHA256          <hex digest>         C:\dl\name     Path      : C:\dl\name
//
// In a narrow window PowerShell truncates or wraps the table's paths. Such lines are errors.
var FileHash = &Format{Name: "get-filehash", Detect: detectFileHash, Read: readFileHash}

var (
	fileHashTitles = pattern(`^Algorithm[ ]+Hash[ ]+Path[ ]*$`)
	fileHashRule   = pattern(`^-+[ ]+-+[ ]+-+[ ]*$`)
	fileHashRow    = pattern(`^([^ ]+)[ ]+([0-9A-Fa-f]+)[ ]+(.*[^ ])[ ]*$`)
	fileHashItem   = pattern(`^(Algorithm|Hash|Path)[ ]+: (.*[^ ])[ ]*$`)
)

func detectFileHash(head []byte, _ Options) bool {
	line := firstContentLine(head, "")
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
			return Entry{}, errors.New("continuation of the line above, which a narrow window wrapped")
		case item != nil:
			return f.item(string(item[1]), item[2])
		case f.open():
			return Entry{}, f.fail("expected Algorithm, Hash and Path of one file, in this order")
		case fileHashTitles().Match(line) || fileHashRule().Match(line):
			return Entry{}, errNoEntry
		case row == nil:
			return Entry{}, errors.New("expected an algorithm, a digest and a path")
		}
		return fileHashEntry(row[1], row[2], row[3])
	})
	return withEndCheck(lines, next, f.truncated)
}

// fileHash holds the items read so far of a file in the list.
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
		return Entry{}, f.fail("expected Algorithm, Hash and Path of one file, in this order")
	}
	return Entry{}, errNoEntry
}

func (f *fileHash) truncated() error {
	if f.open() {
		return errors.New("truncated: the Path of the last file is missing")
	}
	return nil
}

func fileHashEntry(tag, digits, path []byte) (Entry, error) {
	algorithm := digest.ByTag(string(tag))
	if algorithm == nil {
		return Entry{}, unknownAlgorithm(tag)
	}
	if bytes.HasSuffix(path, []byte("...")) || bytes.HasSuffix(path, []byte("…")) {
		return Entry{}, errors.New("the path was truncated by a narrow window")
	}
	sum, err := decodeDigest(algorithm, digits)
	return Entry{Name: string(path), Algorithm: algorithm, Digest: sum}, err
}
