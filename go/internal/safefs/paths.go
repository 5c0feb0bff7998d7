package safefs

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// Absolute returns path as an absolute path; a relative one starts from dir, or from the working folder
// if that is empty. The error is an [*fs.PathError].
func Absolute(dir, path string) (string, error) {
	if path == "" {
		return "", &fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return filepath.Abs(path)
}

// At returns err as an [*fs.PathError] of path.
func At(path string, err error) error {
	return &fs.PathError{Op: "open", Path: path, Err: withoutPath(err)}
}

// limitError is an [IsExhausted] error that names the limit.
type limitError struct {
	error
	limit string
}

func (e *limitError) Error() string { return fmt.Sprintf("%v (%s)", e.error, e.limit) }
func (e *limitError) Unwrap() error { return e.error }

// explain returns err, with the limit that was reached if it is one of open files.
func explain(err error) error {
	limit := "a limit of this system"
	switch {
	case !IsExhausted(err):
		return err
	case errors.Is(err, syscall.EMFILE):
		limit = fmt.Sprintf("this process may have %d: ulimit -n", OpenLimit())
	}
	return &fs.PathError{Op: "open", Err: &limitError{withoutPath(err), limit}}
}

// Cause returns the text of err without a path, which is shown elsewhere.
func Cause(err error) string { return withoutPath(err).Error() }

func withoutPath(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// Kind is what an error of this package means to a caller, for another process; see [Reported].
type Kind uint8

// The kinds of errors.
const (
	OtherError Kind = iota
	MissingError
	OutsideError
	NotRegularError
	ChangedError
	NameError
)

var errorKinds = [...]error{
	MissingError: fs.ErrNotExist, OutsideError: ErrOutside, NotRegularError: ErrNotRegular, ChangedError: ErrChanged,
	NameError: ErrName,
}

// KindOf returns the kind of err.
func KindOf(err error) Kind {
	if IsMissing(err) {
		return MissingError
	}
	for kind := OutsideError; int(kind) < len(errorKinds); kind++ {
		if errors.Is(err, errorKinds[kind]) {
			return kind
		}
	}
	return OtherError
}

// Reported returns an error of a kind that another process has reported, with what [Cause] returned there.
func Reported(kind Kind, cause string) error {
	if int(kind) >= len(errorKinds) {
		kind = OtherError
	}
	return &reportedError{cause, errorKinds[kind]}
}

type reportedError struct {
	cause string
	kind  error
}

func (e *reportedError) Error() string { return e.cause }
func (e *reportedError) Unwrap() error { return e.kind }
