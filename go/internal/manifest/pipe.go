package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
)

// Pipe is a table of two columns, as release notes hold them:
//
//	<hex digest> (SP | TAB)+ "|" SP <name>
//
// Blanks around a name, which padding cannot be told from, are refused. Empty lines and "#"
// comments are left out.
var Pipe = &Format{Name: "pipe", Detect: pipeLine.detect, Read: pipeLine.read, Write: &Writer{Begin: beginUntagged, File: pipeFile}}

var pipeLine = untaggedLine{comments: "#", parse: pipe}

func pipe(line []byte, digests untagged) (Entry, error) {
	digits, name, found := bytes.Cut(line, []byte("|"))
	name, spaced := bytes.CutPrefix(name, []byte(" "))
	if !found || !spaced || !bytes.HasSuffix(digits, []byte(" ")) && !bytes.HasSuffix(digits, []byte("\t")) {
		return Entry{}, errors.New("not a digest and a file name with a | between them")
	}
	if plainName(string(name), " \t") != nil {
		return Entry{}, errors.New("the file name begins or ends with a blank, or is none")
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
