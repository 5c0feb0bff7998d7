package wire

import (
	"bytes"
	"testing"
)

// TestAnswersKeepTheirData checks that memory is only used again after it was freed, whatever the sizes.
func TestAnswersKeepTheirData(t *testing.T) {
	var kept []*Answer
	for i, size := range []int{0, 1, 1 << 16, 1<<16 + 1, 100_000, 1 << 20, 1<<16 - 1, 1 << 16, 1<<20 - 1, 70_000} {
		answer := NewAnswer(AnswerOK, bytes.Repeat([]byte{byte(i)}, size))
		kept = append(kept, answer)
		if i%3 == 2 {
			kept[i-1].Free()
			kept[i-1] = nil
		}
		for j, each := range kept {
			if each != nil && (each.Status != AnswerOK || bytes.Count(each.Data, []byte{byte(j)}) != len(each.Data)) {
				t.Fatalf("answer %d was changed by answer %d", j, i)
			}
		}
		if len(answer.Data) != size {
			t.Fatalf("%d bytes instead of %d", len(answer.Data), size)
		}
	}
}
