package manifest

import (
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
		fields = words(line)
		if lines++; lines > 1 {
			return false
		}
	}
	if lines == 0 || len(fields) > 2 {
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
		fields := words(line)
		switch {
		case len(fields) == 0 || fields[0][0] == '#':
			return Entry{}, errNoEntry
		case len(fields) > 2 || len(fields) == 2 && !isStandardInput(fields[1]):
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
