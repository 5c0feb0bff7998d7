// Package multibuffer hashes several files at once on one core: one vector instruction works on one word
// of each. Nobody else sees a vector.
//
// The kernels are C, one source for each algorithm and every instruction set: vector.h has the
// vectors, wide.h makes the kernels of them, plan_*.c says which is the best for how many files. Where
// there are none (another processor, a build without cgo) a [Group] cannot be had, and one file
// after the other is hashed by Go's own functions.
package multibuffer

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// Variable names the environment variable that has the kernels of named instruction sets taken
// instead of the best that the processor has: "avx512", "avx2+shani", "go" for none.
const Variable = "CHECKSIG_ISA"

// Max is the most files that one [Group] can hold.
const Max = 32

// ErrChoice says that [Variable] asks for what is unknown or not there.
var ErrChoice = errors.New(Variable)

// ErrNone says that there are no kernels to form a [Group] with.
var ErrNone = errors.New("no kernels")

// Algorithm is a digest that the kernels compute.
type Algorithm struct {
	Name     string // as in the table of package digest
	Size     int    // of the digest, in bytes
	function int
	word     int       // bytes of a word
	swapped  bool      // words are written with the highest byte first
	initial  [8]uint64 // the words it begins with
}

// Numbers of the functions, as in lanes.h.
const (
	functionMD5 = iota
	functionSHA1
	functionSHA256
	functionSHA512
)

// Algorithms lists all that the kernels compute. Sources: RFC 1321, 3.3; FIPS 180-4, 5.3.
var Algorithms = []*Algorithm{
	{"md5", 16, functionMD5, 4, false, [8]uint64{
		0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}},
	{"sha1", 20, functionSHA1, 4, true, [8]uint64{
		0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}},
	{"sha224", 28, functionSHA256, 4, true, [8]uint64{
		0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4}},
	{"sha256", 32, functionSHA256, 4, true, [8]uint64{
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}},
	{"sha384", 48, functionSHA512, 8, true, [8]uint64{
		0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
		0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4}},
	{"sha512", 64, functionSHA512, 8, true, [8]uint64{
		0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
		0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179}},
}

// ByName returns the algorithm of that name, or nil if the kernels have none.
func ByName(name string) *Algorithm {
	for _, a := range Algorithms {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// features are what a processor has, as bits; see lanes.h.
type features uint32

const (
	hasSSE2 features = 1 << iota
	hasAVX2
	hasAVX512
	hasSHANI
	hasNEON
	hasARMSHA
)

// sets are the names that [Variable] knows, and what has to be there for each.
var sets = []struct {
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

// chosen is what may be used: all that the processor has, or what the environment says.
var chosen = sync.OnceValues(func() (features, error) { return choose(os.Getenv(Variable), present()) })

// Check returns [ErrChoice] if [Variable] asks for what is unknown or not there.
func Check() error {
	_, err := chosen()
	return err
}

func choose(words string, present features) (features, error) {
	switch words {
	case "":
		return present, nil
	case "go", "generic":
		return 0, nil
	}
	var found features
	for _, word := range strings.Split(words, "+") {
		needs, err := named(word)
		if err != nil {
			return 0, err
		}
		if needs&^present != 0 {
			return 0, fmt.Errorf("%w=%s: there is no %s here", ErrChoice, words, word)
		}
		found |= needs
	}
	return found, nil
}

func named(word string) (features, error) {
	names := make([]string, 0, len(sets))
	for _, set := range sets {
		if set.name == word {
			return set.needs, nil
		}
		names = append(names, set.name)
	}
	return 0, fmt.Errorf("%w: %q is none of go, %s", ErrChoice, word, strings.Join(names, ", "))
}

// Phase is what a lane is at.
type Phase uint8

// The numbers are those of group.h. What is below Done is not at its end.
const (
	Idle    Phase = iota // has no file
	reading              // is open
	padded               // is read whole
	Done                 // the digest is there
	Failed               // could not be read further
	Changed              // was changed after the opening
	Ended                // has fewer bytes than when it was opened
	Grew                 // has more
	Stale                // is not what was seen before the opening, or not whole; to be opened once more
)

// Outcome is what became of a file.
type Outcome struct {
	Phase  Phase  // Done or behind it
	Digest []byte // if Done
	Total  int64  // bytes read
	Size   int64  // bytes that it had when it was opened
	Err    error  // of the system, if Failed
}
