package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
)

// Pipe is a table of two columns, as found in release notes.
//
//	<hex digest> (SP | TAB)+ "|" SP <name>
//
// Names that begin or end with a blank are rejected, because the blank could be padding. Empty lines
// and "#" comments are skipped.
var Pipe = &Format{Name: "pipe", Detect: pipeLine.detect, Read: pipeLine.read, HasText: true, Write: &Writer{Begin: beginUntagged, File: pipeFile}}

var pipeLine = untaggedLine{comments: "#", parse: parsePipe}

func parsePipe(line []byte, digests untagged) (Entry, error) {
	digits, name, found := bytes.Cut(line, []byte("|"))
	name, spaced := bytes.CutPrefix(name, []byte(" "))
	if !found || !spaced || !bytes.HasSuffix(digits, []byte(" ")) && !bytes.HasSuffix(digits, []byte("\t")) {
		return Entry{}, errors.New(`expected "<digest> | <file name>"`)
	}
	if plainName(string(name), " \t") != nil {
		return Entry{}, errors.New("the file name is empty, or begins or ends with a blank")
	}
	return digests.entry(bytes.Trim(digits, " \t"), name)
}

func pipeFile(dst []byte, entries []Entry) ([]byte, error) {
	for _, e := range entries {
		if err := plainName(e.Name, " \t"); err != nil {
			return nil, err
		}
		dst = append(hex.AppendEncode(dst, e.Digest), " | "...)
		dst = append(append(dst, e.Name...), '\n')
	}
	return dst, nil
}
