package layout

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/lookahead"
	"checksig/internal/manifest"
	"checksig/internal/nameset"
	"checksig/internal/safefs"
)

// The names of a bag's files (RFC 8493, section 2).
const (
	bagDeclaration = "bagit.txt"
	bagInfo        = "bag-info.txt"
	bagInfoOld     = "package-info.txt" // until 0.95
	bagFetch       = "fetch.txt"
	bagPayload     = "data"
	tagPrefix      = "tagmanifest-"
)

// BagIt is a bag (RFC 8493).
var BagIt = &Kind{
	Name: "bagit", Title: "a bag", Format: manifest.BagIt,
	IsMarker:   func(name string) bool { return name == bagDeclaration },
	New:        func() Layout { return &bag{} },
	IsManifest: bagManifest().MatchString,
	IsOwn: func(name string) bool {
		return slices.Contains([]string{bagDeclaration, bagInfo, bagInfoOld, bagFetch}, name) || bagManifest().MatchString(name)
	},
}

var (
	bagManifest  = pattern(`^(?:tag)?manifest-[^/]+\.txt$`)
	bagVersion   = pattern(`^BagIt-Version:[ \t]+([0-9]+\.[0-9]+)[ \t]*$`)
	bagEncoding  = pattern(`^Tag-File-Character-Encoding:[ \t]+(\S+)[ \t]*$`)
	bagOxum      = pattern(`^[0-9]+\.[0-9]+$`)
	fetchLine    = pattern(`^\S+[ \t]+(?:[0-9]+|-)[ \t]+(\S.*)$`)
	unescapeName = strings.NewReplacer("%0D", "\r", "%0d", "\r", "%0A", "\n", "%0a", "\n", "%25", "%")
)

// draftVersions come before 1.0: a payload file needs to be in one manifest only.
var draftVersions = []string{"0.93", "0.94", "0.95", "0.96", "0.97"}

const bagVersion1 = "1.0"

// maxManifests bounds the manifests of a bag of each sort, one for each algorithm: every file is looked for in all.
const maxManifests = 64

// maxTagLine bounds a line of a tag file, in bytes.
const maxTagLine = manifest.MaxLine

// bag is a folder with a bagit.txt. Its files must be as listed, as everywhere; besides, it must be
// complete and valid (RFC 8493, section 3).
type bag struct {
	payload []*bagList
	tags    []*bagList
	excess  string            // a manifest beyond maxManifests
	profile *BagProfile       // that it must conform to; nil for none
	charset *manifest.Charset // of its tag files, as the manifests were read
	encoded string            // its name in bagit.txt
}

// bagList is a manifest of a bag.
type bagList struct {
	file  string
	names nameset.Set
}

// SetProfile lets Check compare the bag with a profile, too.
func (b *bag) SetProfile(p *BagProfile) { b.profile = p }

func (b *bag) AddManifest(name string) List {
	list := &bagList{file: name}
	lists := &b.payload
	if list.isTag() {
		lists = &b.tags
	}
	if len(*lists) < maxManifests {
		*lists = append(*lists, list)
	} else {
		b.excess = name
	}
	return list
}

func (l *bagList) isTag() bool { return strings.HasPrefix(l.file, tagPrefix) }

func (l *bagList) Add(name string) (problem string) {
	if slices.Contains(strings.Split(name, "/"), "..") {
		return `a name in a bag must not contain ".."` // only the system knows which file it is
	}
	name = path.Clean(name)
	l.names.Add(name)
	isPayload := strings.HasPrefix(name, bagPayload+"/")
	switch {
	case !l.isTag() && !isPayload:
		return "a payload manifest must list files below data/ only"
	case l.isTag() && isPayload:
		return "a tag manifest must not list files below data/"
	case l.isTag() && strings.HasPrefix(name, tagPrefix):
		return "a tag manifest must not list tag manifests"
	}
	return ""
}

// Charset reads bagit.txt, which is in UTF-8 itself.
func (b *bag) Charset(ctx context.Context, f Folder) *manifest.Charset {
	tree, err := f.Root.AcquireRetrying(ctx)
	if err != nil {
		return nil
	}
	defer f.Root.Release()
	silent := Report{Problem: func(string, int64, string) {}}
	c := bagCheck{bag: &bag{}, ctx: ctx, roots: f.Roots, tree: tree, report: silent}
	c.tagLines(bagDeclaration, true, func(n int64, line string) {
		if fields := bagEncoding().FindStringSubmatch(line); n == 2 && fields != nil {
			b.encoded = fields[1]
			b.charset, _ = manifest.CharsetNamed(b.encoded)
		}
	})
	return b.charset
}

func (b *bag) Check(ctx context.Context, f Folder, report Report) {
	tree, err := f.Root.AcquireRetrying(ctx)
	if err != nil {
		report.Problem(bagDeclaration, 0, safefs.Cause(err))
		return
	}
	defer f.Root.Release()
	c := bagCheck{bag: b, ctx: ctx, roots: f.Roots, tree: tree, report: report}
	c.all()
}

// bagCheck is the state of one check.
type bagCheck struct {
	*bag
	ctx     context.Context
	roots   *safefs.RootCache
	tree    *safefs.Tree
	report  Report
	version string // "" until it is known
}

// problem reports a problem of the bag.
func (c *bagCheck) problem(file string, line int64, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if c.version != "" {
		text += " (BagIt " + c.version + ")"
	}
	c.report.Problem(file, line, text)
}

func (c *bagCheck) all() {
	version := c.declaration()
	c.version = version
	if len(c.payload) == 0 {
		c.problem(bagDeclaration, 0, "the bag has no payload manifest")
	}
	if c.excess != "" {
		c.problem(c.excess, 0, "the bag has more than %d manifests of this sort", maxManifests)
	}
	for _, list := range slices.Concat(c.payload, c.tags) {
		if digest.NamedIn(list.file) == nil {
			c.problem(list.file, 0, "its name contains no known algorithm")
		}
	}
	if version != "" && len(c.payload) > 0 {
		c.report.Note(c.payload[0].file, 0, "of a bag, whose rules were checked as well (BagIt "+version+")")
	}
	octets, files := c.payloadFiles(version)
	if c.profile != nil {
		c.checkProfile(octets, files)
	}
	c.info(fmt.Sprintf("%d.%d", octets, files))
	c.fetch()
	for _, tag := range c.tags {
		for _, list := range c.payload {
			if version == bagVersion1 && !tag.names.Has(list.file) {
				c.problem(tag.file, 0, "does not list %s", list.file)
			}
		}
	}
}

// declaration checks bagit.txt (section 2.1.1), and returns the version.
func (c *bagCheck) declaration() string {
	var lines []string
	c.tagLines(bagDeclaration, true, func(n int64, line string) {
		if n <= 2 {
			lines = append(lines, line)
		} else {
			c.problem(bagDeclaration, n, "more than two lines")
		}
	})
	if len(lines) < 2 {
		c.problem(bagDeclaration, 0, "does not have two lines")
		return ""
	}
	version, encoding := bagVersion().FindStringSubmatch(lines[0]), bagEncoding().FindStringSubmatch(lines[1])
	if encoding == nil {
		c.problem(bagDeclaration, 2, "is not Tag-File-Character-Encoding: and an encoding")
	} else if _, err := manifest.CharsetNamed(encoding[1]); err != nil {
		c.problem(bagDeclaration, 2, "%s", err)
	} else if encoding[1] != c.encoded {
		c.problem(bagDeclaration, 2, "%s", errChanged)
	}
	if version == nil {
		c.problem(bagDeclaration, 1, "is not BagIt-Version: and a version")
		return ""
	}
	if version[1] != bagVersion1 && !slices.Contains(draftVersions, version[1]) {
		c.problem(bagDeclaration, 1, "unknown version %s", version[1])
	}
	return version[1]
}

// payloadFiles checks that the manifests list every file of the payload (sections 2.1.3 and 3), and
// returns its size in bytes and files.
func (c *bagCheck) payloadFiles(version string) (octets, files int64) {
	data, err := c.tree.Sub(bagPayload)
	if err != nil {
		c.problem(bagDeclaration, 0, "no folder data/: %s", safefs.Cause(err))
		return 0, 0
	}
	defer data.Close()
	inAll := !slices.Contains(draftVersions, version)
	batch := lookahead.NewBatch(c.ctx, lookahead.FastStat, data.SizeOf, func(name string, of int64) {
		octets += of
		c.isListed(bagPayload+"/"+name, inAll)
	})
	err = data.Walk(c.ctx, func(name string, entry fs.DirEntry) error {
		if unreadable, is := entry.(*safefs.UnreadableFolder); is {
			batch.Flush()
			c.problem(bagDeclaration, 0, "%q cannot be searched: %s", bagPayload+"/"+name, safefs.Cause(unreadable.Err))
			return fs.SkipDir
		}
		if entry.IsDir() {
			return nil
		}
		files++
		batch.Add(name, len(name))
		if p := c.profile; p != nil && p.payloadAllowed != nil && !p.payloadAllowed.MatchString(bagPayload+"/"+name) {
			c.problem(bagDeclaration, 0, "%q is not allowed by Payload-Files-Allowed", bagPayload+"/"+name)
		}
		return nil
	})
	batch.Flush()
	if err != nil && c.ctx.Err() == nil {
		c.problem(bagDeclaration, 0, "the payload cannot be searched: %s", safefs.Cause(err))
	}
	return octets, files
}

// isListed checks that a file of the payload is listed, with inAll by every payload manifest.
func (c *bagCheck) isListed(name string, inAll bool) {
	var without []*bagList
	for _, list := range c.payload {
		if !list.names.Has(name) {
			without = append(without, list)
		}
	}
	if !inAll && len(without) < len(c.payload) {
		return
	}
	for _, list := range without {
		c.problem(list.file, 0, "does not list %q", name)
	}
}

// infoName returns the name of the file with the metadata.
func (c *bagCheck) infoName() string {
	if _, err := c.tree.Stat(bagInfoOld); err == nil {
		return bagInfoOld
	}
	return bagInfo
}

// info compares the Payload-Oxum of bag-info.txt (section 2.2.2) with what there is.
func (c *bagCheck) info(oxum string) {
	name := c.infoName()
	c.tagLines(name, false, func(n int64, line string) {
		label, value, ok := strings.Cut(line, ":")
		switch {
		case line == "" || line[0] == ' ' || line[0] == '\t': // continues the line above it
		case !ok:
			c.problem(name, n, "is not a label, a colon and a value")
		case strings.EqualFold(strings.TrimSpace(label), "BagIt-Profile-Identifier") && c.profile == nil:
			c.report.Note(name, n, fmt.Sprintf("the rules of the BagIt profile %.200q were not checked; --bag-profile (bag_profile) checks them", strings.TrimSpace(value)))
		case strings.EqualFold(strings.TrimSpace(label), "Payload-Oxum"):
			value = strings.TrimSpace(value)
			if !bagOxum().MatchString(value) {
				c.problem(name, n, "Payload-Oxum is not a number of bytes, a dot and a number of files")
			} else if value != oxum {
				c.problem(name, n, "Payload-Oxum is %s, found %s", value, oxum)
			}
		}
	})
}

// fetch checks fetch.txt (section 2.2.3): every payload manifest must list what is to be fetched. Nothing
// is fetched.
func (c *bagCheck) fetch() {
	c.tagLines(bagFetch, false, func(n int64, line string) {
		fields := fetchLine().FindStringSubmatch(line)
		if fields == nil {
			c.problem(bagFetch, n, "is not a URL, a length and a file name")
			return
		}
		name := path.Clean(unescapeName.Replace(fields[1]))
		for _, list := range c.payload {
			if !list.names.Has(name) {
				c.problem(bagFetch, n, "%s does not list %q", list.file, name)
			}
		}
	})
}

// tagLines calls each with the lines of a tag file, numbered from 1, without their ends. A missing file
// has none, and is reported if it is required.
func (c *bagCheck) tagLines(name string, required bool, each func(int64, string)) {
	var file *safefs.File
	err := c.roots.Retry(c.ctx, func() (err error) {
		file, err = c.tree.Open(name)
		return err
	})
	if err != nil {
		if required || !safefs.IsMissing(err) {
			c.problem(name, 0, "cannot be read: %s", safefs.Cause(err))
		}
		return
	}
	defer file.Close()
	var content io.Reader = file
	if c.charset != nil && name != bagDeclaration {
		content = c.charset.Reader(file)
	}
	lines := bufio.NewReaderSize(content, maxTagLine)
	for n := int64(1); c.ctx.Err() == nil; n++ {
		line, err := lines.ReadSlice('\n')
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
			if !errors.Is(err, io.EOF) {
				c.problem(name, n, "cannot be read: %s", safefs.Cause(err))
			}
			return
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\uFEFF"))
		}
		each(n, strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r"))
	}
}
