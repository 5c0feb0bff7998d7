// Command latencyfs mounts a folder read-only, and delays every request, as a remote file system does.
//
//	latencyfs [-cache 1s] MOUNTPOINT SOURCE MILLISECONDS
//
// It prints "mounted" when the files can be used, and unmounts when it is interrupted or terminated.
//
// Every lookup, getattr, open, read and readdir takes MILLISECONDS longer than it would; requests made at
// the same time are served at the same time. The kernel may reuse names and attributes for the time of
// -cache (0: never), and forgets the content of a file at each open: close-to-open, as NFS does.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

func main() {
	log.SetFlags(0)
	cache := flag.Duration("cache", time.Second, "how long names and attributes may be reused")
	flag.Parse()
	milliseconds, err := strconv.ParseFloat(flag.Arg(2), 64)
	if flag.NArg() != 3 || err != nil {
		log.Fatal("usage: latencyfs [-cache 1s] MOUNTPOINT SOURCE MILLISECONDS")
	}
	root, err := fs.NewLoopbackRoot(flag.Arg(1))
	if err != nil {
		log.Fatal(err)
	}
	nodes := fs.NewNodeFS(root, &fs.Options{EntryTimeout: cache, AttrTimeout: cache})
	delay := time.Duration(milliseconds * float64(time.Millisecond))
	server, err := fuse.NewServer(slow{nodes, delay}, flag.Arg(0), &fuse.MountOptions{
		FsName:        "latencyfs",
		Options:       []string{"ro"},
		DisableXAttrs: true,
		// Looking up every file of a folder keeps this program so busy that its delay would not matter.
		DisableReadDirPlus: true,
		// Reading ahead of many files must not wait for a slot.
		MaxBackground: 1024,
		// Otherwise the kernel would read the files itself, without any delay.
		DisabledCapabilities: fuse.CAP_PASSTHROUGH,
	})
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve()
	if err := server.WaitMount(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("mounted")
	go unmountAtEnd(server)
	server.Wait()
}

// unmountAtEnd waits for a signal and unmounts; while files are open, it waits for another one.
func unmountAtEnd(server *fuse.Server) {
	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	for range end {
		if err := server.Unmount(); err != nil {
			log.Print(err)
		}
	}
}

// slow delays every request that a read-only file system gets and somebody waits for.
type slow struct {
	fuse.RawFileSystem
	delay time.Duration
}

func (s slow) Lookup(cancel <-chan struct{}, header *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.Lookup(cancel, header, name, out)
}

func (s slow) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.GetAttr(cancel, in, out)
}

func (s slow) Statx(cancel <-chan struct{}, in *fuse.StatxIn, out *fuse.StatxOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.Statx(cancel, in, out)
}

func (s slow) Access(cancel <-chan struct{}, in *fuse.AccessIn) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.Access(cancel, in)
}

func (s slow) Readlink(cancel <-chan struct{}, header *fuse.InHeader) ([]byte, fuse.Status) {
	time.Sleep(s.delay)
	return s.RawFileSystem.Readlink(cancel, header)
}

func (s slow) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.Open(cancel, in, out)
}

func (s slow) Read(cancel <-chan struct{}, in *fuse.ReadIn, buffer []byte) (fuse.ReadResult, fuse.Status) {
	time.Sleep(s.delay)
	return s.RawFileSystem.Read(cancel, in, buffer)
}

// Flush makes the kernel close files without a request, as NFS does after reading.
func (s slow) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status {
	return fuse.ENOSYS
}

func (s slow) OpenDir(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.OpenDir(cancel, in, out)
}

func (s slow) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.ReadDir(cancel, in, out)
}

func (s slow) StatFs(cancel <-chan struct{}, in *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.StatFs(cancel, in, out)
}
