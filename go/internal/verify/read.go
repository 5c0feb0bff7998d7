package verify

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"path/filepath"
	"slices"
	"time"

	"checksig/internal/layout"
	"checksig/internal/lookahead"
	"checksig/internal/manifest"
	"checksig/internal/nameset"
	"checksig/internal/safefs"
	"checksig/internal/trust"
)

const (
	// sideBySide is how many manifests are read in turns, an entry of each: what they list of one file
	// then comes close together.
	sideBySide = 8

	// largeManifest is the size from which on a manifest that is read as a whole is read alone.
	largeManifest = 1 << 20

	// smallManifest is the size up to which a manifest is read at once, so that it need not stay open.
	smallManifest = 64 << 10
)

// fastManifest is how long a small manifest takes to open and read if the system has it in memory, at most. Tests
// change it.
var fastManifest = 150 * time.Microsecond

// reader reads the manifests of a discovery and resolves the names in them.
type reader struct {
	discovery *discovery
	reading   *Reading
	root      *safefs.Root // that all names start from; nil for each manifest's own
	only      *selection   // of the entries that are read; nil for all
	filter    *filter      // of the same; nil for all
	fail      func(error)  // ends the operation
}

// visitor takes what a reader reads, in one goroutine at a time.
type visitor struct {
	opened func(*openManifest, error)
	bad    func(*openManifest, *manifest.LineError)
	claim  func(*openManifest, claim, error) // the error says why no file may be looked for
	left   func(*openManifest, *claim)       // an entry that the filter leaves out; nil if nobody asks
	ended  func(*openManifest)
	// states takes what a manifest states besides, and returns false if that is not compared; nil for never.
	states func(*openManifest, manifest.Attributes) bool
}

// openManifest is a manifest that is being read.
type openManifest struct {
	*Manifest
	location  *location
	file      *safefs.File
	reading   *manifest.Reading
	line      int64
	place     int64  // of the next entry
	isLarge   bool   // it is in memory, and takes much of it
	promised  string // the file next to it that its name promises, until a line lists that; or ""
	elsewhere string // the name of a file in another folder that is called so; or ""
	unread    string // the first name of a manifest that it lists and that is not read; or ""

	signatures []trust.File // found next to it
	remarks    []string     // about its signatures, for notes
	states     func(*openManifest, manifest.Attributes) bool
	listed     *nameset.Set // the paths of its files, of an attestation; or nil
}

// read returns a function that reads the next entry of each of the manifests that are open, turns of them
// at once, and reports whether there may be more.
func (rd *reader) read(ctx context.Context, turns int, v visitor) (more func() bool) {
	locations, next := rd.discovery.locations, 0
	ahead := rd.ahead(ctx)
	var open []*openManifest
	return func() bool {
		for next < len(locations) && len(open) < turns && ctx.Err() == nil && !slices.ContainsFunc(open, isLarge) {
			m, err := rd.openNext(ctx, ahead, next, len(open) == 0)
			if safefs.IsExhausted(err) && len(open) > 0 {
				break // again when one of the others has ended
			}
			if err != nil && ctx.Err() != nil {
				break
			}
			m.states = v.states
			v.opened(m, err)
			next++
			if err == nil {
				open = append(open, m)
			}
		}
		open = slices.DeleteFunc(open, func(m *openManifest) bool {
			more := rd.step(m, &v)
			if !more {
				m.close()
				m.Unverified = m.reading.Unverified()
				v.ended(m)
			}
			return !more
		})
		if ctx.Err() == nil && (next < len(locations) || len(open) > 0) {
			return true
		}
		for _, m := range open {
			m.close()
		}
		ahead.End()
		return false
	}
}

// ahead returns what reads small manifests before their turn, and leaves the others, and those that cannot be read.
func (rd *reader) ahead(ctx context.Context) *lookahead.Ahead[*openManifest] {
	locations := rd.discovery.locations
	return lookahead.New(ctx, len(locations), fastManifest, func(i int) (*openManifest, bool) {
		l := locations[i]
		if l.err != nil || l.found != nil || rd.discovery.named != "" || rd.reading.Trust != nil {
			return nil, false // or it would be read whole, however large it is
		}
		m, err := rd.open(ctx, l, false)
		if err != nil || m.file != nil {
			m.close()
			return nil, false
		}
		m.root.Prepare()
		return m, true
	})
}

// openNext is open for the manifest that comes next, unless it was read ahead.
func (rd *reader) openNext(ctx context.Context, ahead *lookahead.Ahead[*openManifest], next int, retry bool) (*openManifest, error) {
	return ahead.Get(next, func() (*openManifest, error) { return rd.open(ctx, rd.discovery.locations[next], retry) })
}

func isLarge(m *openManifest) bool { return m.isLarge }

// again reads all manifests once more, for what can be read of them.
func (rd *reader) again(ctx context.Context, turns int, each func(*location, claim, error)) {
	more := rd.read(ctx, turns, visitor{
		opened: func(*openManifest, error) {},
		bad:    func(*openManifest, *manifest.LineError) {},
		claim:  func(m *openManifest, c claim, refused error) { each(m.location, c, refused) },
		ended:  func(*openManifest) {},
	})
	for more() {
		continue
	}
}

// step reads the next entry of m, and reports whether there may be more.
func (rd *reader) step(m *openManifest, v *visitor) bool {
	entry, err := m.reading.Next()
	if err == nil {
		m.line = entry.Line
		c, refused := rd.claim(m, entry)
		if rd.only != nil && !rd.only.has(&c) {
			return true
		}
		if !rd.filter.keeps(&c) {
			if v.left != nil {
				v.left(m, &c)
			}
			return true
		}
		c.place, c.number = m.place, -1
		m.place++
		v.claim(m, c, refused)
		return true
	}
	var bad *manifest.LineError
	switch {
	case errors.As(err, &bad) && bad.Code == manifest.PlainText && rd.reading.IgnoreText:
		m.TextLines++
		return true
	case errors.As(err, &bad) && bad.Code == manifest.NoColumn:
		rd.fail(&NoColumnError{m.Path, bad.Cause})
		return false
	case errors.As(err, &bad):
		m.line = bad.Line
		v.bad(m, bad)
		return !bad.Fatal
	case errors.Is(err, io.EOF):
		if f := m.location.found; m.line == 0 && m.reading.LeftOut() == 0 && (f == nil || !f.MayBeEmpty) {
			v.bad(m, &manifest.LineError{Cause: "lists no file", Code: manifest.Nothing})
		}
	case errors.Is(err, context.Canceled): // nobody waits for what comes after it
	default:
		v.bad(m, &manifest.LineError{Line: m.line + 1, Cause: "cannot be read further: " + safefs.Cause(err), Code: manifest.Unread})
	}
	return false
}

// claim returns what an entry of m claims. The error says why no file may be looked for.
func (rd *reader) claim(m *openManifest, entry manifest.Entry) (c claim, refused error) {
	c = claim{manifest: m.Manifest, root: m.root, entry: entry}
	c.name, c.slashed, refused = rd.reading.Paths.resolve(entry.Name)
	if !rd.reading.FollowOutside {
		c.name = m.root.Inside(c.name)
	}
	return c, refused
}

// open opens the manifest at l and detects its format. The manifest is returned in any case. With retry,
// it waits for a descriptor.
func (rd *reader) open(ctx context.Context, l *location, retry bool) (*openManifest, error) {
	m := &openManifest{Manifest: &Manifest{Path: rd.discovery.path(l.folder, l.name)}, location: l}
	if l.err != nil {
		return m, l.err
	}
	roots := rd.discovery.roots
	open := func() (err error) {
		if m.file, err = rd.openFile(l); err == nil && rd.reading.Trust != nil {
			if m.signatures, err = rd.openSignatures(m); err != nil {
				m.close()
			}
		}
		return err
	}
	var err error
	if retry {
		err = roots.Retry(ctx, open)
	} else if err = open(); safefs.IsExhausted(err) {
		roots.Trim()
	}
	if err == nil {
		err = rd.begin(ctx, m)
	}
	if err != nil {
		m.close()
		return m, safefs.At(m.Path, err)
	}
	return m, nil
}

func (rd *reader) openFile(l *location) (*safefs.File, error) {
	if rd.discovery.content != nil || l.isMade() {
		return nil, nil
	}
	if rd.discovery.named != "" {
		return rd.discovery.openNamed(rd.discovery.named)
	}
	folder := rd.discovery.roots.At(l.folder, "")
	tree, err := folder.Acquire()
	if err != nil {
		return nil, err
	}
	defer folder.Release()
	return tree.Open(l.name)
}

// begin reads the manifest's beginning.
func (rd *reader) begin(ctx context.Context, m *openManifest) error {
	options := manifest.Options{
		FileName: path.Base(m.location.name), Algorithm: rd.reading.Algorithm, Format: rd.reading.Format,
		AcceptText: rd.reading.IgnoreText, Columns: rd.reading.Columns,
		PartSize:   rd.reading.PartSize,
		Attributes: func(a manifest.Attributes) bool { return m.states != nil && m.states(m, a) },
	}
	content, err := rd.content(ctx, m, &options)
	if err != nil {
		return err
	}
	if s := m.location.structure; s != nil && options.Format == nil {
		options.Format, options.Charset = s.kind.Format, s.charset
		if f := m.location.found; f != nil {
			options.Format = f.Format
			options.Verbatim = f.Format != nil // the structure has read it so, too
		}
	}
	if m.location.isMade() {
		options.Format, options.Algorithm = m.location.found.Format, nil // those of a request are for what others wrote
	}
	reading, err := manifest.Read(content, options)
	if err != nil {
		return err
	}
	m.reading, m.Format, m.Encoding, m.Wrapper = reading, reading.Format.Name, reading.Encoding, reading.Wrapper
	if rd.discovery.content != nil {
		m.folder, m.root = rd.discovery.contentFolders(m.location.name, rd.root)
		m.where = m.location.name
		return nil
	}
	folder := path.Join(m.location.folder, path.Dir(m.location.name))
	if m.location.isMade() {
		folder = path.Dir(m.location.folder) // its path is that of the folder that its names start from
	}
	m.folder = rd.discovery.roots.At(folder, "")
	m.root = rd.rootOf(m, reading.Format)
	m.where = filepath.Join(m.folder.Dir, path.Base(m.location.name))
	m.promised = manifest.About(options.FileName)
	return nil
}

// content returns what m's entries are read from.
func (rd *reader) content(ctx context.Context, m *openManifest, o *manifest.Options) (io.Reader, error) {
	if m.location.isMade() {
		if rd.reading.Trust != nil {
			m.Untrusted = true
			return nil, &untrustedError{errors.New("the names of files have no signature")}
		}
		return bytes.NewReader(*m.location.found.Content), nil
	}
	if rd.reading.Trust != nil {
		return rd.signedContent(ctx, m, o)
	}
	if rd.discovery.content != nil {
		return bytes.NewReader(rd.discovery.content), nil
	}
	if m.location.found != nil {
		content, err := layout.ReadWhole(ctx, m.file)
		m.close()
		if err != nil {
			return nil, err
		}
		m.isLarge = len(content) >= largeManifest
		return bytes.NewReader(content), m.location.structure.Layout.(layout.Finder).Take(m.location.inStructure(), content)
	}
	if m.file.Size() <= smallManifest {
		return m.whole(), nil
	}
	return safefs.UntilDone(ctx, m.file), nil
}

// rootOf returns the folder that names in a manifest of that format start from.
func (rd *reader) rootOf(m *openManifest, format *manifest.Format) *safefs.Root {
	if rd.root != nil {
		return rd.root
	}
	base := format.BaseAt(m.folder.Dir, rd.reading.Format != nil)
	return rd.discovery.roots.At(m.location.folder, filepath.FromSlash(base))
}

// whole reads the manifest into memory and closes its file. An error comes where the reading stopped.
func (m *openManifest) whole() io.Reader {
	content, err := io.ReadAll(m.file)
	m.close()
	if err == nil {
		err = io.EOF
	}
	return &memory{bytes.NewReader(content), err}
}

// memory reads what is in memory, and ends with an error. Its length is known; see [manifest.Read].
type memory struct {
	*bytes.Reader
	end error
}

func (m *memory) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if err != nil {
		err = m.end
	}
	return n, err
}

func (m *openManifest) close() {
	if m.file != nil {
		m.file.Close()
		m.file = nil
	}
}

// uses notes an algorithm of the manifest.
func (m *Manifest) uses(e *manifest.Entry) {
	m.Assumed = m.Assumed || e.Assumed
	if !slices.Contains(m.Algorithms, e.Algorithm) {
		m.Algorithms = append(m.Algorithms, e.Algorithm)
	}
}
