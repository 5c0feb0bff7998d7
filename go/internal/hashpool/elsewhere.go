package hashpool

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"checksig/internal/digest"
	"checksig/internal/lookahead"
	"checksig/internal/safefs"
)

const (
	// A shard is full at its target of bytes. The more is held for each slot, the larger it is, up to fewShards: each
	// shard costs time. It also grows with what was planned so far, so that a long run has not too many; a short one
	// has small shards, so that its progress shows, and its end does not wait for them.
	minShard  = 32 << 20
	fewShards = 256 << 20
	maxShard  = 4 << 30

	// lastShard is the least target once all files are known: the last shards become smaller and smaller, so that no
	// worker is busy for long when the others have nothing left.
	lastShard = 8 << 20

	// growth is how many full shards for each slot the next one is a part of, at least; lastGrowth, once all files are
	// known.
	growth     = 4
	lastGrowth = 32

	// perShardFile is how many bytes a file counts for besides its own: opening it takes time, too.
	perShardFile = 16 << 10

	// maxWaiting bounds the tasks that are sent and not done, and with them the memory. A shard has at most its part of
	// them, and never more than maxShardFiles.
	maxWaiting    = 64 << 10
	maxShardFiles = 4096
	minShardFiles = 16

	// maxHeld bounds the tasks that are held for the next shards.
	maxHeld = 32 << 10

	// maxNames bounds the bytes of names that are sent and not done, and those that are held; a shard has its part of
	// them.
	maxNames      = 64 << 20
	minShardNames = 16 << 10

	// sizeBatch is how many files are asked for their sizes at once.
	sizeBatch = 128

	// Kernels take up to row files at once, and fewer take them as long. So a shard of minRow files or more has a
	// multiple of row, and its last files are not hashed a few at a time if all are of one size.
	row    = 16
	minRow = 2 * row

	// orderedFiles bounds a shard's files where outcomes are waited for in order.
	orderedFiles = 512
)

// OrderedAhead is how many tasks a caller that takes outcomes in order should submit before it waits for the first one,
// where files are hashed elsewhere.
const OrderedAhead = 16 << 10

// Elsewhere has files hashed by other processes, or other machines.
type Elsewhere struct {
	// Send takes a shard, whose [Shard.Finish] is called later, once. It may block.
	Send func(*Shard)
	// InFlight is how many shards may be sent and not finished.
	InFlight int
}

// Chooser is a [Handler] that knows, for the tasks that ask, whether a file of a size need be read.
type Chooser interface{ Reads(size int64) bool }

// Shard is a part of the files to hash.
type Shard struct {
	Top   *safefs.RootCache // of all its roots
	Files []ShardFile
	Bytes int64 // that they have, about
	reply func([]ShardOutcome, error)
}

// ShardFile is a file to hash.
type ShardFile struct {
	Root       *safefs.Root
	Names      []string // below the root; the first that exists counts
	Algorithms []*digest.Algorithm
	Size       int64 // a file of another size need not be read; -1 for any
}

// ShardOutcome is what became of a file.
type ShardOutcome struct {
	Name      int          // the index of the name that it was opened under
	Stored    bool         // the digests are those that a store keeps
	State     safefs.State // of the file; its size is -1 if it could not be opened, or read
	BytesRead int64
	Digests   [][]byte // in the order of the algorithms; none if Err is set, or it has another size
	Err       error
}

// Finish takes the outcome of each file, or why there are none.
func (s *Shard) Finish(outcomes []ShardOutcome, err error) { s.reply(outcomes, err) }

// planner has the tasks of a pool done elsewhere. One goroutine submits; another takes the outcomes.
type planner[P any] struct {
	pool    *Pool[P]
	config  *Elsewhere
	handler Handler[P]
	files   int // in a shard, at most
	names   int // bytes of names in a shard, about

	sized   []*Task[P] // whose sizes are asked next
	held    []*Task[P] // of the next shards, while all slots are taken
	weight  int64      // of them
	named   int        // bytes of their names
	planned int64      // weight of all shards before

	slots   chan struct{} // holds a token for each shard in flight
	replies chan reply[P]
	local   chan reply[P] // of tasks that need no shard

	mu    sync.Mutex
	again []*Task[P] // filled anew by the handler
}

// reply is what became of a shard.
type reply[P any] struct {
	tasks    []*Task[P]
	files    []ShardFile
	outcomes []ShardOutcome
	err      error
}

// newPlanner returns the planner of p, and starts the goroutine that takes outcomes.
func newPlanner[P any](p *Pool[P]) *planner[P] {
	config := p.config.Elsewhere
	files := min(max(maxWaiting/config.InFlight, minShardFiles), maxShardFiles)
	if p.config.InOrder {
		files = min(files, orderedFiles)
	}
	r := &planner[P]{
		pool: p, config: config, handler: p.config.NewHandler(1),
		files: files, names: max(maxNames/config.InFlight, minShardNames),
		slots: make(chan struct{}, config.InFlight), replies: make(chan reply[P], config.InFlight),
		local: make(chan reply[P]),
	}
	p.group.Go(&p.running, r.takeReplies)
	return r
}

// submit plans a task. It waits while too many shards are in flight.
func (r *planner[P]) submit(t *Task[P]) {
	r.sized = append(r.sized, t)
	if len(r.sized) == sizeBatch {
		r.place(r.sized)
		r.sized = r.sized[:0]
	}
	r.placeAgain()
}

// flush has what was submitted done, although nothing may follow.
func (r *planner[P]) flush() {
	r.place(r.sized)
	r.sized = r.sized[:0]
	for len(r.held) > 0 && r.acquire(true) {
		r.cut(r.target(lastGrowth, lastShard))
	}
}

// finish has what is left done, and waits for it.
func (r *planner[P]) finish() {
	for {
		r.placeAgain()
		r.flush()
		for range cap(r.slots) { // until none is in flight
			select {
			case r.slots <- struct{}{}:
			case <-r.pool.group.Context().Done():
				return
			}
		}
		for range cap(r.slots) {
			<-r.slots
		}
		r.mu.Lock()
		left := len(r.again)
		r.mu.Unlock()
		if left == 0 {
			return
		}
	}
}

func (r *planner[P]) placeAgain() {
	r.mu.Lock()
	again := r.again
	r.again = nil
	r.mu.Unlock()
	r.place(again)
}

// place puts tasks into shards, by the sizes of their files.
func (r *planner[P]) place(tasks []*Task[P]) {
	lookahead.Each(r.pool.group.Context(), len(tasks), lookahead.FastStat, func(i int) int64 {
		if t := tasks[i]; t.Size < 0 || t.Ask {
			return sizeOf(t)
		}
		return tasks[i].Size
	}, func(i int, size int64) {
		t := tasks[i]
		chooser, chooses := r.handler.(Chooser)
		switch {
		case hasNUL(t.Name):
			r.settleHere(t, ShardOutcome{State: safefs.State{Size: -1}, Err: r.refusal(t)})
		case t.Ask && chooses && size > 0 && !chooser.Reads(size):
			r.settleHere(t, ShardOutcome{State: safefs.State{Size: size}})
		default:
			r.add(t, min(size, maxWeight)+perShardFile)
		}
	})
}

// refusal returns why a file with a name that can be that of none cannot be opened.
func (r *planner[P]) refusal(t *Task[P]) error {
	tree, err := t.Root.Acquire()
	if err != nil {
		return err
	}
	defer t.Root.Release()
	if _, err = tree.Stat(t.Name); err == nil {
		err = safefs.ErrName
	}
	return err
}

// settleHere has the outcome of a task taken without a shard.
func (r *planner[P]) settleHere(t *Task[P], o ShardOutcome) {
	select {
	case r.local <- reply[P]{[]*Task[P]{t}, []ShardFile{r.file(t)}, []ShardOutcome{o}, nil}:
	case <-r.pool.group.Context().Done():
	}
}

func sizeOf[P any](t *Task[P]) int64 {
	tree, err := t.Root.Acquire()
	if err != nil {
		return 0
	}
	defer t.Root.Release()
	return tree.SizeOf(t.Name)
}

// add adds a task to the next shards. A large file has a shard of its own.
func (r *planner[P]) add(t *Task[P], weight int64) {
	t.weight = weight
	target := r.target(growth, minShard)
	if weight >= target {
		if r.acquire(true) {
			r.send([]*Task[P]{t}, weight)
		}
		return
	}
	r.held = append(r.held, t)
	r.weight += weight
	r.named += memoryOf(t)
	isEnough := r.weight >= target || len(r.held) >= r.files || r.named >= r.names
	isFull := len(r.held) >= maxHeld || r.named >= maxNames
	if (isEnough || isFull) && r.acquire(isFull) {
		r.cut(target)
	}
}

// target returns how many bytes the next shard should have.
func (r *planner[P]) target(growth, least int64) int64 {
	slots := int64(r.config.InFlight)
	return min(max(min(r.weight/slots, fewShards), r.planned/(growth*slots), least), maxShard)
}

func memoryOf[P any](t *Task[P]) int { return len(t.Name) + t.Memory }

// cut sends the next shard, in a slot that was acquired: the first of what is held, up to a weight.
func (r *planner[P]) cut(target int64) {
	n, weight, named := 0, int64(0), 0
	for n < min(len(r.held), r.files) && weight < target && named < r.names {
		weight += r.held[n].weight
		named += memoryOf(r.held[n])
		n++
	}
	for n >= minRow && n%row != 0 {
		n--
		weight -= r.held[n].weight
		named -= memoryOf(r.held[n])
	}
	tasks := slices.Clone(r.held[:n])
	r.held = slices.Delete(r.held, 0, n)
	r.weight -= weight
	r.named -= named
	r.send(tasks, weight)
}

// acquire takes a slot for a shard, and reports whether it did.
func (r *planner[P]) acquire(mayWait bool) bool {
	if !mayWait {
		select {
		case r.slots <- struct{}{}:
			return true
		default:
			return false
		}
	}
	select {
	case r.slots <- struct{}{}:
		return true
	case <-r.pool.group.Context().Done():
		return false
	}
}

func (r *planner[P]) send(tasks []*Task[P], weight int64) {
	r.planned += weight
	files := make([]ShardFile, len(tasks))
	for i, t := range tasks {
		files[i] = r.file(t)
	}
	shard := &Shard{Top: r.pool.roots, Files: files, Bytes: weight}
	shard.reply = func(outcomes []ShardOutcome, err error) {
		r.replies <- reply[P]{tasks, files, outcomes, err} // it can hold one of each shard in flight
	}
	r.config.Send(shard)
}

// hasNUL reports whether a name can be that of no file, nor be sent.
func hasNUL(name string) bool { return strings.IndexByte(name, 0) >= 0 }

// file returns what has to be done for a task.
func (r *planner[P]) file(t *Task[P]) ShardFile {
	f := ShardFile{Root: t.Root, Names: []string{t.Name}, Algorithms: slices.Clone(t.Algorithms), Size: -1}
	f.Names = append(f.Names, r.handler.OtherNames(t)...)
	if !t.Ask {
		f.Size = t.Size
	}
	return f
}

// takeReplies gives the outcomes to the handler.
func (r *planner[P]) takeReplies() {
	ctx := r.pool.group.Context()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.pool.finished:
			return
		case reply := <-r.replies:
			r.take(&reply)
			<-r.slots
		case reply := <-r.local:
			r.take(&reply)
		}
	}
}

// errAbsent is the outcome of a file that only the planner finds.
var errAbsent = errors.New("does not exist where it was looked for, but does here: the worker must have the same file system at the same path")

func (r *planner[P]) take(reply *reply[P]) {
	if reply.err == nil && len(reply.outcomes) != len(reply.tasks) {
		r.pool.group.Fail(fmt.Errorf("a shard of %d files has %d outcomes", len(reply.tasks), len(reply.outcomes)))
		return
	}
	for i, t := range reply.tasks {
		if r.pool.group.Ended() {
			return // it is not known what became of the file
		}
		outcome := ShardOutcome{State: safefs.State{Size: -1}, Err: reply.err}
		if reply.err == nil {
			outcome = reply.outcomes[i]
		}
		again, err := r.settle(t, &reply.files[i], &outcome)
		if err != nil {
			r.pool.group.Fail(err)
			return
		}
		if again {
			r.mu.Lock()
			r.again = append(r.again, t)
			r.mu.Unlock()
		} else {
			r.pool.recycle(t)
		}
	}
}

// settle gives the outcome of a file to the handler.
func (r *planner[P]) settle(t *Task[P], f *ShardFile, found *ShardOutcome) (again bool, err error) {
	o := Outcome{
		Name: f.Names[found.Name], Size: found.BytesRead, Err: found.Err, Stored: found.Stored, State: found.State,
		algorithms: f.Algorithms, digests: found.Digests,
	}
	r.pool.config.BytesRead.Add(found.BytesRead)
	if o.Err != nil && safefs.IsMissing(o.Err) && isHere(f) {
		o.Err = errAbsent
	}
	if found.State.Size < 0 {
		return r.handler.Done(t, &o), nil
	}
	if t.Ask || t.isUnexpected(found.State.Size) {
		r.handler.Opened(t, OpenFile{elsewhere: &elsewhereFile{t.Root, o.Name, found.State.Size}})
		if len(t.Algorithms) == 0 {
			o.Size, o.Err = 0, nil
		}
	}
	if len(t.Algorithms) > 0 && o.Err == nil && len(o.digests) != len(f.Algorithms) {
		return false, fmt.Errorf("%s has no digests, and no error", t.Root.Path(o.Name))
	}
	return r.handler.Done(t, &o), nil
}

// isHere reports whether one of the names leads to a file here.
func isHere(f *ShardFile) bool {
	tree, err := f.Root.Acquire()
	if err != nil {
		return false
	}
	defer f.Root.Release()
	return slices.ContainsFunc(f.Names, func(name string) bool {
		_, err := tree.Stat(name)
		return err == nil
	})
}

// elsewhereFile is a file that was opened elsewhere.
type elsewhereFile struct {
	root *safefs.Root
	name string
	size int64
}

// is reports whether root would open the same file as name, as far as that is seen from here.
func (f *elsewhereFile) is(root *safefs.Root, name string) bool {
	own, err := f.root.Acquire()
	if err != nil {
		return false
	}
	defer f.root.Release()
	other, err := root.Acquire()
	if err != nil {
		return false
	}
	defer root.Release()
	a, err := own.Stat(f.name)
	if err != nil {
		return false
	}
	b, err := other.Stat(name)
	return err == nil && safefs.IsSameFile(a, b)
}
