package digest

import (
	"fmt"
	"hash"
	"strconv"
	"strings"
	"sync"
)

// Stores of objects keep another digest of what was uploaded in parts: the digest of the digests of the parts, which
// all have one length, except the last. Amazon S3 calls it a composite checksum, and writes "-" and the number of parts
// after it; the tag (ETag) of such an object is the one of MD5. Source: Amazon S3 User Guide, "Checking object
// integrity".
//
// It depends on the length of the parts, so each length is an algorithm of its own, named after it:
// "md5-parts-8388608". No name or tag in a manifest leads to one: only a caller can know the length, see [InParts].

// The lengths of parts that are known. S3 takes parts of 5 MiB to 5 GiB, and stores with its interface smaller ones; of
// far smaller ones a digest would take long.
const (
	MinPart int64 = 16 << 10
	MaxPart int64 = 5 << 30
)

// MaxParts is how many parts an upload has at most.
const MaxParts = 10_000

var inParts struct {
	sync.Mutex
	known map[string]*Algorithm
}

// InParts returns the algorithm of the digest over digests by a of parts of length bytes; nil if there is none.
func InParts(a *Algorithm, length int64) *Algorithm {
	if a.Head != nil || a.family != nil || length < MinPart || length > MaxPart {
		return nil
	}
	name := fmt.Sprintf("%s-parts-%d", a.Name, length)
	inParts.Lock()
	defer inParts.Unlock()
	found := inParts.known[name]
	if found == nil {
		if inParts.known == nil {
			inParts.known = map[string]*Algorithm{}
		}
		found = &Algorithm{Name: name, Size: a.Size, Strength: a.Strength, New: func() hash.Hash { return newUpload(a, length) }}
		inParts.known[name] = found
	}
	return found
}

// FindNamed is [Find], and finds the algorithms of [InParts] by their names, too.
func FindNamed(name string) (*Algorithm, error) {
	if base, digits, ok := strings.Cut(name, "-parts-"); ok {
		length, err := strconv.ParseInt(digits, 10, 64)
		if a := ByName(base); a != nil && err == nil {
			if found := InParts(a, length); found != nil && found.Name == name {
				return found, nil
			}
		}
	}
	return Find(name)
}

// upload computes the digest of a file that is uploaded in parts.
type upload struct {
	parts
	digests hash.Hash // over the digests of the parts
	count   int
	ended   bool // the last part is in digests
}

func newUpload(a *Algorithm, length int64) hash.Hash {
	u := &upload{parts: parts{length: length, part: a.New()}, digests: a.New()}
	u.full = u.add
	return u
}

func (u *upload) add(sum []byte) {
	u.digests.Write(sum)
	u.count++
}

// Write panics after Sum, as not every hasher can be copied.
func (u *upload) Write(data []byte) (int, error) {
	if u.ended {
		panic("digest: Write after Sum")
	}
	return u.parts.Write(data)
}

func (u *upload) Reset() {
	u.resetPart()
	u.digests.Reset()
	u.count, u.ended = 0, false
}

// Sum ends the file; an empty one has one empty part.
func (u *upload) Sum(dst []byte) []byte {
	if !u.ended && (u.filled > 0 || u.count == 0) {
		u.add(u.part.Sum(u.sum[:0]))
	}
	u.ended = true
	return u.digests.Sum(dst)
}

func (u *upload) Size() int      { return u.digests.Size() }
func (u *upload) BlockSize() int { return u.part.BlockSize() }
