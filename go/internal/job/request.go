package job

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"checksig/internal/engine"
)

// A request is what to do: fields "key=value", separated by NUL, which no path can hold.
// Values are bytes as they are; of a key that comes twice the last one counts.
//
//	op              what is to be done: "verify", which it is if left out, or one of write.go
//	path            the folder or manifest; must be there
//	dir             what path is relative to, absolute; the working folder if left out
//	workers         how many files to read at once, 1 to 1024; as many as CPUs if left out
//	follow_outside  "1": names may lead outside their manifest's folder
//	failures_only   "1": send no record for entries that were verified
//	survey          "1": find out the totals of a run that takes longer
type request struct {
	engine.Request
	op           string
	failuresOnly bool
	hasPath      bool
	write        writeRequest
}

// Values of op.
const opVerify = "verify"

// maxWorkers bounds what a caller can ask for: each worker is a thread while it reads.
const maxWorkers = 1024

// ErrRequest is in the chain of every error that is the fault of a request.
var ErrRequest = errors.New("bad request")

func parseRequest(fields []byte) (request, error) {
	r := request{op: opVerify}
	for field := range bytes.SplitSeq(fields, []byte{0}) {
		key, value, ok := bytes.Cut(field, []byte("="))
		if !ok {
			return r, fmt.Errorf("%w: %q is not a field", ErrRequest, field)
		}
		if err := r.set(string(key), string(value)); err != nil {
			return r, fmt.Errorf("%w: field %q: %w", ErrRequest, key, err)
		}
	}
	if !r.hasPath {
		return r, fmt.Errorf("%w: no path", ErrRequest)
	}
	return r, nil
}

func (r *request) set(key, value string) (err error) {
	switch key {
	case "op":
		if r.op = value; value != opVerify && writeOps[value] == nil {
			err = fmt.Errorf("unknown operation %q", value)
		}
	case "path":
		r.Path, r.hasPath = value, true
		r.write.paths = append(r.write.paths, value)
	case "dir":
		r.Dir = value
	case "workers":
		if r.Workers, err = strconv.Atoi(value); err == nil && (r.Workers < 1 || r.Workers > maxWorkers) {
			err = fmt.Errorf("%d is not between 1 and %d", r.Workers, maxWorkers)
		}
	case "follow_outside":
		r.FollowOutside, err = strconv.ParseBool(value)
	case "failures_only":
		r.failuresOnly, err = strconv.ParseBool(value)
	case "survey":
		r.Survey, err = strconv.ParseBool(value)
	default:
		err = r.write.set(key, value)
	}
	return err
}
