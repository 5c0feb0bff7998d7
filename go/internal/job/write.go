package job

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"checksig/internal/engine"
)

// The ops that write a manifest know, besides path (of which create takes several), dir, workers,
// leave_cache and survey:
//
//	algorithms    of the digests, joined by ","
//	as            the format to write
//	output        the manifest; "-" to be given its bytes
//	relative_to   the folder that names are relative to
//	replace       "1": what is there as output may be replaced
//	links         "follow", "skip" or "refuse"
//	links_outside "1": links may lead to files outside the tree
//	skip_special  "1": pass by what is no regular file
//	exclude       a pattern of names that are not listed; may come several times
//
// update and convert read one manifest, path:
//
//	from, by      its format, and the algorithm of digests that do not say it, if not to be found out
//	all           "1": read every file
//	prune         "1": list missing files no longer
//	keep_files    "1": add no file
//	drop_signature "1": let a signature be lost
type writeRequest struct {
	engine.CreateRequest
	paths                             []string
	from, by                          string
	all, prune, keepFiles, dropSigned bool
}

// writeOps does what an op says, and returns the record that the job ends with.
var writeOps = map[string]func(context.Context, *request, *Job) ([]byte, error){
	"create": create, "update": update, "convert": convert,
}

func (w *writeRequest) set(key, value string) (err error) {
	switch key {
	case "algorithms":
		w.Algorithms = strings.Split(value, ",")
	case "as":
		w.Format = value
	case "output":
		w.Output, w.Hand = value, value == "-"
	case "relative_to":
		w.RelativeTo = value
	case "replace":
		w.Replace, err = strconv.ParseBool(value)
	case "links":
		w.Links = engine.Links(value)
	case "links_outside":
		w.Selection.FollowOutside, err = strconv.ParseBool(value)
	case "skip_special":
		w.SkipSpecial, err = strconv.ParseBool(value)
	case "exclude":
		w.Exclude = append(w.Exclude, value)
	case "from":
		w.from = value
	case "by":
		w.by = value
	case "all":
		w.all, err = strconv.ParseBool(value)
	case "prune":
		w.prune, err = strconv.ParseBool(value)
	case "keep_files":
		w.keepFiles, err = strconv.ParseBool(value)
	case "drop_signature":
		w.dropSigned, err = strconv.ParseBool(value)
	default:
		err = errors.New("unknown")
	}
	return err
}

func create(ctx context.Context, r *request, j *Job) ([]byte, error) {
	c := r.write.CreateRequest
	c.Paths, c.Dir, c.Workers, c.Survey = r.write.paths, r.Dir, r.Workers, r.Survey
	c.LeaveCache = r.LeaveCache
	written, err := engine.Create(ctx, c, j.writeSink(), &j.progress)
	return appendWritten(nil, &written), err
}

func update(ctx context.Context, r *request, j *Job) ([]byte, error) {
	w := &r.write
	written, err := engine.Update(ctx, engine.UpdateRequest{
		Selection: w.Selection, Path: r.Path, Dir: r.Dir, All: w.all, Prune: w.prune, KeepFiles: w.keepFiles,
		Format: w.from, Algorithm: w.by, Workers: r.Workers,
		LeaveCache: r.LeaveCache,
	}, j.writeSink(), &j.progress)
	return appendWritten(nil, &written), err
}

func convert(ctx context.Context, r *request, j *Job) ([]byte, error) {
	w := &r.write
	written, err := engine.Convert(ctx, engine.ConvertRequest{
		Path: r.Path, Dir: r.Dir, To: w.Format, Output: w.Output, Hand: w.Hand, Replace: w.Replace,
		DropSignature: w.dropSigned, Format: w.from, Algorithm: w.by,
	}, j.writeSink(), &j.progress)
	return appendWritten(nil, &written), err
}

func (j *Job) writeSink() engine.WriteSink {
	return engine.WriteSink{
		File: func(name string, change engine.Change) {
			j.append(func(dst []byte) []byte { return appendFile(dst, name, change) })
		},
		Data: func(data []byte) {
			j.append(func(dst []byte) []byte { return appendData(dst, data) })
		},
	}
}
