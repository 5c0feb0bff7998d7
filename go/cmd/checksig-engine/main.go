// Command checksig-engine runs the engine in a process of its own, for one job.
//
// It is used where the library cannot be loaded, as in the child of a fork, or should not be, because
// it could harm the process that loads it. Another program starts it and exchanges frames with it, see
// package wire:
//
//	standard input:  one frame with the request, and one for each answer to a query; its end means
//	                 that the results are not wanted any more
//	standard output: one frame for each batch, at least every 50 ms, until the batch whose state is
//	                 "finished"
//
// Its arguments are [wire.ABI] and the process ID of its parent.
//
// If its first argument is the name of a coreutils command, it is that command; see package gnu.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"time"

	"checksig/internal/gnu"
	"checksig/internal/job"
	"checksig/internal/multibuffer"
	"checksig/internal/wire"
)

const (
	// interval is the longest time between two batches.
	interval = 50 * time.Millisecond

	// abandonTimeout is how long a job may take to end when its results are not wanted any more.
	abandonTimeout = 900 * time.Millisecond
)

// Exit codes. A caller that reads the batches does not need them.
const (
	exitDone      = 0
	exitAbandoned = 1
	exitUsage     = 2
)

// version is set by the build.
var version = "unknown"

func main() {
	if len(os.Args) > 1 && gnu.Is(os.Args[1]) {
		os.Exit(gnu.Main(os.Args[1:], version))
	}
	ignoreBrokenPipe()
	signal.Ignore(os.Interrupt) // a terminal sends it to the whole process group, but the parent decides
	if len(os.Args) != 3 || os.Args[1] != strconv.Itoa(wire.ABI) {
		sets := strings.Join(multibuffer.Sets(), ", ")
		fmt.Fprintf(os.Stderr, "checksig-engine: part of checksig, which starts it when needed"+
			" (interface version %d; instruction sets: %s)\n", wire.ABI, cmp.Or(sets, "none"))
		os.Exit(exitUsage)
	}
	go watchParent(os.Args[2])
	j, err := start(os.Stdin)
	if err != nil {
		os.Exit(exitAbandoned)
	}
	endOnSignals(func() { stop(j) })
	go func() {
		answer(os.Stdin, j) // returns when the results are not wanted any more
		abandon(j)
	}()
	if send(os.Stdout, j) != nil {
		abandon(j)
	}
	os.Exit(exitDone)
}

// abandon ends the program.
func abandon(j *job.Job) {
	stop(j)
	os.Exit(exitAbandoned)
}

// stop cancels a job. One that writes has some time to remove its temporary file.
func stop(j *job.Job) {
	j.Cancel()
	for end := time.Now().Add(abandonTimeout); time.Now().Before(end); {
		if wire.Finished(j.Wait(interval)) {
			break
		}
	}
}

// start reads a request and starts its job. If the request is too long, that job has failed.
func start(r io.Reader) (*job.Job, error) {
	request, err := wire.ReadFrame(r, wire.MaxRequest)
	switch {
	case errors.Is(err, wire.ErrTooLong):
		return job.Failed(wire.RequestErrorf("the request is %v", err)), nil
	case err != nil:
		return nil, err
	}
	return job.Start(request), nil
}

// answer passes the answers that it reads on to j, until there are no more.
func answer(r io.Reader, j *job.Job) {
	for {
		frame, err := wire.ReadFrame(r, wire.MaxAnswer)
		if err != nil {
			return
		}
		if id, a, err := wire.ParseAnswer(frame); err == nil {
			j.Answer(id, a)
		}
	}
}

// send writes the batches of j until j has finished.
func send(w io.Writer, j *job.Job) error {
	for finished := false; !finished; {
		batch := j.Wait(interval)
		finished = wire.Finished(batch)
		if err := wire.WriteFrame(w, batch); err != nil {
			return err
		}
	}
	return nil
}

// watchParent ends the program when its parent, which has that process ID, has ended. The end of
// standard input is not enough: if the parent has forked, its child holds the pipe open.
func watchParent(pid string) {
	if runtime.GOOS == "windows" {
		return // no forks there, and an orphan gets no new parent
	}
	parent := os.Getppid()
	if parent != 0 && strconv.Itoa(parent) != pid { // 0: the parent is in another PID namespace
		os.Exit(exitAbandoned)
	}
	for os.Getppid() == parent {
		time.Sleep(time.Second)
	}
	os.Exit(exitAbandoned)
}
