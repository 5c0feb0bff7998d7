package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"checksig/internal/job"
)

func frame(payload string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}

func TestReadFrame(t *testing.T) {
	for _, payload := range []string{"", "x", strings.Repeat("y", 1000)} {
		more := append(frame(payload), "more"...)
		for _, r := range []io.Reader{bytes.NewReader(more), iotest.OneByteReader(bytes.NewReader(more))} {
			got, err := readFrame(r, 1000)
			if err != nil || string(got) != payload {
				t.Errorf("%q, %v", got, err)
			}
			if rest, _ := io.ReadAll(r); string(rest) != "more" {
				t.Errorf("what follows became %q", rest)
			}
		}
	}
}

func TestReadFrameFails(t *testing.T) {
	for sent, want := range map[string]error{
		"":                     io.EOF,
		"\x01":                 io.ErrUnexpectedEOF,
		"\x01\x00\x00":         io.ErrUnexpectedEOF,
		"\x01\x00\x00\x00":     io.EOF,
		"\x05\x00\x00\x00four": io.ErrUnexpectedEOF,
		"\x0b\x00\x00\x00":     errTooLong,
		"\xff\xff\xff\xff":     errTooLong,
	} {
		if got, err := readFrame(strings.NewReader(sent), 10); !errors.Is(err, want) {
			t.Errorf("%q: %q, %v", sent, got, err)
		}
	}
}

// received takes frames apart, the last of which must say "finished".
func received(t *testing.T, r io.Reader) []byte {
	t.Helper()
	var all []byte
	for {
		batch, err := readFrame(r, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, batch...); job.Finished(batch) {
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
	j, err := start(bytes.NewReader(frame("path=" + dir)))
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(send(w, j)) }()
	if n := bytes.Count(received(t, r), append(digest[:], 'a')); n != 50_000 {
		t.Errorf("%d entries", n)
	}
}

func TestARequestThatIsTooLongIsAnswered(t *testing.T) {
	j, err := start(bytes.NewReader(frame(strings.Repeat("x", maxRequest+1))))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := send(&out, j); err != nil {
		t.Fatal(err)
	}
	if all := received(t, &out); !bytes.Contains(all, []byte("bad request: too long: 1048577 bytes")) {
		t.Errorf("%q", all)
	}
}

func TestNoRequestIsNoJob(t *testing.T) {
	if j, err := start(strings.NewReader("")); err == nil {
		t.Errorf("%v", j)
	}
}

func TestSendStopsWhenNobodyReads(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if err := send(w, job.Failed(errTooLong)); err == nil {
		t.Error("no error")
	}
}

// FuzzReadFrame holds for any bytes: a frame is exactly what was framed, and never over its limit.
func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{}, uint32(0))
	f.Add(frame("path=x"), uint32(10))
	f.Add([]byte("\xff\xff\xff\xff"), uint32(10))
	f.Fuzz(func(t *testing.T, sent []byte, limit uint32) {
		got, err := readFrame(bytes.NewReader(sent), limit%4096)
		if err != nil {
			return
		}
		if len(got) > int(limit%4096) || !bytes.HasPrefix(sent, frame(string(got))) {
			t.Fatalf("%q of %q", got, sent)
		}
		var again bytes.Buffer
		if err := writeFrame(&again, got); err != nil || !bytes.Equal(again.Bytes(), frame(string(got))) {
			t.Fatalf("%q, %v", again.Bytes(), err)
		}
	})
}
