package engine

import (
	"bufio"
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

// original is a manifest that another is made of. It is read more than once; what is kept of it does
// not grow with it, unless its entries have to be sorted.
type original struct {
	path    string // absolute
	shown   string // as the request says it
	options manifest.Options

	format     *manifest.Format
	encoding   string
	signature  string
	algorithms []*digest.Algorithm // in the order in which they appear
	modified   time.Time
	files      int64 // runs of entries of one file
	first      string
	sorted     bool // by the cleaned names, no file twice
	uneven     bool // not every file is listed by every algorithm
	dotted     bool // every name begins with "./"
	head       []byte
	comments   []string // those behind head
}

// listed is all that a manifest says of one file.
type listed struct {
	key     string // the name, cleaned
	entries []manifest.Entry
}

// readOriginal reads the manifest at shown once. The error is an [*fs.PathError] for a line that
// is not understood, too.
func readOriginal(ctx context.Context, dir, shown string, options manifest.Options) (*original, error) {
	path, err := absolute(dir, shown)
	if err != nil {
		return nil, err
	}
	options.FileName = filepath.Base(path)
	l := &original{path: path, shown: shown, options: options, sorted: true, dotted: true}
	if err := l.survey(ctx); err != nil {
		return nil, err
	}
	options.Format = l.format
	l.options = options
	return l, l.readComments()
}

// survey finds out what is said of all of the manifest.
func (l *original) survey(ctx context.Context) error {
	last := listed{}
	sets := map[string]bool{}
	err := l.each(ctx, func(file listed) error {
		if l.files == 0 {
			l.first = file.entries[0].Name
		} else if file.key <= last.key {
			l.sorted = false
		}
		l.files++
		set := ""
		for _, e := range file.entries {
			l.dotted = l.dotted && strings.HasPrefix(e.Name, "./")
			if !slices.Contains(l.algorithms, e.Algorithm) {
				l.algorithms = append(l.algorithms, e.Algorithm)
			}
			set += e.Algorithm.Name + " "
		}
		sets[set] = true
		last.key = file.key
		return nil
	})
	if err == nil && l.files == 0 {
		err = atPath(l.shown, errors.New("lists no file"))
	}
	l.uneven = len(sets) > 1 || len(l.algorithms) > 1 && len(sets) > 0 && !wholeSet(sets, len(l.algorithms))
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
func (l *original) each(ctx context.Context, take func(listed) error) error {
	file, err := safefs.Open(l.path)
	if err != nil {
		return atPath(l.shown, err)
	}
	defer file.Close()
	l.modified = file.Modified()
	reading, err := manifest.Read(file, l.options)
	if err != nil {
		return atPath(l.shown, err)
	}
	l.format, l.encoding, l.signature = reading.Format, reading.Encoding, reading.Wrapper
	var current listed
	for ctx.Err() == nil {
		e, err := reading.Next()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return atPath(l.shown, err)
		}
		key := path.Clean(e.Name)
		if len(current.entries) > 0 && (end || !current.takes(key, e)) {
			if err := take(current); err != nil {
				return err
			}
			current = listed{}
		}
		if end {
			return nil
		}
		current.key = key
		current.entries = append(current.entries, e)
	}
	return ctx.Err()
}

// takes reports whether e is one more entry of the same file, by another algorithm.
func (f *listed) takes(key string, e manifest.Entry) bool {
	return f.key == key && f.entries[0].Name == e.Name &&
		!slices.ContainsFunc(f.entries, func(other manifest.Entry) bool { return other.Algorithm == e.Algorithm })
}

// together returns all files, the entries of each standing together, in the order in which they
// first appear.
func (l *original) together(ctx context.Context) ([]listed, error) {
	var files []listed
	at := map[string]int{}
	err := l.each(ctx, func(file listed) error {
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

// inOrder calls take with each file once, sorted by the cleaned names. What is said twice is said
// once; the error is that of a contradiction.
func (l *original) inOrder(ctx context.Context, take func(listed) error) error {
	if l.sorted {
		return l.each(ctx, take)
	}
	var files []listed
	err := l.each(ctx, func(file listed) error {
		files = append(files, file)
		return nil
	})
	slices.SortStableFunc(files, func(a, b listed) int { return cmp.Compare(a.key, b.key) })
	for len(files) > 0 && err == nil {
		n := 1
		for n < len(files) && files[n].key == files[0].key {
			n++
		}
		var file listed
		if file, err = l.merged(files[:n]); err == nil {
			err = take(file)
		}
		files = files[n:]
	}
	return err
}

// merged is what several places say of one file.
func (l *original) merged(places []listed) (listed, error) {
	all := listed{key: places[0].key}
	for _, place := range places {
		for _, e := range place.entries {
			i := slices.IndexFunc(all.entries, func(o manifest.Entry) bool { return o.Algorithm == e.Algorithm })
			switch {
			case i < 0:
				e.Name = places[0].entries[0].Name
				all.entries = append(all.entries, e)
			case !bytes.Equal(all.entries[i].Digest, e.Digest):
				return all, atPath(l.shown, fmt.Errorf("line %d: contradicts line %d: another %s digest for the same file",
					e.Line, all.entries[i].Line, e.Algorithm.Name))
			}
		}
	}
	return all, nil
}

// maxHead bounds the comments at the beginning that are kept: the format is to be seen behind them.
const maxHead = manifest.MaxLine / 2

// commentMarks says with what the comments of a format begin, where it is not "#".
var commentMarks = map[string]string{"sfv": ";"}

// readComments finds the comments: head is those that the manifest begins with, and empty lines
// among them.
func (l *original) readComments() error {
	file, err := safefs.Open(l.path)
	if err != nil {
		return atPath(l.shown, err)
	}
	defer file.Close()
	mark := []byte(cmp.Or(commentMarks[l.format.Name], "#"))
	lines := bufio.NewReaderSize(file, manifest.MaxLine)
	for atHead := true; ; {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return atPath(l.shown, err)
		}
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		comment := bytes.HasPrefix(line, mark)
		atHead = atHead && (comment || len(bytes.TrimSpace(line)) == 0)
		switch {
		case atHead && len(l.head)+len(line) > maxHead:
			return &WriteError{l.shown, fmt.Errorf("begins with more than %d bytes of comments", maxHead)}
		case atHead:
			l.head = append(append(l.head, bytes.TrimRight(line, "\r\n")...), '\n')
		case comment:
			l.comments = append(l.comments, string(bytes.TrimRight(line, "\r\n")))
		}
	}
}

// headLines returns the comments that the manifest begins with.
func (l *original) headLines() []string {
	lines := strings.Split(string(l.head), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" })
}
