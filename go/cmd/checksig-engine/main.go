// Command checksig-engine is the engine as a program of its own, for one job: for where the
// library cannot live, as in the child of a fork, or should not, as what it does there could
// harm its host. It is started by another program and spoken to over pipes, in frames: the size
// as u32, little-endian, then as many bytes.
//
//	standard input:  one frame with the request, see [job.Start]; it stays open afterwards,
//	                 and its end means that nobody wants the results any more
//	standard output: a frame for each batch, see [job.Job.Wait], at least every 50 ms, until the
//	                 one that says "finished"
//
// Its arguments are the number of the interface, [job.ABI], and the pid of its parent.
//
// With the name of a command of coreutils as its first argument it is that command: see package
// coreutils.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"time"

	"checksig/internal/gnu"
	"checksig/internal/job"
)

const (
	// maxRequest bounds a request, whose longest part is a path.
	maxRequest = 1 << 20

	// interval is how long a batch may be waited for.
	interval = 50 * time.Millisecond

	// patience is how long a job that nobody wants any more may take to end.
	patience = 900 * time.Millisecond

	sizeBytes = 4
)

// Exit codes; whoever reads the results needs none of them.
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
	signal.Ignore(os.Interrupt) // a terminal sends it to its whole group; the parent decides
	if len(os.Args) != 3 || os.Args[1] != strconv.Itoa(job.ABI) {
		fmt.Fprintf(os.Stderr, "checksig-engine: a part of checksig, which starts it itself (interface %d)\n", job.ABI)
		os.Exit(exitUsage)
	}
	go watchParent(os.Args[2])
	j, err := start(os.Stdin)
	if err != nil {
		os.Exit(exitAbandoned)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when nobody wants the results any more
		abandon(j)
	}()
	if send(os.Stdout, j) != nil {
		abandon(j)
	}
	os.Exit(exitDone)
}

// abandon ends the program; a job that writes may take its temporary file away first.
func abandon(j *job.Job) {
	j.Cancel()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if job.Finished(j.Wait(interval)) {
			break
		}
	}
	os.Exit(exitAbandoned)
}

// start starts the job for the request that r sends, or one that has failed if it is too long.
func start(r io.Reader) (*job.Job, error) {
	request, err := readFrame(r, maxRequest)
	switch {
	case errors.Is(err, errTooLong):
		return job.Failed(err), nil
	case err != nil:
		return nil, err
	}
	return job.Start(request), nil
}

// send writes the batches of j until it has finished.
func send(w io.Writer, j *job.Job) error {
	for finished := false; !finished; {
		batch := j.Wait(interval)
		finished = job.Finished(batch)
		if err := writeFrame(w, batch); err != nil {
			return err
		}
	}
	return nil
}

var errTooLong = fmt.Errorf("%w: too long", job.ErrRequest)

// readFrame reads a frame of at most limit bytes.
func readFrame(r io.Reader, limit uint32) ([]byte, error) {
	var head [sizeBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size > limit {
		return nil, fmt.Errorf("%w: %d bytes, where %d are allowed", errTooLong, size, limit)
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, fmt.Errorf("in a frame of %d bytes: %w", size, err)
	}
	return payload, nil
}

// writeFrame writes a frame at once, so that its reader wakes once.
func writeFrame(w io.Writer, payload []byte) error {
	frame := make([]byte, sizeBytes, sizeBytes+len(payload))
	binary.LittleEndian.PutUint32(frame, uint32(len(payload)))
	_, err := w.Write(append(frame, payload...))
	return err
}

// watchParent ends the program when its parent, of that pid, is gone. Standard input would tell
// of that, if the parent had not been forked since: the copy holds the pipe open as well.
func watchParent(pid string) {
	if runtime.GOOS == "windows" {
		return // no forks there, and no new parent for an orphan
	}
	parent := os.Getppid()
	if parent != 0 && strconv.Itoa(parent) != pid { // 0: in another namespace of pids
		os.Exit(exitAbandoned)
	}
	for os.Getppid() == parent {
		time.Sleep(time.Second)
	}
	os.Exit(exitAbandoned)
}
