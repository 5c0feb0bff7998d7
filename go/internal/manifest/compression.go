package manifest

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	// maxWindow is the largest window or dictionary of a compressed manifest, in bytes: that of xz -9. The
	// default of every tool is smaller.
	maxWindow = 64 << 20

	// Compressed text lists digests, of which at most half can be saved, and names. So a manifest neither
	// expands much, unless almost all of its files are equal, nor is it mostly made of empty parts.
	maxExpansion  = 100
	freeExpansion = 16 << 20 // bytes of text that are not counted
	maxOverhead   = 16
	freeOverhead  = 64 << 10 // compressed bytes that are not counted
)

// compression is a way to compress manifests.
type compression struct {
	name  string
	magic string
	open  func(r *bufio.Reader) (io.Reader, error)
}

// compressions are recognised by their first bytes. Sources: RFC 1952 (gzip), RFC 8878 (Zstandard), the .xz
// file format 1.2.1, and the program bzip2.
var compressions = []compression{
	{"gzip", "\x1f\x8b\x08", func(r *bufio.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"bzip2", "BZh", func(r *bufio.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	{"xz", xzMagic, func(r *bufio.Reader) (io.Reader, error) { return &xzReader{r: &countingReader{r: r}}, nil }},
	{"zstd", "\x28\xb5\x2f\xfd", func(r *bufio.Reader) (io.Reader, error) {
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	}},
}

// longestMagic is the size of the longest magic number of [compressions].
const longestMagic = 10

// compressionOf returns the compression of data that begins with head, or nil.
func compressionOf(head []byte) *compression {
	for i := range compressions {
		c := &compressions[i]
		if len(head) >= len(c.magic) && string(head[:len(c.magic)]) == c.magic && (c.name != "bzip2" || isBzip2(head)) {
			return c
		}
	}
	return nil
}

// isBzip2 reports whether head continues as that of a bzip2 stream, as its magic number is text: with the
// size of the blocks, and the mark of a block or of the end.
func isBzip2(head []byte) bool {
	if len(head) < longestMagic || head[3] < '1' || head[3] > '9' {
		return false
	}
	mark := string(head[4:longestMagic])
	return mark == "1AY&SY" || mark == "\x17\x72\x45\x38\x50\x90"
}

// decompress returns a reader of r's content, and the name of its compression; r and "" if it is not
// compressed.
func decompress(r *bufio.Reader) (*bufio.Reader, string, error) {
	head, err := r.Peek(longestMagic)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	c := compressionOf(head)
	if c == nil {
		return r, "", nil
	}
	in := &countingReader{r: r}
	out, err := c.open(bufio.NewReader(in))
	d := &decompressor{name: c.name, in: in, out: out, err: err}
	return bufio.NewReaderSize(d, MaxLine), c.name, nil
}

// decompressor bounds how much more or less there is than compressed data, and names its errors.
type decompressor struct {
	name string
	in   *countingReader
	out  io.Reader
	n    int64 // bytes decompressed
	err  error
}

func (d *decompressor) Read(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.explain(d.err)
	}
	n, err := d.out.Read(p)
	d.n += int64(n)
	switch {
	case d.n > freeExpansion && d.n-freeExpansion > maxExpansion*d.in.n:
		err = fmt.Errorf("expands to more than %d times its size", maxExpansion)
	case d.in.n > freeOverhead && d.in.n-freeOverhead > maxOverhead*d.n:
		err = errors.New("hardly anything in it")
	}
	d.err = err
	if err != nil {
		err = d.explain(err)
	}
	return n, err
}

// explain returns err as that of the compressed data, unless it is the end or the error of the file.
func (d *decompressor) explain(err error) error {
	switch {
	case d.in.err != nil:
		return d.in.err
	case err == io.EOF:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("truncated")
	case errors.Is(err, gzip.ErrHeader):
		err = errors.New("no gzip data where it should continue")
	case errors.Is(err, gzip.ErrChecksum):
		err = errors.New("wrong checksum")
	}
	return fmt.Errorf("%s data: %w", d.name, err)
}

// countingReader counts the bytes that are read, and keeps the error that ends them.
type countingReader struct {
	r   io.Reader
	n   int64
	err error // other than [io.EOF]
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}
