package digest_test

import (
	"bytes"
	"crypto/md5"
	"testing"

	"checksig/internal/digest"
)

// The digest is that of the parts' digests, however the content is written, and an empty file has one part.
func TestInParts(t *testing.T) {
	for _, a := range digest.Table {
		parts := digest.InParts(a, digest.MinPart)
		if (parts == nil) != (a.Head != nil || a.Variable()) {
			t.Errorf("%s: %v", a.Name, parts)
		}
		if parts == nil {
			continue
		}
		if parts != digest.InParts(a, digest.MinPart) || parts.Strength != a.Strength || digest.ByTag(parts.Name) != nil {
			t.Errorf("%s is not the one algorithm of its kind", parts.Name)
		}
		if found, err := digest.FindNamed(parts.Name); found != parts {
			t.Errorf("%s: found %v, %v", parts.Name, found, err)
		}
		if found, err := digest.Find(parts.Name); err == nil {
			t.Errorf("%s: found %v", parts.Name, found)
		}
		h := parts.New()
		for _, size := range []int64{0, 1, digest.MinPart - 1, digest.MinPart, digest.MinPart + 1, 2 * digest.MinPart} {
			content := bytes.Repeat([]byte{byte(size), 7}, int(size))[:size]
			over := a.New()
			for at := int64(0); at == 0 || at < size; at += digest.MinPart {
				part := a.New()
				part.Write(content[at:min(size, at+digest.MinPart)])
				over.Write(part.Sum(nil))
			}
			h.Reset()
			h.Write(content[:size/3])
			h.Write(content[size/3:])
			if found := h.Sum(nil); !bytes.Equal(found, over.Sum(nil)) || !bytes.Equal(found, h.Sum(nil)) {
				t.Errorf("%s of %d bytes: %x", parts.Name, size, found)
			}
		}
	}
	a := digest.InParts(digest.ByName("md5"), digest.MinPart)
	if h := a.New(); h.Size() != md5.Size || h.BlockSize() != md5.BlockSize {
		t.Errorf("%d, %d", h.Size(), h.BlockSize())
	}
	for _, length := range []int64{0, -1, digest.MinPart - 1, digest.MaxPart + 1} {
		if digest.InParts(digest.ByName("md5"), length) != nil {
			t.Errorf("parts of %d bytes", length)
		}
	}
	for _, name := range []string{"md5-parts-", "md5-parts-1", "md5-parts-016384", "md5-parts-+16384", "-parts-16384", "x-parts-16384", "blake2b-parts-16384"} {
		if a, err := digest.FindNamed(name); err == nil {
			t.Errorf("%s: found %v", name, a)
		}
	}
}
