package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
)

// NameFirst is the format with the digest last, which rhash(1) reads for every algorithm.
//
//	<name> (SP | TAB)+ <hex digest>
//
// Empty lines and "#" comments are skipped.
var NameFirst = &Format{Name: "name-first", Detect: nameFirstLine.detect, Read: nameFirstLine.read, HasText: true, Write: &Writer{
	Begin: beginUntagged, File: nameFirstFile("#")}}

var nameFirstLine = untaggedLine{comments: "#", parse: parseNameFirst}

func parseNameFirst(line []byte, digests untagged) (Entry, error) {
	name, digits, err := cutLast(line)
	if err != nil {
		return Entry{}, err
	}
	if tag, isLabel := bytes.CutSuffix(name, []byte(":")); isLabel && algorithmOfHeading(string(tag)) != nil {
		return Entry{}, errors.New("a digest without a file name, and this manifest is not named after one file, as name.sha256 is")
	}
	e, err := digests.entry(digits, name)
	if err != nil {
		return Entry{}, errors.New("expected the hex digest of a known algorithm at the end of the line")
	}
	return e, nil
}

// cutLast splits a line whose last word is a digest.
func cutLast(line []byte) (name, digits []byte, err error) {
	blank := bytes.LastIndexAny(line, " \t")
	name = bytes.TrimRight(line[:max(blank, 0)], " \t")
	if len(name) == 0 {
		return nil, nil, errors.New("expected a file name and a digest")
	}
	if _, isTagged := cutTag(line); isTagged {
		return nil, nil, errors.New("expected a file name and a digest, found a line with a tag")
	}
	return name, line[blank+1:], nil
}

// nameFirstFile returns the function that writes these lines; comment begins a comment.
func nameFirstFile(comment string) func([]byte, []Entry) ([]byte, error) {
	return func(dst []byte, entries []Entry) ([]byte, error) {
		for _, e := range entries {
			if err := plainName(e.Name, " \t"); err != nil {
				return nil, err
			}
			if _, _, err := cutLast([]byte(e.Name + " 0")); err != nil || e.Name[:1] == comment || startsLayer(e.Name) {
				return nil, fmt.Errorf("the format cannot represent the name %.40q: it would not be read as a name", e.Name)
			}
			dst = append(append(dst, e.Name...), ' ') // rhash 1.4.5 reads a second blank as part of the name
			dst = append(hex.AppendEncode(dst, e.Digest), '\n')
		}
		return dst, nil
	}
}
