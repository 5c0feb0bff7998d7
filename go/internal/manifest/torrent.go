package manifest

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"checksig/internal/digest"
)

// Torrent is a metainfo file of BitTorrent, *.torrent: version 1 (BEP 3), version 2 (BEP 52), or both.
//
//	d4:infod6:lengthi5e4:name5:a.iso12:piece lengthi16384e6:pieces20:…ee
//
// A single file has the torrent's name; several are in a folder of that name.
//
// Version 1 lists the SHA-1 digests of pieces of all files in a row. From them the digest of a file is
// computed if its pieces contain nothing else: of a single file, or of files that padding files (BEP 47)
// align. Other torrents of several files are refused. Padding files, which nobody stores, are passed over if they
// have the names that BEP 47 demands: ".pad/" and a number. Version 2 lists the root of a hash tree for each
// file. See [digest.TorrentPieces] and [digest.TorrentTree].
var Torrent = &Format{Name: "torrent", Detect: detectTorrent, ReadDocument: readTorrent}

// maxTorrent is the size in bytes of the largest torrent that is read, all of it into memory.
const maxTorrent = 32 << 20

// maxTorrentNames is how many bytes all names in a torrent may have together. A short torrent could otherwise list
// millions of files in a folder with a long name.
const maxTorrentNames = 256 << 20

var torrentBegins = pattern(`^d(?:4:infod|8:announce|13:announce-list|(?:7:comment|8:encoding|10:created by)\d|13:creation datei|8:url-listl|12:piece layersd)`)

func detectTorrent(head []byte, o Options) bool {
	return torrentBegins().Match(head) || len(head) > 1 && head[0] == 'd' && '0' <= head[1] && head[1] <= '9' &&
		strings.HasSuffix(strings.ToLower(o.FileName), ".torrent")
}

// torrentReader reads one torrent.
type torrentReader struct {
	text  []byte
	begun bool

	name        string
	pieceLength int64
	version     int64    // "meta version"
	length      *int64   // of the single file
	info        bencode  // describes the single file, too
	pieces      []byte   // nil if there are none
	files       *bencode // the list of version 1, or nil
	tree        *bencode // the tree of version 2, or nil

	v1      func() ([]Entry, error) // reads the next file of version 1; nil after the last one
	total   int64                   // bytes of all files of version 1
	offset  int64                   // of the next file among them
	node    bencode                 // where the file tree of version 2 is read
	folders []string                // of that tree that are open, with "/" at their ends; the first one may be ""
	names   int                     // bytes of all names so far
}

func readTorrent(doc *Document, _ Options) Next {
	t := &torrentReader{}
	return perItem(doc, func() ([]Entry, error) {
		switch {
		case !t.begun:
			t.begun = true
			return nil, t.begin(doc)
		case t.v1 != nil:
			return t.v1()
		case len(t.folders) > 0:
			return t.nextOfTree()
		}
		return nil, io.EOF
	})
}

func (t *torrentReader) begin(doc *Document) (err error) {
	if t.text, err = doc.all(maxTorrent); err != nil {
		return err
	}
	b := bencode{text: t.text}
	if err := b.skip(); err != nil {
		return err
	}
	if b.at < len(t.text) {
		return errors.New("content after the end of the torrent")
	}
	b.at = 0
	if err := b.dict(func(key string, value bencode) error {
		if key == "info" {
			t.info = value
		}
		return nil
	}); err != nil {
		return err
	}
	if t.info.text == nil {
		return errors.New(`no "info"`)
	}
	if err := t.readInfo(); err != nil {
		return err
	}
	return t.plan()
}

func (t *torrentReader) readInfo() error {
	info := t.info
	return info.dict(func(key string, value bencode) (err error) {
		switch key {
		case "name":
			var name []byte
			name, err = value.bytes()
			t.name = string(name)
		case "piece length":
			t.pieceLength, err = value.integer()
		case "length":
			t.length = new(int64)
			*t.length, err = value.integer()
		case "meta version":
			t.version, err = value.integer()
		case "pieces":
			t.pieces, err = value.bytes()
		case "files":
			t.files = &value
		case "file tree":
			t.tree = &value
		}
		if err != nil {
			err = fmt.Errorf("%q: %w", key, err)
		}
		return err
	})
}

// plan checks what the torrent consists of, and how it can be verified.
func (t *torrentReader) plan() error {
	switch {
	case t.version != 0 && t.version != 2:
		return fmt.Errorf("a torrent of version %d is not supported", t.version)
	case (t.version == 2) != (t.tree != nil):
		return errors.New(`"meta version" and "file tree" must occur together`)
	case t.length != nil && t.files != nil:
		return errors.New(`both "length" and "files"`)
	case (t.pieces != nil) != (t.length != nil || t.files != nil):
		return errors.New(`"pieces" must occur together with "length" or "files"`)
	case t.pieces == nil && t.tree == nil:
		return errors.New(`no digests: neither "pieces" nor "file tree"`)
	case digest.TorrentPieces(t.pieceLength, false) == nil:
		return fmt.Errorf("pieces of %d bytes are not supported; known: powers of two from %d to %d",
			t.pieceLength, digest.MinPiece, digest.MaxPiece)
	}
	if err := checkComponent(t.name); err != nil {
		return err
	}
	if t.pieces != nil {
		if err := t.planV1(); err != nil {
			return err
		}
	}
	if t.tree == nil {
		return nil
	}
	t.node, t.folders = *t.tree, []string{""}
	if !t.isSingleTree() {
		t.folders[0] = t.name + "/"
	}
	return t.node.enter('d')
}

func (t *torrentReader) planV1() error {
	aligned := true
	if t.length != nil {
		t.total = *t.length
		t.v1 = func() ([]Entry, error) {
			t.v1 = nil
			return t.file(t.info, t.name)
		}
	} else {
		var err error
		if aligned, err = t.measure(); err != nil {
			return err
		}
		if err := t.files.enter('l'); err != nil {
			return err
		}
		t.v1 = t.nextFile
	}
	count := t.total/t.pieceLength + min(1, t.total%t.pieceLength)
	if t.total < 0 || int64(len(t.pieces)) != count*sha1.Size {
		return fmt.Errorf("%d bytes of SHA-1 digests for %d bytes in pieces of %d", len(t.pieces), t.total, t.pieceLength)
	}
	if !aligned {
		t.v1 = func() ([]Entry, error) {
			t.v1 = nil
			return nil, lineError(1, []byte(t.name), errUnaligned)
		}
	}
	return nil
}

var errUnaligned = errors.New("pieces contain parts of several files, which checksig cannot verify: " +
	"only torrents of a single file, with padding files (BEP 47) or of version 2 are supported")

// measure adds up the lengths of all files, and reports whether each piece contains parts of one file only,
// apart from zeros.
func (t *torrentReader) measure() (aligned bool, err error) {
	files := *t.files
	if err := files.enter('l'); err != nil {
		return false, err
	}
	aligned = true
	fill := int64(0) // bytes up to the end of the last piece
	for !files.leave() {
		d, err := readTorrentFile(&files)
		switch {
		case err != nil:
			return false, err
		case d.length == 0:
			continue
		case d.padding:
			aligned = aligned && d.length == fill
		default:
			aligned = aligned && fill == 0
		}
		if d.length > math.MaxInt64-t.total {
			return false, errors.New("the files are too long")
		}
		t.total += d.length
		fill = (t.pieceLength - t.total%t.pieceLength) % t.pieceLength
	}
	return aligned, nil
}

// torrentFile is the description of a file, in either version.
type torrentFile struct {
	length    int64
	path      string // of version 1
	padding   bool
	link      bool
	root      []byte // of version 2
	sha1, md5 []byte // of the whole file, as some programs write
}

func readTorrentFile(b *bencode) (d torrentFile, err error) {
	d.length = -1
	err = b.dict(func(key string, value bencode) (err error) {
		switch key {
		case "length":
			d.length, err = value.integer()
		case "path":
			d.path, err = readTorrentPath(value)
		case "attr":
			var attributes []byte
			attributes, err = value.bytes()
			d.padding, d.link = bytes.IndexByte(attributes, 'p') >= 0, bytes.IndexByte(attributes, 'l') >= 0
		case "pieces root":
			d.root, err = value.bytes()
		case "sha1":
			d.sha1, err = value.bytes()
		case "md5sum":
			d.md5, err = value.bytes()
		}
		return err
	})
	if err == nil && d.length < 0 {
		if d.length != -1 || !d.link {
			return d, errors.New("a file without its length")
		}
		d.length = 0 // as BEP 47 allows
	}
	return d, err
}

// paddingName matches the names of padding files.
var paddingName = pattern(`^\.pad/[0-9]+$`)

func readTorrentPath(b bencode) (string, error) {
	if err := b.enter('l'); err != nil {
		return "", err
	}
	var parts []string
	for !b.leave() {
		part, err := b.bytes()
		if err != nil {
			return "", err
		}
		if err := checkComponent(string(part)); err != nil {
			return "", err
		}
		parts = append(parts, string(part))
	}
	return strings.Join(parts, "/"), nil
}

// checkComponent returns an error for what cannot be the name of a file or folder.
func checkComponent(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("%.40q is not the name of a file or folder", name)
	}
	return nil
}

// nextFile returns the entries of the next file in the list of version 1.
func (t *torrentReader) nextFile() ([]Entry, error) {
	if t.files.leave() {
		t.v1 = nil
		return nil, nil
	}
	at := *t.files
	d, err := readTorrentFile(t.files)
	switch {
	case err != nil:
		return nil, err
	case d.padding && paddingName().MatchString(d.path):
		t.offset += d.length
		return nil, nil
	case d.path == "":
		return nil, errNoName
	case d.padding:
		t.offset += d.length
		f, err := t.listed(&d, t.name+"/"+d.path)
		if err != nil {
			return nil, err
		}
		f.entries = nil
		f.fail(fmt.Errorf("%w: it is a padding file whose name is not .pad/<number> (BEP 47)", errNoDigest))
		return f.done()
	}
	return t.file(at, t.name+"/"+d.path)
}

// file returns the entries of the file of version 1 that is described at b.
func (t *torrentReader) file(b bencode, name string) ([]Entry, error) {
	d, err := readTorrentFile(&b)
	if err != nil {
		return nil, err
	}
	f, err := t.listed(&d, name)
	if err != nil {
		return nil, err
	}
	begin, end := t.offset, t.offset+d.length
	t.offset = end
	if !d.link {
		a := digest.TorrentPieces(t.pieceLength, end%t.pieceLength != 0 && end < t.total)
		sum := sha1.Sum(t.pieces[begin/t.pieceLength*sha1.Size : (end+t.pieceLength-1)/t.pieceLength*sha1.Size])
		f.add(a, sum[:])
	}
	return f.done()
}

// listed returns what both versions have in common. The error is about the torrent as a whole.
func (t *torrentReader) listed(d *torrentFile, name string) (*listedFile, error) {
	if t.names += len(name); t.names > maxTorrentNames {
		return nil, fmt.Errorf("the names of all files have over %d bytes", maxTorrentNames)
	}
	f := &listedFile{line: 1, sized: true, size: d.length}
	f.setName(name)
	if d.link {
		f.fail(fmt.Errorf("%w: it is a symbolic link", errNoDigest))
	}
	if d.md5 != nil {
		f.addDigest("md5", string(d.md5))
	}
	if len(d.sha1) == sha1.Size {
		f.add(digest.ByName("sha1"), d.sha1)
	} else if d.sha1 != nil {
		f.fail(fmt.Errorf("a SHA-1 digest of %d bytes", len(d.sha1)))
	}
	return f, nil
}

// isSingleTree reports whether the tree consists of one file, which is in no folder then.
func (t *torrentReader) isSingleTree() bool {
	b := *t.tree
	if t.files != nil || b.enter('d') != nil {
		return false
	}
	if _, err := b.bytes(); err != nil || !b.isFile() || b.skip() != nil {
		return false
	}
	return b.leave()
}

// isFile reports whether a node of the file tree is a file: a dictionary whose first key is empty.
func (b *bencode) isFile() bool { return bytes.HasPrefix(b.text[b.at:], []byte("d0:")) }

// nextOfTree returns the entries of the next file in the tree of version 2.
func (t *torrentReader) nextOfTree() ([]Entry, error) {
	last := len(t.folders) - 1
	if t.node.leave() {
		t.folders = t.folders[:last]
		return nil, nil
	}
	key, err := t.node.bytes()
	if err != nil {
		return nil, err
	}
	if err := checkComponent(string(key)); err != nil {
		return nil, err
	}
	if len(t.folders[last])+len(key) > maxFolder {
		return nil, errors.New("the file name is too long")
	}
	path := t.folders[last] + string(key)
	if !t.node.isFile() {
		t.folders = append(t.folders, path+"/")
		return nil, t.node.enter('d')
	}
	t.node.at += len("d0:")
	d, err := readTorrentFile(&t.node)
	switch {
	case err != nil:
		return nil, err
	case !t.node.leave():
		return nil, errors.New("a file that is also a folder")
	case d.padding:
		return nil, errors.New("a padding file in a torrent of version 2")
	}
	f, err := t.listed(&d, path)
	if err != nil {
		return nil, err
	}
	switch {
	case len(d.root) == digest.TorrentTree.Size:
		f.add(digest.TorrentTree, d.root)
	case d.root != nil:
		f.fail(fmt.Errorf("a root of %d bytes", len(d.root)))
	case d.length == 0:
		f.add(digest.TorrentTree, make([]byte, digest.TorrentTree.Size))
	}
	return f.done()
}
