package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
)

// NameFirst is the format with the digest last, which rhash reads for every algorithm:
//
//	<name> (SP | TAB)+ <hex digest>
//
// Empty lines and "#" comments are left out.
var NameFirst = &Format{Name: "name-first", Detect: nameFirstLine.detect, Read: nameFirstLine.read, Write: &Writer{
	Begin: beginUntagged, File: nameFirstFile("#")}}

var nameFirstLine = untaggedLine{comments: "#", parse: nameFirst}

func nameFirst(line []byte, digests untagged) (Entry, error) {
	name, digits, err := cutLast(line)
	if err != nil {
		return Entry{}, err
	}
	e, err := digests.entry(digits, name)
	if err != nil {
		return Entry{}, errors.New("does not end with a known digest in hexadecimal")
	}
	return e, nil
}

// cutLast takes a line apart whose last word is a digest.
func cutLast(line []byte) (name, digits []byte, err error) {
	blank := bytes.LastIndexAny(line, " \t")
	name = bytes.TrimRight(line[:max(blank, 0)], " \t")
	if len(name) == 0 {
		return nil, nil, errors.New("not a file name and a digest")
	}
	if _, isTagged := cutTag(line); isTagged {
		return nil, nil, errors.New("a line with a tag among lines without")
	}
	return name, line[blank+1:], nil
}

// nameFirstFile writes such lines; comment is what begins a comment.
func nameFirstFile(comment string) func([]byte, []Entry) ([]byte, error) {
	return func(dst []byte, entries []Entry) ([]byte, error) {
		for _, e := range entries {
			if err := plainName(e.Name, " \t"); err != nil {
				return nil, err
			}
			if e.Name[:1] == comment || isMark(e.Name) {
				return nil, fmt.Errorf("the format would take %.40q for something else than a name", e.Name)
			}
			dst = append(append(dst, e.Name...), ' ') // rhash 1.4.5 takes a second blank for a part of the name
			dst = append(hex.AppendEncode(dst, e.Digest), '\n')
		}
		return dst, nil
	}
}
