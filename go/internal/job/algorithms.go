package job

import (
	"strings"

	"checksig/internal/digest"
	"checksig/internal/engine"
)

// requestAlgorithms is a whole request: a job for it yields an 'A' record for each row of
// [digest.Table] and then an 'S' record of zeros.
//
//	'A' algorithm: size of the digest in bytes u8, 1 if shorter ones can be had and else 0 u8, bits
//	               of collision resistance u16, then, each with its size u32 before it: name, class
//	               of the strength, other spellings joined by ","
const (
	requestAlgorithms = "op=algorithms"
	recordAlgorithm   = 'A'
)

// algorithms returns a job that has finished with the table.
func algorithms() *Job {
	j := &Job{cancel: func() {}, finished: make(chan struct{})}
	j.room.L = &j.mu
	close(j.finished)
	for _, a := range digest.Table {
		j.records.append(spareSize, func(dst []byte) []byte { return appendAlgorithm(dst, a) })
	}
	j.last = appendSummary(nil, &engine.Summary{})
	return j
}

func appendAlgorithm(dst []byte, a *digest.Algorithm) []byte {
	variable := byte(0)
	if a.Variable() {
		variable = 1
	}
	return appendRecord(dst, recordAlgorithm, func(dst []byte) []byte {
		dst = append(dst, byte(a.Size), variable)
		dst = le.AppendUint16(dst, uint16(a.Strength.Bits()))
		for _, s := range []string{a.Name, a.Strength.Class(), strings.Join(a.Aliases(), ",")} {
			dst = appendSized(dst, s)
		}
		return dst
	})
}
