package generate

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"checksig/internal/digest"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// sourceManifest is a manifest that another is made from. It is read more than once; what is kept of it does
// not grow with it, unless its entries must be sorted.
type sourceManifest struct {
	path    string // absolute
	shown   string // as the request gives it
	options manifest.Options

	format     *manifest.Format
	base       string       // the folder that names start from, absolute
	root       *safefs.Root // that folder, for absolute names
	encoding   string
	signature  string
	algorithms []*digest.Algorithm // in the order in which they appear
	modified   time.Time
	files      int64 // runs of entries of one file
	first      string
	top        string // the folder at the top that all files are in; "" if there is none
	sorted     bool   // by the cleaned names, no file twice
	uneven     bool   // not every file is listed by every algorithm
	dotted     bool   // every name begins with "./"
	head       []byte
	comments   []string // those after head
	sized      bool     // comments list the sizes of files; these are in neither of the two
}

// fileEntries is all that a manifest lists for one file.
type fileEntries struct {
	key     string // the name; see keyOf
	entries []manifest.Entry
}

// readSource reads the manifest at shown once. The error is an [*fs.PathError] for a line that
// is not understood, too.
//
// Names start from base, absolute; "" stands for what the format says.
func readSource(ctx context.Context, dir, shown, base string, options manifest.Options) (*sourceManifest, error) {
	path, err := safefs.Absolute(dir, shown)
	if err != nil {
		return nil, err
	}
	options.FileName = filepath.Base(path)
	m := &sourceManifest{path: path, shown: shown, base: base, options: options, sorted: true, dotted: true}
	if err := m.scan(ctx); err != nil {
		return nil, err
	}
	options.Format = m.format
	m.options = options
	return m, m.readComments(ctx)
}

// isOwnBase reports whether names start from the manifest's own folder.
func (m *sourceManifest) isOwnBase() bool { return m.base == filepath.Dir(m.path) }

// scan reads the manifest once for what holds for all of it.
func (m *sourceManifest) scan(ctx context.Context) error {
	last := fileEntries{}
	sets := map[string]bool{}
	err := m.each(ctx, func(file fileEntries) error {
		top, _, isInFolder := strings.Cut(file.key, "/")
		if !isInFolder || m.files > 0 && m.top != top {
			top = ""
		}
		m.top = top
		if m.files == 0 {
			m.first = file.entries[0].Name
		} else if file.key <= last.key {
			m.sorted = false
		}
		m.files++
		set := ""
		for _, e := range file.entries {
			m.dotted = m.dotted && strings.HasPrefix(e.Name, "./")
			if !slices.Contains(m.algorithms, e.Algorithm) {
				m.algorithms = append(m.algorithms, e.Algorithm)
			}
			set += e.Algorithm.Name + " "
		}
		sets[set] = true
		last.key = file.key
		return nil
	})
	if err == nil && m.files == 0 {
		err = safefs.At(m.shown, errors.New("lists no file"))
	}
	m.uneven = len(sets) > 1 || len(m.algorithms) > 1 && len(sets) > 0 && !wholeSet(sets, len(m.algorithms))
	return err
}

// wholeSet reports whether the one set of algorithms names n of them.
func wholeSet(sets map[string]bool, n int) bool {
	for set := range sets {
		return strings.Count(set, " ") == n
	}
	return false
}

// each calls take with what is said of each file, as far as it stands together.
func (m *sourceManifest) each(ctx context.Context, take func(fileEntries) error) error {
	file, err := safefs.Open(m.path)
	if err != nil {
		return safefs.At(m.shown, err)
	}
	defer file.Close()
	m.modified = file.Modified()
	reading, err := manifest.Read(safefs.UntilDone(ctx, file), m.options)
	if err != nil {
		return safefs.At(m.shown, err)
	}
	m.format, m.encoding, m.signature = reading.Format, reading.Encoding, reading.Wrapper
	if m.root == nil {
		if m.base == "" {
			m.base = baseOf(m.format, filepath.Dir(m.path), m.options.Format != nil)
		}
		m.root = &safefs.Root{Dir: m.base}
	}
	var current fileEntries
	for ctx.Err() == nil {
		e, err := reading.Next()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return safefs.At(m.shown, err)
		}
		key := keyOf(m.inside(e.Name))
		if len(current.entries) > 0 && (end || !current.takes(key, e)) {
			if err := take(current); err != nil {
				return err
			}
			current = fileEntries{}
		}
		if end {
			return nil
		}
		current.key = key
		current.entries = append(current.entries, e)
	}
	return ctx.Err()
}

// keyOf returns the name of a file, cleaned. A name with ".." stays as it is: after a link, only the system knows
// which file it is, and package verify opens it by that name, too.
func keyOf(name string) string {
	if slices.Contains(strings.Split(name, "/"), "..") {
		return name
	}
	return path.Clean(name)
}

// inside returns an absolute name of a file below the base as a relative one; see [safefs.Root.Inside].
func (m *sourceManifest) inside(name string) string {
	if !filepath.IsAbs(name) {
		return name
	}
	return filepath.ToSlash(m.root.Inside(name))
}

// takes reports whether e is one more entry of the same file, by another algorithm.
func (f *fileEntries) takes(key string, e manifest.Entry) bool {
	return f.key == key && f.entries[0].Name == e.Name &&
		!slices.ContainsFunc(f.entries, func(other manifest.Entry) bool { return other.Algorithm == e.Algorithm })
}

// grouped returns all files with all entries of each, in the order in which they first appear.
func (m *sourceManifest) grouped(ctx context.Context) ([]fileEntries, error) {
	var files []fileEntries
	at := map[string]int{}
	err := m.each(ctx, func(file fileEntries) error {
		name := file.entries[0].Name
		i, known := at[name]
		if known && !slices.ContainsFunc(file.entries, func(e manifest.Entry) bool { return !files[i].takes(file.key, e) }) {
			files[i].entries = append(files[i].entries, file.entries...)
			return nil
		}
		at[name] = len(files)
		files = append(files, file)
		return nil
	})
	return files, err
}

// sortChunk is how many comparisons there are between two looks at the context.
const sortChunk = 100_000

// inOrder calls take with each file once, sorted by the cleaned names. What is said twice is said
// once; the error is that of a contradiction.
func (m *sourceManifest) inOrder(ctx context.Context, take func(fileEntries) error) error {
	if m.sorted {
		return m.each(ctx, take)
	}
	var files []fileEntries
	err := m.each(ctx, func(file fileEntries) error {
		files = append(files, file)
		return nil
	})
	compared, ended := 0, false
	slices.SortStableFunc(files, func(a, b fileEntries) int { // in millions of files, the context may end meanwhile
		if compared++; compared%sortChunk == 0 {
			ended = ctx.Err() != nil
		}
		if ended {
			return 0
		}
		return cmp.Compare(a.key, b.key)
	})
	if ended {
		return ctx.Err()
	}
	for len(files) > 0 && err == nil {
		n := 1
		for n < len(files) && files[n].key == files[0].key {
			n++
		}
		var file fileEntries
		if file, err = m.merged(files[:n]); err == nil {
			err = take(file)
		}
		files = files[n:]
	}
	return err
}

// merged is what several places say of one file.
func (m *sourceManifest) merged(places []fileEntries) (fileEntries, error) {
	all := fileEntries{key: places[0].key}
	for _, place := range places {
		for _, e := range place.entries {
			i := slices.IndexFunc(all.entries, func(o manifest.Entry) bool { return o.Algorithm == e.Algorithm })
			switch {
			case i < 0:
				e.Name = places[0].entries[0].Name
				all.entries = append(all.entries, e)
			case !bytes.Equal(all.entries[i].Digest, e.Digest):
				return all, safefs.At(m.shown, fmt.Errorf("line %d: contradicts line %d: another %s digest for the same file",
					e.Line, all.entries[i].Line, e.Algorithm.Name))
			}
		}
	}
	return all, nil
}

// maxHead bounds the comments at the beginning that are kept: the format must be detected after them.
const maxHead = manifest.MaxLine / 2

// readComments finds the comments: head is those at the beginning, with the empty lines among them, and all of SFV.
func (m *sourceManifest) readComments(ctx context.Context) error {
	file, err := safefs.Open(m.path)
	if err != nil {
		return safefs.At(m.shown, err)
	}
	defer file.Close()
	lines, err := manifest.Decode(file)
	if err != nil {
		return safefs.At(m.shown, err)
	}
	for atHead := true; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return safefs.At(m.shown, err)
		}
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		comment := m.format.IsComment(line)
		atHead = atHead && (comment || len(bytes.TrimSpace(line)) == 0)
		if comment && m.isSize(line) {
			m.sized = true
			continue
		}
		switch {
		case atHead && len(m.head)+len(line) > maxHead:
			return &WriteError{m.shown, fmt.Errorf("begins with more than %d bytes of comments", maxHead)}
		case atHead:
			m.head = append(append(m.head, bytes.TrimRight(line, "\r\n")...), '\n')
		case comment && m.format == manifest.SFV && len(m.head)+len(line) <= maxHead:
			m.head = append(append(m.head, bytes.TrimRight(line, "\r\n")...), '\n') // ";" has no meaning for the lines after it
		case comment:
			m.comments = append(m.comments, string(bytes.TrimRight(line, "\r\n")))
		}
	}
}

// isSize reports whether a comment gives the size of a file, to those who read this format.
func (m *sourceManifest) isSize(line []byte) bool {
	if m.format != manifest.GNU && m.format != manifest.BSD {
		return false
	}
	_, _, ok := manifest.ParseSizeComment(bytes.TrimRight(line, "\r\n"))
	return ok
}

// headLines returns the comments that the manifest begins with.
func (m *sourceManifest) headLines() []string {
	lines := strings.Split(string(m.head), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" })
}
