package verify

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"

	"checksig/internal/lookahead"
	"checksig/internal/manifest"
	"checksig/internal/printable"
	"checksig/internal/safefs"
)

// attributed is something in the tree of which a manifest states attributes.
type attributed struct {
	manifest *Manifest
	root     *safefs.Root
	name     string // below root
	stated   manifest.Attributes
}

// newAttributes returns what compares attributes, in batches.
func (r *run) newAttributes() *lookahead.Batch[*attributed, string] {
	return lookahead.NewBatch(r.group.Context(), lookahead.FastStat, r.compareAttributes, func(a *attributed, problem string) {
		if problem == "" {
			return
		}
		r.record.badLine(a.manifest, &manifest.LineError{
			Line: a.stated.Line, Text: a.stated.Name, Cause: problem, Code: manifest.BrokenRule,
		})
		if !a.manifest.suggested {
			a.manifest.suggested = true
			r.record.note(a.manifest, 0, "--ignore-attributes (ignore_attributes=True) compares the content of files only")
		}
	})
}

// states has the attributes compared that a manifest states, and reports whether they can be.
func (r *run) states(m *openManifest, a manifest.Attributes) bool {
	switch {
	case r.request.IgnoreAttributes, r.request.Source != nil, !safefs.HasAttributes:
		return false
	case r.request.Paths.Basename && !a.IsEntry: // files lie elsewhere, and their folders may be nowhere
		return false
	}
	c, refused := r.reader.claim(m, manifest.Entry{Name: a.Name})
	if refused != nil {
		return a.IsEntry // its entries say so
	}
	switch only, f := r.reader.only, r.reader.filter; {
	case only != nil && (!a.IsEntry || !only.has(&c)), f != nil && (c.name == "." || !f.keeps(&c)):
		return true // nobody asks for it
	}
	if r.compare.listed != nil && a.Type != "dir" && c.path() != "" {
		r.compare.listed.Add(c.path())
	}
	r.attributes.Add(&attributed{m.Manifest, m.root, c.name, a}, len(a.Name)+len(c.name)+len(a.Target)+200)
	return true
}

// compareAttributes returns how a file, folder or link differs from what is stated of it; "" if it does not.
func (r *run) compareAttributes(a *attributed) string {
	var info fs.FileInfo
	var target string
	err := r.discovery.roots.Retry(r.group.Context(), func() error {
		tree, err := a.root.Acquire()
		if err != nil {
			return err
		}
		defer a.root.Release()
		if info, err = tree.Lstat(a.name); err == nil && a.stated.Target != "" && info.Mode()&fs.ModeSymlink != 0 {
			target, err = tree.Readlink(a.name)
		}
		return err
	})
	switch {
	case safefs.IsMissing(err) && (a.stated.IsEntry || a.stated.Optional || r.request.IgnoreMissing):
		return "" // an entry says so itself
	case safefs.IsMissing(err):
		return "missing"
	case err != nil && a.stated.IsEntry && !safefs.IsExhausted(err):
		return ""
	case err != nil:
		return "cannot be looked at: " + safefs.Cause(err)
	}
	return differences(info, target, &a.stated)
}

// differences returns how what info describes, a link to target perhaps, differs from what is stated; "" if it does not.
func differences(info fs.FileInfo, target string, stated *manifest.Attributes) string {
	var found []string
	add := func(what, is, listed string) {
		if is != listed {
			found = append(found, fmt.Sprintf("%s %s, %s listed", what, is, listed))
		}
	}
	kind := typeOf(info.Mode())
	if stated.Type != "" {
		add("type", kind, stated.Type)
	}
	if stated.Target != "" && kind == "link" {
		add("link to", printable.Quote(target), printable.Quote(stated.Target))
	}
	mode, uid, gid, ok := safefs.AttributesOf(info)
	if !ok {
		return strings.Join(found, "; ")
	}
	if stated.Mode != nil && kind != "link" { // links have no modes of their own on Linux
		add("mode", fmt.Sprintf("%04o", mode), fmt.Sprintf("%04o", *stated.Mode))
	}
	add("owner", fmt.Sprint(uid), listedID(uid, stated.UID, stated.User, users))
	add("group", fmt.Sprint(gid), listedID(gid, stated.GID, stated.Group, groups))
	return strings.Join(found, "; ")
}

// listedID returns the number of a stated owner or group, or its name if nobody here is called so; found if none is
// stated.
func listedID(found uint32, id *uint32, name string, known func() map[string]uint32) string {
	switch {
	case id != nil:
		return fmt.Sprint(*id)
	case name == "":
		return fmt.Sprint(found)
	}
	if number, is := known()[name]; is {
		return fmt.Sprint(number)
	}
	return printable.Quote(name) + " (unknown here)"
}

// typeOf returns the type of a file as mtree(5) calls it.
func typeOf(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "dir"
	case fs.ModeSymlink:
		return "link"
	case fs.ModeNamedPipe:
		return "fifo"
	case fs.ModeSocket:
		return "socket"
	case fs.ModeDevice:
		return "block"
	case fs.ModeDevice | fs.ModeCharDevice:
		return "char"
	}
	return "other"
}

// users and groups return the numbers of the names in passwd(5) and group(5).
var (
	users  = sync.OnceValue(func() map[string]uint32 { return readIDs("/etc/passwd") })
	groups = sync.OnceValue(func() map[string]uint32 { return readIDs("/etc/group") })
)

// readIDs reads a file whose lines are "name:password:number", and more.
func readIDs(path string) map[string]uint32 {
	ids := map[string]uint32{}
	file, err := os.Open(path)
	if err != nil {
		return ids
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.SplitN(lines.Text(), ":", 4)
		if len(fields) < 3 {
			continue
		}
		if id, err := strconv.ParseUint(fields[2], 10, 32); err == nil {
			ids[fields[0]] = uint32(id)
		}
	}
	return ids
}
