package job

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/engine"
	"checksig/internal/manifest"
)

// A request is what to do: fields "key=value", separated by NUL, which no path can hold.
// Values are bytes as they are; of a key that comes twice the last one counts.
//
//	op              what is to be done: "verify", which it is if left out, or one of write.go
//	path            the folder or manifest; must be there
//	dir             what path is relative to, absolute; the working folder if left out
//	workers         how many files to read at once, 1 to 1024; as many as CPUs if left out
//	follow_outside  "1": names may lead outside their manifest's folder
//	leave_cache     "1": leave the system's page cache as it was
//	failures_only   "1": send no record for entries that were verified
//	high_water      how many bytes of results to keep for a caller who is slow to take them, up to
//	                64 MiB; 1 MiB if left out. With half of that it is woken before its time
//	survey          "1": find out the totals of a run that takes longer
//	recursive       "1": look for manifests in the folders below path, too
//	extra           "ignore", "report" or "fail": what to do about files that no manifest lists
//	ignore_missing  "1": skip entries whose file is missing
//	root            the folder that names start from, relative to dir; not empty
//	strip           how many leading components of names to leave out, 0 to 4096
//	basename        "1": leave out all components but the last
//	remap           a prefix of names, which the field "to" that follows replaces; may come again
//	to              what replaces the last remap; nothing if left out
//	min_strength    the name of an algorithm: entries of weaker ones are refused
//	algorithm       the name of the algorithm of digests without a tag
//	format          the name of the manifests' format
type request struct {
	engine.Request
	op           string
	failuresOnly bool
	highWater    int
	hasPath      bool
	write        writeRequest
}

// Values of op.
const opVerify = "verify"

// maxWorkers bounds what a caller can ask for: each worker is a thread while it reads.
const maxWorkers = 1024

// maxStrip bounds strip, as no path has more components.
const maxStrip = 4096

// extras are the values of extra.
var extras = []string{"ignore", "report", "fail"}

// ErrRequest is in the chain of every error that is the fault of a request.
var ErrRequest = errors.New("bad request")

// A ValueError is a name that is not known, and the fault of whoever chose it.
type ValueError struct {
	Key, Value string
	Known      []string
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("%s %q is not known, but %s", e.Key, e.Value, strings.Join(e.Known, ", "))
}

func parseRequest(fields []byte) (request, error) {
	r := request{op: opVerify, highWater: highWater}
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
	case "leave_cache":
		r.LeaveCache, err = strconv.ParseBool(value)
	case "failures_only":
		r.failuresOnly, err = strconv.ParseBool(value)
	case "high_water":
		if r.highWater, err = strconv.Atoi(value); err == nil && (r.highWater < 1 || r.highWater > mostHighWater) {
			err = fmt.Errorf("%d is not between 1 and %d", r.highWater, mostHighWater)
		}
	case "survey":
		r.Survey, err = strconv.ParseBool(value)
	default:
		err = r.setOption(key, value)
	}
	return err
}

// setOption sets what only a verification knows.
func (r *request) setOption(key, value string) (err error) {
	switch key {
	case "recursive":
		r.Recursive, err = strconv.ParseBool(value)
	case "extra":
		n := slices.Index(extras, value)
		if n < 0 {
			return &ValueError{key, value, extras}
		}
		r.Extra = engine.Extra(n)
	case "ignore_missing":
		r.IgnoreMissing, err = strconv.ParseBool(value)
	case "root":
		if r.Root = value; value == "" {
			err = errors.New("empty")
		}
	case "strip":
		if r.Paths.Strip, err = strconv.Atoi(value); err == nil && (r.Paths.Strip < 0 || r.Paths.Strip > maxStrip) {
			err = fmt.Errorf("%d is not between 0 and %d", r.Paths.Strip, maxStrip)
		}
	case "basename":
		r.Paths.Basename, err = strconv.ParseBool(value)
	case "remap":
		r.Paths.Remap = append(r.Paths.Remap, engine.Prefix{From: value})
	case "to":
		if len(r.Paths.Remap) == 0 {
			return errors.New("no remap before it")
		}
		r.Paths.Remap[len(r.Paths.Remap)-1].To = value
	case "min_strength":
		r.MinStrength, err = algorithmOf(key, value)
	case "algorithm":
		r.Algorithm, err = algorithmOf(key, value)
	case "format":
		r.Format, err = formatOf(key, value)
	default:
		err = r.write.set(key, value)
	}
	return err
}

func algorithmOf(key, name string) (*digest.Algorithm, error) {
	if a := digest.ByName(name); a != nil {
		return a, nil
	}
	var known []string
	for _, a := range digest.Table {
		known = append(known, a.Name)
	}
	return nil, &ValueError{key, name, known}
}

func formatOf(key, name string) (*manifest.Format, error) {
	var known []string
	for _, f := range manifest.Formats {
		if f.Name == name {
			return f, nil
		}
		known = append(known, f.Name)
	}
	return nil, &ValueError{key, name, known}
}
