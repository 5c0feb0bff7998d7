package job_test

import (
	"strings"
	"testing"
	"time"

	"checksig/internal/digest"
	"checksig/internal/job"
)

func TestRecordsOfAlgorithms(t *testing.T) {
	j := job.Start([]byte("op=algorithms"))
	j.Cancel() // changes nothing: the operation does not wait
	all := drained(t, j)
	if want := strings.Repeat("A", len(digest.Table)) + "S"; kinds(all) != want {
		t.Fatalf("records %s, want %s", kinds(all), want)
	}
	for i, a := range digest.Table {
		if payload := all[i].payload; payload[0] != byte(a.Size) || !strings.Contains(payload, "\x00\x00"+a.Name) {
			t.Errorf("%s: %q", a.Name, payload)
		}
	}
	if finished, rest := records(t, j.Wait(time.Second)); !finished || len(rest) > 0 {
		t.Errorf("after the end: %v %q", finished, rest)
	}
}
