package engine

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// The names of a bag's files (RFC 8493, section 2).
const (
	bagDeclaration = "bagit.txt"
	bagFetch       = "fetch.txt"
	bagPayload     = "data"
	tagPrefix      = "tagmanifest-"
)

// bagFiles are those that need not be listed anywhere.
var bagFiles = []string{bagDeclaration, "bag-info.txt", "package-info.txt", bagFetch}

var (
	bagManifest = regexp.MustCompile(`^(?:tag)?manifest-[^/]+\.txt$`)
	bagVersion  = regexp.MustCompile(`^BagIt-Version:[ \t]+([0-9]+\.[0-9]+)[ \t]*$`)
	bagEncoding = regexp.MustCompile(`^Tag-File-Character-Encoding:[ \t]+(\S+)[ \t]*$`)
	bagOxum     = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
	fetchLine   = regexp.MustCompile(`^\S+[ \t]+(?:[0-9]+|-)[ \t]+(\S.*)$`)
	unescapeBag = strings.NewReplacer("%0D", "\r", "%0d", "\r", "%0A", "\n", "%0a", "\n", "%25", "%")
)

// bagVersions are those that are known. Before 1.0 a payload file may stand in one manifest alone.
var bagVersions = []string{"0.93", "0.94", "0.95", "0.96", "0.97", "1.0"}

// maxTagLine bounds a line of a tag file.
const maxTagLine = manifest.MaxLine

// bag is a folder with a bagit.txt. Besides that the files are as listed, which is looked at as
// everywhere, it has to be complete and valid (RFC 8493, section 3): see [run.checkBag].
type bag struct {
	folder  string // relative to the top folder
	payload []*bagList
	tags    []*bagList
	notes   map[string]*Manifest // of the files that something is wrong with
}

// bagList is a manifest of a bag.
type bagList struct {
	place *place
	names nameSet
}

func isBagManifest(name string) bool { return bagManifest.MatchString(name) }

// add makes p one of the bag's manifests.
func (b *bag) add(p *place) {
	p.bag = b
	p.list = &bagList{place: p, names: nameSet{wanted: true}}
	if strings.HasPrefix(p.name, tagPrefix) {
		b.tags = append(b.tags, p.list)
	} else {
		b.payload = append(b.payload, p.list)
	}
}

// listedInBag takes note of an entry in one of a bag's manifests.
func (r *run) listedInBag(l *listing, e *manifest.Entry) {
	name := path.Clean(e.Name)
	l.place.list.names.add(name)
	isTag, isPayload := strings.HasPrefix(l.place.name, tagPrefix), strings.HasPrefix(name, bagPayload+"/")
	why := ""
	switch {
	case !isTag && !isPayload:
		why = "a payload manifest may list files below data/ only"
	case isTag && isPayload:
		why = "a tag manifest may not list files below data/"
	case isTag && strings.HasPrefix(name, tagPrefix):
		why = "a tag manifest may not list tag manifests"
	}
	if why != "" {
		r.badLine(l.Manifest, &manifest.LineError{Line: e.Line, Text: e.Name, Cause: why})
	}
}

// checkBag tells, as bad lines, where a bag is not as RFC 8493 says. It is valid if there are none
// and all entries of its manifests were verified.
func (r *run) checkBag(b *bag) {
	folder := r.bases.at(b.folder, "")
	tree, err := r.useBase(folder)
	if err != nil {
		r.bagError(b, bagDeclaration, 0, cause(err))
		return
	}
	defer r.bases.done(folder)
	version := r.bagDeclared(b, tree)
	if len(b.payload) == 0 {
		r.bagError(b, bagDeclaration, 0, "the bag has no payload manifest")
	}
	for _, list := range slices.Concat(b.payload, b.tags) {
		if digest.NamedIn(list.place.name) == nil {
			r.bagError(b, list.place.name, 0, "names no known algorithm")
		}
	}
	octets, files := r.bagPayload(b, tree, version)
	r.bagInfo(b, tree, fmt.Sprintf("%d.%d", octets, files))
	r.bagFetch(b, tree)
	for _, tag := range b.tags {
		for _, list := range b.payload {
			if version == "1.0" && !tag.names.has(list.place.name) {
				r.bagError(b, tag.place.name, 0, "does not list "+list.place.name)
			}
		}
	}
}

// bagDeclared checks bagit.txt (section 2.1.1), and returns the version.
func (r *run) bagDeclared(b *bag, tree *safefs.Tree) string {
	var lines []string
	r.tagLines(b, tree, bagDeclaration, true, func(n int64, line string) {
		if n <= 2 {
			lines = append(lines, line)
		} else {
			r.bagError(b, bagDeclaration, n, "more than two lines")
		}
	})
	if len(lines) < 2 {
		r.bagError(b, bagDeclaration, 0, "does not have two lines")
		return ""
	}
	version, encoding := bagVersion.FindStringSubmatch(lines[0]), bagEncoding.FindStringSubmatch(lines[1])
	if encoding == nil {
		r.bagError(b, bagDeclaration, 2, "is not Tag-File-Character-Encoding: and an encoding")
	} else if name := strings.ToUpper(encoding[1]); name != "UTF-8" && name != "US-ASCII" && name != "ASCII" {
		r.bagError(b, bagDeclaration, 2, fmt.Sprintf("encoding %q, where UTF-8 is understood", encoding[1]))
	}
	if version == nil {
		r.bagError(b, bagDeclaration, 1, "is not BagIt-Version: and a version")
		return ""
	}
	if !slices.Contains(bagVersions, version[1]) {
		r.bagError(b, bagDeclaration, 1, "unknown version "+version[1])
	}
	return version[1]
}

// bagPayload checks that the manifests list every file of the payload (sections 2.1.3 and 3), and
// returns its size in bytes and files.
func (r *run) bagPayload(b *bag, tree *safefs.Tree, version string) (octets, files int64) {
	all := version != "0.93" && version != "0.94" && version != "0.95" && version != "0.96" && version != "0.97"
	data, err := tree.Sub(bagPayload)
	if err != nil {
		r.bagError(b, bagDeclaration, 0, "no folder data/: "+cause(err))
		return 0, 0
	}
	defer data.Close()
	err = data.Walk(r.ctx, func(name string, entry fs.DirEntry) error {
		shown := bagPayload + "/" + name
		if unreadable, is := entry.(*safefs.UnreadableFolder); is {
			r.bagError(b, bagDeclaration, 0, fmt.Sprintf("%q cannot be searched: %s", shown, cause(unreadable.Err)))
			return fs.SkipDir
		}
		if entry.IsDir() {
			return nil
		}
		files++
		if info, err := data.Stat(name); err == nil {
			octets += info.Size()
		}
		r.bagLists(b, all, shown)
		return nil
	})
	if err != nil && r.ctx.Err() == nil {
		r.bagError(b, bagDeclaration, 0, "the payload cannot be searched: "+cause(err))
	}
	return octets, files
}

// bagLists checks that a file of the payload is listed; in all manifests, if all says so.
func (r *run) bagLists(b *bag, all bool, name string) {
	var without []*bagList
	for _, list := range b.payload {
		if !list.names.has(name) {
			without = append(without, list)
		}
	}
	if !all && len(without) < len(b.payload) {
		return
	}
	for _, list := range without {
		r.bagError(b, list.place.name, 0, fmt.Sprintf("does not list %q", name))
	}
}

// bagInfo compares the Payload-Oxum of bag-info.txt (section 2.2.2) with what there is.
func (r *run) bagInfo(b *bag, tree *safefs.Tree, oxum string) {
	name := "bag-info.txt"
	if _, err := tree.Stat("package-info.txt"); err == nil { // its name until 0.95
		name = "package-info.txt"
	}
	r.tagLines(b, tree, name, false, func(n int64, line string) {
		label, value, ok := strings.Cut(line, ":")
		switch {
		case line == "" || line[0] == ' ' || line[0] == '\t': // goes on with the line above it
		case !ok:
			r.bagError(b, name, n, "is not a label, a colon and a value")
		case strings.EqualFold(strings.TrimSpace(label), "Payload-Oxum"):
			value = strings.TrimSpace(value)
			if !bagOxum.MatchString(value) {
				r.bagError(b, name, n, "Payload-Oxum is not a number of bytes, a dot and a number of files")
			} else if value != oxum {
				r.bagError(b, name, n, fmt.Sprintf("Payload-Oxum is %s, where %s is there", value, oxum))
			}
		}
	})
}

// bagFetch checks fetch.txt (section 2.2.3): what is to be fetched is listed by every manifest of
// the payload. Nothing is fetched.
func (r *run) bagFetch(b *bag, tree *safefs.Tree) {
	r.tagLines(b, tree, bagFetch, false, func(n int64, line string) {
		fields := fetchLine.FindStringSubmatch(line)
		if fields == nil {
			r.bagError(b, bagFetch, n, "is not a URL, a length and a file name")
			return
		}
		name := path.Clean(unescapeBag.Replace(fields[1]))
		for _, list := range b.payload {
			if !list.names.has(name) {
				r.bagError(b, bagFetch, n, fmt.Sprintf("%s does not list %q", list.place.name, name))
			}
		}
	})
}

// tagLines gives each the lines of a tag file, numbered from 1, without their ends. A file that is
// not there has none, unless it must be.
func (r *run) tagLines(b *bag, tree *safefs.Tree, name string, must bool, each func(int64, string)) {
	var file *safefs.File
	err := r.patiently(func() (err error) {
		file, err = tree.Open(name)
		return err
	})
	if err != nil {
		if must || !safefs.IsMissing(err) {
			r.bagError(b, name, 0, "cannot be read: "+cause(err))
		}
		return
	}
	defer file.Close()
	lines := bufio.NewReaderSize(file, maxTagLine)
	for n := int64(1); r.ctx.Err() == nil; n++ {
		line, err := lines.ReadSlice('\n')
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
			if !errors.Is(err, io.EOF) {
				r.bagError(b, name, n, "cannot be read: "+cause(err))
			}
			return
		}
		each(n, strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r"))
	}
}

// bagError tells what is wrong with a file of a bag, or with one of its lines.
func (r *run) bagError(b *bag, name string, line int64, why string) {
	r.badLine(r.bagNote(b, name), &manifest.LineError{Line: line, Cause: why})
}

// bagNote returns the manifest of that name, or one that stands for another file of the bag.
func (r *run) bagNote(b *bag, name string) *Manifest {
	for _, list := range slices.Concat(b.payload, b.tags) {
		if list.place.name == name && list.place.manifest != nil {
			return list.place.manifest
		}
	}
	if b.notes == nil {
		b.notes = map[string]*Manifest{}
	}
	if b.notes[name] == nil {
		m := &Manifest{Path: r.found.path(&place{folder: b.folder, name: name}), Format: "bagit"}
		r.announce(m)
		b.notes[name] = m
	}
	return b.notes[name]
}

// isOfBag reports whether path is that of a bag's own files, which need not be listed.
func (r *run) isOfBag(path string) bool {
	dir, name := filepath.Split(path)
	return r.found.bagDirs[filepath.Clean(dir)] && (slices.Contains(bagFiles, name) || isBagManifest(name))
}
