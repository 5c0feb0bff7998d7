package verify

import (
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"checksig/internal/digest"
	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/nameset"
	"checksig/internal/safefs"
)

// comparer compares what files are with what is claimed of them. It may be used from any goroutine.
type comparer struct {
	group         *guard.Group
	record        *recorder
	ignoreMissing bool
	minStrength   *digest.Algorithm
	listed        *nameset.Set    // of the paths of all files listed; nil if nobody asks
	pending       *pendingMissing // nil if nobody asks what was moved
	suspects      suspects
	chosen        *chosen // the entries to verify; nil for all
	ids           bool    // results have their ID
}

// refusal returns why a claim is not looked into at all, whatever its file is.
func (c *comparer) refusal(claim *claim) error {
	if least, own := c.minStrength, claim.entry.Algorithm; least != nil && !own.AtLeast(least) {
		return fmt.Errorf("%s is weaker than %s", own.Name, least.Name)
	}
	return nil
}

// refuse reports a claim that is not looked into, for a reason.
func (c *comparer) refuse(claim *claim, err error, reason Reason) {
	var r Result
	claim.failed(&r, err)
	r.Reason = reason
	c.report(claim, &r)
}

// report reports the result of a claim.
func (c *comparer) report(claim *claim, r *Result) {
	if c.group.Ended() {
		return // the result is not known then
	}
	if c.ids {
		r.ID = claim.id()
	}
	c.chosen.reported(claim)
	if code := claim.entry.Rule.Code(); code != "" && r.Status != Verified {
		r.Detail = code + ": " + cmp.Or(r.Detail, "another digest is listed")
	}
	switch {
	case r.Status == Missing && (c.ignoreMissing || claim.entry.Optional):
		r.Status = Skipped
	case r.Status == Missing && c.pending.add(r):
		return // until it is known whether the file was moved
	case r.Status == Mismatched:
		c.suspects.add(claim.key())
	}
	c.record.result(r)
}

// handler compares for one worker of the pool.
type handler struct {
	*comparer
	worker int
	asked  bool    // Opened was called for the task at hand
	kept   []claim // those of the task at hand that its digests decide
	rest   []claim // those of the task at hand that are about another file
	result Result  // here, so that it need not be made anew for each
}

// fill makes t the task for claims about one file.
func fill(t *hashpool.Task[claims], c *claims) {
	first := &c.first
	t.Root, t.Name, t.Size = first.root, first.name, -1
	if first.entry.HasSize {
		t.Size = first.entry.Size
	}
	t.Algorithms = append(t.Algorithms[:0], first.entry.Algorithm)
	t.Ask = first.entry.BlockSize != 0
	for i := range c.more {
		other := &c.more[i]
		if !slices.Contains(t.Algorithms, other.entry.Algorithm) {
			t.Algorithms = append(t.Algorithms, other.entry.Algorithm)
		}
		t.Ask = t.Ask || other.root != first.root ||
			other.entry.HasSize != first.entry.HasSize || other.entry.Size != first.entry.Size || other.entry.BlockSize != 0
	}
	t.Memory = c.memory()
	t.Payload = *c
}

// Opened decides which claims are about the file, and settles those that list another size.
func (h *handler) Opened(t *hashpool.Task[claims], f hashpool.OpenFile) {
	h.asked, h.kept, h.rest = true, h.kept[:0], h.rest[:0]
	first := &t.Payload.first
	h.classify(first, first, f)
	for i := range t.Payload.more {
		h.classify(&t.Payload.more[i], first, f)
	}
	t.Algorithms = t.Algorithms[:0]
	for i := range h.kept {
		if a := h.kept[i].entry.Algorithm; !slices.Contains(t.Algorithms, a) {
			t.Algorithms = append(t.Algorithms, a)
		}
	}
}

// classify keeps c if it is about the open file, and leaves it for the next round otherwise. A claim that
// lists another size is reported.
func (h *handler) classify(c, first *claim, f hashpool.OpenFile) {
	switch {
	case c.root != first.root && !f.Is(c.root, c.name):
		h.rest = append(h.rest, *c)
	case c.entry.HasSize && c.entry.Size != f.Size():
		c.result(&h.result, Mismatched, c.name)
		h.result.Detail = fmt.Sprintf("%d bytes, %d listed", f.Size(), c.entry.Size)
		h.report(c, &h.result)
	case c.entry.BlockSize != 0 && c.entry.Blocks != blocks(f.Size(), c.entry.BlockSize):
		c.result(&h.result, Mismatched, c.name)
		h.result.Detail = fmt.Sprintf("%d blocks of %d bytes, %d listed", blocks(f.Size(), c.entry.BlockSize), c.entry.BlockSize, c.entry.Blocks)
		h.report(c, &h.result)
	default:
		h.kept = append(h.kept, *c)
	}
}

// blocks returns how many blocks of block bytes a size takes.
func blocks(size, block int64) int64 { return size/block + min(1, size%block) }

// OtherNames returns other spellings of the name, up to one that cannot be opened here.
func (h *handler) OtherNames(t *hashpool.Task[claims]) []string {
	names := spellings(t.Payload.first.name, t.Payload.first.slashed)
	if i := slices.IndexFunc(names, hasDrive); i >= 0 {
		names = names[:i]
	}
	return names
}

// Done settles the claims about the file. Claims about other files are done in the next round.
func (h *handler) Done(t *hashpool.Task[claims], o *hashpool.Outcome) (again bool) {
	c := &t.Payload
	if o.Name != c.first.name {
		h.listed.Add(filepath.Join(c.first.root.Dir, o.Name))
	}
	asked := h.asked
	h.asked = false
	switch {
	case asked:
		for i := range h.kept {
			h.settle(&h.kept[i], &c.first, o)
		}
		return h.next(t, h.rest)
	case t.Ask: // it could not be opened under the first claim's name
		h.settle(&c.first, &c.first, o)
		return h.next(t, c.more)
	}
	h.settle(&c.first, &c.first, o)
	for i := range c.more {
		h.settle(&c.more[i], &c.first, o)
	}
	return false
}

// next makes t the task for the rest of its claims, if there are any.
func (h *handler) next(t *hashpool.Task[claims], rest []claim) (again bool) {
	if len(rest) == 0 {
		return false
	}
	left := claims{first: rest[0]}
	for _, c := range rest[1:] {
		left.add(c)
	}
	fill(t, &left)
	return true
}

// settle compares a claim with the file that was opened for the first one, and reports the result.
func (h *handler) settle(c, first *claim, o *hashpool.Outcome) {
	r := &h.result
	if o.Err != nil {
		c.failed(r, h.reason(c, o.Err))
	} else {
		name := c.name
		if c.root == first.root {
			name = o.Name
		}
		found, status := o.Digest(c.entry.Algorithm), Mismatched
		if bytes.Equal(found, c.entry.Digest) {
			status = Verified
		}
		c.result(r, status, name)
		r.Found, r.Stored = found, o.Stored
		r.HasState, r.State = true, o.State
	}
	r.BytesRead, r.Worker = o.Size, h.worker
	h.report(c, r)
}

// reason returns err, or why a missing file cannot be looked for under its other names.
func (h *handler) reason(c *claim, err error) error {
	if safefs.IsMissing(err) && slices.ContainsFunc(spellings(c.name, c.slashed), hasDrive) {
		return safefs.ErrOutside
	}
	return err
}

// maxPending bounds the missing entries that are kept to see whether their files were moved, and maxPendingBytes
// their names; others are reported at once.
const (
	maxPending      = 100_000
	maxPendingBytes = 32 << 20
)

// pendingMissing holds the missing entries until the unlisted files are known. A nil one holds nothing.
type pendingMissing struct {
	mu      sync.Mutex
	results []*Result
	bytes   int // of their names
}

func (p *pendingMissing) add(r *Result) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes += len(r.Name) + len(r.RawName) + len(r.OpenedAs)
	if len(p.results) == maxPending || p.bytes > maxPendingBytes {
		return false
	}
	kept := *r
	p.results = append(p.results, &kept)
	return true
}
