//go:build cgo && (amd64 || arm64)

package multibuffer

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var reference = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New,
	"sha384": sha512.New384, "sha512": sha512.New,
}

func expected(a *Algorithm, message []byte) []byte {
	h := reference[a.Name]()
	h.Write(message)
	return h.Sum(nil)
}

// pad returns message with its padding.
func pad(a *Algorithm, message []byte) []byte {
	return append(slices.Clone(message), padding(a, len(message))...)
}

// padding returns the padding of a message, by other code than the kernels' own.
func padding(a *Algorithm, length int) []byte {
	padded := []byte{0x80}
	for (length+len(padded)+2*a.word)%a.BlockSize() != 0 {
		padded = append(padded, 0)
	}
	bits := make([]byte, 2*a.word)
	if a.bigEndian {
		binary.BigEndian.PutUint64(bits[len(bits)-8:], uint64(length)*8)
	} else {
		binary.LittleEndian.PutUint64(bits, uint64(length)*8)
	}
	return append(padded, bits...)
}

// sums returns the digests of messages of any lengths, hashed at most [Max] at once.
func sums(a *Algorithm, k Kernel, messages [][]byte) [][]byte {
	return sumsInParts(a, k, messages, func(all int) int { return all })
}

// sumsInParts does the same, hashing part(n) of the next n blocks at once.
func sumsInParts(a *Algorithm, k Kernel, messages [][]byte, part func(all int) int) [][]byte {
	streams := NewStreams(a, len(messages))
	left := make([][]byte, len(messages))
	for i := range messages {
		left[i] = pad(a, messages[i])
	}
	for {
		var which []int
		var data [][]byte
		blocks := 0
		for i := range left {
			if has := len(left[i]) / a.BlockSize(); has > 0 && len(which) < Max {
				which, data = append(which, i), append(data, left[i])
				if blocks == 0 || has < blocks {
					blocks = has
				}
			}
		}
		if which == nil {
			break
		}
		blocks = part(blocks)
		streams.Hash(k, which, data, blocks)
		for _, i := range which {
			left[i] = left[i][blocks*a.BlockSize():]
		}
	}
	found := make([][]byte, len(messages))
	for i := range found {
		found[i] = streams.Sum(i)
	}
	return found
}

func compare(t *testing.T, a *Algorithm, k Kernel, messages [][]byte) {
	t.Helper()
	check(t, a, k, messages, sums(a, k, messages))
}

func check(t *testing.T, a *Algorithm, k Kernel, messages, sums [][]byte) {
	t.Helper()
	for i, found := range sums {
		if want := expected(a, messages[i]); !bytes.Equal(found, want) {
			t.Fatalf("%s of %d bytes, lane %d of %d: %x, not %x", a.Name, len(messages[i]), i, len(messages), found, want)
		}
	}
}

// eachKernel runs f for every algorithm and every kernel that this CPU can run.
func eachKernel(t *testing.T, f func(*testing.T, *Algorithm, Kernel)) {
	for _, a := range Algorithms {
		for _, k := range Kernels(a) {
			t.Run(a.Name+"/"+k.Name(), func(t *testing.T) { f(t, a, k) })
		}
	}
}

// eachChoice runs f with every set of features that can be enabled here.
func eachChoice(t *testing.T, f func(*testing.T)) {
	before := enabled
	defer func() { enabled = before }()
	seen := map[features]bool{}
	for _, first := range instructionSets {
		for _, second := range instructionSets {
			words := first.name + "+" + second.name
			choice, err := choose(words, present())
			if err != nil || seen[choice] {
				continue
			}
			seen[choice] = true
			enabled = func() (features, error) { return choice, nil }
			t.Run(words, f)
		}
	}
	if len(seen) == 0 {
		t.Fatal("no instruction set can be enabled here")
	}
}

func random(seed uint64, size int) []byte {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	data := make([]byte, size)
	_, _ = rand.NewChaCha8(key).Read(data)
	return data
}

func TestOfficialVectors(t *testing.T) {
	const two, four = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
	million := strings.Repeat("a", 1_000_000)
	// RFC 1321, A.5; FIPS 180-4's examples as published by NIST (SHA1.pdf … SHA512.pdf), and the million.
	vectors := map[string]map[string]string{
		"md5": {
			"": "d41d8cd98f00b204e9800998ecf8427e", "a": "0cc175b9c0f1b6a831c399e269772661",
			"abc": "900150983cd24fb0d6963f7d28e17f72", "message digest": "f96b697d7cb7938d525a2f31aaf161d0",
			"abcdefghijklmnopqrstuvwxyz":                                     "c3fcd3d76192e4007dfb496cca67e13b",
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789": "d174ab98d277d9f5a5611c2c9f419d9f",
			strings.Repeat("1234567890", 8):                                  "57edf4a22be3c955ac49da2e2107b67a",
		},
		"sha1": {
			"abc": "a9993e364706816aba3e25717850c26c9cd0d89d", two: "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
			million: "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
		},
		"sha224": {
			"abc":   "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
			two:     "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525",
			million: "20794655980c91d8bbb4c1ea97618a4bf03f42581948b2ee4ee7ad67",
		},
		"sha256": {
			"abc":   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			two:     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
			million: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
		},
		"sha384": {
			"abc": "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
			four:  "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039",
		},
		"sha512": {
			"abc": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
			four:  "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
		},
	}
	eachKernel(t, func(t *testing.T, a *Algorithm, k Kernel) {
		for message, want := range vectors[a.Name] {
			for i, found := range sums(a, k, slices.Repeat([][]byte{[]byte(message)}, k.Width())) {
				if hex.EncodeToString(found) != want {
					t.Errorf("lane %d, %d bytes: %x, not %s", i, len(message), found, want)
				}
			}
		}
	})
}

// Messages of 0 to 4,096 bytes, of a different length and content in each lane.
func TestEveryLength(t *testing.T) {
	data := random(1, 8192)
	eachKernel(t, func(t *testing.T, a *Algorithm, k Kernel) {
		for first := 0; first <= 4096; first += k.Width() {
			messages := make([][]byte, k.Width())
			for i := range messages {
				length := min(first+i, 4096)
				messages[i] = data[length/2 : length/2+length]
			}
			compare(t, a, k, messages)
		}
	})
}

// Every length of the last block, and lengths of more than 2³² bits and 2⁶¹ bytes.
func TestPad(t *testing.T) {
	for _, a := range Algorithms {
		for length := range 2*a.BlockSize() + 1 {
			if found, want := a.pad(uint64(length)), padding(a, length); !bytes.Equal(found, want) {
				t.Errorf("%s, %d bytes: %x, not %x", a.Name, length, found, want)
			}
		}
		for _, length := range []uint64{1<<29 + 1, 1<<32 + 7, 1<<61 + 3, 1<<63 - 1} {
			bits := new(big.Int).Lsh(new(big.Int).SetUint64(length), 3)
			bits.And(bits, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(16*a.word)), big.NewInt(1)))
			tail := bits.FillBytes(make([]byte, 2*a.word))
			if !a.bigEndian {
				slices.Reverse(tail)
			}
			found := a.pad(length)
			if !bytes.HasSuffix(found, tail) || (length+uint64(len(found)))%uint64(a.BlockSize()) != 0 {
				t.Errorf("%s, %d bytes: %x does not end in %x", a.Name, length, found, tail)
			}
		}
	}
}

func TestEveryNumberOfLanes(t *testing.T) {
	eachChoice(t, func(t *testing.T) {
		for _, a := range Algorithms {
			for count := 1; count <= Max; count++ {
				compare(t, a, Kernel{}, ragged(uint64(count), count, 6000))
			}
		}
	})
}

// ragged returns messages of random lengths, some of them shorter than a block and some of whole blocks.
func ragged(seed uint64, count, longest int) [][]byte {
	numbers := rand.New(rand.NewPCG(seed, 5))
	data := random(seed, longest)
	messages := make([][]byte, count)
	for i := range messages {
		length := numbers.IntN(longest)
		switch numbers.IntN(4) {
		case 0:
			length = numbers.IntN(130)
		case 1:
			length -= length % 64
		}
		messages[i] = data[longest-length:]
	}
	return messages
}

func TestRaggedSets(t *testing.T) {
	eachChoice(t, func(t *testing.T) {
		for _, a := range Algorithms {
			for seed := range uint64(12) {
				compare(t, a, Kernel{}, ragged(100+seed, int(40+seed), 3000))
			}
		}
	})
}

// FuzzKernels hashes any number of messages, each a part of data, in parts of any size.
func FuzzKernels(f *testing.F) {
	f.Add([]byte("abc"), uint64(3), uint8(0))
	for i := range Algorithms {
		f.Add(random(7, 5000), uint64(61+i), uint8(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64, which uint8) {
		a := Algorithms[int(which)%len(Algorithms)]
		numbers := rand.New(rand.NewPCG(seed, 6))
		part := func(all int) int { return 1 + numbers.IntN(all) }
		messages := make([][]byte, 1+numbers.IntN(2*Max))
		for i := range messages {
			messages[i] = data[:numbers.IntN(len(data)+1)]
			messages[i] = messages[i][numbers.IntN(len(messages[i])+1):]
		}
		for _, k := range append(Kernels(a), Kernel{}) {
			check(t, a, k, messages, sumsInParts(a, k, messages, part))
		}
	})
}

func BenchmarkKernels(b *testing.B) {
	const size = 64 << 10
	for _, a := range Algorithms {
		if a.Name == "sha224" || a.Name == "sha384" {
			continue // the same functions as sha256 and sha512
		}
		b.Run(a.Name+"/go", func(b *testing.B) {
			h, data := reference[a.Name](), random(1, size)
			b.SetBytes(size)
			for b.Loop() {
				h.Write(data)
			}
		})
		seen := map[string]bool{}
		for _, k := range Kernels(a) {
			if seen[k.Name()] {
				continue
			}
			seen[k.Name()] = true
			b.Run(fmt.Sprintf("%s/%s", a.Name, k.Name()), func(b *testing.B) { benchmark(b, a, k, k.Width(), size) })
		}
		for _, lanes := range []int{1, 2, 4, 8, 16, 32} {
			b.Run(fmt.Sprintf("%s/best-of-%d", a.Name, lanes), func(b *testing.B) { benchmark(b, a, Kernel{}, lanes, size) })
		}
	}
}

func benchmark(b *testing.B, a *Algorithm, k Kernel, lanes, size int) {
	const skew = 192 // keeps lanes out of each other's cache sets, as in safefs
	streams := NewStreams(a, lanes)
	memory := random(1, lanes*(size+skew))
	var which []int
	var data [][]byte
	for i := range lanes {
		which, data = append(which, i), append(data, memory[i*(size+skew):][:size])
	}
	b.SetBytes(int64(lanes * size))
	for b.Loop() {
		streams.Hash(k, which, data, size/a.BlockSize())
	}
}
