package job_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"checksig/internal/guard"
	"checksig/internal/job"
	"checksig/internal/wire"
)

type record struct {
	kind    byte
	payload string
}

// records splits a batch into its records.
func records(t testing.TB, batch []byte) (finished bool, all []record) {
	t.Helper()
	if len(batch) < wire.HeaderSize || batch[0] > 1 {
		t.Fatalf("no header: %q", batch)
	}
	finished, batch = wire.Finished(batch), batch[wire.HeaderSize:]
	for len(batch) > 0 {
		end := wire.RecordHeadSize + int(binary.LittleEndian.Uint32(batch[1:]))
		all = append(all, record{batch[0], string(batch[wire.RecordHeadSize:end])})
		batch = batch[end:]
	}
	return finished, all
}

// drained waits for the end of the job and returns all its records.
func drained(t testing.TB, j *job.Job) []record {
	t.Helper()
	var all []record
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		finished, some := records(t, j.Wait(time.Second))
		if all = append(all, some...); finished {
			return all
		}
	}
	t.Fatal("the job did not end")
	return nil
}

// verified returns how many entries a 'V' record holds, and the highest index of a manifest in it. Each
// record must have a group of its own before its first entry.
func verified(t testing.TB, payload string) (entries, highest int) {
	t.Helper()
	grouped := false
	for b := []byte(payload); len(b) > 0; {
		size := 0
		switch le := binary.LittleEndian; b[0] {
		case 'G':
			grouped, size = true, 7+int(b[1])
			highest = max(highest, int(le.Uint32(b[3:])))
			if string(b[7:size]) != "sha256" {
				t.Fatalf("a group of %q", b[7:size])
			}
		case 'v':
			entries, size = entries+1, 16+int(b[1])+int(le.Uint16(b[2:]))
		case 'E':
			entries, size = entries+1, 5+int(le.Uint32(b[1:]))
		}
		if size == 0 || b[0] == 'v' && !grouped {
			t.Fatalf("an entry that begins with %q", b[0])
		}
		b = b[size:]
	}
	return entries, highest
}

func kinds(all []record) string {
	s := ""
	for _, r := range all {
		s += string(r.kind)
	}
	return s
}

func sample(t testing.TB, entries int) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat(fmt.Sprintf("%x  a\n", sha256.Sum256([]byte("a"))), entries)
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRecordsOfVerify(t *testing.T) {
	dir := sample(t, 3)
	f, err := os.OpenFile(filepath.Join(dir, "SHA256SUMS"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(f, "bad line\n%064d  none\n", 0)
	f.Close()
	for fields, want := range map[string]string{
		"path=" + dir:                          "BEMRSV",
		"keep_verified=0\x00path=" + dir:       "BEMRS",
		"path=" + dir + "/SHA256SUMS":          "BEMRSV",
		"workers=2\x00totals=1\x00path=" + dir: "BEMRSV",
		"high_water=1\x00path=" + dir:          "BEMRSV", // each record waits until the one before it is taken
	} {
		all := drained(t, job.Start([]byte("op=verify\x00"+fields)))
		if last := all[len(all)-1]; last.kind != 'S' || len(last.payload) != 104 {
			t.Errorf("%q: the last record is %q", fields, last)
		}
		got := []byte(kinds(all))
		slices.Sort(got)
		if string(slices.Compact(got)) != want {
			t.Errorf("%q: records %s, want %s", fields, got, want)
		}
	}
}

func TestRecordsOfCreate(t *testing.T) {
	dir := sample(t, 1)
	text := fmt.Sprintf("%x  a\n", sha256.Sum256([]byte("a")))
	for fields, want := range map[string]string{
		"op=create\x00overwrite=1\x00path=" + dir:                                  "W",
		"op=create\x00output=-\x00remember=0\x00exclude=SHA256SUMS\x00path=" + dir: "DW",
		"op=create\x00path=" + dir:                                                 "X", // it exists
		"op=create\x00algorithm=none\x00path=" + dir:                               "X",
		"op=create\x00output=" + dir + "/MD5SUMS\x00path=" + dir + "/none":         "X",
		"op=create\x00output=" + dir + "/MD5SUMS\x00path=" + dir:                   "X",
	} {
		all := drained(t, job.Start([]byte(fields)))
		if kinds(all) != want {
			t.Errorf("%q: %q", fields, all)
		}
		if all[0].kind == 'D' && all[0].payload != text {
			t.Errorf("%q: %q", fields, all)
		}
	}
}

func TestAJobFailsWithOneErrorRecord(t *testing.T) {
	empty := t.TempDir()
	for fields, want := range map[string]wire.Code{
		"":                                               wire.CodeRequest,
		"path=/":                                         wire.CodeRequest,
		"op=verify":                                      wire.CodeRequest,
		"op=verify\x00path":                              wire.CodeRequest,
		"op=verify\x00path=":                             wire.CodeSystem,
		"op=verify\x00colour=red\x00path=/":              wire.CodeRequest,
		"op=colour\x00path=/":                            wire.CodeRequest,
		"op=verify\x00workers=0\x00path=/":               wire.CodeValue,
		"op=verify\x00workers=9999\x00path=/":            wire.CodeValue,
		"op=verify\x00workers=x\x00path=/":               wire.CodeRequest,
		"op=verify\x00totals=perhaps\x00path=/":          wire.CodeRequest,
		"op=verify\x00high_water=0\x00path=/":            wire.CodeValue,
		"op=verify\x00high_water=1e9\x00path=/":          wire.CodeRequest,
		"op=verify\x00path=" + empty:                     wire.CodeNoManifest,
		"op=verify\x00path=" + filepath.Join(empty, "x"): wire.CodeSystem,
	} {
		all := drained(t, job.Start([]byte(fields)))
		if kinds(all) != "X" || all[0].payload[0] != byte(want) {
			t.Errorf("%q: %q, want the code %d", fields, all, want)
		}
	}
	all := drained(t, job.Failed(&guard.PanicError{Value: "boom", Stack: []byte("the stack")}))
	if kinds(all) != "X" || all[0].payload[0] != byte(wire.CodePanic) || !strings.Contains(all[0].payload, "boom\n\nthe stack") {
		t.Errorf("panic: %q", all)
	}
}

func TestAJobWaitsForItsCaller(t *testing.T) {
	const entries = 200_000
	j := job.Start([]byte("op=verify\x00path=" + sample(t, entries)))
	defer j.Cancel()
	seen := 0
	for {
		time.Sleep(5 * time.Millisecond)
		finished, all := records(t, j.Wait(time.Second))
		size := 0
		for _, r := range all {
			size += len(r.payload)
			if r.kind == 'V' {
				entries, _ := verified(t, r.payload)
				seen += entries
			}
		}
		if size > 2<<20 {
			t.Fatalf("a batch of %d bytes", size)
		}
		if finished {
			break
		}
	}
	if seen != entries {
		t.Errorf("%d of %d entries", seen, entries)
	}
}

// Manifests come before their entries, and those before the summary, whenever the results are taken.
func TestRecordsKeepTheirOrder(t *testing.T) {
	dir := sample(t, 1)
	for range 300 {
		j := job.Start([]byte("op=verify\x00path=" + dir))
		manifests, seen, ended := 0, 0, false
		for finished := false; !finished; {
			var all []record
			finished, all = records(t, j.Wait(0))
			for _, r := range all {
				if ended {
					t.Fatalf("%c after the end", r.kind)
				}
				switch r.kind {
				case 'M':
					manifests++
				case 'S':
					ended = true
				case 'V':
					entries, highest := verified(t, r.payload)
					if seen += entries; highest >= manifests {
						t.Fatalf("an entry of manifest %d after %d manifests", highest, manifests)
					}
				}
			}
		}
		if seen != 1 || !ended {
			t.Fatalf("%d entries, %v", seen, ended)
		}
	}
}

func TestCancelEndsAJobThatWaitsForItsCaller(t *testing.T) {
	j := job.Start([]byte("op=verify\x00path=" + sample(t, 200_000)))
	time.Sleep(50 * time.Millisecond) // long enough for its buffers to fill
	j.Cancel()
	j.Cancel() // a second time changes nothing
	all := drained(t, j)
	if last := all[len(all)-1]; last.kind != 'X' || !strings.Contains(last.payload, "cancel") {
		t.Errorf("the last record is %q", last)
	}
	if finished, rest := records(t, j.Wait(0)); !finished || len(rest) > 0 {
		t.Errorf("after the end: %v %q", finished, rest)
	}
}

func TestWaitKeepsItsTimeLimit(t *testing.T) {
	j := job.Start([]byte("op=verify\x00path=" + sample(t, 1)))
	drained(t, j)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 1000 {
			j.Wait(time.Hour) // returns at once: the job has finished
			j.Wait(-time.Hour)
		}
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("Wait does not return")
	}
}

// FuzzStart holds for any request: it ends with one 'S', 'W' or 'X', and never with a panic.
func FuzzStart(f *testing.F) {
	f.Add([]byte("op=verify\x00path=none\x00workers=3\x00keep_verified=0"))
	f.Add([]byte("path\x00=\x00\x00workers=-1"))
	f.Add([]byte("op=create\x00path=.\x00algorithm=md5,sha1\x00format=bsd\x00output=-\x00exclude=*\x00links=skip"))
	f.Fuzz(func(t *testing.T, fields []byte) {
		t.Chdir(t.TempDir())
		if strings.Contains(string(fields), "=/") || strings.Contains(string(fields), "..") {
			t.Skip("leads out of the empty folder")
		}
		all := drained(t, job.Start(fields))
		if len(all) == 0 {
			t.Fatal("no record")
		}
		last := all[len(all)-1]
		if !strings.ContainsRune("XSW", rune(last.kind)) || strings.Contains(last.payload, "panic") {
			t.Fatalf("the last record is %q", last)
		}
	})
}

func BenchmarkJob(b *testing.B) {
	fields := []byte("op=verify\x00keep_verified=0\x00path=" + sample(b, 1))
	for b.Loop() {
		if len(drained(b, job.Start(fields))) == 0 {
			b.Fatal("no record")
		}
	}
}
