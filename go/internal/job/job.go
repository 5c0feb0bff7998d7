// Package job is what every door to the engine speaks: a job is started with a request, waited
// for, cancelled and closed; requests and results are bytes (see request.go and wire.go).
package job

import (
	"context"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"checksig/internal/engine"
)

// ABI is the number of this interface, raised with every change that a caller could notice.
const ABI = 3

// highWater is how many bytes of results a job keeps before it waits for somebody to take them, and
// what its caller may ask for instead. With half of that, it wakes who waits for them.
const (
	highWater     = 1 << 20
	mostHighWater = 64 << 20
)

// Job is a verification, or another op, that runs on its own. Its methods may be called from any goroutine.
type Job struct {
	cancel   context.CancelFunc
	progress engine.Progress
	finished chan struct{} // closed when all results are in the buffers
	full     chan struct{} // holds a token when the buffers are worth taking before the end

	mu        sync.Mutex
	room      sync.Cond // the results were taken, or the job was cancelled
	stopped   bool      // cancelled: nobody waits for room any more
	highWater int
	records   pieces
	verified  pieces // the payload of a 'V' record
	last      []byte // the 'S' or 'X' record

	desks [desks]desk
}

// Start begins a job. It returns at once; what is wrong with the request comes as a result.
func Start(fields []byte) *Job {
	if string(fields) == requestAlgorithms {
		return algorithms()
	}
	ctx, cancel := context.WithCancel(context.Background())
	j := &Job{cancel: cancel, finished: make(chan struct{}), full: make(chan struct{}, 1)}
	j.room.L = &j.mu
	r, err := parseRequest(fields)
	j.highWater = r.highWater
	if err == nil && r.Dir == "" && !(filepath.IsAbs(r.Path) && (r.Root == "" || filepath.IsAbs(r.Root))) {
		r.Dir, err = os.Getwd() // now: the caller may go elsewhere
	}
	go j.run(ctx, r, err)
	return j
}

// Failed returns a job that has finished with err.
func Failed(err error) *Job {
	j := &Job{cancel: func() {}, finished: make(chan struct{})}
	j.room.L = &j.mu
	j.end(nil, err)
	close(j.finished)
	return j
}

func (j *Job) run(ctx context.Context, r request, err error) {
	defer close(j.finished)
	defer j.cancel()
	defer func() {
		if v := recover(); v != nil {
			j.end(nil, &engine.PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	if err != nil {
		j.end(nil, err)
		return
	}
	if op := writeOps[r.op]; op != nil {
		record, err := op(ctx, &r, j)
		j.finish(record, err)
		return
	}
	sink := engine.Sink{
		Manifest: func(m *engine.Manifest) {
			j.append(func(dst []byte) []byte { return appendManifest(dst, m) })
		},
		BadLine: func(b *engine.BadLine) {
			j.append(func(dst []byte) []byte { return appendBadLine(dst, b) })
		},
		Read: func(m *engine.Manifest) {
			j.append(func(dst []byte) []byte { return appendRead(dst, m) })
		},
		Extra: func(e *engine.ExtraFile) {
			j.append(func(dst []byte) []byte { return appendExtra(dst, e) })
		},
		Result: func(result *engine.Result) {
			switch {
			case result.Status != engine.Verified && result.Status != engine.Skipped:
				j.append(func(dst []byte) []byte { return appendEntry(dst, result) })
			case !r.failuresOnly:
				j.put(result)
			}
		},
	}
	summary, err := engine.Run(ctx, r.Request, sink, &j.progress)
	j.end(&summary, err)
}

// append appends a record, once there is room for more.
func (j *Job) append(record func([]byte) []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.awaitRoom()
	j.add(&j.records, spareSize, record)
}

func (j *Job) awaitRoom() {
	for j.buffered() >= j.highWater && !j.stopped {
		j.room.Wait()
	}
}

func (j *Job) add(to *pieces, size int, record func([]byte) []byte) {
	to.append(size, record)
	if j.buffered() >= j.highWater/2 {
		select {
		case j.full <- struct{}{}:
		default:
		}
	}
}

func (j *Job) buffered() int { return j.records.size + j.verified.size }

// end puts down the last record. It never waits for room: the job's end must not.
func (j *Job) end(summary *engine.Summary, err error) {
	var record []byte
	if err == nil {
		record = appendSummary(nil, summary)
	}
	j.finish(record, err)
}

// finish puts down record as the last one, or that of err.
func (j *Job) finish(record []byte, err error) {
	if err != nil {
		record = appendError(nil, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last = record
}

// Wait waits until the job has finished, or has a good part of its results ready, or timeout has
// passed, and takes the results there are. After the batch that says "finished" comes nothing
// more.
func (j *Job) Wait(timeout time.Duration) []byte {
	return j.WaitIn(timeout, func(size int) []byte { return make([]byte, size) })
}

// WaitIn is [Job.Wait] with the batch in memory that room gives, of the size it is asked for.
func (j *Job) WaitIn(timeout time.Duration, room func(size int) []byte) []byte {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-j.finished:
	case <-j.full:
	case <-timer.C:
	}
	return j.take(room)
}

func (j *Job) take(room func(size int) []byte) []byte {
	finished := byte(0)
	select {
	case <-j.finished: // looked at before the buffers are: nothing is added after it
		finished = 1
	default:
	}
	var verified pieces
	for i := range j.desks { // before the records: those of their manifests are among them, or were sent
		j.desks[i].clear(&verified, finished == 1)
	}
	j.mu.Lock()
	records, last := j.records, []byte(nil)
	if finished == 1 { // else there may be more on the desks by now
		last, j.last = j.last, nil
	}
	verified.all = append(verified.all, j.verified.all...)
	verified.size += j.verified.size
	j.records, j.verified = pieces{}, pieces{}
	j.room.Broadcast()
	j.mu.Unlock()

	size := headerSize + records.size + len(last)
	if verified.size > 0 {
		size += recordHead + verified.size
	}
	batch := append(room(size)[:0], finished)
	for _, n := range []int64{j.progress.Files.Load(), j.progress.TotalFiles.Load(),
		j.progress.Bytes.Load(), j.progress.TotalBytes.Load()} {
		batch = le.AppendUint64(batch, uint64(n))
	}
	batch = records.move(batch)
	if verified.size > 0 {
		batch = appendRecord(batch, recordVerified, verified.move)
	}
	return append(batch, last...)
}

// Cancel makes the job end as soon as it can: at the next chunk of a file, or when a read that
// is under way returns. What it had found until then can still be taken.
func (j *Job) Cancel() {
	j.cancel()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stopped = true
	j.room.Broadcast()
}
