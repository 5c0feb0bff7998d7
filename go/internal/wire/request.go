package wire

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// ABI is the version of the interface. A caller must have been built for the same one.
const ABI = 20

// The operations.
const (
	OpVerify     = "verify"
	OpEntries    = "entries"
	OpRecognise  = "recognise"
	OpHash       = "hash"
	OpShard      = "shard"
	OpSigned     = "signed"
	OpKeys       = "keys"
	OpBundles    = "bundles"
	OpCreate     = "create"
	OpUpdate     = "update"
	OpConvert    = "convert"
	OpAlgorithms = "algorithms"
)

// Request is a request, split into its fields.
type Request struct {
	Op     string
	Fields []Field // all others, in their order
}

// Field is one argument of an operation.
type Field struct{ Key, Value string }

// A RequestError is a request that is malformed: a fault of the program that made it.
type RequestError struct{ Message string }

func (e *RequestError) Error() string { return e.Message }

// RequestErrorf returns a [*RequestError].
func RequestErrorf(format string, arguments ...any) error {
	return &RequestError{fmt.Sprintf(format, arguments...)}
}

// ParseRequest splits a request into its fields. The operation may be an unknown one.
func ParseRequest(data []byte) (Request, error) {
	var r Request
	for field := range bytes.SplitSeq(data, []byte{0}) {
		key, value, ok := strings.Cut(string(field), "=")
		switch {
		case !ok:
			return r, RequestErrorf("a field without \"=\" in the request: %.40q", field)
		case r.Op != "":
			r.Fields = append(r.Fields, Field{key, value})
		case key == "op" && value != "":
			r.Op = value
		default:
			return r, RequestErrorf("the request does not start with an operation")
		}
	}
	return r, nil
}

// SplitRemap splits the value of a field "remap" into the prefix and its replacement.
func SplitRemap(value string) (prefix, replacement string, err error) {
	digits, rest, ok := strings.Cut(value, ":")
	size, err := strconv.ParseUint(digits, 10, 31)
	if !ok || err != nil || size > uint64(len(rest)) {
		return "", "", RequestErrorf("malformed remap %.40q", value)
	}
	return rest[:size], rest[size:], nil
}
