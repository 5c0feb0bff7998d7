package verify_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"checksig/internal/verify"
)

// The error of the C API has the first 1,000 bad lines, and counts the others.
func TestCheckSignaturesBoundsBadLines(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "SHA1SUMS"), []byte(strings.Repeat("x\n", 5_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	err := verify.CheckSignatures(t.Context(), dir)
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 1_001 || lines[1_000] != "... and 4000 more bad lines" {
		t.Errorf("%d lines, the last one %q", len(lines), lines[len(lines)-1])
	}
}

// Of many files that look like manifests but are not understood, the error names one.
func TestManyUnknownManifests(t *testing.T) {
	dir := t.TempDir()
	for i := range 200 {
		text := fmt.Sprintf("the digest is %040x\n", i)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("hashes-%03d.txt", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := verify.CheckSignatures(t.Context(), dir)
	want := fmt.Sprintf("no checksum manifest in this folder; %[1]q and 199 more look like one, but could not be understood; "+
		"to see why: checksig %[1]q", filepath.Join(dir, "hashes-000.txt"))
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
