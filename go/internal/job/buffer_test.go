package job

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"checksig/internal/wire"
)

// kindsOf returns the kinds of the records, with the size of each 'V'.
func kindsOf(t *testing.T, records []byte) (kinds string, verified []int) {
	t.Helper()
	for len(records) > 0 {
		size := int(binary.LittleEndian.Uint32(records[1:]))
		kinds += string(rune(records[0]))
		if records[0] == byte(wire.KindVerified) {
			verified = append(verified, size)
		}
		records = records[wire.RecordHeadSize+size:]
	}
	return kinds, verified
}

func TestAdjacentVerifiedEntriesBecomeOneRecord(t *testing.T) {
	other := func(dst []byte) []byte { return wire.AppendData(dst, make([]byte, chunkSize-100)) }
	long := make([]byte, 2*chunkSize) // makes its chunk grow
	for range 3 {                     // a list that was emptied can be filled again
		var l chunkList
		for _, payload := range [][]byte{make([]byte, 10), make([]byte, chunkSize-20), long, make([]byte, 1)} {
			l.appendVerified(payload)
		}
		l.append(recordSize, other)
		l.append(recordSize, other)
		l.appendVerified(make([]byte, 7))
		size := l.size
		all := l.moveTo(nil)
		kinds, verified := kindsOf(t, all)
		if kinds != "VDDV" || verified[0] != 10+chunkSize-20+len(long)+1 || verified[1] != 7 || len(all) != size {
			t.Fatalf("%s with %v in %d of %d bytes", kinds, verified, len(all), size)
		}
		if l.size != 0 || len(l.moveTo(nil)) != 0 {
			t.Fatal("the list is not empty")
		}
	}
}

func TestTheLastRecordComesAfterAllBuffers(t *testing.T) {
	j := newJob(func() {})
	manifest := func(dst []byte) []byte { return wire.AppendManifest(dst, &wire.Manifest{}) }
	entry := &wire.Entry{Algorithm: "md5", Expected: make([]byte, 16), Name: "a"}
	j.append(manifest)
	for worker := range 2 * bufferCount {
		j.appendVerified(worker, entry)
	}
	if kinds, _ := kindsOf(t, j.Wait(0)[wire.HeaderSize:]); kinds != "MV" {
		t.Errorf("records %s", kinds)
	}
	j.appendVerified(0, entry)
	j.append(manifest)
	j.appendVerified(1, &wire.Entry{Algorithm: "md5", Expected: make([]byte, 16), Name: strings.Repeat("x", bufferSize)})
	j.appendVerified(2, entry)
	j.end(func(dst []byte) []byte { return wire.AppendSummary(dst, &wire.Summary{}) }, nil)
	batch := j.Wait(time.Hour)
	if kinds, _ := kindsOf(t, batch[wire.HeaderSize:]); kinds != "MVS" || !wire.Finished(batch) {
		t.Errorf("records %s", kinds)
	}
}
