package manifest

import (
	"bytes"
	"errors"
	"fmt"
)

// Distinfo is the list of the files that a port is built from. Sources: FreeBSD's Porter's Handbook, section
// "distinfo"; OpenBSD's bsd.port.mk(5); NetBSD's pkgsrc guide, section "distinfo".
//
// It has lines as in [BSD], and the size of each file, before or after its digests:
//
//	"TIMESTAMP = " <seconds>                FreeBSD
//	"$NetBSD: " … "$"                       pkgsrc
//	<tag> " (" <name> ") = " <hex digest>   OpenBSD: base64
//	"SIZE (" <name> ") = " <size>           pkgsrc: "Size (" <name> ") = " <size> " bytes"
//
// A size of a file without a digest is a bad line with the code [NoDigest]. So is the digest of a patch in
// pkgsrc: it leaves out the lines of the patch that contain $NetBSD.
//
// Empty lines and "#" comments are skipped.
var Distinfo = &Format{Name: "distinfo", Detect: detectDistinfo, Read: readDistinfo}

var (
	distinfoTimestamp = pattern(`^TIMESTAMP = [0-9]+$`)
	distinfoVersion   = pattern(`^\$NetBSD(?::.*)?\$$`)
	distinfoSize      = pattern(`^(?i:size) \((.+)\) = ([0-9]+)(?: bytes)?$`)
	distinfoSizeLine  = pattern(`(?m)^(?i:size) \(.+\) = [0-9]+(?: bytes)?\r?$`)
)

func detectDistinfo(head []byte, o Options) bool {
	line := firstContentLine(head, "#")
	switch {
	case bytes.HasPrefix(line, []byte("TIMESTAMP = ")), bytes.HasPrefix(line, []byte("$NetBSD")):
		return true
	}
	_, isTagged := cutTag(bytes.TrimSuffix(line, []byte(" bytes")))
	return isTagged && (o.FileName == "distinfo" || distinfoSizeLine().Match(head))
}

func readDistinfo(lines *Lines, _ Options) Next {
	return perGroup(func() ([]row, error) {
		d := distinfo{sizes: map[string]distinfoListed{}}
		for {
			line, n, err := d.next(lines)
			if err != nil {
				d.setSizes()
				return d.sorted(), err
			}
			if err := d.read(line, n); err != nil {
				d.fail(n, line, err)
			}
		}
	})
}

type distinfo struct {
	group
	pkgsrc bool
	sizes  map[string]distinfoListed
}

// distinfoListed is the size of a file, and the line that lists it.
type distinfoListed struct{ size, line int64 }

func (d *distinfo) read(line []byte, n int64) error {
	size := distinfoSize().FindSubmatch(line)
	switch {
	case isBlank(line) || line[0] == '#' || distinfoTimestamp().Match(line):
		return nil
	case distinfoVersion().Match(line):
		d.pkgsrc = true
		return nil
	case size != nil:
		return d.readSize(string(size[1]), size[2], n)
	}
	t, ok := cutTag(line)
	if !ok {
		return errors.New("expected a digest or a size with a tag")
	}
	if d.pkgsrc && bytes.HasPrefix(t.name, []byte("patch-")) {
		return errDistinfoPatch
	}
	e, err := t.entry()
	if err == nil {
		d.add(n, e)
	}
	return err
}

var errDistinfoPatch = fmt.Errorf("%w: that of a pkgsrc patch is of its lines without $NetBSD, and cannot be verified", errNoDigest)

func (d *distinfo) readSize(name string, digits []byte, n int64) error {
	size, err := parseSize(digits)
	if err != nil {
		return err
	}
	if before, listed := d.sizes[name]; listed && before.size != size {
		return fmt.Errorf("contradicts line %d: another size of the same file", before.line)
	} else if !listed {
		d.sizes[name] = distinfoListed{size, n}
	}
	return nil
}

// setSizes gives the entries their sizes, and reports sizes of files without a digest.
func (d *distinfo) setSizes() {
	listed := map[string]bool{}
	for i := range d.rows {
		if e := &d.rows[i].entry; d.rows[i].bad == nil {
			if s, ok := d.sizes[e.Name]; ok {
				e.HasSize, e.Size = true, s.size
			}
			listed[e.Name] = true
		}
	}
	for name, s := range d.sizes {
		if !listed[name] {
			d.fail(s.line, []byte(name), errNoDigest)
		}
	}
}
