// Package job runs one request to the engine, for the C API and for the engine's process.
//
// A job is started with a request, waited for, cancelled and freed. Package wire specifies the bytes
// of requests and of what [Job.Wait] returns.
//
// All records of a job go to the end of one list, in the order in which they are found: manifests, bad
// lines, failures and the summary at once, and verified entries when the buffer of the worker that
// found them is full, when the results are taken, or when the job ends. So a manifest always comes
// before its entries, and the summary after all of them.
package job

import (
	"context"
	"os"
	"sync"
	"time"

	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/threads"
	"checksig/internal/wire"
)

// Job is an operation of the engine that runs in the background. Its methods may be called from any
// goroutine.
type Job struct {
	cancel   context.CancelFunc
	progress hashpool.Progress
	finished chan struct{} // closed when all results are in records
	ready    chan struct{} // holds a token when the records are worth taking before the end

	mu        sync.Mutex
	taken     sync.Cond // signalled when the records were taken, and when the job was cancelled
	cancelled bool      // nobody waits for taken any more
	highWater int       // how many bytes of records the job keeps before it waits for the caller
	records   chunkList
	ended     bool // the last record is in records

	queries queries
	buffers [bufferCount]resultBuffer
}

// Start starts a job for a request and returns at once. An error comes as a record.
func Start(data []byte) *Job {
	r, err := parseRequest(data)
	if err == nil && r.cwd == "" && r.hasRelativePath() {
		r.cwd, err = os.Getwd() // now: the caller may change it later
	}
	if err != nil {
		return Failed(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	j := newJob(cancel)
	j.highWater = r.highWater
	go j.run(ctx, &r)
	return j
}

// Failed returns a job that has failed with err.
func Failed(err error) *Job {
	j := newJob(func() {})
	j.end(nil, err)
	return j
}

func newJob(cancel context.CancelFunc) *Job {
	j := &Job{cancel: cancel, highWater: defaultHighWater, finished: make(chan struct{}), ready: make(chan struct{}, 1)}
	j.taken.L = &j.mu
	return j
}

func (j *Job) run(ctx context.Context, r *request) {
	defer j.cancel()
	defer guard.Recover(func(err error) { j.end(nil, err) })
	workers, release, err := threads.Reserve(ctx, r.workers)
	if err != nil {
		j.end(nil, err)
		return
	}
	defer release()
	r.workers = threads.Limit(r.workers, workers)
	last, err := r.operation.run(ctx, r, j)
	release() // before the caller knows of the end, and starts another job
	j.end(last, err)
}

// append appends a record once there is room for it.
func (j *Job) append(record func([]byte) []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.awaitRoom()
	j.records.append(recordSize, record)
	j.wake()
}

// appendQuery appends a query, for which the caller is woken at once. It does not wait until there is space: who waits
// for an answer makes none.
func (j *Job) appendQuery(q *wire.Query) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records.append(recordSize, func(dst []byte) []byte { return wire.AppendQuery(dst, q) })
	select {
	case j.ready <- struct{}{}:
	default:
	}
}

// appendVerified appends a verified or skipped entry, which a worker has found.
func (j *Job) appendVerified(worker int, e *wire.Entry) {
	if j.buffers[worker%bufferCount].add(e, j) {
		j.mu.Lock() // after the buffer is unlocked: who takes the results locks that first
		defer j.mu.Unlock()
		j.awaitRoom()
	}
}

func (j *Job) awaitRoom() {
	for j.records.size >= j.highWater && !j.cancelled {
		j.taken.Wait()
	}
}

// wake wakes who waits for the results once half of those that the job keeps are there.
func (j *Job) wake() {
	if j.records.size >= j.highWater/2 {
		select {
		case j.ready <- struct{}{}:
		default:
		}
	}
}

// end ends the job with a last record, or with that of err. It never waits for the caller.
func (j *Job) end(last func([]byte) []byte, err error) {
	if err != nil {
		last = func(dst []byte) []byte { return wire.AppendFailure(dst, failureOf(err)) }
	}
	j.handOver()
	j.mu.Lock()
	j.records.append(recordSize, last)
	j.ended = true
	j.mu.Unlock()
	for i := range j.buffers {
		j.buffers[i].free()
	}
	close(j.finished)
}

// handOver moves what the workers' buffers hold to the records.
func (j *Job) handOver() {
	for i := range j.buffers {
		b := &j.buffers[i]
		b.mu.Lock()
		if len(b.items) > 0 {
			j.mu.Lock()
			b.handOver(&j.records)
			j.mu.Unlock()
		}
		b.mu.Unlock()
	}
}

// Wait returns a batch of the results that are not taken yet. It waits until the job has finished,
// half of the results that it keeps are there, or timeout has passed. The batch of a job that has
// finished holds all the rest.
func (j *Job) Wait(timeout time.Duration) []byte {
	return j.WaitIn(timeout, func(size int) []byte { return make([]byte, size) })
}

// WaitIn is [Job.Wait] with the batch in the memory that allocate returns for its size.
func (j *Job) WaitIn(timeout time.Duration, allocate func(size int) []byte) []byte {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-j.finished:
	case <-j.ready:
	case <-timer.C:
	}
	return j.take(allocate)
}

func (j *Job) take(allocate func(size int) []byte) []byte {
	files := j.progress.Files.Load() // before the records: those of all files that it counts are taken
	j.handOver()
	j.mu.Lock()
	records, ended := j.records, j.ended
	j.records = chunkList{}
	j.taken.Broadcast()
	j.mu.Unlock()
	if ended {
		files = j.progress.Files.Load()
	}

	batch := wire.AppendHeader(allocate(wire.HeaderSize + records.size)[:0], wire.Header{
		Finished: ended,
		Files:    files, TotalFiles: j.progress.TotalFiles.Load(),
		Bytes: j.progress.Bytes.Load(), TotalBytes: j.progress.TotalBytes.Load(),
	})
	return records.moveTo(batch)
}

// Cancel makes the job end as soon as possible: at the next chunk of a file, or when a pending read
// returns. What it has found can still be taken.
func (j *Job) Cancel() {
	j.cancel()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cancelled = true
	j.taken.Broadcast()
}
