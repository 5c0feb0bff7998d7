package verify_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"checksig/internal/verify"
)

// FuzzBag looks whether tag files of any content end a run in anything but a bad line.
func FuzzBag(f *testing.F) {
	f.Add([]byte("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"), []byte("Payload-Oxum: 1.1\n"), []byte("http://x - data/a\n"))
	f.Add([]byte("BagIt-Version: 0.97\r\nTag-File-Character-Encoding: utf-8"), []byte("A: b\n c\n"), []byte(""))
	f.Add([]byte("BagIt-Version: 1.0"), []byte(":\nPayload-Oxum"), []byte("\x00"))
	f.Fuzz(func(t *testing.T, declaration, info, fetch []byte) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "data"), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{
			"data/a": []byte("a"), "bagit.txt": declaration, "bag-info.txt": info, "fetch.txt": fetch,
			"manifest-sha256.txt": fmt.Appendf(nil, "%x data/a\n", sha256.Sum256([]byte("a"))),
		} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, summary, err := collected(t, verify.Request{Path: dir})
		if err != nil || summary.Entries != 1 || summary.Statuses[verify.Verified] != 1 {
			t.Fatalf("%+v, %v", summary, err)
		}
		if lines := len(declaration); lines < 40 && summary.OK() {
			t.Fatalf("%q is taken for a declaration", declaration)
		}
	})
}
