package layout

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"checksig/internal/manifest"
	"checksig/internal/nameset"
	"checksig/internal/safefs"
)

// The names of an object's files (OCFL 1.1, section 3).
const (
	ocflDeclaration = "0=ocfl_object_"
	ocflInventory   = "inventory.json"
	ocflSidecar     = ocflInventory + "."
	ocflLogs        = "logs"
	ocflExtensions  = "extensions"
)

// OCFLObject is an object of the Oxford Common File Layout, versions 1.0 and 1.1. Problems begin with the
// specification's codes for validators.
//
// An inventory and its sidecar without a declaration count as an object, which is broken.
var OCFLObject = &Kind{
	Name: "ocfl", Title: "an OCFL object",
	IsMarker:    func(name string) bool { return strings.HasPrefix(name, ocflDeclaration) },
	IsCandidate: func(name string) bool { return strings.HasPrefix(name, ocflSidecar) },
	Confirm:     isInventory,
	New:         func() Layout { return &object{taken: map[string]fingerprint{}} },
	IsManifest:  func(name string) bool { return name == ocflInventory || strings.HasPrefix(name, ocflSidecar) },
	IsContent:   func(name string) bool { return strings.Contains(name, "/") },
	IsOwn: func(name string) bool {
		return name == ocflInventory || strings.HasPrefix(name, ocflDeclaration) || strings.HasPrefix(name, ocflSidecar)
	},
}

// ocflVersions are the versions of the specification, in order.
var ocflVersions = []string{"1.0", "1.1"}

var (
	ocflVersionDir  = pattern(`^v([0-9]+)$`)
	ocflType        = pattern(`^https://ocfl\.io/([0-9]+\.[0-9]+)/spec/#inventory$`)
	ocflSidecarLine = pattern(`^([0-9a-fA-F]+)[ \t]+inventory\.json(?:\r?\n)?$`)
	ocflTime        = pattern(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$`)
	uri             = pattern(`^[A-Za-z][A-Za-z0-9+.-]*:.`)
)

// isInventory reports whether inventory.json is an OCFL inventory.
func isInventory(ctx context.Context, f Folder) bool {
	tree, err := f.Root.AcquireRetrying(ctx)
	if err != nil {
		return false
	}
	defer f.Root.Release()
	content, err := readWhole(ctx, f.Roots, tree, ocflInventory)
	return errors.Is(err, ErrTooLarge) ||
		err == nil && manifest.OCFL.Detect(content, manifest.Options{FileName: ocflInventory})
}

// fingerprint tells the bytes of two documents apart.
type fingerprint = [sha256.Size]byte

// object is an OCFL object. Its inventories are read three times: by Find, which decides whose entries are
// verified; for those entries; and by Check, which demands that the bytes were the same.
type object struct {
	mu    sync.Mutex
	taken map[string]fingerprint // of the inventories whose entries were read
}

func (o *object) AddManifest(string) List { return nil }

func (o *object) Take(name string, content []byte) error {
	if path.Base(name) != ocflInventory {
		return nil // a sidecar
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	sum := sha256.Sum256(content)
	if before, again := o.taken[name]; again && before != sum {
		return errChanged
	}
	o.taken[name] = sum
	return nil
}

// Find returns the root's inventory, the sidecars, and the inventories of versions that say more than the
// root's: other digests, as by another algorithm.
func (o *object) Find(ctx context.Context, f Folder) (found []Found) {
	tree, err := f.Root.AcquireRetrying(ctx)
	if err != nil {
		return nil
	}
	defer f.Root.Release()
	content, err := readWhole(ctx, f.Roots, tree, ocflInventory)
	if err != nil {
		return nil
	}
	found = append(found, Found{Folder: ".", Name: ocflInventory, Format: manifest.OCFL, MayBeEmpty: true})
	entries, _ := tree.List(ctx, ".")
	var listed *nameset.Set
	for _, e := range entries {
		switch {
		case isSidecar(e):
			found = append(found, Found{Folder: ".", Name: e.Name()})
		case e.IsDir() && ocflVersionDir().MatchString(e.Name()):
			inside, _ := tree.List(ctx, e.Name())
			for _, each := range inside {
				if isSidecar(each) {
					found = append(found, Found{Folder: e.Name(), Name: each.Name()})
				}
			}
			name := e.Name() + "/" + ocflInventory
			old, err := readWhole(ctx, f.Roots, tree, name)
			if ctx.Err() != nil {
				return found
			}
			if err != nil || bytes.Equal(old, content) {
				continue
			}
			if listed == nil {
				if inv, _, err := manifest.ParseInventory(string(content)); err == nil {
					listed = listedBy(inv)
				} else {
					return found // nothing is verified by it
				}
			}
			if inv, _, err := manifest.ParseInventory(string(old)); err != nil || !isCovered(listed, inv) {
				found = append(found, Found{Folder: ".", Name: name, Format: manifest.OCFL, MayBeEmpty: true})
			}
		}
	}
	return found
}

func isSidecar(e fs.DirEntry) bool {
	return e.Type().IsRegular() && strings.HasPrefix(e.Name(), ocflSidecar)
}

// listedBy returns what an inventory lists: algorithms, digests and paths.
func listedBy(inv *manifest.Inventory) *nameset.Set {
	all := &nameset.Set{}
	eachListed(inv, func(key string) { all.Add(key) })
	return all
}

// isCovered reports whether everything that an inventory lists is in the set.
func isCovered(all *nameset.Set, inv *manifest.Inventory) bool {
	covered := true
	eachListed(inv, func(key string) { covered = covered && all.Has(key) })
	return covered
}

func eachListed(inv *manifest.Inventory, each func(key string)) {
	block := func(algorithm string, digests []manifest.InventoryDigest) {
		for _, d := range digests {
			for _, p := range d.Paths {
				each(algorithm + "\x00" + strings.ToLower(d.Digest) + "\x00" + p.Name)
			}
		}
	}
	block(inv.Algorithm, inv.Manifest)
	for _, x := range inv.Fixity {
		block(x.Algorithm, x.Digests)
	}
}

func (o *object) Check(ctx context.Context, f Folder, report Report) {
	tree := openFolder(ctx, f, report, ocflInventory)
	if tree == nil {
		return
	}
	defer f.Root.Release()
	c := objectCheck{object: o, ctx: ctx, roots: f.Roots, tree: tree, report: report}
	c.all()
}

// objectCheck is the state of one check.
type objectCheck struct {
	*object
	ctx     context.Context
	roots   *safefs.RootCache
	tree    *safefs.Tree
	report  Report
	version string // of the specification, as declared; "" if unknown

	problems int    // reported
	notes    int    // reported
	content  []byte // of the root's inventory
	root     *manifest.Inventory
	byName   map[string]*manifest.InventoryVersion // of the root
	paths    *nameset.Set                          // the content paths in its manifest
	listed   *nameset.Set                          // see [listedBy]
	digestOf map[string]string
}

// maxProblems is how many broken rules of an object, and how many notes about it, are reported, far more than a
// person reads. Nothing is checked after that.
const maxProblems = manifest.MaxInventoryProblems

// isOver reports whether nothing more is to be checked.
func (c *objectCheck) isOver() bool { return c.problems >= maxProblems || c.ctx.Err() != nil }

// problem reports a broken rule.
func (c *objectCheck) problem(file string, line int64, code, format string, args ...any) {
	switch c.problems++; {
	case c.problems == maxProblems:
		c.report.Problem(ocflInventory, 0, "more rules are broken than are reported; the check stopped")
		return
	case c.problems > maxProblems:
		return
	}
	c.report.Problem(file, line, code+": "+fmt.Sprintf(format, args...))
}

func (c *objectCheck) note(file string, line int64, code, format string, args ...any) {
	switch c.notes++; {
	case c.notes == maxProblems:
		c.report.Note(ocflInventory, 0, "there is more to note than is reported")
		return
	case c.notes > maxProblems:
		return
	}
	c.report.Note(file, line, code+": "+fmt.Sprintf(format, args...))
}

func (c *objectCheck) all() {
	entries, err := c.tree.List(c.ctx, ".")
	if err != nil {
		c.report.Problem(ocflInventory, 0, "the object cannot be searched: "+safefs.Cause(err))
		return
	}
	c.declaration(entries)
	var dirs, sidecars []string
	hasInventory := false
	for _, e := range entries {
		name := e.Name()
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			c.problem(name, 0, "E090", "an object must not contain links")
		case e.IsDir() && ocflVersionDir().MatchString(name):
			dirs = append(dirs, name)
		case e.IsDir() && name == ocflExtensions:
			c.extensions()
		case e.IsDir() && name == ocflLogs:
		case e.IsDir() || !e.Type().IsRegular():
			c.problem(name, 0, "E001", "not part of an OCFL object")
		case name == ocflInventory:
			hasInventory = true
		case isSidecar(e):
			sidecars = append(sidecars, name)
		case strings.HasPrefix(name, ocflDeclaration):
		case len(name) > 1 && strings.HasPrefix(name[1:], ocflDeclaration[1:]):
			c.problem(name, 0, "E005", "a declaration begins with %q", ocflDeclaration)
		case strings.HasPrefix(name, ocflDeclaration[:2]):
			c.problem(name, 0, "E006", "a declaration begins with %q", ocflDeclaration)
		default:
			c.problem(name, 0, "E001", "not part of an OCFL object")
		}
	}
	if !hasInventory {
		c.problem(ocflInventory, 0, "E063", "the object has no inventory, so its content was not verified")
		return
	}
	if c.content, err = readWhole(c.ctx, c.roots, c.tree, ocflInventory); err != nil {
		c.report.Problem(ocflInventory, 0, "cannot be read: "+safefs.Cause(err))
		return
	}
	if c.root = c.inventory(ocflInventory, c.content, sidecars); c.root == nil {
		return
	}
	if sum, taken := c.taken[ocflInventory]; !taken || sum != sha256.Sum256(c.content) {
		c.report.Problem(ocflInventory, 0, errChanged.Error())
	}
	c.paths = &nameset.Set{}
	for _, d := range c.root.Manifest {
		for _, p := range d.Paths {
			c.paths.Add(p.Name)
		}
	}
	if t := ocflType().FindStringSubmatch(c.root.Type); c.version != "" && (t == nil || t[1] != c.version) {
		c.problem(ocflInventory, 0, "E038", "the type is %.80q, the object declares version %s", c.root.Type, c.version)
	}
	c.versions(dirs)
}

// declaration checks the file that declares an object (section 3.3).
func (c *objectCheck) declaration(entries []fs.DirEntry) {
	var found []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ocflDeclaration) && e.Type().IsRegular() {
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 0:
		c.problem(ocflInventory, 0, "E003", "the object has no declaration, such as %s1.1", ocflDeclaration)
		return
	case 1:
	default:
		c.problem(found[1], 0, "E003", "the object has several declarations")
		return
	}
	version, err := declaredVersion(c.ctx, c.roots, c.tree, found[0], "ocfl_object_")
	if err != nil {
		c.problem(found[0], 0, "E007", "%s", safefs.Cause(err))
	}
	if !slices.Contains(ocflVersions, version) {
		c.problem(found[0], 0, "E004", "unknown version %.40q of OCFL, known: %s", version, strings.Join(ocflVersions, ", "))
		return
	}
	c.version = version
}

// declaredVersion returns the version in a declaration's name, and an error if its text is another.
func declaredVersion(ctx context.Context, roots *safefs.RootCache, tree *safefs.Tree, file, kind string) (string, error) {
	value := strings.TrimPrefix(file, "0=")
	content, err := readWhole(ctx, roots, tree, file)
	if err == nil && string(content) != value+"\n" {
		err = fmt.Errorf("the declaration does not consist of %q and a newline", value)
	}
	return strings.TrimPrefix(value, kind), err
}

// extensions checks the folder of extensions (section 3.9), which are not read.
func (c *objectCheck) extensions() {
	entries, err := c.tree.List(c.ctx, ocflExtensions)
	if err != nil {
		c.report.Problem(ocflExtensions, 0, "cannot be searched: "+safefs.Cause(err))
	}
	for _, e := range entries {
		name := ocflExtensions + "/" + e.Name()
		switch {
		case !e.IsDir():
			c.problem(name, 0, "E067", "the extensions folder must contain folders only")
		case e.Name() == "0005-mutable-head":
			c.report.Problem(name, 0, "the content of a mutable head is not verified; commit it as a version")
		case !registeredExtension().MatchString(e.Name()):
			c.note(name, 0, "W013", "not a registered extension; its files were not verified")
		}
	}
}

// registeredExtension matches the names of the extensions that OCFL's community has registered.
var registeredExtension = pattern(`^00(?:0[1-9]|1[0-2])-[a-z0-9-]+$|^initial$`)

// inventory checks an inventory by itself, and its sidecar. It returns nil if it cannot be read.
func (c *objectCheck) inventory(name string, content []byte, sidecars []string) *manifest.Inventory {
	inv, line, err := manifest.ParseInventory(string(content))
	if err != nil {
		c.problem(name, line, "E033", "%s", err)
		return nil
	}
	if _, reported := c.taken[name]; !reported {
		for _, p := range inv.Problems {
			c.problem(name, p.Line, p.Code, "%s", p.Text)
		}
	}
	i := inventoryCheck{objectCheck: c, Inventory: inv, file: name, byName: versionsByName(inv)}
	i.all()
	c.sidecar(name, inv.Algorithm, content, sidecars)
	return inv
}

// sidecar checks the file with an inventory's digest (section 3.7).
func (c *objectCheck) sidecar(name, algorithm string, content []byte, sidecars []string) {
	file := ocflSidecar + algorithm
	for _, other := range sidecars {
		if other != file {
			c.problem(inFolderOf(name, other), 0, "E059", "the inventory's digestAlgorithm is %.40q", algorithm)
		}
	}
	path := inFolderOf(name, file)
	if !slices.Contains(sidecars, file) {
		c.problem(name, 0, "E058", "the inventory has no sidecar %.80q", file)
		return
	}
	text, err := readWhole(c.ctx, c.roots, c.tree, path)
	if err != nil {
		c.problem(path, 0, "E058", "cannot be read: %s", safefs.Cause(err))
		return
	}
	fields := ocflSidecarLine().FindSubmatch(text)
	if fields == nil {
		c.problem(path, 0, "E061", "is not a digest, a blank and %s", ocflInventory)
		return
	}
	if a := manifest.OCFLAlgorithm(algorithm); a != nil {
		hash := a.Of(int64(len(content)))
		hash.Write(content)
		if sum := hex.EncodeToString(hash.Sum(nil)); !strings.EqualFold(sum, string(fields[1])) {
			c.problem(path, 0, "E060", "the inventory has another digest")
		}
	}
}

// inFolderOf returns the name of a file next to another one.
func inFolderOf(name, file string) string { return strings.TrimSuffix(name, path.Base(name)) + file }

// inventoryCheck checks an inventory without looking at files (section 3.5).
type inventoryCheck struct {
	*objectCheck
	*manifest.Inventory
	file   string
	head   int // number of its last version
	byName map[string]*manifest.InventoryVersion
}

func (i *inventoryCheck) problem(line int64, code, format string, args ...any) {
	i.objectCheck.problem(i.file, line, code, format, args...)
}

// note notes what should be otherwise in the object's inventory; in the others it is the same once more.
func (i *inventoryCheck) note(line int64, code, format string, args ...any) {
	if i.root != nil && (code != "W004" || i.Algorithm == i.root.Algorithm) {
		return
	}
	i.objectCheck.note(i.file, line, code, format, args...)
}

func (i *inventoryCheck) all() {
	for _, key := range []struct{ name, value string }{
		{"id", i.ID}, {"type", i.Type}, {"digestAlgorithm", i.Algorithm}, {"head", i.Head},
	} {
		if key.value == "" {
			i.problem(0, "E036", "no %s", key.name)
		}
	}
	if i.ID != "" && !uri().MatchString(i.ID) {
		i.note(0, "W005", "the id is not a URI")
	}
	if t := ocflType().FindStringSubmatch(i.Type); i.Type != "" && (t == nil || !slices.Contains(ocflVersions, t[1])) {
		i.problem(0, "E038", "unknown type %.80q", i.Type)
	}
	switch i.Algorithm {
	case "", "sha512":
	case "sha256":
		i.note(0, "W004", "the digestAlgorithm is sha256 instead of sha512")
	default:
		i.problem(0, "E025", "the digestAlgorithm is %.40q, expected sha512 or sha256", i.Algorithm)
	}
	switch {
	case i.ContentDirectory == "." || i.ContentDirectory == "..":
		i.problem(0, "E018", "contentDirectory is %q", i.ContentDirectory)
	case i.ContentDirectory == "" || strings.Contains(i.ContentDirectory, "/"):
		i.problem(0, "E017", "contentDirectory is %.80q, expected the name of a folder", i.ContentDirectory)
	}
	if !i.HasManifest {
		i.problem(0, "E041", "no manifest")
	}
	if !i.HasVersions {
		i.problem(0, "E043", "no versions")
	}
	i.names()
	used := i.states()
	i.manifest(used)
	i.fixity()
}

// names checks the names of the versions, and the head.
func (i *inventoryCheck) names() {
	if i.HasVersions && len(i.Versions) == 0 {
		i.problem(0, "E008", "no version")
		return
	}
	numbers := map[int]*manifest.InventoryVersion{}
	for k := range i.Versions {
		v := &i.Versions[k]
		match := ocflVersionDir().FindStringSubmatch(v.Name)
		if match == nil {
			i.problem(v.Line, "E046", "%.40q is not the name of a version: v and a number", v.Name)
			continue
		}
		n, err := strconv.Atoi(match[1])
		if err != nil || n == 0 || numbers[n] != nil {
			i.problem(v.Line, "E105", "%.40q is not the name of a version: v and a number from 1", v.Name)
			continue
		}
		numbers[n] = v
		i.head = max(i.head, n)
	}
	i.padding(numbers)
	for n := 1; n <= i.head; n++ {
		if numbers[n] == nil {
			code := "E010"
			if n == 1 {
				code = "E009"
			}
			i.problem(0, code, "version %d of %d is missing", n, i.head)
			break
		}
	}
	if last := numbers[i.head]; i.Head != "" && (last == nil || i.Head != last.Name) {
		name := ""
		if last != nil {
			name = last.Name
		}
		i.problem(0, "E040", "head is %.40q, the last version %.40q", i.Head, name)
	}
}

// padding checks that all versions are named as the first one: padded with zeros to one width, or not padded.
func (i *inventoryCheck) padding(numbers map[int]*manifest.InventoryVersion) {
	width := 0 // of padded numbers; 0 if the first one is not padded
	isFirst := true
	for _, n := range slices.Sorted(maps.Keys(numbers)) {
		v := numbers[n]
		digits, code := v.Name[1:], "E012"
		if n == i.head {
			code = "E013" // the version that was added last
		}
		isPadded := digits[0] == '0'
		switch {
		case isFirst && isPadded:
			width = len(digits)
			i.note(0, "W001", "the names of versions are padded with zeros")
		case isFirst, isPadded && len(digits) == width, !isPadded && width == 0:
		default:
			if !isPadded && len(digits) == width {
				i.problem(v.Line, "E011", "%.40q does not begin with a zero, as the padded names of versions must", v.Name)
			}
			i.problem(v.Line, code, "%.40q is padded differently from the versions before it", v.Name)
		}
		isFirst = false
	}
}

// states checks the versions' blocks, and returns the digests that they use.
func (i *inventoryCheck) states() map[string]struct{} {
	known, used := map[string]struct{}{}, map[string]struct{}{}
	for _, d := range i.Manifest {
		known[d.Digest] = struct{}{}
	}
	for _, v := range i.Versions {
		if i.isOver() {
			break
		}
		if !v.HasCreated || !v.HasState {
			i.problem(v.Line, "E048", "the version %.40q lacks created or state", v.Name)
		}
		if _, err := time.Parse(time.RFC3339, strings.ToUpper(v.Created)); v.HasCreated && (err != nil || !ocflTime().MatchString(v.Created)) {
			i.problem(v.Line, "E049", "created is %.40q, expected a date, a time with seconds, and a time zone (RFC 3339)", v.Created)
		}
		i.metadata(&v)
		paths := pathList{report: i.problem, conflict: "E095", empty: "E052", slash: "E053", what: "logical path"}
		for _, d := range v.State {
			if _, is := known[d.Digest]; !is {
				i.problem(d.Line, "E050", "the manifest lacks the digest %.16q… of a state", d.Digest)
			}
			used[d.Digest] = struct{}{}
			for _, p := range d.Paths {
				paths.add(p)
			}
		}
		paths.end()
	}
	return used
}

func (i *inventoryCheck) metadata(v *manifest.InventoryVersion) {
	if !v.HasUser || !v.HasMessage {
		i.note(v.Line, "W007", "the version %.40q lacks message or user", v.Name)
	}
	switch {
	case !v.HasUser:
	case v.User == "":
		i.problem(v.Line, "E054", "the user of version %.40q has no name", v.Name)
	case !v.HasAddress:
		i.note(v.Line, "W008", "the user of version %.40q has no address", v.Name)
	case !uri().MatchString(v.Address):
		i.note(v.Line, "W009", "the address of the user of version %.40q is not a URI", v.Name)
	}
}

// manifest checks the manifest block. used are the digests in states.
func (i *inventoryCheck) manifest(used map[string]struct{}) {
	seen := map[string]struct{}{}
	paths := pathList{report: i.problem, conflict: "E101", empty: "E099", slash: "E100", what: "content path"}
	strict := i.Type != "https://ocfl.io/1.0/spec/#inventory"
	for _, d := range i.Manifest {
		if i.isOver() {
			return
		}
		key := strings.ToLower(d.Digest)
		if _, twice := seen[key]; twice {
			i.problem(d.Line, "E096", "the digest %.16q… is there twice", d.Digest)
		}
		seen[key] = struct{}{}
		if _, is := used[d.Digest]; !is && strict {
			i.problem(d.Line, "E107", "no state uses the digest %.16q…", d.Digest)
		}
		if len(d.Paths) == 0 {
			i.problem(d.Line, "E092", "the digest %.16q… has no content path", d.Digest)
		}
		for _, p := range d.Paths {
			paths.add(p)
			i.place(p)
		}
	}
	paths.end()
}

// place checks that content lies in the content folder of a version.
func (i *inventoryCheck) place(p manifest.InventoryPath) {
	version, rest, _ := strings.Cut(p.Name, "/")
	inside, _, _ := strings.Cut(rest, "/")
	if i.byName[version] == nil || inside != i.ContentDirectory {
		i.problem(p.Line, "E042", "the content path %.80q is not below a version's folder %q", p.Name, i.ContentDirectory)
	}
}

// fixity checks the fixity block.
func (i *inventoryCheck) fixity() {
	content := nameset.Set{}
	for _, d := range i.Manifest {
		for _, p := range d.Paths {
			content.Add(p.Name)
		}
	}
	for _, x := range i.Fixity {
		if i.isOver() {
			return
		}
		seen := map[string]struct{}{}
		paths := pathList{report: i.problem, conflict: "E101", empty: "E099", slash: "E100", what: "content path"}
		for _, d := range x.Digests {
			key := strings.ToLower(d.Digest)
			if _, twice := seen[key]; twice {
				i.problem(d.Line, "E097", "the %.40q digest %.16q… is there twice", x.Algorithm, d.Digest)
			}
			seen[key] = struct{}{}
			for _, p := range d.Paths {
				paths.add(p)
				if !content.Has(p.Name) {
					i.problem(p.Line, "E057", "the manifest lacks the content path %.80q", p.Name)
				}
			}
		}
		paths.end()
	}
}

// pathList checks paths that must be unique, and not lie in each other.
type pathList struct {
	all                    []manifest.InventoryPath
	report                 func(line int64, code, format string, args ...any)
	conflict, empty, slash string // codes
	what                   string
}

func (l *pathList) add(p manifest.InventoryPath) {
	switch {
	case strings.HasPrefix(p.Name, "/") || strings.HasSuffix(p.Name, "/"):
		l.report(p.Line, l.slash, "the %s %.80q begins or ends with a slash", l.what, p.Name)
	case hasOddElement(p.Name):
		l.report(p.Line, l.empty, `the %s %.80q has an element that is empty, "." or ".."`, l.what, p.Name)
	}
	l.all = append(l.all, p)
}

func hasOddElement(name string) bool {
	for element := range strings.SplitSeq(name, "/") {
		if element == "" || element == "." || element == ".." {
			return true
		}
	}
	return false
}

// end checks the paths with each other, once all are added.
func (l *pathList) end() {
	slices.SortStableFunc(l.all, func(a, b manifest.InventoryPath) int { return comparePaths(a.Name, b.Name) })
	for i := 1; i < len(l.all); i++ {
		before, p := l.all[i-1].Name, l.all[i]
		if p.Name == before {
			l.report(p.Line, l.conflict, "the %s %.80q is there twice", l.what, p.Name)
		} else if strings.HasPrefix(p.Name, before) && p.Name[len(before)] == '/' {
			l.report(p.Line, l.conflict, "the %s %.80q lies in another one", l.what, p.Name)
		}
	}
}

// comparePaths compares paths so that those in a path come right after it: a slash comes before any other byte.
func comparePaths(a, b string) int {
	for i := range min(len(a), len(b)) {
		switch {
		case a[i] == b[i]:
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		default:
			return cmp.Compare(a[i], b[i])
		}
	}
	return cmp.Compare(len(a), len(b))
}

// versions checks the folders of the versions.
func (c *objectCheck) versions(dirs []string) {
	c.byName = versionsByName(c.root)
	there := map[string]bool{}
	for _, dir := range dirs {
		there[dir] = true
	}
	for _, v := range c.root.Versions {
		if ocflVersionDir().MatchString(v.Name) && !there[v.Name] {
			c.problem(v.Name, 0, "E010", "the folder of a version is missing")
		}
	}
	specification := ""
	slices.SortFunc(dirs, func(a, b string) int { return numberOf(a) - numberOf(b) })
	for _, dir := range dirs {
		if c.byName[dir] == nil {
			c.problem(dir, 0, "E046", "the inventory does not list this version")
			continue
		}
		if c.isOver() {
			return
		}
		c.versionFolder(dir, &specification)
	}
}

func versionsByName(inv *manifest.Inventory) map[string]*manifest.InventoryVersion {
	all := map[string]*manifest.InventoryVersion{}
	for i := range inv.Versions {
		all[inv.Versions[i].Name] = &inv.Versions[i]
	}
	return all
}

// numberOf returns the number of a version; 0 if it has none.
func numberOf(version string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(version, "v"))
	return n
}

// versionFolder checks the folder of a version (sections 3.4 and 3.6). specification is that of the version
// before it.
func (c *objectCheck) versionFolder(dir string, specification *string) {
	entries, err := c.tree.List(c.ctx, dir)
	if err != nil {
		c.report.Problem(dir, 0, "cannot be searched: "+safefs.Cause(err))
		return
	}
	var sidecars []string
	hasInventory := false
	for _, e := range entries {
		name := dir + "/" + e.Name()
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			c.problem(name, 0, "E090", "an object must not contain links")
		case e.IsDir() && e.Name() == c.root.ContentDirectory:
			c.contentFolder(name)
		case e.IsDir():
			c.note(name, 0, "W002", "a version's folder should contain no other folder; its files were not verified")
		case e.Name() == ocflInventory && e.Type().IsRegular():
			hasInventory = true
		case isSidecar(e):
			sidecars = append(sidecars, e.Name())
		default:
			c.problem(name, 0, "E015", "must not be in a version's folder")
		}
	}
	switch {
	case hasInventory:
		c.versionInventory(dir, sidecars, specification)
	case len(sidecars) > 0:
		c.problem(dir+"/"+sidecars[0], 0, "E015", "a sidecar without an inventory")
	default:
		c.note(dir, 0, "W010", "the version has no inventory")
	}
}

// contentFolder checks that every file of a version's content is listed.
func (c *objectCheck) contentFolder(dir string) {
	last, isEmpty := dir, true // the folder that was entered last, so far without content
	leave := func(next string) {
		if isEmpty && last != dir && !strings.HasPrefix(next, last+"/") {
			c.problem(last, 0, "E024", "an empty folder in a version's content")
		}
	}
	err := c.tree.WalkFrom(c.ctx, dir, nil, func(name string, e fs.DirEntry) error {
		leave(name)
		isEmpty = false
		if unreadable, is := e.(*safefs.UnreadableFolder); is {
			c.report.Problem(name, 0, "cannot be searched: "+safefs.Cause(unreadable.Err))
			return fs.SkipDir
		}
		switch {
		case e.IsDir():
			last, isEmpty = name, true
		case !e.Type().IsRegular():
			c.problem(name, 0, "E090", "not a regular file")
		case !c.paths.Has(name):
			c.problem(ocflInventory, 0, "E023", "the manifest does not list %q", name)
		}
		return nil
	})
	if err != nil {
		if c.ctx.Err() == nil {
			c.report.Problem(dir, 0, "cannot be searched: "+safefs.Cause(err))
		}
		return
	}
	leave("")
	if isEmpty && last == dir {
		c.note(dir, 0, "W003", "an empty content folder")
	}
}

// versionInventory checks the inventory in a version's folder, and compares it with the root's.
func (c *objectCheck) versionInventory(dir string, sidecars []string, specification *string) {
	name := dir + "/" + ocflInventory
	content, err := readWhole(c.ctx, c.roots, c.tree, name)
	if err != nil {
		c.report.Problem(name, 0, "cannot be read: "+safefs.Cause(err))
		return
	}
	if bytes.Equal(content, c.content) {
		c.sidecar(name, c.root.Algorithm, content, sidecars)
		if dir != c.root.Head {
			c.problem(name, 0, "E040", "the inventory of version %s has the head %.40q", dir, c.root.Head)
		}
		return
	}
	if dir == c.root.Head {
		c.problem(name, 0, "E064", "differs from the inventory of the object")
	}
	inv := c.inventory(name, content, sidecars)
	if inv == nil {
		return
	}
	c.isVerified(name, content, inv)
	if inv.ID != c.root.ID {
		code := "E110"
		if c.version == "1.0" {
			code = "E037"
		}
		c.problem(name, 0, code, "the id is %.80q, the object's %.80q", inv.ID, c.root.ID)
	}
	if inv.Head != dir {
		c.problem(name, 0, "E040", "the inventory of version %s has the head %.40q", dir, inv.Head)
	}
	if inv.ContentDirectory != c.root.ContentDirectory {
		c.problem(name, 0, "E019", "contentDirectory is %.80q, the object's %.80q", inv.ContentDirectory, c.root.ContentDirectory)
	}
	if t := ocflType().FindStringSubmatch(inv.Type); t != nil {
		if t[1] < *specification || c.version != "" && t[1] > c.version {
			c.problem(name, 0, "E103", "version %s of OCFL comes after a later one", t[1])
		}
		*specification = t[1]
	}
	c.compareManifest(name, dir, inv)
	c.compareStates(name, inv)
}

// isVerified checks that what an inventory lists was verified: by its own entries, or by the root's.
func (c *objectCheck) isVerified(name string, content []byte, inv *manifest.Inventory) {
	if sum, taken := c.taken[name]; taken {
		if sum != sha256.Sum256(content) {
			c.report.Problem(name, 0, errChanged.Error())
		}
		return
	}
	if c.listed == nil {
		c.listed = listedBy(c.root)
	}
	if !isCovered(c.listed, inv) {
		c.report.Problem(name, 0, errChanged.Error())
	}
}

// compareManifest checks that an earlier inventory lists the content that there was.
func (c *objectCheck) compareManifest(name, dir string, inv *manifest.Inventory) {
	own := nameset.Set{}
	for _, d := range inv.Manifest {
		for _, p := range d.Paths {
			own.Add(p.Name)
			if !c.paths.Has(p.Name) {
				c.problem(name, p.Line, "E023", "the object's inventory does not list %.80q", p.Name)
			}
		}
	}
	for _, d := range c.root.Manifest {
		for _, p := range d.Paths {
			version, _, _ := strings.Cut(p.Name, "/")
			if numberOf(version) <= numberOf(dir) && !own.Has(p.Name) {
				c.problem(name, 0, "E023", "the manifest does not list %.80q", p.Name)
			}
		}
	}
}

// compareStates checks that an earlier inventory has the same versions as the object's.
func (c *objectCheck) compareStates(name string, inv *manifest.Inventory) {
	translate := strings.ToLower
	if inv.Algorithm != c.root.Algorithm {
		translate = c.translation(inv)
	}
	for k := range inv.Versions {
		if c.isOver() {
			return
		}
		v := &inv.Versions[k]
		r := c.byName[v.Name]
		if r == nil {
			c.problem(name, v.Line, "E066", "the object has no version %.40q", v.Name)
			continue
		}
		if !isSameState(v, r, translate) {
			c.problem(name, v.Line, "E066", "version %.40q has another state in the object's inventory", v.Name)
		}
		if v.Created != r.Created || v.Message != r.Message || v.User != r.User || v.Address != r.Address {
			c.note(name, v.Line, "W011", "version %.40q has another date, message or user in the object's inventory", v.Name)
		}
	}
}

// isSameState reports whether the logical paths of both versions have the same content. translate turns the
// digests of v into those of r.
func isSameState(v, r *manifest.InventoryVersion, translate func(string) string) bool {
	want := map[string]string{}
	for _, d := range r.State {
		for _, p := range d.Paths {
			want[p.Name] = strings.ToLower(d.Digest)
		}
	}
	count := 0
	for _, d := range v.State {
		digest := translate(d.Digest)
		for _, p := range d.Paths {
			count++
			if wanted, is := want[p.Name]; !is || digest != wanted {
				return false
			}
		}
	}
	return count == len(want)
}

// translation returns a function from the digests of an inventory with another algorithm to those that the
// object's has for the same content; "" for digests of content that differs there.
func (c *objectCheck) translation(inv *manifest.Inventory) func(string) string {
	known := map[string]string{}
	for _, d := range inv.Manifest {
		for i, p := range d.Paths {
			if digest := c.digestOfPath(p.Name); i == 0 {
				known[d.Digest] = digest
			} else if known[d.Digest] != digest {
				known[d.Digest] = ""
			}
		}
	}
	return func(digest string) string { return known[digest] }
}

// digestOfPath returns the digest that the object's manifest has of a content path.
func (c *objectCheck) digestOfPath(path string) string {
	if c.digestOf == nil {
		c.digestOf = map[string]string{}
		for _, d := range c.root.Manifest {
			for _, p := range d.Paths {
				c.digestOf[p.Name] = strings.ToLower(d.Digest)
			}
		}
	}
	return c.digestOf[path]
}
