package job

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"syscall"

	"checksig/internal/digest"
	"checksig/internal/engine"
	"checksig/internal/multibuffer"
)

// What [Job.Wait] returns is a header and records; numbers are little-endian, no padding.
//
//	header: state u8 (0 running, 1 finished), files i64, total files i64, bytes i64,
//	        total bytes i64; a total is -1 until it is known
//	record: kind u8, size of the payload u32, payload
//
//	'M' manifest: index u32, size of format u32, of encoding u32, of wrapper u32, format, encoding,
//	              wrapper, path
//	'R' read:     manifest u32, assumed u8, names of its algorithms, a blank between them; comes once
//	              a manifest was read
//	'E' entry:    status u8, size of algorithm u8, of expected u8, of found u8, assumed u8,
//	              manifest u32, line u64, bytes read u64, size of name u32, of detail u32, of
//	              opened u32, of moved u32, algorithm, expected, found, name, detail,
//	              opened (the file's path if it is not name from the manifest's folder),
//	              moved (the path of the file that the missing one may be now)
//	'V' verified: all of status verified or skipped; each begins with one of
//	  'G' group:    size of algorithm u8, assumed u8, manifest u32, algorithm; for what follows
//	  'v' verified: size of expected u8, of name u16, line u32, bytes read u64, expected, name
//	  'E' entry:    a whole record, of what has more to say
//	'U' unlisted: a file that no manifest lists: size of path u32, path, the path of the missing file
//	              that it may have been
//	'B' bad line: manifest u32, line u64, size of text u32, text, cause
//	'X' error:    code u8, system's error number i32, size of path u32, path, message
//	'S' summary:  verified i64, mismatched i64, missing i64, unreadable i64, skipped i64,
//	              bad lines i64, extra files i64, bytes i64, elapsed nanoseconds i64
//
//	'F' file:     change u8, name; of an op that writes
//	'D' data:     bytes of a manifest that goes to the caller
//	'W' written:  files i64, entries i64, bytes i64, elapsed nanoseconds i64, then, each with its
//	              size u32: path, base, format, algorithms joined by ","
//
// A finished job's last batch ends with one 'S', or 'W' of an op that writes, or with one 'X' if the
// run failed.
const (
	headerSize     = 1 + 4*8
	recordHead     = 1 + 4
	recordManifest = 'M'
	recordRead     = 'R'
	recordEntry    = 'E'
	recordVerified = 'V'
	recordGroup    = 'G'
	recordShort    = 'v'
	recordExtra    = 'U'
	recordBadLine  = 'B'
	recordError    = 'X'
	recordSummary  = 'S'
	recordFile     = 'F'
	recordData     = 'D'
	recordWritten  = 'W'
)

// Codes of 'X' records.
const (
	codeRequest    = iota // the request is wrong
	codeSystem            // the system refused; there is an error number
	codeNoManifest        // the folder holds no manifest
	codeManifest          // the manifest cannot be read, for a reason that is not the system's
	codePanic             // the engine failed; the message holds the Go stack
	codeCancelled
	codeWrite       // a manifest was not written
	codeValue       // a value of the request is not known
	codeEnvironment // the environment asks for what is not there
)

var le = binary.LittleEndian

// Finished tells whether no batch comes after this one.
func Finished(batch []byte) bool { return batch[0] == 1 }

// appendRecord appends a record whose payload is appended by fill.
func appendRecord(dst []byte, kind byte, fill func([]byte) []byte) []byte {
	dst = append(dst, kind, 0, 0, 0, 0)
	start := len(dst)
	dst = fill(dst)
	le.PutUint32(dst[start-4:], uint32(len(dst)-start))
	return dst
}

func appendSized(dst []byte, s string) []byte {
	return append(le.AppendUint32(dst, uint32(len(s))), s...)
}

func appendManifest(dst []byte, m *engine.Manifest) []byte {
	return appendRecord(dst, recordManifest, func(dst []byte) []byte {
		dst = le.AppendUint32(dst, uint32(m.Index))
		for _, text := range []string{m.Format, m.Encoding, m.Wrapper} {
			dst = le.AppendUint32(dst, uint32(len(text)))
		}
		dst = append(dst, m.Format...)
		dst = append(dst, m.Encoding...)
		dst = append(dst, m.Wrapper...)
		return append(dst, m.Path...)
	})
}

func appendRead(dst []byte, m *engine.Manifest) []byte {
	return appendRecord(dst, recordRead, func(dst []byte) []byte {
		dst = le.AppendUint32(dst, uint32(m.Index))
		dst = append(dst, flag(m.Assumed))
		for i, a := range m.Algorithms {
			if i > 0 {
				dst = append(dst, ' ')
			}
			dst = append(dst, a.Name...)
		}
		return dst
	})
}

func appendExtra(dst []byte, e *engine.ExtraFile) []byte {
	return appendRecord(dst, recordExtra, func(dst []byte) []byte {
		return append(appendSized(dst, e.Path), e.MovedFrom...)
	})
}

func flag(is bool) byte {
	if is {
		return 1
	}
	return 0
}

// listed is the name as the manifest has it.
func listed(r *engine.Result) string {
	if r.RawName != "" {
		return r.RawName
	}
	return r.Name
}

func appendEntry(dst []byte, r *engine.Result) []byte {
	return appendRecord(dst, recordEntry, func(dst []byte) []byte {
		name := listed(r)
		dst = append(dst, byte(r.Status), byte(len(r.Algorithm.Name)), byte(len(r.Digest)), byte(len(r.Found)),
			flag(r.Assumed))
		dst = le.AppendUint32(dst, uint32(r.Manifest.Index))
		dst = le.AppendUint64(dst, uint64(r.Line))
		dst = le.AppendUint64(dst, uint64(r.Size))
		dst = le.AppendUint32(dst, uint32(len(name)))
		dst = le.AppendUint32(dst, uint32(len(r.Detail)))
		dst = le.AppendUint32(dst, uint32(len(r.Opened)))
		dst = le.AppendUint32(dst, uint32(len(r.MovedTo)))
		dst = append(dst, r.Algorithm.Name...)
		dst = append(dst, r.Digest...)
		dst = append(dst, r.Found...)
		dst = append(dst, name...)
		dst = append(dst, r.Detail...)
		dst = append(dst, r.Opened...)
		return append(dst, r.MovedTo...)
	})
}

// group is what many entries have in common.
type group struct {
	manifest  *engine.Manifest
	algorithm *digest.Algorithm
	assumed   bool
}

// appendVerified appends an entry that is no failure. In the record there is latest already.
func appendVerified(dst []byte, r *engine.Result, latest *group) []byte {
	name := listed(r)
	if r.Status != engine.Verified || r.Opened != "" || len(name) > math.MaxUint16 || r.Line > math.MaxUint32 {
		return appendEntry(dst, r)
	}
	if g := (group{r.Manifest, r.Algorithm, r.Assumed}); g != *latest {
		*latest = g
		dst = append(dst, recordGroup, byte(len(g.algorithm.Name)), flag(g.assumed))
		dst = le.AppendUint32(dst, uint32(g.manifest.Index))
		dst = append(dst, g.algorithm.Name...)
	}
	dst = append(dst, recordShort, byte(len(r.Digest)))
	dst = le.AppendUint16(dst, uint16(len(name)))
	dst = le.AppendUint32(dst, uint32(r.Line))
	dst = le.AppendUint64(dst, uint64(r.Size))
	dst = append(dst, r.Digest...)
	return append(dst, name...)
}

func appendBadLine(dst []byte, b *engine.BadLine) []byte {
	return appendRecord(dst, recordBadLine, func(dst []byte) []byte {
		dst = le.AppendUint32(dst, uint32(b.Manifest.Index))
		dst = le.AppendUint64(dst, uint64(b.Line))
		dst = appendSized(dst, b.Text)
		return append(dst, b.Cause...)
	})
}

func appendSummary(dst []byte, s *engine.Summary) []byte {
	return appendRecord(dst, recordSummary, func(dst []byte) []byte {
		for _, n := range s.Statuses {
			dst = le.AppendUint64(dst, uint64(n))
		}
		for _, n := range []int64{s.BadLines, s.Extra, s.Bytes, s.Elapsed.Nanoseconds()} {
			dst = le.AppendUint64(dst, uint64(n))
		}
		return dst
	})
}

func appendFile(dst []byte, name string, change engine.Change) []byte {
	return appendRecord(dst, recordFile, func(dst []byte) []byte {
		return append(append(dst, byte(change)), name...)
	})
}

func appendData(dst, data []byte) []byte {
	return appendRecord(dst, recordData, func(dst []byte) []byte { return append(dst, data...) })
}

func appendWritten(dst []byte, w *engine.Written) []byte {
	return appendRecord(dst, recordWritten, func(dst []byte) []byte {
		for _, n := range []int64{w.Files, w.Entries, w.Bytes, w.Elapsed.Nanoseconds()} {
			dst = le.AppendUint64(dst, uint64(n))
		}
		for _, s := range []string{w.Path, w.Base, w.Format, strings.Join(w.Algorithms, ",")} {
			dst = appendSized(dst, s)
		}
		return dst
	})
}

func appendError(dst []byte, err error) []byte {
	code := codeOf(err)
	path, message := "", err.Error()
	var at *fs.PathError
	if errors.As(err, &at) {
		path, message = at.Path, at.Err.Error()
	}
	var refused *engine.WriteError
	if errors.As(err, &refused) {
		path, message = refused.Path, refused.Cause()
	}
	var panicked *engine.PanicError
	if errors.As(err, &panicked) {
		message = fmt.Sprintf("%v\n\n%s", err, panicked.Stack)
	}
	var value *ValueError
	if errors.As(err, &value) {
		message = value.Error()
	}
	var number syscall.Errno
	errors.As(err, &number)
	return appendRecord(dst, recordError, func(dst []byte) []byte {
		dst = append(dst, code)
		dst = le.AppendUint32(dst, uint32(number))
		dst = appendSized(dst, path)
		return append(dst, message...)
	})
}

func codeOf(err error) byte {
	var number syscall.Errno
	var panicked *engine.PanicError
	var refused *engine.WriteError
	var value *ValueError
	switch {
	case errors.As(err, &panicked):
		return codePanic
	case errors.Is(err, context.Canceled):
		return codeCancelled
	case errors.As(err, &value):
		return codeValue
	case errors.Is(err, ErrRequest), errors.Is(err, engine.ErrUsage):
		return codeRequest
	case errors.Is(err, multibuffer.ErrChoice):
		return codeEnvironment
	case errors.Is(err, engine.ErrNoManifest):
		return codeNoManifest
	case errors.As(err, &number):
		return codeSystem
	case errors.As(err, &refused):
		return codeWrite
	}
	return codeManifest
}
