// Package generate writes manifests: of a tree ([Create]), brought up to date ([Update]), and in another
// format ([Convert]).
//
// select.go says which files of a tree are listed, plan.go where the manifest goes and what names start
// from, hash.go has package hashpool hash the files and puts them back in order, writer.go writes entries
// and proves that they can be read again, output.go puts the finished manifest in its place in one step.
//
// A manifest is written whole or not at all; what was there before stays until then.
package generate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"checksig/internal/digest"
	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// UsageError says that a request contradicts itself, or the files that it is about.
type UsageError struct{ Message string }

func (e *UsageError) Error() string { return e.Message }

func usage(format string, values ...any) error { return &UsageError{fmt.Sprintf(format, values...)} }

// WriteError says why a manifest was not written. What was there before is still there.
type WriteError struct {
	Path string // of the file or manifest it is about
	Err  error
}

func (e *WriteError) Error() string { return fmt.Sprintf("%q: %s", e.Path, e.Cause()) }

// Cause returns what is wrong, without the path.
func (e *WriteError) Cause() string { return safefs.Cause(e.Err) }

func (e *WriteError) Unwrap() error { return e.Err }

// hinted is an error with what to do about it.
type hinted struct {
	error
	hint string
}

// withHint returns err with what to do about it.
func withHint(err error, hint string) error { return &hinted{err, hint} }

func (e *hinted) Error() string { return safefs.Cause(e.error) + "; " + e.hint }

func (e *hinted) Unwrap() error { return e.error }

// asWriteError returns err as a [*WriteError] of path, unless it is one.
func asWriteError(path string, err error) error {
	var refused *WriteError
	if errors.As(err, &refused) {
		return err
	}
	return &WriteError{path, err}
}

// Sink takes what is found while a manifest is written. Its functions may be called from several
// goroutines at once, and may block.
type Sink struct {
	File func(name string, change Change)
	Odd  func(path, cause string) // a file that cannot be listed; may be nil
	Data func([]byte)             // the manifest, if it goes to the caller; may keep the slice
}

// Change says how the entry of a file has changed in the manifest that is written.
type Change uint8

// A file has at most one of these.
const (
	NoChange     Change = iota // read, and listed as before; not reported
	Skipped                    // not listed: a link to a folder, or as the caller asked
	Added                      // new in the manifest
	Changed                    // listed with another digest
	Removed                    // missing, and no longer listed
	StillMissing               // missing, and still listed
	Unread                     // listed as before and not read: neither size nor times show a change
	Suspect                    // has another digest although neither size nor time of modification show a change
	Comment                    // not a file, but a comment that the new manifest does not have
	Renamed                    // not a file, but the name that a manifest had instead of the file's own
	Remembered                 // not a file, but what the manifest remembers; see remember.go
	Forgotten                  // the same, which its format cannot hold
)

// Written is a manifest that was written.
type Written struct {
	Path       string // as the request gives it; "" if it went to the caller
	Base       string // the folder that its names start from, absolute
	Format     string
	Algorithms []string
	Files      int64
	Entries    int64
	Excluded   int64 // files and folders that patterns left out
	Outcome    Outcome
	BytesRead  int64
	Elapsed    time.Duration
}

// Outcome says what became of a manifest.
type Outcome uint8

// The outcomes of an operation without an error.
const (
	Done    Outcome = iota // the manifest was written
	Planned                // it was not, as only the plan was asked for
	Held                   // it was not, as files have changed that the caller did not accept
	// PlannedHeld is Planned, and the manifest would be Held.
	PlannedHeld
)

// run calls work with a group that ends with ctx, and adds to what it has written the bytes read and the
// time taken.
func run(ctx context.Context, progress *hashpool.Progress, work func(*guard.Group) (Written, error)) (written Written, _ error) {
	began := time.Now()
	progress.Start()
	group := guard.New(ctx)
	defer group.Close()
	group.Run(func() {
		var err error
		written, err = work(group)
		group.Fail(err)
	})
	if err := group.Err(); err != nil {
		return Written{}, err
	}
	written.BytesRead, written.Elapsed = progress.Bytes.Load(), time.Since(began)
	return written, nil
}

// algorithmsNamed returns the algorithms of these names, each once.
func algorithmsNamed(names []string) ([]*digest.Algorithm, error) {
	var found []*digest.Algorithm
	for _, name := range names {
		a, err := digest.Find(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(found, a) {
			found = append(found, a)
		}
	}
	return found, nil
}

// formatNamed returns the format of that name, or the usual one for so many algorithms.
func formatNamed(name string, algorithms int) (*manifest.Format, error) {
	if name == "" {
		name = "gnu"
		if algorithms > 1 {
			name = "bsd"
		}
	}
	return manifest.WrittenNamed(name)
}

// readOptions returns how to read a manifest whose format and algorithm the caller may name.
func readOptions(format, algorithm string) (o manifest.Options, err error) {
	if format != "" {
		if o.Format, err = manifest.FormatNamed(format); err != nil {
			return o, err
		}
	}
	if algorithm != "" {
		o.Algorithm, err = digest.Find(algorithm)
	}
	return o, err
}

// withoutName returns how to read a manifest that goes to the caller: no name tells its algorithm.
func withoutName(algorithms []*digest.Algorithm) manifest.Options {
	if len(algorithms) == 1 {
		return manifest.Options{Algorithm: algorithms[0]}
	}
	return manifest.Options{}
}

// usualName returns the name of a manifest in a folder.
func usualName(format *manifest.Format, algorithms []*digest.Algorithm) string {
	switch first := algorithms[0].Name; {
	case format.Name == "sfv":
		return "checksums.sfv"
	case format.Name == "hashdeep":
		return "hashdeep.txt"
	case format.Name == "bagit":
		return "manifest-" + first + ".txt"
	case len(algorithms) > 1:
		return "CHECKSUMS"
	default:
		return strings.ToUpper(toolName(first)) + "SUMS"
	}
}

// extension is added to a file's name to name its manifest.
func extension(format *manifest.Format, algorithms []*digest.Algorithm) string {
	switch {
	case format.Name == "sfv", format.Name == "hashdeep":
		return format.Name
	case len(algorithms) > 1:
		return "checksums"
	}
	return toolName(algorithms[0].Name)
}

// toolName is how the algorithm's own tool shortens its name: b2sum, b3sum.
func toolName(algorithm string) string {
	switch algorithm {
	case "blake2b":
		return "b2"
	case "blake3":
		return "b3"
	}
	return algorithm
}
