package wire_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"checksig/internal/wire"
)

func TestTheExamplesOfThePackageComment(t *testing.T) {
	comment, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	request := "op=verify\x00path=/data\x00workers=2\x00remap=2:a/b/"
	if len(request) != 43 || !bytes.Contains(comment, []byte("these 43 bytes")) ||
		!bytes.Contains(comment, []byte(strings.ReplaceAll(request, "\x00", " NUL "))) {
		t.Errorf("the example is not %q", request)
	}
	batch := wire.AppendHeader(nil, wire.Header{TotalFiles: -1, TotalBytes: -1})
	batch = wire.AppendManifest(batch, &wire.Manifest{Format: "gnu", Encoding: "utf-8", Path: "S"})
	want := strings.Join(strings.Fields(`
		00 0000000000000000 ffffffffffffffff 0000000000000000 ffffffffffffffff
		4d 19000000 00000000 03000000 05000000 00000000 676e75 7574662d38 53`), "")
	text := strings.NewReplacer("//", "", " ", "", "\t", "", "\n", "").Replace(string(comment))
	if got := hex.EncodeToString(batch); len(batch) != 63 || got != want || !strings.Contains(text, want) {
		t.Errorf("%d bytes: %s", len(batch), got)
	}
}

func TestMalformedRequests(t *testing.T) {
	for _, request := range []string{"", "\x00", "op", "op=", "=", "path=/", "path=/\x00op=verify", "op=verify\x00", "op=verify\x00path"} {
		t.Run(request, func(t *testing.T) {
			r, err := wire.ParseRequest([]byte(request))
			var malformed *wire.RequestError
			if !errors.As(err, &malformed) {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

func TestSplitRemap(t *testing.T) {
	for value, want := range map[string][2]string{
		"2:a/b/":      {"a/", "b/"},
		"0:":          {"", ""},
		"0:1:":        {"", "1:"},
		"3:a=\nb\xff": {"a=\n", "b\xff"},
		"02:a/b/":     {"a/", "b/"},
	} {
		if from, to, err := wire.SplitRemap(value); err != nil || [2]string{from, to} != want {
			t.Errorf("%q: %q, %q, %v", value, from, to, err)
		}
	}
	for _, value := range []string{"", ":", "1", "1:", "-1:a", "+1:a", "1 :a", "99999999999999999999:a", "x:a"} {
		if from, to, err := wire.SplitRemap(value); err == nil {
			t.Errorf("%q: %q, %q", value, from, to)
		}
	}
}

func TestVerifiedEntriesTakeNoMemoryOfTheirOwn(t *testing.T) {
	buffer, group := make([]byte, 0, 4096), wire.Group{}
	entry := &wire.Entry{Algorithm: "sha256", Expected: make([]byte, 32), Name: "a/name"}
	if n := testing.AllocsPerRun(100, func() { buffer = wire.AppendVerified(buffer[:0], entry, &group) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppendVerified(b *testing.B) {
	buffer, group := make([]byte, 0, 4096), wire.Group{}
	entry := &wire.Entry{Algorithm: "sha256", Expected: make([]byte, 32), Name: "usr/share/doc/name", BytesRead: 1 << 20}
	for b.Loop() {
		if buffer = wire.AppendVerified(buffer, entry, &group); len(buffer) > 4000 {
			buffer, group = buffer[:0], wire.Group{}
		}
	}
}

func frame(payload string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}

func TestReadFrame(t *testing.T) {
	for _, payload := range []string{"", "x", strings.Repeat("y", 1000)} {
		more := append(frame(payload), "more"...)
		for _, r := range []io.Reader{bytes.NewReader(more), iotest.OneByteReader(bytes.NewReader(more))} {
			got, err := wire.ReadFrame(r, 1000)
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
		"\x0b\x00\x00\x00":     wire.ErrTooLong,
		"\xff\xff\xff\xff":     wire.ErrTooLong,
	} {
		if got, err := wire.ReadFrame(strings.NewReader(sent), 10); !errors.Is(err, want) {
			t.Errorf("%q: %q, %v", sent, got, err)
		}
	}
}

// FuzzReadFrame holds for any bytes: a frame is exactly what was framed, and never over its limit.
func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{}, uint32(0))
	f.Add(frame("path=x"), uint32(10))
	f.Add([]byte("\xff\xff\xff\xff"), uint32(10))
	f.Fuzz(func(t *testing.T, sent []byte, limit uint32) {
		got, err := wire.ReadFrame(bytes.NewReader(sent), limit%4096)
		if err != nil {
			return
		}
		if len(got) > int(limit%4096) || !bytes.HasPrefix(sent, frame(string(got))) {
			t.Fatalf("%q of %q", got, sent)
		}
		var again bytes.Buffer
		if err := wire.WriteFrame(&again, got); err != nil || !bytes.Equal(again.Bytes(), frame(string(got))) {
			t.Fatalf("%q, %v", again.Bytes(), err)
		}
	})
}
