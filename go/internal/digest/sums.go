package digest

import (
	"encoding/binary"
	"hash"
	"hash/crc32"
	"math/bits"
)

// A sum16 is a hasher for a 16-bit checksum. add returns the state after further bytes.
type sum16 struct {
	state  uint32
	add    func(state uint32, p []byte) uint32
	finish func(state uint32) uint16
}

func (s *sum16) Write(p []byte) (int, error) {
	s.state = s.add(s.state, p)
	return len(p), nil
}

func (s *sum16) Sum(dst []byte) []byte { return binary.BigEndian.AppendUint16(dst, s.finish(s.state)) }

func (s *sum16) Reset() { s.state = 0 }

func (s *sum16) Size() int { return 2 }

func (s *sum16) BlockSize() int { return 1 }

// newBSDSum returns a hasher for the checksum of BSD's sum. It is rotated right by one bit before each byte
// is added.
func newBSDSum() hash.Hash {
	return &sum16{
		add: func(state uint32, p []byte) uint32 {
			sum := uint16(state)
			for _, c := range p {
				sum = bits.RotateLeft16(sum, -1) + uint16(c)
			}
			return uint32(sum)
		},
		finish: func(state uint32) uint16 { return uint16(state) },
	}
}

// newSysVSum returns a hasher for the checksum of System V's sum. All bytes are added, and the carry is
// added twice.
func newSysVSum() hash.Hash {
	return &sum16{
		add: func(state uint32, p []byte) uint32 {
			for _, c := range p {
				state += uint32(c)
			}
			return state
		},
		finish: func(state uint32) uint16 {
			folded := state&0xffff + state>>16
			return uint16(folded&0xffff + folded>>16)
		},
	}
}

// A posixCRC is a hasher for the checksum of POSIX's cksum.
//
// It has the polynomial of IEEE 802.3 with the most significant bit first. If the bits of each byte are
// reversed, it is the CRC of hash/crc32, which uses CPU instructions.
type posixCRC struct {
	state    uint32 // of hash/crc32
	size     uint64
	reversed [4096]byte
}

func newCKSum() hash.Hash {
	c := new(posixCRC)
	c.Reset()
	return c
}

func (c *posixCRC) Reset() { c.state, c.size = ^uint32(0), 0 } // hash/crc32 starts with the complement

func (c *posixCRC) Write(p []byte) (int, error) {
	n := len(p)
	c.size += uint64(n)
	for len(p) > 0 {
		part := p[:min(len(p), len(c.reversed))]
		p = p[len(part):]
		c.state = crc32.Update(c.state, crc32.IEEETable, reverseBits(c.reversed[:], part))
	}
	return n, nil
}

// Sum appends the checksum. It includes the number of bytes, least significant byte first, without
// leading zeros.
func (c *posixCRC) Sum(dst []byte) []byte {
	state := c.state
	for n := c.size; n > 0; n >>= 8 {
		state = crc32.Update(state, crc32.IEEETable, []byte{bits.Reverse8(byte(n))})
	}
	return binary.BigEndian.AppendUint32(dst, bits.Reverse32(state))
}

func (c *posixCRC) Size() int { return 4 }

func (c *posixCRC) BlockSize() int { return 1 }

// reverseBits stores the bytes of p in dst, each with its bits reversed, and returns them.
func reverseBits(dst, p []byte) []byte {
	to := dst
	for ; len(p) >= 8 && len(to) >= 8; p, to = p[8:], to[8:] {
		binary.BigEndian.PutUint64(to, bits.Reverse64(binary.LittleEndian.Uint64(p)))
	}
	for i, c := range p {
		to[i] = bits.Reverse8(c)
	}
	return dst[:len(dst)-len(to)+len(p)]
}
