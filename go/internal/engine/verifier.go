package engine

import (
	"bytes"
	"context"
	"hash"

	"checksig/internal/digest"
	"checksig/internal/source"
)

// verifier verifies one entry after another; each worker has its own.
type verifier struct {
	ctx     context.Context
	read    func(int) // told of bytes as they are read
	buf     []byte
	hashers map[*digest.Algorithm]hash.Hash
}

func newVerifier(ctx context.Context, read func(int)) *verifier {
	return &verifier{ctx, read, make([]byte, chunkSize), map[*digest.Algorithm]hash.Hash{}}
}

func (v *verifier) verify(t task) *Result {
	r := &Result{Manifest: t.manifest, Entry: t.entry}
	file, err := t.tree.Open(t.entry.Name)
	if err != nil {
		return r.failed(err)
	}
	defer file.Close()
	h := v.hasher(t.entry.Algorithm)
	r.Size, err = file.CopyTo(v.ctx, h, v.buf, v.read)
	if err != nil {
		return r.failed(err)
	}
	r.Found = h.Sum(make([]byte, 0, t.entry.Algorithm.Size))
	r.Status = Mismatched
	if bytes.Equal(r.Found, t.entry.Digest) {
		r.Status = Verified
	}
	return r
}

func (r *Result) failed(err error) *Result {
	r.Status = Unreadable
	if source.IsMissing(err) {
		r.Status = Missing
	}
	r.Detail = cause(err)
	return r
}

func (v *verifier) hasher(a *digest.Algorithm) hash.Hash {
	h := v.hashers[a]
	if h == nil {
		h = a.New()
		v.hashers[a] = h
	}
	h.Reset()
	return h
}
