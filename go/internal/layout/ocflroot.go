package layout

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// The names of a storage root's files (OCFL 1.1, section 4).
const (
	ocflRootDeclaration = "0=ocfl_"
	ocflLayout          = "ocfl_layout.json"
)

// OCFLRoot is a storage root: a folder with OCFL objects somewhere below it, which are structures of their
// own. They are verified with it only if folders below are searched.
var OCFLRoot = &Kind{
	Name: "ocfl-root", Title: "an OCFL storage root",
	IsMarker: func(name string) bool {
		return strings.HasPrefix(name, ocflRootDeclaration) && !strings.HasPrefix(name, ocflDeclaration)
	},
	New:        func() Layout { return storageRoot{} },
	IsManifest: func(string) bool { return false },
	IsOwn: func(name string) bool {
		return name == ocflLayout || strings.HasPrefix(name, ocflRootDeclaration)
	},
}

// storageLayouts are the registered extensions that say where an object lies.
var storageLayouts = pattern(`^(?:0002-flat-direct|0003-hash-and-id-n-tuple|0004-hashed-n-tuple|0006-flat-omit-prefix|` +
	`0007-n-tuple-omit-prefix)-storage-layout$`)

type storageRoot struct{}

func (storageRoot) AddManifest(string) List { return nil }

func (storageRoot) Check(ctx context.Context, f Folder, report Report) {
	tree := openFolder(ctx, f, report, ocflRootDeclaration)
	if tree == nil {
		return
	}
	defer f.Root.Release()
	c := rootCheck{ctx: ctx, folder: f, tree: tree, report: report}
	c.all()
}

// rootCheck is the state of one check.
type rootCheck struct {
	ctx     context.Context
	folder  Folder
	tree    *safefs.Tree
	report  Report
	version string
	objects bool
}

func (c *rootCheck) problem(file, code, format string, args ...any) {
	c.report.Problem(file, 0, code+": "+fmt.Sprintf(format, args...))
}

func (c *rootCheck) all() {
	entries, err := c.tree.List(c.ctx, ".")
	if err != nil {
		c.report.Problem(ocflRootDeclaration, 0, "the storage root cannot be searched: "+safefs.Cause(err))
		return
	}
	var declarations []string
	for _, e := range entries {
		if e.Type().IsRegular() && OCFLRoot.IsMarker(e.Name()) {
			declarations = append(declarations, e.Name())
		}
	}
	if len(declarations) != 1 {
		c.problem(ocflRootDeclaration+"1.1", "E076", "the storage root has %d declarations", len(declarations))
		return
	}
	c.version, err = declaredVersion(c.ctx, c.folder.Roots, c.tree, declarations[0], "ocfl_")
	if err != nil {
		c.problem(declarations[0], "E080", "%s", safefs.Cause(err))
	}
	if !slices.Contains(ocflVersions, c.version) {
		c.problem(declarations[0], "E077", "unknown version %.40q of OCFL, known: %s", c.version, strings.Join(ocflVersions, ", "))
		return
	}
	c.layout()
	for _, e := range entries {
		name := e.Name()
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			c.problem(name, "E090", "a storage root must not contain links")
		case e.IsDir() && name == ocflExtensions:
			c.extensions()
		case e.IsDir():
			c.hierarchy(name)
		}
	}
	if !c.objects {
		c.report.Problem(declarations[0], 0, "the storage root has no object")
	} else if !c.folder.Recursive {
		c.report.Problem(declarations[0], 0, "the objects of the storage root were not verified; search the folders below too (recursive)")
	}
}

// layout checks the description of where objects lie. That they lie there is not checked.
func (c *rootCheck) layout() {
	content, err := readWhole(c.ctx, c.folder.Roots, c.tree, ocflLayout)
	if safefs.IsMissing(err) {
		return
	}
	var text map[string]string
	if err == nil {
		text, err = manifest.ParseStrings(string(content))
	}
	_, described := text["description"]
	switch {
	case err != nil:
		c.problem(ocflLayout, "E070", "cannot be read: %s", safefs.Cause(err))
	case text["extension"] == "" || !described:
		c.problem(ocflLayout, "E070", "lacks extension or description")
	case !storageLayouts().MatchString(text["extension"]):
		c.problem(ocflLayout, "E071", "unknown extension %.80q", text["extension"])
	default:
		c.report.Note(ocflLayout, 0, "whether objects lie where their ids say was not checked")
	}
}

func (c *rootCheck) extensions() {
	entries, err := c.tree.List(c.ctx, ocflExtensions)
	if err != nil {
		c.report.Problem(ocflExtensions, 0, "cannot be searched: "+safefs.Cause(err))
	}
	for _, e := range entries {
		name := ocflExtensions + "/" + e.Name()
		if !e.IsDir() {
			c.problem(name, "E112", "the extensions folder must contain folders only")
		} else if !registeredExtension().MatchString(e.Name()) {
			c.report.Note(name, 0, "W016: not a registered extension; its files were not verified")
		}
	}
}

// hierarchy checks the folders down to the objects.
func (c *rootCheck) hierarchy(top string) {
	if c.folderOf(top) {
		return
	}
	isListed := func(string) bool { return true } // by folderOf, which most are skipped after
	err := c.tree.WalkFrom(c.ctx, top, isListed, func(name string, e fs.DirEntry) error {
		switch unreadable, is := e.(*safefs.UnreadableFolder); {
		case is:
			c.report.Problem(name, 0, "cannot be searched: "+safefs.Cause(unreadable.Err))
			return fs.SkipDir
		case e.Type()&fs.ModeSymlink != 0:
			c.problem(name, "E090", "a storage root must not contain links")
		case !e.IsDir():
			c.problem(name, "E072", "not part of an OCFL object")
		case c.folderOf(name):
			return fs.SkipDir
		}
		return nil
	})
	if err != nil && c.ctx.Err() == nil {
		c.report.Problem(top, 0, "cannot be searched: "+safefs.Cause(err))
	}
}

// folderOf looks at a folder, and reports whether nothing below it needs to be looked at.
func (c *rootCheck) folderOf(name string) (done bool) {
	entries, err := c.tree.List(c.ctx, name)
	if err != nil {
		return false // the walk reports it
	}
	if len(entries) == 0 {
		c.problem(name, "E073", "an empty folder")
		return true
	}
	for _, e := range entries {
		if version, is := strings.CutPrefix(e.Name(), ocflDeclaration); is && e.Type().IsRegular() {
			c.objects = true
			if version > c.version && slices.Contains(ocflVersions, version) {
				c.problem(name, "E081", "an object of version %s in a storage root of version %s", version, c.version)
			}
			return true
		}
	}
	return false
}
