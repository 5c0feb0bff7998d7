package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"checksig/internal/digest"
	"checksig/internal/generate"
	"checksig/internal/glob"
	"checksig/internal/guard"
	"checksig/internal/manifest"
	"checksig/internal/multibuffer"
	"checksig/internal/threads"
	"checksig/internal/verify"
	"checksig/internal/wire"
)

// failureOf returns what a caller is told about the error of an operation.
func failureOf(err error) *wire.Failure {
	var (
		number    syscall.Errno
		path      *fs.PathError
		panicked  *guard.PanicError
		write     *generate.WriteError
		request   *wire.RequestError
		value     *ValueError
		usage     *generate.UsageError
		algorithm *digest.UnknownError
		format    *manifest.UnknownFormatError
		scarce    *threads.Error
		pattern   *glob.Error
		nothing   *verify.NothingLeftError
		column    *verify.NoColumnError
		odd       *generate.OddFilesError
	)
	f := &wire.Failure{Message: err.Error()}
	if errors.As(err, &path) {
		f.Path, f.Message = path.Path, path.Err.Error()
	}
	if errors.As(err, &write) {
		f.Path, f.Message = write.Path, write.Cause()
	}
	if errors.As(err, &number) {
		f.Number = int(number)
	}
	switch {
	case errors.As(err, &panicked):
		f.Code, f.Message = wire.CodePanic, fmt.Sprintf("%v\n\n%s", err, panicked.Stack)
	case errors.Is(err, context.Canceled):
		f.Code = wire.CodeCancelled
	case errors.As(err, &value), errors.As(err, &usage), errors.As(err, &algorithm), errors.As(err, &format),
		errors.As(err, &pattern), errors.As(err, &nothing), errors.As(err, &column):
		f.Code = wire.CodeValue
	case errors.As(err, &request):
		f.Code = wire.CodeRequest
	case errors.Is(err, multibuffer.ErrChoice), errors.As(err, &scarce):
		f.Code = wire.CodeEnvironment
	case errors.Is(err, verify.ErrSignature):
		f.Code = wire.CodeValue
	case errors.Is(err, verify.ErrNoManifest):
		f.Code = wire.CodeNoManifest
	case f.Number != 0:
		f.Code = wire.CodeSystem
	case errors.As(err, &write), errors.As(err, &odd):
		f.Code = wire.CodeWrite
	default:
		f.Code = wire.CodeManifest
	}
	return f
}
