package wire

import (
	"bytes"
	"errors"
	"math/bits"
	"strings"
	"sync"
)

// QueryOp is what a 'Q' record asks for.
type QueryOp uint8

// What a query can ask for.
const (
	QueryStat QueryOp = iota + 1
	QueryList
	QueryRead
	QueryConfirm
	QueryStored
	QueryHash
)

// Query is a request to the caller: about a remote file, or with [QueryHash] to have the files of a shard hashed.
type Query struct {
	ID         uint32
	Op         QueryOp
	Offset     int64  // of a shard, how many bytes there are to read, about
	Size       int    // of a shard, how many files
	Path       string // of a shard, the request for the operation "shard"
	Version    string
	Algorithms []string
}

// AppendQuery appends a 'Q' record.
func AppendQuery(dst []byte, q *Query) []byte {
	dst, start := begin(dst, KindQuery)
	dst = le.AppendUint32(dst, q.ID)
	dst = append(dst, byte(q.Op))
	dst = le.AppendUint64(dst, uint64(q.Offset))
	dst = le.AppendUint32(dst, uint32(q.Size))
	dst = appendSized(dst, q.Path)
	dst = appendSized(dst, q.Version)
	return end(append(dst, strings.Join(q.Algorithms, ",")...), start)
}

// AnswerStatus says whether a query succeeded.
type AnswerStatus uint8

// The states of an answer.
const (
	AnswerOK AnswerStatus = iota
	AnswerMissing
	AnswerDenied
	AnswerChanged
	AnswerName
	AnswerOutside
	AnswerFailed
)

// AnswerHeadSize is how many bytes of an answer come before its data.
const AnswerHeadSize = 5

// MaxAnswer bounds an answer of a caller in a frame.
const MaxAnswer = 1 << 30

// Answer is the answer to a query. Data is a text if the status is [AnswerFailed].
type Answer struct {
	Status AnswerStatus
	Data   []byte
}

// freed has data of answers that can be used again, by the logarithm of its capacity. To fill memory that is new takes
// longer than to copy, as the system first has to provide its pages.
var freed [31]sync.Pool

// smallestFreed is the logarithm of the least capacity that is kept.
const smallestFreed = 16

// NewAnswer returns an answer with a copy of data. [Answer.Free] may be called for it.
func NewAnswer(status AnswerStatus, data []byte) *Answer {
	log := bits.Len(uint(max(len(data), 1) - 1))
	if log < smallestFreed || log >= len(freed) {
		return &Answer{status, bytes.Clone(data)}
	}
	if free, ok := freed[log].Get().(*Answer); ok {
		free.Status, free.Data = status, append(free.Data[:0], data...)
		return free
	}
	return &Answer{status, append(make([]byte, 0, 1<<log), data...)}
}

// Free lets a later answer have the memory of this one, whose data must not be used any more.
func (a *Answer) Free() {
	log := bits.Len(uint(max(cap(a.Data), 1) - 1))
	if log >= smallestFreed && log < len(freed) && cap(a.Data) == 1<<log {
		freed[log].Put(a)
	}
}

var errAnswer = errors.New("an answer of the caller cannot be decoded")

// ParseAnswer parses an answer as it comes in a frame, of which it keeps the data, and the number of its query.
func ParseAnswer(frame []byte) (id uint32, answer *Answer, err error) {
	if len(frame) < AnswerHeadSize {
		return 0, nil, errAnswer
	}
	return le.Uint32(frame), &Answer{AnswerStatus(frame[4]), frame[AnswerHeadSize:]}, nil
}

// DescribedKind is what a [Description] is about.
type DescribedKind uint8

// What a store can have at a path.
const (
	DescribedFile DescribedKind = iota
	DescribedFolder
	DescribedOther
)

// Description is a remote file or folder.
type Description struct {
	Kind          DescribedKind
	Size          int64
	Modified      int64 // nanoseconds since 1970; the least number if it is not known
	Name, Version string
}

// ParseDescription parses the answer to a [QueryStat]. Its content is a part of data; nil if it did not come.
func ParseDescription(data []byte) (d Description, content []byte, err error) {
	d, content, err = cutDescription(data)
	if err == nil && len(content) > 0 && (d.Kind != DescribedFile || int64(len(content)) != d.Size) {
		err = errAnswer
	}
	if len(content) == 0 {
		content = nil
	}
	return d, content, err
}

// ParseDescriptions parses the answer to a [QueryList].
func ParseDescriptions(data []byte) (all []Description, err error) {
	for len(data) > 0 {
		var d Description
		if d, data, err = cutDescription(data); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// cutDescription parses the description that data begins with, and returns what is behind it.
func cutDescription(data []byte) (d Description, rest []byte, err error) {
	const head = 1 + 8 + 8 + 4 + 4
	if len(data) < head || data[0] > byte(DescribedOther) {
		return d, nil, errAnswer
	}
	d = Description{Kind: DescribedKind(data[0]), Size: int64(le.Uint64(data[1:])), Modified: int64(le.Uint64(data[9:]))}
	name, version := uint64(le.Uint32(data[17:])), uint64(le.Uint32(data[21:]))
	data = data[head:]
	if uint64(len(data)) < name+version || d.Size < 0 {
		return d, nil, errAnswer
	}
	d.Name, d.Version = string(data[:name]), string(data[name:name+version])
	return d, data[name+version:], nil
}

// ParseStored parses the answer to a [QueryStored]: digests by the names of their algorithms.
func ParseStored(data []byte) (map[string][]byte, error) {
	all := map[string][]byte{}
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(data[0])+int(data[1]) {
			return nil, errAnswer
		}
		name, digest := int(data[0]), int(data[1])
		all[string(data[2:2+name])] = data[2+name : 2+name+digest]
		data = data[2+name+digest:]
	}
	return all, nil
}
