package digest

import "fmt"

// Strength is the resistance of an algorithm to attacks. A greater value is stronger.
//
// From [Short] on it is the work, in bits, of finding two files with the same digest. That is half of
// the digest's length, because no attack better than the birthday bound is known.
type Strength int

const (
	// Checksum detects corruption, not tampering: making a file with a given checksum takes no effort.
	Checksum Strength = iota
	// Broken algorithms were designed against tampering, but collisions are known: MD5 (RFC 6151),
	// SHA-1 (https://shattered.io). They protect no better than a checksum.
	Broken
	// Short is the least strength of unbroken algorithms whose digests are too short.
	Short
	// Strong is the least strength against tampering that NIST SP 800-57 part 1 accepts since 2016.
	Strong Strength = 112
)

// unbroken returns the strength of an unbroken algorithm with digests of size bytes.
func unbroken(size int) Strength { return max(Short, Strength(8*size/2)) }

// Bits returns the collision resistance in bits, 0 for a checksum and a broken algorithm.
func (s Strength) Bits() int {
	if s < Short {
		return 0
	}
	return int(s)
}

// Secure reports whether the algorithm protects against tampering.
func (s Strength) Secure() bool { return s >= Strong }

// Class returns "checksum", "broken", "short" or "strong".
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

// String returns the class, with the bits unless they are 0.
func (s Strength) String() string {
	if s < Short {
		return s.Class()
	}
	return fmt.Sprintf("%s, %d bits", s.Class(), s.Bits())
}

// AtLeast reports whether a is at least as strong as b.
func (a *Algorithm) AtLeast(b *Algorithm) bool { return a.Strength >= b.Strength }
