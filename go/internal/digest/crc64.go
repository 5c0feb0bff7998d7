package digest

import (
	"encoding/binary"
	"hash"
	"hash/crc64"
	"sync"
)

// nvme is the polynomial of CRC-64/NVME, with its bits reversed.
const nvme = 0x9a6c9329ac4bc9b5

// sliceSize is how many bytes crc64NVME takes at once. The tables fill the first-level cache.
const sliceSize = 16

// nvmeTables returns, for each place in a slice, what a byte in it adds to the CRC.
var nvmeTables = sync.OnceValue(func() *[sliceSize]crc64.Table {
	var tables [sliceSize]crc64.Table
	first := crc64.MakeTable(nvme)
	tables[sliceSize-1] = *first
	for place := sliceSize - 2; place >= 0; place-- {
		for b, crc := range tables[place+1] {
			tables[place][b] = first[byte(crc)] ^ crc>>8
		}
	}
	return &tables
})

// crc64NVME computes CRC-64/NVME several bytes at a time. Package hash/crc64 takes 8, and makes the tables for this
// polynomial anew at each call.
type crc64NVME struct {
	state  uint64 // the complement of the CRC
	tables *[sliceSize]crc64.Table
}

func newCRC64NVME() hash.Hash { return &crc64NVME{^uint64(0), nvmeTables()} }

func (c *crc64NVME) Write(p []byte) (int, error) {
	crc, rest, t := c.state, p, c.tables
	for ; len(rest) >= sliceSize; rest = rest[sliceSize:] {
		a := binary.LittleEndian.Uint64(rest) ^ crc
		b := binary.LittleEndian.Uint64(rest[8:])
		crc = t[0][byte(a)] ^ t[1][byte(a>>8)] ^ t[2][byte(a>>16)] ^ t[3][byte(a>>24)] ^
			t[4][byte(a>>32)] ^ t[5][byte(a>>40)] ^ t[6][byte(a>>48)] ^ t[7][a>>56] ^
			t[8][byte(b)] ^ t[9][byte(b>>8)] ^ t[10][byte(b>>16)] ^ t[11][byte(b>>24)] ^
			t[12][byte(b>>32)] ^ t[13][byte(b>>40)] ^ t[14][byte(b>>48)] ^ t[15][b>>56]
	}
	for _, b := range rest {
		crc = t[sliceSize-1][byte(crc)^b] ^ crc>>8
	}
	c.state = crc
	return len(p), nil
}

func (c *crc64NVME) Sum(b []byte) []byte { return binary.BigEndian.AppendUint64(b, ^c.state) }

func (c *crc64NVME) Reset()         { c.state = ^uint64(0) }
func (c *crc64NVME) Size() int      { return crc64.Size }
func (c *crc64NVME) BlockSize() int { return sliceSize }
