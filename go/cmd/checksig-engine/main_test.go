package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"checksig/internal/job"
	"checksig/internal/wire"
)

func frame(payload string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}

// received returns what the frames hold. The last one must be a batch whose state is "finished".
func received(t *testing.T, r io.Reader) []byte {
	t.Helper()
	var all []byte
	for {
		batch, err := wire.ReadFrame(r, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, batch...); wire.Finished(batch) {
			break
		}
	}
	if rest, _ := io.ReadAll(r); len(rest) > 0 {
		t.Errorf("after the end: %q", rest)
	}
	return all
}

func TestAJobOverAPipe(t *testing.T) {
	dir := t.TempDir()
	digest := sha256.Sum256([]byte("a"))
	lines := strings.Repeat(fmt.Sprintf("%x  a\n", digest), 50_000)
	for name, text := range map[string]string{"a": "a", "SHA256SUMS": lines} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	j, err := start(bytes.NewReader(frame("op=verify\x00path=" + dir)))
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(send(w, j)) }()
	if n := bytes.Count(received(t, r), append(digest[:], 'a')); n != 50_000 {
		t.Errorf("%d entries", n)
	}
}

func TestATooLongRequestGetsAnError(t *testing.T) {
	j, err := start(bytes.NewReader(frame(strings.Repeat("x", wire.MaxRequest+1))))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := send(&out, j); err != nil {
		t.Fatal(err)
	}
	want := fmt.Appendf(nil, "the request is too long: %d bytes", wire.MaxRequest+1)
	if all := received(t, &out); !bytes.Contains(all, want) {
		t.Errorf("%q", all)
	}
}

func TestNoRequestStartsNoJob(t *testing.T) {
	if j, err := start(strings.NewReader("")); err == nil {
		t.Errorf("%v", j)
	}
}

func TestSendStopsWithoutAReader(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if err := send(w, job.Failed(wire.ErrTooLong)); err == nil {
		t.Error("no error")
	}
}
