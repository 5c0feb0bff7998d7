// Package multibuffer computes digests of several streams of data at once on one core: one vector
// instruction works on one word of each stream.
//
// The kernels are C, one source file for each algorithm, compiled once for every instruction set:
// vector.h defines the vectors, kernels.h the kernels, dispatch_*.c says which kernel is best for how
// many streams. Where there are no kernels (another CPU, a build without cgo), [NewHasher] fails and
// callers use Go's own hash functions. This package opens and reads no files; safefs does, and calls
// the kernels through a [Hasher].
package multibuffer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// Variable is the environment variable that selects instruction sets instead of all that the CPU has:
// "avx512", "avx2+shani", or "go" for none.
const Variable = "CHECKSIG_ISA"

// Max is the most streams that are hashed at once.
const Max = 32

// ErrChoice reports that [Variable] names an instruction set that is unknown or missing.
var ErrChoice = errors.New(Variable)

// ErrNone reports that there are no kernels.
var ErrNone = errors.New("no kernels")

// Hasher is the kernels as C code calls them. The C functions mb_hash and mb_pad are specified in
// multibuffer.h.
type Hasher struct {
	Hash, Pad unsafe.Pointer // the C functions mb_hash and mb_pad
	Features  uint32         // the first argument of mb_hash
	Functions int            // how many functions there are; they are numbered from 0
}

// State is the chaining value of a stream: a C mb_state.
type State = [8]uint64

// Algorithm is one that the kernels compute.
type Algorithm struct {
	Name      string // as in the table of package digest
	Size      int    // of the digest, in bytes
	function  int
	word      int   // bytes in a word
	bigEndian bool  // byte order of words in messages and digests
	initial   State // words of the initial value
}

// The functions, numbered as in multibuffer.h.
const (
	functionMD5 = iota
	functionSHA1
	functionSHA256
	functionSHA512
)

// Algorithms are all that the kernels compute. Sources: RFC 1321, 3.3; FIPS 180-4, 5.3.
var Algorithms = []*Algorithm{
	{"md5", 16, functionMD5, 4, false, State{
		0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}},
	{"sha1", 20, functionSHA1, 4, true, State{
		0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}},
	{"sha224", 28, functionSHA256, 4, true, State{
		0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4}},
	{"sha256", 32, functionSHA256, 4, true, State{
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}},
	{"sha384", 48, functionSHA512, 8, true, State{
		0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
		0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4}},
	{"sha512", 64, functionSHA512, 8, true, State{
		0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
		0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179}},
}

// ByName returns the algorithm of that name, or nil if no kernel computes it.
func ByName(name string) *Algorithm {
	for _, a := range Algorithms {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Function returns the number of the algorithm's function, for C code.
func (a *Algorithm) Function() int { return a.function }

// BlockSize returns the number of bytes in a block.
func (a *Algorithm) BlockSize() int { return 16 * a.word }

// Start sets state to the algorithm's initial value.
func (a *Algorithm) Start(state *State) {
	for i, word := range a.initial {
		if a.word == 4 {
			(*[8]uint32)(unsafe.Pointer(state))[i] = uint32(word)
		} else {
			state[i] = word
		}
	}
}

// Sum appends to dst the digest of a stream whose padding has been hashed.
func (a *Algorithm) Sum(dst []byte, state *State) []byte {
	digest := slices.Grow(dst, 64)
	size := len(dst) + a.Size
	for i := 0; len(digest) < size; i++ {
		switch {
		case a.word == 8:
			digest = binary.BigEndian.AppendUint64(digest, state[i])
		case a.bigEndian:
			digest = binary.BigEndian.AppendUint32(digest, (*[8]uint32)(unsafe.Pointer(state))[i])
		default:
			digest = binary.LittleEndian.AppendUint32(digest, (*[8]uint32)(unsafe.Pointer(state))[i])
		}
	}
	return digest[:size]
}

// features are CPU features, as bits; see multibuffer.h.
type features uint32

const (
	hasSSE2 features = 1 << iota
	hasAVX2
	hasAVX512
	hasSHANI
	hasNEON
	hasARMSHA
)

// instructionSets are the names accepted in [Variable], and the features that each needs.
var instructionSets = []struct {
	name  string
	needs features
}{
	{"sse2", hasSSE2},
	{"avx2", hasSSE2 | hasAVX2},
	{"avx512", hasSSE2 | hasAVX2 | hasAVX512},
	{"shani", hasSSE2 | hasSHANI},
	{"neon", hasNEON},
	{"armsha", hasNEON | hasARMSHA},
}

// enabled returns the features that may be used: all that the CPU has, or those that [Variable] selects.
var enabled = sync.OnceValues(func() (features, error) { return choose(os.Getenv(Variable), present()) })

// Check returns [ErrChoice] if [Variable] names an instruction set that is unknown or missing.
func Check() error {
	_, err := enabled()
	return err
}

// Sets returns the names of the instruction sets that kernels are built for and this CPU has.
func Sets() []string {
	var names []string
	for _, set := range instructionSets {
		if has := present(); has != 0 && set.needs&^has == 0 {
			names = append(names, set.name)
		}
	}
	return names
}

// choose returns the features that words, the value of [Variable], selects of those present.
func choose(words string, present features) (features, error) {
	switch words {
	case "":
		return present, nil
	case "go", "generic":
		return 0, nil
	}
	var found features
	for _, word := range strings.Split(words, "+") {
		needs, err := lookUp(word)
		if err != nil {
			return 0, err
		}
		if needs&^present != 0 {
			return 0, fmt.Errorf("%w=%s: %s is not available", ErrChoice, words, word)
		}
		found |= needs
	}
	return found, nil
}

// lookUp returns the features that an instruction set needs.
func lookUp(word string) (features, error) {
	names := make([]string, 0, len(instructionSets))
	for _, set := range instructionSets {
		if set.name == word {
			return set.needs, nil
		}
		names = append(names, set.name)
	}
	return 0, fmt.Errorf("%w: unknown instruction set %q; known: go, %s", ErrChoice, word, strings.Join(names, ", "))
}
