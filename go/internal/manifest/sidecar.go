package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"

	"checksig/internal/digest"
)

// Sidecar is a single digest in a manifest next to its file, as Go and Kubernetes publish it.
//
//	[SP] <hex digest> [SP+ ["*"] "-"]
//
// "-" is standard input, from which the publisher's tool read the file. The name of the file is the
// manifest's own name without its last extension; of ".txt" and the extension before it, both are
// removed if the latter names an algorithm: disc.iso.sha256, disc.iso.sha256.txt and disc.iso.txt list
// disc.iso.
var Sidecar = &Format{Name: "sidecar", Detect: detectSidecar, Read: readSidecar, Write: &Writer{
	Single: true, Begin: beginSingle, File: sidecarFile}}

// detectSidecar accepts one digest only: among others it is a line that lacks its name.
func detectSidecar(head []byte, o Options) bool {
	lines := 0
	var fields [][]byte
	for line := range contentLines(head, "#") {
		fields = sidecarFields(line)
		if lines++; lines > 1 {
			return false
		}
	}
	if fields == nil {
		return false
	}
	if _, _, err := (untagged{o.untaggedAlgorithm()}).parseDigest(fields[0]); err != nil {
		return false
	}
	if len(fields) == 1 {
		return true
	}
	_, extension := splitSidecar(o.FileName)
	return isStandardInput(fields[1]) && digest.NamedIn(extension) != nil // otherwise a file called "-"
}

// sidecarFields returns the words of a line with one or two words. It returns nil for more words, and
// for blanks at the end: these may be the name of a file.
func sidecarFields(line []byte) [][]byte {
	fields := words(line)
	if len(fields) > 2 || !bytes.HasSuffix(line, fields[len(fields)-1]) {
		return nil
	}
	return fields
}

func isStandardInput(field []byte) bool { return string(field) == "-" || string(field) == "*-" }

// splitSidecar returns the name of a sidecar's file and the extension after it; "" and "" if the
// sidecar is not named after a file.
func splitSidecar(fileName string) (name, extension string) {
	stem, isText := strings.CutSuffix(fileName, ".txt")
	dot := strings.LastIndexByte(stem, '.')
	if isText && (dot < 1 || digest.NamedIn(stem[dot:]) == nil) {
		return stem, ".txt"
	}
	fileName = stem
	if dot < 1 {
		return "", ""
	}
	return fileName[:dot], fileName[dot:]
}

func readSidecar(lines *Lines, o Options) Next {
	name, _ := splitSidecar(o.FileName)
	digests := untagged{o.untaggedAlgorithm()}
	seen := false
	return perLine(lines, func(line []byte) (Entry, error) {
		if isBlank(line) || line[0] == '#' {
			return Entry{}, errNoEntry
		}
		fields := sidecarFields(line)
		switch {
		case fields == nil || len(fields) == 2 && !isStandardInput(fields[1]):
			return Entry{}, errors.New("expected a digest without a file name")
		case seen:
			return Entry{}, errors.New("second digest in a manifest of one file")
		case name == "":
			return Entry{}, errors.New("no file name, and the manifest is not named after a file, as in name.sha256")
		}
		e, err := digests.entry(fields[0], []byte(name))
		seen = err == nil
		return e, err
	})
}

func sidecarFile(dst []byte, entries []Entry) ([]byte, error) {
	return append(hex.AppendEncode(dst, entries[0].Digest), '\n'), nil
}
