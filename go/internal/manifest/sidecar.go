package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"

	"checksig/internal/digest"
)

// Sidecar is a digest alone, beside the one file that it is of, as Go and Kubernetes publish it.
// "-" stands for standard input where a tool was given the file so:
//
//	[SP] <hex digest> [SP+ ["*"] "-"]
//
// The file's name is that of the manifest without its last extension, or without the one before
// ".txt": disc.iso.sha256 and disc.iso.sha256.txt are of disc.iso.
var Sidecar = &Format{Name: "sidecar", Detect: detectSidecar, Read: readSidecar, Write: &Writer{
	Single: true, Begin: beginSingle, File: sidecarFile}}

// detectSidecar wants the digest to be alone: among others it is a line without a name.
func detectSidecar(head []byte, o Options) bool {
	lines := 0
	var fields [][]byte
	for line := range significant(head, "#") {
		fields = sidecarFields(line)
		if lines++; lines > 1 {
			return false
		}
	}
	if fields == nil {
		return false
	}
	if _, _, err := (untagged{o.named()}).parseDigest(fields[0]); err != nil {
		return false
	}
	if len(fields) == 1 {
		return true
	}
	_, extension := beside(o.FileName)
	return isStandardInput(fields[1]) && digest.NamedIn(extension) != nil // else a file of that name
}

// sidecarFields returns the one or two words of a line, nil if it has more, or blanks at its end:
// these may be the name of a file.
func sidecarFields(line []byte) [][]byte {
	fields := words(line)
	if len(fields) > 2 || !bytes.HasSuffix(line, fields[len(fields)-1]) {
		return nil
	}
	return fields
}

func isStandardInput(field []byte) bool { return string(field) == "-" || string(field) == "*-" }

// beside returns the name of the file that a sidecar is of, "" if its own name has none in it, and
// the extension that was taken off.
func beside(fileName string) (name, extension string) {
	fileName = strings.TrimSuffix(fileName, ".txt")
	dot := strings.LastIndexByte(fileName, '.')
	if dot < 1 {
		return "", ""
	}
	return fileName[:dot], fileName[dot:]
}

func readSidecar(lines *Lines, o Options) Next {
	name, _ := beside(o.FileName)
	digests := untagged{o.named()}
	seen := false
	return perLine(lines, func(line []byte) (Entry, error) {
		if isBlank(line) || line[0] == '#' {
			return Entry{}, errNoEntry
		}
		fields := sidecarFields(line)
		switch {
		case fields == nil || len(fields) == 2 && !isStandardInput(fields[1]):
			return Entry{}, errors.New("not a digest alone")
		case seen:
			return Entry{}, errors.New("a second digest without a file name")
		case name == "":
			return Entry{}, errors.New("a digest alone, and the manifest's name does not tell of which file")
		}
		e, err := digests.entry(fields[0], []byte(name))
		seen = err == nil
		return e, err
	})
}

func sidecarFile(dst []byte, entries []Entry) ([]byte, error) {
	return append(hex.AppendEncode(dst, entries[0].Digest), '\n'), nil
}
