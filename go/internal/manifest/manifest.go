// Package manifest reads and writes checksum manifests: files that list the digests of other files.
//
// Reading a manifest that Fedora publishes:
//
//	# a.iso: 1 bytes
//	SHA256 (a.iso) = ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb
//
//	reading, err := manifest.Read(file, manifest.Options{FileName: "CHECKSUM"})
//	entry, err := reading.Next() // a.iso, sha256, 32 bytes of digest, size 1
//	_, err = reading.Next()      // io.EOF
//
// # Layers
//
// A manifest is decoded in four steps. Each knows nothing of the next one:
//
//  1. Compression: gzip, bzip2, xz and Zstandard are recognised by their first bytes.
//  2. Encoding: UTF-16 with a byte order mark is decoded; everything else is bytes, and a UTF-8 byte
//     order mark is skipped.
//  3. Wrapper: the cleartext signature framework of OpenPGP (RFC 9580, section 7) and the embedded
//     signatures of OpenBSD's signify (man page signify(1)) are removed. No signature is checked here.
//  4. Format: one file of this package and one row of [Formats]. Its reader sees lines without
//     their ends (LF or CRLF).
//
// # Formats
//
// The first format in the order of [Formats] whose Detect accepts the beginning of a manifest reads
// all of it. Formats with a header, or with a fixed file name, come before those that are recognised
// by their first line. GNU reads what no format accepts.
//
//	metalink      <metalink xmlns=…         RFC 5854, and metalinker.org
//	repomd        <repomd xmlns=…           createrepo_c
//	rpm-primary   <metadata xmlns=…         createrepo_c
//	ascmhl        <hashlist xmlns=…         ASC MHL 2.0
//	ascmhl-chain  <ascmhldirectory xmlns=…  ASC MHL 2.0
//	mhl           <hashlist version="1.1">  mediahashlist.org
//	pylock        lock-version = "1.0"      PyPA, "pylock.toml Specification" (once PEP 751)
//	torrent       d4:info…                  BEP 3, BEP 47, BEP 52
//	hashdeep      %%%% HASHDEEP-1.0 …       hashdeep.sourceforge.net, "File format"
//	get-filehash  Algorithm Hash Path       PowerShell's Get-FileHash
//	certutil      SHA256 hash of name: …    certutil -hashfile of Windows
//	ena           a table, TAB between      file reports of the European Nucleotide Archive
//	release       SHA256: digest size name  Debian repositories, deb822(5)
//	bagit         digest name               RFC 8493, section 2.1.3
//	dpkg          digest  name              deb-md5sums(5)
//	in-toto       {"_type": "https://in-…  in-toto attestation framework, DSSE, PEP 740
//	sigstore      {"mediaType": "applic…   sigstore_bundle.proto, OpenSSF model signing
//	conda-paths   {"paths": …              conda's package specification
//	conda-meta    {"build": …              conda-meta of conda
//	datapackage   {"resources": …          Frictionless Data Package
//	ro-crate      {"@graph": …             RO-Crate Metadata Specification
//	croissant     {"distribution": …       Croissant Format Specification
//	npm           {"lockfileVersion": …    npm's package-lock.json
//	cargo         {"files": …              .cargo-checksum.json of cargo vendor
//	cyclonedx     {"bomFormat": …          ECMA-424
//	spdx          {"spdxVersion": …        ISO/IEC 5962, SPDX 3.0
//	simplestreams {"products": …           Ubuntu's simplestreams
//	sidecar       digest                    one file's digest; the manifest's name names the file
//	mtree         name size=… sha256=…      mtree(5)
//	distinfo      SIZE (name) = size        ports of FreeBSD, OpenBSD and pkgsrc
//	gentoo        DIST name size SHA512 …   Gentoo's GLEP 74
//	dsc           Files: digest size name   Debian's .dsc, .changes, .buildinfo and Sources
//	jar           SHA-256-Digest: base64    META-INF/MANIFEST.MF of signed JARs
//	packages      Filename: name SHA256: …  Debian's Packages
//	sum           sum blocks name           sum(1), as in Ensembl's CHECKSUMS
//	cksum         crc size name             POSIX, cksum
//	s3-batch      bucket,key,version,…      reports of Amazon S3 Batch Operations
//	markdown      | File | SHA-256 |        GitHub Flavored Markdown
//	table         Algorithm,Hash,Path       tables whose first line names the columns
//	srcinfo       pkgbase = name            Arch Linux, .SRCINFO
//	apkbuild      sha512sums="…"            Alpine Linux, APKBUILD
//	freebsd       name TAB digest TAB …     MANIFEST of FreeBSD's releases
//	ocfl          JSON                      inventories of OCFL objects
//	oci           JSON                      indexes and manifests of OCI images
//	json-map      {name: digest, …}         checksums.json of Puppet modules and of Electron
//	base64        SHA256 (name) = base64    cksum --base64 of GNU coreutils
//	bsd           SHA256 (name) = digest    BSD's md5(1), cksum(1) of GNU coreutils
//	openssl       SHA256(name)= digest      openssl-dgst(1)
//	print-md      name: digest in groups    gpg --print-md
//	pipe          digest | name             tables in release notes
//	columns       name digest digest        rhash(1) with several algorithms
//	sfv           name crc32                cksfv(1)
//	gnu           digest  name              md5sum(1), sha256sum(1) of GNU coreutils
//	name-first    name digest               rhash(1)
//	record        name,sha256=digest,size   PyPA, "Recording installed projects"
//	cfv-csv       name,size,digest,         cfv(1)
//
// # Rules for all formats
//
// Names are bytes. They are unescaped, but never cleaned or converted, and are relative to the
// folder that the format's Base stands for.
//
// The algorithm of a digest is, in this order: the one that the line, a header or a heading names; the one in
// [Options]; the one that the manifest's own name contains ("SHA256SUMS"); the most common one with
// digests of that length. Only in the last case is the entry marked as Assumed.
//
// A line that is neither an entry, nor a comment, nor part of a header is never skipped in silence:
// it is a [*LineError], and reading continues on the next line. A manifest that is truncated ends
// with one, too, where its format or wrapper makes that visible.
//
// No line is longer than [MaxLine], and no line contains a NUL byte. Formats that are one document, such
// as JSON, are read item by item, through [Document] instead of [Lines]. The package does not access the
// file system. It reads from an [io.Reader], one line or item at a time: its memory does not grow with the
// manifest.
package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"checksig/internal/digest"
)

// MaxLine is the longest line allowed in a manifest, in bytes and including its end. The format is
// detected from the same number of bytes. The items of a document may be longer; see [Document].
const MaxLine = 64 << 10

// Entry is one digest of one file.
type Entry struct {
	Line      int64  // line number, from 1; a line with several digests gives several entries
	Name      string // the bytes of the file's name, unescaped, relative to the format's Base
	Algorithm *digest.Algorithm
	Digest    []byte // Algorithm.Size bytes
	Assumed   bool   // the algorithm was chosen by the digest's length alone
	HasSize   bool   // the manifest lists the file's size
	Rule      Rule   // the rule of a structure that is broken if the file is not as listed
	Size      int64  // that size in bytes, if HasSize
	Blocks    int64  // the listed size in blocks of BlockSize bytes, rounded up, if that is not 0
	BlockSize int64
	Optional  bool   // the manifest says that the file may be missing
	RawName   string // what the manifest lists if Name was derived from it, such as a URL; else ""
}

// Attributes is what a manifest states of a file, a folder or a link besides its content; see mtree(5).
type Attributes struct {
	Line        int64
	Name        string  // as in [Entry]
	Type        string  // "file", "dir", "link", "block", "char", "fifo" or "socket"; "" for any
	Mode        *uint32 // its permissions, with set-user-ID, set-group-ID and sticky bits; nil if not stated
	UID, GID    *uint32 // its owner and group; nil if not stated
	User, Group string  // their names; "" if not stated
	Target      string  // that of a link; "" if not stated
	Optional    bool    // it may be missing
	IsEntry     bool    // it is the file of entries, too
}

// Rule is a rule of a structure, which a file breaks that is not as listed.
type Rule uint8

const (
	NoRule      Rule = iota
	OCFLContent      // an inventory's manifest block
	OCFLFixity       // its fixity block
)

// Code returns the code that the structure's specification has for the rule; "" for none.
func (r Rule) Code() string { return [...]string{"", "E092", "E093"}[r] }

// LineError is the error for a line that could not be understood. Reading continues after it unless
// Fatal is set.
type LineError struct {
	Line  int64  // from 1
	Text  string // the beginning of the line
	Cause string // for people; code that reacts to a cause compares Code
	Fatal bool   // nothing after this line can be read
	Code  LineCode
}

// LineCode identifies the causes that callers react to.
type LineCode uint8

const (
	NoCode     LineCode = iota // any other cause
	NoDigest                   // the line lists a file without a digest
	PlainText                  // nothing in the line looks like a digest, and the format may have text between entries
	Ignored                    // what the line says is not used, and need not be: no error, but worth a note
	Untrusted                  // nobody who is trusted has signed the manifest
	BrokenRule                 // not about a line, but about the structure that the manifest belongs to
	Unread                     // not about a line: the manifest, or a folder, cannot be read from there on
	Nothing                    // not about a line: nothing was there to verify
	NoColumn                   // the line has not the columns that [Options].Columns asks for
)

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Cause) }

// Next returns the next entry. The error is a [*LineError] for a line that is not an entry, [io.EOF]
// at the end, and any other error if the manifest cannot be read further.
type Next func() (Entry, error)

// Options is what is known about a manifest besides its content.
type Options struct {
	FileName  string            // without its folder; it may name the algorithm
	Algorithm *digest.Algorithm // of digests without a tag; nil to take it from FileName or the length
	Format    *Format           // nil to detect it
	Charset   *Charset          // of the text; nil for UTF-8, or what a byte order mark says
	Verbatim  bool              // the bytes are the text: nothing is decompressed, decoded or unwrapped
	// Unwrapped is the wrapper that the caller has removed already, as [Reading.Wrapper]: the text is what is
	// signed, and begins in line FirstLine of the manifest, or in the first if that is 0.
	Unwrapped string
	FirstLine int64
	// Attested says that the text is one of statements whose signatures the caller has verified: a subject without a
	// digest that protects against tampering is a bad line then.
	Attested bool
	// AllowShort accepts digests of fewer than 128 bits, of which a second file is found in no time.
	// Those of Algorithm are accepted in any case.
	AllowShort bool
	// AcceptText finds the format also of a manifest that begins with text. Its lines are errors with the
	// code [PlainText], which the caller accepts.
	AcceptText bool
	// Columns names the groups of columns to read, of formats that have several: "fastq" of [ENA]. The others are
	// left out, and counted; see [Reading.LeftOut]. nil for all. It is no matter to other formats.
	Columns []string
	// PartSize is the size of the parts in which the files were uploaded whose digests are over the digests of parts:
	// "<digest>-<number of parts>", as Amazon S3 has them. 0 if that is not known: those are bad lines then.
	PartSize int64
	// Attributes takes what [Mtree] states of a file, a folder or a link besides its content, and returns false for what
	// is not compared, which [Reading.Unverified] has then. nil compares nothing.
	Attributes func(Attributes) bool

	searched   bool              // Read has searched FileName for an algorithm
	inFileName *digest.Algorithm // the algorithm that FileName names, if searched
}

// untaggedAlgorithm returns the algorithm of digests without a tag, or nil if only their length
// identifies it.
func (o Options) untaggedAlgorithm() *digest.Algorithm {
	if o.Algorithm != nil {
		return o.Algorithm
	}
	if o.searched {
		return o.inFileName
	}
	return digest.NamedIn(o.FileName)
}

// Format is one format of manifests.
type Format struct {
	Name string
	// Base is the folder that names are relative to: "" is the manifest's own folder, ".." the one
	// above it, and "/" the root of the file system.
	Base string
	// Detect reports whether a manifest that begins with head (at most [MaxLine] bytes) has this
	// format.
	Detect func(head []byte, o Options) bool
	// Folder is the end of the path of the folders in which Base counts for a detected format; see BaseAt.
	Folder string
	// Read returns the entries of a manifest that consists of lines.
	Read func(lines *Lines, o Options) Next
	// ReadDocument returns the entries of a manifest that is one document, such as JSON; Read is nil
	// then. There are no documents inside wrappers.
	ReadDocument func(doc *Document, o Options) Next
	// HasText is set if people may have written text between the entries, so that an error may have the
	// code [PlainText].
	HasText bool
	// Wrapper returns the kind of signature inside which a document that begins with head is, as
	// [Reading.Wrapper]; nil for none.
	Wrapper func(head []byte) string
	// Write writes manifests; nil for formats that only one publisher's own tool produces.
	Write *Writer
}

// dpkgFolder is where dpkg keeps its lists, below the root of the file system that they describe.
const dpkgFolder = "/var/lib/dpkg/info"

// BaseAt returns the folder that names in a manifest of this format start from, relative to dir, the
// manifest's own folder: Base if the caller has chosen the format. A detected format counts only where
// its manifests belong, because a manifest must not decide by itself what is read outside its folder: in
// folders whose path ends in Folder, such as .dist-info and META-INF, and in /var/lib/dpkg/info below the root of a file
// system, whose names start from that root. Elsewhere names start from dir, which is "".
func (f *Format) BaseAt(dir string, chosen bool) string {
	dir = filepath.ToSlash(dir)
	switch {
	case chosen:
		return f.Base
	case f.Folder != "" && strings.HasSuffix(dir, f.Folder):
		return f.Base
	case f.Base == "/" && strings.HasSuffix(dir, dpkgFolder):
		return "../../../.."
	}
	return ""
}

// Writer writes manifests of one format.
type Writer struct {
	// Single is set if a manifest lists exactly one file.
	Single bool
	// Begin appends what comes before the first file; nil for nothing. It returns an error if the
	// format cannot represent digests of these algorithms.
	Begin func(dst []byte, algorithms []*digest.Algorithm) ([]byte, error)
	// File appends the entries of one file, one for each of the algorithms, in their order. It returns
	// an error if the format cannot represent them.
	File func(dst []byte, entries []Entry) ([]byte, error)
	// End appends what comes after the last file; nil for nothing.
	End func(dst []byte) []byte
}

// Formats lists every format, in the order in which they are tried.
var Formats = []*Format{
	Metalink, Repomd, RPMPrimary, ASCMHL, ASCMHLChain, MHL, Pylock, Torrent, // documents in XML and TOML, and torrents
	Hashdeep, FileHash, Certutil, ENA, Release, BagIt, Dpkg, // by a header or a file name
	InToto, Sigstore, CondaPaths, CondaMeta, Datapackage, ROCrate, Croissant, // JSON documents
	NPM, Cargo, CycloneDX, SPDX, Simplestreams, // JSON documents
	OCFL, OCI, // structures whose manifests are JSON documents
	JSONMap, // JSON whose keys are names
	// Lists of packages and tables, by a header, a file name or the form of all lines:
	Mtree, Distinfo, Gentoo, Dsc, Packages, Jar, Sum, Cksum, S3Batch, Markdown, Table,
	Srcinfo, Apkbuild, FreeBSD,
	Sidecar, Base64, BSD, OpenSSL, PrintMD, Pipe, Columns, SFV, GNU, NameFirst, RECORD, CFVCSV, // by the first line
}

// Reading is a manifest that is being read.
type Reading struct {
	Format   *Format
	Encoding string // "utf-8" (which stands for any bytes), "utf-16le" or "utf-16be"; "gzip+utf-8" if compressed; or Options.Charset's
	// Wrapper is "pgp", "signify", "dsse" or "sigstore" if the text is inside a signature, which is not
	// checked; else "".
	Wrapper string
	Next    Next

	unverified *unverified
	models     *[]Model // nil if the format has none
}

// Unverified returns what the manifest states so far that no entry covers, sorted: "time" if it states the
// times of files. The words are those of the format, and contain no blanks.
func (r *Reading) Unverified() []string { return slices.Sorted(maps.Keys(r.unverified.words)) }

// Models returns the models whose signatures were read so far.
func (r *Reading) Models() []Model {
	if r.models == nil {
		return nil
	}
	return *r.models
}

// LeftOut returns how many entries so far were left out because of [Options].Columns.
func (r *Reading) LeftOut() int64 { return r.unverified.leftOut }

// Read starts reading the manifest r. The error is the reader's, or an [ErrNoManifest] for a file that is
// none, unless [Options] has the format.
//
// If r has a method Len that returns the number of unread bytes, the buffer is no larger than that.
func Read(r io.Reader, o Options) (*Reading, error) {
	text := newBuffer(r)
	if o.Charset != nil {
		text = bufio.NewReaderSize(o.Charset.Reader(text), MaxLine)
	}
	b, err := begin(text, &o)
	if err != nil {
		return nil, err
	}
	if o.Charset != nil {
		b.encoding = o.Charset.Name
	}
	format := o.Format
	if format == nil {
		format = detected(b.head, o, b.isWrapped())
	}
	if format == nil && o.AcceptText {
		format = detected(withoutText(b.head), o, b.isWrapped())
	}
	if format == nil {
		if err := rejectReason(b.head, o); err != nil {
			return nil, err
		}
		format = GNU // the most common format, whose errors are the most useful ones
		if other := detected(withoutText(b.head), o, b.isWrapped()); other != nil && other.HasText {
			format = other // there is text before its entries
		}
	}
	next, unverified, models := b.next(format, o)
	return &Reading{format, b.encoding, b.wrapper, o.guard(next), unverified, models}, nil
}

func newBuffer(r io.Reader) *bufio.Reader {
	size := MaxLine
	if known, ok := r.(interface{ Len() int }); ok {
		size = min(known.Len()+1, MaxLine) // one more, because a full buffer looks like a line too long
	}
	return bufio.NewReaderSize(r, size)
}

// Decode returns a reader of a manifest's text, without compression, in UTF-8.
func Decode(r io.Reader) (*bufio.Reader, error) {
	text, _, err := decompress(bufio.NewReaderSize(r, MaxLine))
	if err == nil {
		text, _, err = decode(text)
	}
	return text, err
}

// beginning is a manifest whose encoding and wrapper are known.
type beginning struct {
	text       *bufio.Reader // decoded
	encoding   string
	marked     bool // text begins with a byte order mark
	wrapper    string
	newWrapper func() wrapper // nil if there is none
	head       []byte         // the beginning of the text inside all layers
}

func (b *beginning) isWrapped() bool { return b.wrapper != "" }

// begin detects the encoding and the wrapper of a manifest, and completes o.
func begin(r *bufio.Reader, o *Options) (*beginning, error) {
	if o.Verbatim {
		head, err := r.Peek(r.Size())
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return &beginning{text: r, encoding: "utf-8", head: head}, nil
	}
	r, packed, err := decompress(r)
	if err != nil {
		return nil, err
	}
	text, encoding, err := decode(r)
	if err != nil {
		return nil, err
	}
	if packed != "" {
		encoding = packed + "+" + encoding
		o.FileName = withoutSuffix(o.FileName, compressionSuffixes)
	}
	head, err := text.Peek(text.Size())
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errHalfUnit) {
		return nil, err
	}
	b := &beginning{text: text, encoding: encoding}
	b.head, b.marked = bytes.CutPrefix(head, utf8BOM)
	if b.wrapper = o.Unwrapped; b.wrapper != "" {
		o.FileName = withoutSuffix(o.FileName, SignatureSuffixes)
	} else {
		b.wrapper, b.newWrapper = detectWrapper(b.head)
	}
	if b.newWrapper != nil {
		b.head = unwrap(b.head, b.newWrapper())
		o.FileName = withoutSuffix(o.FileName, SignatureSuffixes)
	}
	o.inFileName, o.searched = digest.NamedIn(o.FileName), true // once, for all formats that ask
	return b, nil
}

// next returns the entries read as those of a format, and where it notes what they do not cover.
func (b *beginning) next(format *Format, o Options) (Next, *unverified, *[]Model) {
	if format.ReadDocument != nil {
		if b.marked {
			_, _ = b.text.Discard(len(utf8BOM)) // Peek has it
		}
		if format.Wrapper != nil {
			b.wrapper = format.Wrapper(b.head)
		}
		doc := &Document{r: b.text}
		return format.ReadDocument(doc, o), &doc.unverified, &doc.models
	}
	lines := &Lines{r: b.text, n: max(o.FirstLine-1, 0), unwrapped: o.Unwrapped != ""}
	if b.newWrapper != nil {
		lines.wrapper = b.newWrapper()
	}
	lines.hasText = format.HasText && !o.isShort()
	return format.Read(lines, o), &lines.unverified, nil
}

// minDigest is the size in bytes of the shortest digest that is accepted without being asked for by name,
// of algorithms with digests of any length.
const minDigest = 16

// guard returns next with an error for each digest that is weaker than o or the manifest's name demands:
// neither may the content of a manifest lead to a weaker algorithm, nor its shape.
func (o Options) guard(next Next) Next {
	demanded, by := o.Algorithm, "asked for"
	if demanded == nil {
		demanded, by = o.inFileName, "in the manifest's name"
	}
	return func() (Entry, error) {
		e, err := next()
		if err != nil {
			return e, err
		}
		switch a := e.Algorithm; {
		case demanded != nil && !a.AtLeast(demanded) && demanded.OfSize(a.Size) != a:
			err = fmt.Errorf("%s is weaker than %s, the algorithm %s", a.Name, demanded.Name, by)
		case a.Variable() && a.Size < minDigest && a != o.Algorithm && !o.AllowShort:
			err = fmt.Errorf("%s has fewer than %d bits: a tampered file with this digest is found in no time",
				a.Name, 8*minDigest)
		default:
			return e, nil
		}
		return Entry{}, &LineError{Line: e.Line, Text: e.Name, Cause: err.Error()}
	}
}

// isShort reports whether digests are so short that a wrong one could be taken for a word in a text.
func (o Options) isShort() bool {
	const shortest = 16
	algorithm := o.untaggedAlgorithm()
	return algorithm != nil && algorithm.Size < shortest
}

// detected returns the format of a manifest that begins with head, nil if it is none that is known.
func detected(head []byte, o Options, wrapped bool) *Format {
	for _, f := range Formats {
		if !(wrapped && f.ReadDocument != nil) && f.Detect(head, o) {
			return f
		}
	}
	switch {
	case detectJSON(head) && wrapped:
		return wrappedJSON
	case detectJSON(head):
		return unknownJSON
	}
	return nil
}
