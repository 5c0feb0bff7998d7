package manifest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strings"

	"checksig/internal/digest"
)

// OCI is the format of an OCI image index, index.json, and of the image manifests and indexes below it (OCI
// Image Format Specification 1.1, image-layout.md, descriptor.md, manifest.md, image-index.md).
//
// Each descriptor in them is an entry: the file blobs/ALGORITHM/DIGEST, its digest and its size.
var OCI = &Format{Name: "oci", Detect: detectOCI, ReadDocument: readOCI}

func detectOCI(head []byte, o Options) bool {
	head = bytes.TrimLeft(head, " \t\r\n")
	return o.FileName == "index.json" && bytes.HasPrefix(head, []byte("{")) &&
		bytes.Contains(head, []byte(`"schemaVersion"`)) && bytes.Contains(head, []byte(`"manifests"`))
}

// Descriptor is a reference to a blob.
type Descriptor struct {
	Line      int64
	MediaType string
	Algorithm string // "sha256"
	Digest    string // the rest of the digest, as written
	HasSize   bool
	Size      int64
	Key       string // where it is: "manifests", "layers", "config", "blobs" or "subject"

	data    string
	hasData bool
	whole   string // the digest with its algorithm
}

// Blob returns the name of its blob in an image layout.
func (d *Descriptor) Blob() string { return "blobs/" + d.Algorithm + "/" + d.Digest }

// IsImage reports whether the blob is a document that lists further blobs.
func (d *Descriptor) IsImage() bool {
	return d.Key != "subject" && imageTypes[d.MediaType]
}

// imageTypes are the media types of documents that list further blobs.
var imageTypes = map[string]bool{
	"application/vnd.oci.image.index.v1+json":                   true,
	"application/vnd.oci.image.manifest.v1+json":                true,
	"application/vnd.oci.artifact.manifest.v1+json":             true, // of 1.1's release candidates
	"application/vnd.docker.distribution.manifest.list.v2+json": true,
	"application/vnd.docker.distribution.manifest.v2+json":      true,
}

// schema1 is the beginning of the media types of Docker's first image manifests.
const schema1 = "application/vnd.docker.distribution.manifest.v1+"

// maxDescriptors is how many descriptors an index or manifest may have; registries take documents of 4 MiB, with
// fewer than a tenth.
const maxDescriptors = 200_000

// ParseImage reads an image index or manifest. The error, with its line, is for a document that is not
// valid.
func ParseImage(text string) (all []Descriptor, line int64, err error) {
	c := &jsonCursor{text: text}
	version := int64(0)
	err = c.object(func(key string) (err error) {
		switch key {
		case "schemaVersion":
			version, err = c.number()
			return err
		case "manifests", "layers", "blobs":
			return c.array(func() error { return readDescriptor(c, key, &all) })
		case "config", "subject":
			return readDescriptor(c, key, &all)
		}
		return c.skip()
	})
	if err == nil {
		err = c.end()
	}
	if err == nil && version != 2 && !strings.Contains(text, "vnd.oci.artifact.manifest") {
		err = fmt.Errorf("schemaVersion is %d, expected 2", version)
	}
	return all, c.lineNumber(), err
}

func readDescriptor(c *jsonCursor, key string, to *[]Descriptor) error {
	if len(*to) == maxDescriptors {
		return fmt.Errorf("document too large: more than %d descriptors", maxDescriptors)
	}
	d := Descriptor{Key: key}
	err := c.object(func(key string) (err error) {
		switch key {
		case "mediaType":
			d.MediaType, err = c.string()
		case "digest":
			d.whole, err = c.string()
			d.Line = c.lineNumber()
			d.Algorithm, d.Digest, _ = strings.Cut(d.whole, ":")
		case "size":
			d.HasSize = true
			d.Size, err = c.number()
		case "data":
			d.hasData = true
			d.data, err = c.string()
		default:
			err = c.skip()
		}
		return err
	})
	if d.Line == 0 {
		d.Line = c.lineNumber()
	}
	*to = append(*to, d)
	return err
}

// OCIAlgorithm returns the algorithm of that name in a descriptor, or nil. Others than the registered ones are not
// known, because a digest that collides would hide another content. Source: descriptor.md, "Registered algorithms",
// and SHA-384, which the programs of Docker know too.
func OCIAlgorithm(name string) *digest.Algorithm {
	switch name {
	case "sha256", "sha384", "sha512", "blake3":
		return digest.ByName(name)
	}
	return nil
}

var ociDigest = pattern(`^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-f]+$`)

// entry returns the entry for the blob, or why there is none.
func (d *Descriptor) entry() ([]Entry, error) {
	bad := func(format string, args ...any) ([]Entry, error) {
		return nil, &LineError{Line: d.Line, Text: excerpt([]byte(d.whole)), Cause: fmt.Sprintf(format, args...)}
	}
	algorithm := OCIAlgorithm(d.Algorithm)
	sum, err := hex.DecodeString(d.Digest)
	switch {
	case d.whole == "":
		return nil, &LineError{Line: d.Line, Code: NoDigest, Cause: "a descriptor without a digest"}
	case !matches(ociDigest, d.whole):
		return bad("expected an algorithm, a colon and a digest in lower-case hex")
	case algorithm == nil:
		return bad("unknown algorithm %.40q", d.Algorithm)
	case err != nil || len(sum) != algorithm.Size:
		return bad("expected a %s digest of %d hex digits", algorithm.Name, 2*algorithm.Size)
	case !d.HasSize:
		return bad("a descriptor without a size")
	case strings.HasPrefix(d.MediaType, schema1):
		return bad("an image manifest of Docker's schema 1, whose layers are not read; convert the image")
	case d.Key == "subject":
		return nil, &LineError{Line: d.Line, Text: d.whole, Code: Ignored,
			Cause: "the subject need not be in the layout, and was not looked for here"}
	}
	if d.hasData {
		content, err := base64.StdEncoding.Strict().DecodeString(d.data)
		hash := algorithm.Of(int64(len(content)))
		hash.Write(content)
		if err != nil || int64(len(content)) != d.Size || !bytes.Equal(hash.Sum(nil), sum) {
			return bad("the embedded data has another digest or size than the descriptor")
		}
	}
	return []Entry{{Line: d.Line, Name: d.Blob(), Algorithm: algorithm, Digest: sum, HasSize: true, Size: d.Size}}, nil
}

func matches(pattern func() *regexp.Regexp, text string) bool { return pattern().MatchString(text) }

func readOCI(doc *Document, _ Options) Next {
	var all []Descriptor
	read := false
	return perItem(doc, func() ([]Entry, error) {
		if !read {
			read = true
			text, err := readDocument(doc)
			if err != nil {
				return nil, err
			}
			var line int64
			if all, line, err = ParseImage(text); err != nil {
				return nil, &LineError{Line: line, Cause: err.Error(), Fatal: true}
			}
		}
		if len(all) == 0 {
			return nil, io.EOF
		}
		d := all[0]
		all = all[1:]
		return d.entry()
	})
}
