package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	crc "hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// xzMagic begins every stream of the .xz format.
const xzMagic = "\xfd7zXZ\x00"

// Blocks of an xz file need memory for their dictionary, so that many of them must not be small.
const (
	freeBlocks   = 100
	minBlockSize = 64 << 10 // on average, after the first blocks
)

// xzReader decompresses the .xz format. Source: "The .xz File Format", version 1.2.1; the section numbers
// below are those of it.
//
// Package xz of the same module allocates whatever dictionary a file asks for, and keeps a list of all
// blocks; this reader bounds both. It reads no filter but LZMA2, which is the only one that xz uses for text.
type xzReader struct {
	r      *countingReader
	began  bool // a stream is open
	flags  [2]byte
	blocks int64     // of all streams
	index  hash.Hash // of the sizes of this stream's blocks
	count  uint64    // of this stream's blocks
	total  int64     // bytes decompressed, of all streams

	block     io.Reader // the open block, or nil
	check     hash.Hash // of its content
	headSize  int64     // of its header
	dataStart int64     // where its data begins
	size      int64     // bytes decompressed of it
	stated    [2]uint64 // sizes that its header states, plus one: compressed and decompressed; 0 for none
}

var (
	errXZ         = errors.New("damaged")
	errXZCheck    = errors.New("wrong checksum")
	errXZTrailing = errors.New("other data after it")
)

// Read implements [io.Reader].
func (x *xzReader) Read(p []byte) (int, error) {
	for {
		if x.block == nil {
			if err := x.next(); err != nil {
				return 0, err
			}
			continue
		}
		n, err := x.block.Read(p)
		x.size += int64(n)
		x.total += int64(n)
		x.check.Write(p[:n])
		if errors.Is(err, io.EOF) {
			err = x.endBlock()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// next opens the next block, after the end and the beginning of streams that come before it.
func (x *xzReader) next() error {
	if !x.began {
		return x.beginStream()
	}
	first, err := x.take(1)
	if err != nil {
		return err
	}
	if first[0] == 0 {
		return x.endStream()
	}
	return x.beginBlock(first[0])
}

// take reads n bytes.
func (x *xzReader) take(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(x.r, b)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// beginStream reads a stream's header (section 2.1.1), after padding (section 2.2). It returns io.EOF if
// there is no other stream.
func (x *xzReader) beginStream() error {
	head := make([]byte, 4)
	for {
		_, err := io.ReadFull(x.r, head)
		if err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) && x.r.err == nil {
				err = errXZTrailing
			}
			return err
		}
		if x.index == nil || !bytes.Equal(head, make([]byte, 4)) {
			break
		}
	}
	rest, err := x.take(8)
	if err != nil {
		return err
	}
	head = append(head, rest...)
	if string(head[:6]) != xzMagic {
		return errXZTrailing
	}
	x.flags = [2]byte(head[6:8])
	if crc.ChecksumIEEE(head[6:8]) != binary.LittleEndian.Uint32(head[8:]) {
		return errXZCheck
	}
	if x.newCheck() == nil {
		return fmt.Errorf("unsupported flags %x", x.flags)
	}
	x.began, x.count, x.index = true, 0, sha256.New()
	return nil
}

// noCheck is the check of a stream without one.
type noCheck struct{ hash.Hash32 }

func (noCheck) Size() int           { return 0 }
func (noCheck) Sum(b []byte) []byte { return b }

// littleEndian is a CRC as the format has it.
type littleEndian struct{ hash.Hash }

func (l littleEndian) Sum(b []byte) []byte {
	sum := l.Hash.Sum(nil)
	for i := range len(sum) / 2 {
		sum[i], sum[len(sum)-1-i] = sum[len(sum)-1-i], sum[i]
	}
	return append(b, sum...)
}

// newCheck returns the hash of a block's content (section 2.1.1.2), nil if it is unknown.
func (x *xzReader) newCheck() hash.Hash {
	switch x.flags {
	case [2]byte{0, 0}:
		return noCheck{crc.NewIEEE()}
	case [2]byte{0, 1}:
		return littleEndian{crc.NewIEEE()}
	case [2]byte{0, 4}:
		return littleEndian{crc64.New(crc64.MakeTable(crc64.ECMA))}
	case [2]byte{0, 10}:
		return sha256.New()
	}
	return nil
}

// beginBlock reads a block's header (section 3.1), whose first byte is its size.
func (x *xzReader) beginBlock(size byte) error {
	rest, err := x.take(4*(int(size)+1) - 1)
	if err != nil {
		return err
	}
	head := append([]byte{size}, rest...)
	body := head[:len(head)-4]
	if crc.ChecksumIEEE(body) != binary.LittleEndian.Uint32(head[len(body):]) {
		return errXZCheck
	}
	x.headSize, x.dataStart = int64(len(head)), x.r.n
	fields := bytes.NewReader(body[2:])
	x.stated = [2]uint64{}
	for i, bit := range []byte{0x40, 0x80} {
		if body[1]&bit != 0 {
			n, err := xzNumber(fields)
			if err != nil {
				return errXZ
			}
			x.stated[i] = n + 1
		}
	}
	filter := make([]byte, 3)
	if _, err := io.ReadFull(fields, filter); err != nil || body[1]&0x3c != 0 {
		return errXZ
	}
	if body[1]&3 != 0 || filter[0] != 0x21 || filter[1] != 1 {
		return errors.New("a filter other than LZMA2 is not supported")
	}
	for fields.Len() > 0 {
		if c, _ := fields.ReadByte(); c != 0 {
			return errXZ
		}
	}
	dictionary, err := xzDictionary(filter[2])
	if err != nil {
		return err
	}
	if x.blocks++; x.blocks > freeBlocks && x.total < (x.blocks-freeBlocks)*minBlockSize {
		return errors.New("too many small blocks")
	}
	x.count++
	x.size, x.check = 0, x.newCheck()
	x.block, err = lzma.Reader2Config{DictCap: dictionary}.NewReader2(x.r)
	return err
}

// xzDictionary returns the size of the dictionary that a filter's property stands for (section 5.3.1).
func xzDictionary(property byte) (int, error) {
	const largest = 40
	if property > largest {
		return 0, errXZ
	}
	size := uint64(2|property&1) << (property/2 + 11)
	if size > maxWindow {
		return 0, fmt.Errorf("needs a dictionary of %d bytes, more than %d", size, maxWindow)
	}
	return max(int(size), lzma.MinDictCap), nil
}

// endBlock reads what comes after a block's data (sections 3.3 and 3.4).
func (x *xzReader) endBlock() error {
	x.block = nil
	data := x.r.n - x.dataStart
	padding, err := x.take(int(-data & 3))
	if err != nil {
		return err
	}
	sum, err := x.take(x.check.Size())
	if err != nil {
		return err
	}
	for i, size := range []int64{data, x.size} {
		if x.stated[i] != 0 && x.stated[i] != uint64(size)+1 {
			return errXZ
		}
	}
	switch {
	case bytes.ContainsFunc(padding, func(c rune) bool { return c != 0 }):
		return errXZ
	case !bytes.Equal(x.check.Sum(nil), sum):
		return errXZCheck
	}
	addSizes(x.index, uint64(x.headSize+data)+uint64(len(sum)), uint64(x.size))
	return nil
}

// addSizes adds a record of the index to h, which stands for all of them.
func addSizes(h hash.Hash, unpadded, uncompressed uint64) {
	h.Write(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, unpadded), uncompressed))
}

// endStream reads a stream's index (section 4), whose first byte was read, and its footer (section 2.1.2).
func (x *xzReader) endStream() error {
	start := x.r.n - 1
	sum := crc.NewIEEE()
	sum.Write([]byte{0})
	in := oneByte{io.TeeReader(x.r, sum)}
	count, err := xzNumber(in)
	if err != nil {
		return err
	}
	if count != x.count {
		return errXZ
	}
	records := sha256.New()
	for range count {
		unpadded, err := xzNumber(in)
		if err != nil {
			return err
		}
		uncompressed, err := xzNumber(in)
		if err != nil {
			return err
		}
		addSizes(records, unpadded, uncompressed)
	}
	for (x.r.n-start)%4 != 0 {
		if c, err := in.ReadByte(); err != nil || c != 0 {
			return errors.Join(err, errXZ)
		}
	}
	size, indexSum := x.r.n-start+4, sum.Sum32()
	end, err := x.take(4 + 12)
	if err != nil {
		return err
	}
	footer := end[4:]
	switch {
	case indexSum != binary.LittleEndian.Uint32(end), crc.ChecksumIEEE(footer[4:10]) != binary.LittleEndian.Uint32(footer):
		return errXZCheck
	case !bytes.Equal(records.Sum(nil), x.index.Sum(nil)), (int64(binary.LittleEndian.Uint32(footer[4:]))+1)*4 != size,
		[2]byte(footer[8:10]) != x.flags, string(footer[10:]) != "YZ":
		return errXZ
	}
	x.began = false
	return nil
}

// oneByte reads single bytes.
type oneByte struct{ io.Reader }

func (r oneByte) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(r, b[:])
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b[0], err
}

// xzNumber reads a number of at most 63 bits (section 1.2).
func xzNumber(r io.ByteReader) (uint64, error) {
	const longest = 9
	var n uint64
	for i := range longest {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		n |= uint64(b&0x7f) << (7 * i)
		if b&0x80 == 0 {
			if b == 0 && i > 0 {
				return 0, errXZ
			}
			return n, nil
		}
	}
	return 0, errXZ
}
