package wire

import (
	"errors"
)

// ShardError is why there is no digest of a file.
type ShardError uint8

// The codes of errors that mean something to whoever planned the shard.
const (
	ShardOther ShardError = iota
	ShardMissing
	ShardOutside
	ShardNotRegular
	ShardChanged
	ShardName
)

// Outcome is what became of a file of a shard.
type Outcome struct {
	File      int
	Name      int // the index of the name that it was opened under
	Code      ShardError
	Stored    bool  // the digests are what the store keeps
	State     State // of the file; its size is -1 if it was not opened, or read, and its times are 0 then
	BytesRead int64
	Digests   [][]byte // none if there is a cause, or it has another size than the request says
	Cause     string   // why there is none
}

// AppendOutcome appends an 'O' record.
func AppendOutcome(dst []byte, o *Outcome) []byte {
	dst, start := begin(dst, KindOutcome)
	dst = le.AppendUint32(dst, uint32(o.File))
	dst = append(dst, byte(o.Name), byte(o.Code), flag(o.Stored))
	dst = appendInts(appendState(dst, &o.State), o.BytesRead)
	dst = append(dst, byte(len(o.Digests)))
	for _, digest := range o.Digests {
		dst = append(append(dst, byte(len(digest))), digest...)
	}
	return end(append(dst, o.Cause...), start)
}

// outcomeHead is how many bytes of an 'O' record's payload come before its digests.
const outcomeHead = 4 + 3 + 4*8 + 8 + 1

// ErrOutcomes says that the outcomes of a shard cannot be decoded.
var ErrOutcomes = errors.New("a worker returned something that cannot be decoded: it needs the same version of checksig")

// ParseOutcomes calls take with each of the 'O' records that data consists of. What it is given is valid as long as
// data is.
func ParseOutcomes(data []byte, take func(*Outcome) error) error {
	for len(data) > 0 {
		if len(data) < RecordHeadSize || Kind(data[0]) != KindOutcome {
			return ErrOutcomes
		}
		size := int(le.Uint32(data[1:]))
		if size < outcomeHead || size > len(data)-RecordHeadSize {
			return ErrOutcomes
		}
		payload := data[RecordHeadSize : RecordHeadSize+size]
		data = data[RecordHeadSize+size:]
		number := func(at int) int64 { return int64(le.Uint64(payload[at:])) }
		o := Outcome{
			File: int(le.Uint32(payload)), Name: int(payload[4]), Code: ShardError(payload[5]), Stored: payload[6] == 1,
			State:     State{Size: number(7), Modified: number(15), Changed: number(23), Inode: le.Uint64(payload[31:])},
			BytesRead: number(39),
		}
		rest := payload[outcomeHead:]
		for range payload[outcomeHead-1] {
			if len(rest) == 0 || int(rest[0]) > len(rest)-1 {
				return ErrOutcomes
			}
			o.Digests = append(o.Digests, rest[1:1+rest[0]])
			rest = rest[1+rest[0]:]
		}
		o.Cause = string(rest)
		if o.BytesRead < 0 || o.State.Size < -1 || payload[6] > 1 || (o.Cause != "") && len(o.Digests) > 0 {
			return ErrOutcomes
		}
		if err := take(&o); err != nil {
			return err
		}
	}
	return nil
}

// AppendField appends a field to a request.
func AppendField(dst []byte, key, value string) []byte {
	dst = append(append(dst, 0), key...)
	return append(append(dst, '='), value...)
}
