package gnu

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"math/bits"
	"os"
	"runtime"
	"slices"
	"strings"
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

// newBSD returns a hasher for the checksum of BSD's sum. It is rotated right by one bit before each byte
// is added.
func newBSD() hash.Hash {
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

// newSysV returns a hasher for the checksum of System V's sum. All bytes are added, and the carry is
// added twice.
func newSysV() hash.Hash {
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

func newCRC() hash.Hash {
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

func blocks(size, block uint64) uint64 { return size/block + min(1, size%block) }

func printBSD(dst []byte, sum uint32, size uint64) []byte {
	return fmt.Appendf(dst, "%05d %5d", sum, blocks(size, 1024))
}

func printSysV(dst []byte, sum uint32, size uint64) []byte {
	return fmt.Appendf(dst, "%d %d", sum, blocks(size, 512))
}

func printCRC(dst []byte, sum uint32, size uint64) []byte {
	return fmt.Appendf(dst, "%d %d", sum, size)
}

// support returns the name of the CPU instructions with which coreutils computes the CRC, for --debug.
func (a *algorithm) support() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	has := func(flags ...string) bool {
		return !slices.ContainsFunc(flags, func(f string) bool { return !strings.Contains(string(info), " "+f+" ") })
	}
	switch {
	case runtime.GOARCH == "arm64" && a.name == "crc" && has("pmull"):
		return "vmull"
	case runtime.GOARCH != "amd64" || !has("pclmulqdq", "avx"):
		return "generic"
	case a.name == "crc" && has("avx512f", "avx512bw", "vpclmulqdq"):
		return "avx512"
	case a.name == "crc" && has("avx2", "vpclmulqdq"):
		return "avx2"
	}
	return "pclmul"
}
