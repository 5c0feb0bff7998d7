package verify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io/fs"
	"sync/atomic"
	"time"

	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/lookahead"
	"checksig/internal/manifest"
	"checksig/internal/nameset"
	"checksig/internal/safefs"
)

// Part is the entries that a run verifies, of all that its manifests list. [Plan] finds out what there is to choose
// from, its caller gives each entry a rank, and [Run] verifies them in the order of their ranks.
//
// Everything else is done as for all entries: each line must be understood, the rules of structures hold, and an entry
// that is refused is reported, whatever its rank.
type Part struct {
	Listed [sha256.Size]byte // as Plan returned it
	Counts []int64           // the entries of each manifest, in the order of the plan
	Ranks  []byte            // of each entry, in the order of the plan: one of the constants, or more
}

// The ranks. Those from RankFirst on are verified, the lowest ones first.
const (
	RankLeft   byte = iota // not verified in this run
	RankBefore             // verified before, and not changed since
	RankFirst
)

// Planned is an entry that can be chosen.
type Planned struct {
	Manifest *Manifest
	ID       nameset.Key // of the entry and its file
	Listed   int64       // the size that the manifest lists, -1 if it lists none
	HasState bool        // the file is there, and may be read
	State    safefs.State
}

// ErrPlan says that the manifests are not those that a plan was made from.
var ErrPlan = errors.New("the manifests changed since this run began; start it again")

// Plan reads the manifests of a request and gives entry what they list, in their order. No listed file is opened. The
// hash is [Part.Listed]. The error is that of [Run].
func Plan(ctx context.Context, r Request, sink Sink, entry func(*Planned)) (s Summary, listed [sha256.Size]byte, err error) {
	began := time.Now()
	run, err := newRun(ctx, r, sink, &hashpool.Progress{})
	if err != nil {
		return Summary{}, listed, err
	}
	defer run.close()
	type file struct {
		claim
		id nameset.Key
	}
	batch := lookahead.NewBatch(run.group.Context(), fastStat, func(f file) (p Planned) {
		if info, err := statClaim(&f.claim); err == nil {
			p.HasState, p.State = true, safefs.StateOf(info)
		}
		return p
	}, func(f file, p Planned) {
		p.Manifest, p.ID, p.Listed = f.manifest, f.id, -1
		if f.entry.HasSize {
			p.Listed = f.entry.Size
		}
		entry(&p)
	})
	var list lister
	more := run.reader.read(run.group.Context(), 1, visitor{
		opened: func(m *openManifest, err error) {
			if err = run.discovery.fatal(m, err); err != nil && untrustedCause(err) == "" && run.discovery.isSingle() {
				run.group.Fail(err)
				return
			}
			run.record.manifest(m.Manifest)
		},
		bad: func(*openManifest, *manifest.LineError) {}, // the verification reports them
		claim: func(m *openManifest, c claim, _ error) {
			id := c.id()
			list.add(m.location, id)
			batch.Add(file{c, id}, c.size())
		},
		ended: func(*openManifest) {},
	})
	run.group.Run(func() {
		for more() {
			continue
		}
		batch.Flush()
	})
	return Summary{Elapsed: time.Since(began)}, list.sum(run.discovery.locations), run.group.Err()
}

// statClaim returns what the system reports of a claim's file, which is not opened.
func statClaim(c *claim) (info fs.FileInfo, err error) {
	tree, err := c.root.AcquireRetrying(context.Background())
	if err != nil {
		return nil, err
	}
	defer c.root.Release()
	info, err = tree.Stat(c.name)
	for _, name := range spellings(c.name, c.slashed) { // those under which the file is opened, in their order
		if !safefs.IsMissing(err) || hasDrive(name) {
			break
		}
		info, err = tree.Stat(name)
	}
	return info, err
}

// lister hashes what manifests list.
type lister struct{ hashes map[*location]hash.Hash }

func (l *lister) add(at *location, id nameset.Key) {
	if l.hashes == nil {
		l.hashes = map[*location]hash.Hash{}
	}
	if l.hashes[at] == nil {
		l.hashes[at] = sha256.New()
	}
	l.hashes[at].Write(id[:])
}

// sum returns a hash of what all manifests list, in their order.
func (l *lister) sum(locations []*location) (sum [sha256.Size]byte) {
	all := sha256.New()
	for _, at := range locations {
		var one [sha256.Size]byte
		if h := l.hashes[at]; h != nil {
			h.Sum(one[:0])
		}
		all.Write(one[:])
	}
	return [sha256.Size]byte(all.Sum(nil))
}

// id stands for the entry and its file, in this run and in others: its manifest, its name there, its digest, and the
// path of its file.
func (c *claim) id() nameset.Key {
	name := c.entry.Name
	if c.entry.RawName != "" {
		name = c.entry.RawName
	}
	text := make([]byte, 0, 256)
	for _, part := range [...]string{c.manifest.where, name, c.entry.Algorithm.Name, string(c.entry.Digest), c.key()} {
		text = append(binary.AppendUvarint(text, uint64(len(part))), part...)
	}
	return nameset.KeyOf(string(text))
}

// chosen is the entries of a [Part] while they are verified. A nil one is all entries.
type chosen struct {
	*Part
	first map[*location]int64 // the number of a manifest's first entry
	count map[*location]int64
	last  byte            // the highest rank
	done  []atomic.Uint64 // a bit for each entry that was reported
	lister
}

// newChosen returns the entries of part among those that the manifests at locations list, or [ErrPlan].
func newChosen(part *Part, locations []*location) (*chosen, error) {
	if part == nil {
		return nil, nil
	}
	c := &chosen{Part: part, first: map[*location]int64{}, count: map[*location]int64{}, last: RankFirst}
	if len(part.Counts) != len(locations) {
		return nil, ErrPlan
	}
	total := int64(0)
	for i, l := range locations {
		c.first[l], c.count[l] = total, part.Counts[i]
		if total += part.Counts[i]; part.Counts[i] < 0 || total > int64(len(part.Ranks)) {
			return nil, ErrPlan
		}
	}
	if total != int64(len(part.Ranks)) {
		return nil, ErrPlan
	}
	for _, rank := range part.Ranks {
		c.last = max(c.last, rank)
	}
	c.done = make([]atomic.Uint64, total/64+1)
	return c, nil
}

// number returns the number of a claim; -1 if the manifest at l lists more than was planned.
func (c *chosen) number(l *location, claim *claim) int64 {
	if claim.place >= c.count[l] {
		return -1
	}
	return c.first[l] + claim.place
}

// takes reports whether a claim is verified in the pass of that rank, and gives it its number.
func (c *chosen) takes(l *location, claim *claim, rank byte) bool {
	if c == nil {
		return true
	}
	claim.number = c.number(l, claim)
	return claim.number >= 0 && c.Ranks[claim.number] == rank
}

// selects reports whether a claim is verified at all.
func (c *chosen) selects(l *location, claim *claim) bool {
	if c == nil {
		return true
	}
	n := c.number(l, claim)
	return n >= 0 && c.Ranks[n] >= RankFirst
}

// reported notes that the result of a claim is known.
func (c *chosen) reported(claim *claim) {
	if c != nil && claim.number >= 0 {
		c.done[claim.number/64].Or(1 << (claim.number % 64))
	}
}

func (c *chosen) isReported(number int64) bool { return c.done[number/64].Load()>>(number%64)&1 == 1 }

// readRanks sends the entries of the higher ranks to the pool, one rank after the other.
func (r *run) readRanks(joined *coalescer) {
	if r.chosen == nil {
		return
	}
	for rank := RankFirst + 1; rank <= r.chosen.last && rank != 0 && !r.work.Ended(); rank++ {
		r.reader.again(r.group.Context(), 1, func(l *location, c claim, refused error) {
			if l.manifest == nil || refused != nil || !r.chosen.takes(l, &c, rank) || r.compare.refusal(&c) != nil {
				return
			}
			c.manifest = l.manifest
			joined.add(c)
		})
		joined.flush()
	}
}

// reportRest reports the entries that were not verified, and whether the manifests are those of the plan.
func (r *run) reportRest() {
	if r.chosen == nil || r.group.Ended() {
		return
	}
	if r.chosen.sum(r.discovery.locations) != r.chosen.Listed {
		r.record.badLine(r.record.manifests[0], &manifest.LineError{Cause: ErrPlan.Error(), Code: manifest.Unread})
	}
	r.reader.again(r.group.Context(), 1, func(l *location, c claim, _ error) {
		number := r.chosen.number(l, &c)
		if l.manifest == nil || number < 0 || r.chosen.isReported(number) {
			return
		}
		status := NotVerified
		if r.chosen.Ranks[number] == RankBefore {
			status = VerifiedBefore
		}
		var result Result
		c.manifest = l.manifest
		c.result(&result, status, c.name)
		r.record.rest(&result)
	})
}

// limit returns a group for the work on files, which ends with the run's, and when its time is up.
func (r *run) limit() (work *guard.Group, end func()) {
	if r.request.MaxTime == 0 {
		return r.group, func() {}
	}
	ctx, cancel := context.WithTimeoutCause(r.group.Context(), r.request.MaxTime, errTimeUp)
	work = guard.New(ctx)
	return work, func() {
		if err := work.Err(); !errors.Is(err, errTimeUp) {
			r.group.Fail(err)
		}
		work.Close()
		cancel()
	}
}

var errTimeUp = errors.New("the time is up")
