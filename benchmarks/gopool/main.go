// Command gopool is the simplest parallel verifier, as a baseline for benchmarks.
//
//	gopool ALGORITHM MANIFEST WORKERS
//
// It hashes the files of a manifest with a pool of goroutines and the standard library, one file at a
// time in each.
//
// It prints the numbers of files and bytes as JSON. The exit code is 1 if a file is missing or does not
// match.
package main

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

const chunkSize = 256 << 10

var algorithms = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New,
}

type entry struct {
	path   string
	digest []byte
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: gopool ALGORITHM MANIFEST WORKERS")
	}
	newHash := algorithms[os.Args[1]]
	workers, err := strconv.Atoi(os.Args[3])
	if err != nil || newHash == nil {
		log.Fatalf("gopool: bad arguments %q", os.Args[1:])
	}
	entries, err := parse(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	done, size := verify(entries, workers, newHash)
	fmt.Printf("{\"files\": %d, \"bytes\": %d}\n", done, size)
	if done != int64(len(entries)) {
		os.Exit(1)
	}
}

// parse reads a manifest of lines "digest  name", whose names are relative to its folder.
func parse(manifest string) ([]entry, error) {
	f, err := os.Open(manifest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var entries []entry
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		digest, name, _ := strings.Cut(lines.Text(), "  ")
		sum, err := hex.DecodeString(digest)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{filepath.Join(filepath.Dir(manifest), name), sum})
	}
	return entries, lines.Err()
}

// verify returns the number of files that match, and the number of bytes that were read.
func verify(entries []entry, workers int, newHash func() hash.Hash) (verified, size int64) {
	work := make(chan entry, 256)
	var good, read atomic.Int64
	var pool sync.WaitGroup
	for range workers {
		pool.Go(func() {
			h, buffer := newHash(), make([]byte, chunkSize)
			for e := range work {
				n, err := hashFile(h, e.path, buffer)
				read.Add(n)
				if err == nil && bytes.Equal(h.Sum(nil), e.digest) {
					good.Add(1)
				}
			}
		})
	}
	for _, e := range entries {
		work <- e
	}
	close(work)
	pool.Wait()
	return good.Load(), read.Load()
}

func hashFile(h hash.Hash, path string, buffer []byte) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	h.Reset()
	// The struct hides the other methods of f, with which io.CopyBuffer would not use the buffer.
	return io.CopyBuffer(h, struct{ io.Reader }{f}, buffer)
}
