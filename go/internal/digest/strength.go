package digest

import "fmt"

// Strength is what an algorithm withstands, so ordered that more is greater. From [Short] on it is
// the work, in bits, of finding two files with one digest: half of the digest's length, as nothing
// better than the birthday bound is known.
type Strength int

const (
	// Checksum finds accidents only: to make a file with a given checksum takes no effort.
	Checksum Strength = iota
	// Broken algorithms were meant to withstand tampering, and collisions of them are known: MD5
	// (RFC 6151), SHA-1 (https://shattered.io). They protect as little as a checksum.
	Broken
	// Short is the least of the sound algorithms whose digests are too short to protect.
	Short
	// Strong is the least that protects against tampering (NIST SP 800-57 part 1, from 2016 on).
	Strong Strength = 112
)

// soundOf is the strength of a sound algorithm with digests of size bytes.
func soundOf(size int) Strength { return max(Short, Strength(8*size/2)) }

// Bits is the collision resistance in bits, and 0 where there is none to rely on.
func (s Strength) Bits() int {
	if s < Short {
		return 0
	}
	return int(s)
}

// Secure tells whether the algorithm protects against tampering.
func (s Strength) Secure() bool { return s >= Strong }

// Class is "checksum", "broken", "short" or "strong".
func (s Strength) Class() string {
	switch {
	case s.Secure():
		return "strong"
	case s >= Short:
		return "short"
	case s == Broken:
		return "broken"
	}
	return "checksum"
}

// String is the class, with the bits where there are any.
func (s Strength) String() string {
	if s < Short {
		return s.Class()
	}
	return fmt.Sprintf("%s, %d bits", s.Class(), s.Bits())
}

// AtLeast tells whether a is no weaker than b.
func (a *Algorithm) AtLeast(b *Algorithm) bool { return a.Strength >= b.Strength }
