package safefs

import (
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// dir is an open folder. Unlike an [os.File], it opens the folders in it with one system call each, without
// looking up the folders above it again, and needs none for the type of an entry.
type dir struct{ fd int }

// openDir opens the folder called name.
func (t *Tree) openDir(name string) (*dir, error) {
	// Not Root.Open, which would wait if a FIFO had replaced the folder.
	f, err := t.root.OpenFile(name, openFlags, 0)
	if err != nil {
		return nil, mapOutside(err)
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "fcntl", Path: name, Err: err}
	}
	return &dir{fd}, nil
}

// sub opens the folder called name in d; a symbolic link is not followed.
func (d *dir) sub(name string) (*dir, error) {
	for {
		fd, err := unix.Openat(d.fd, name, openFlags|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if err == nil {
			return &dir{fd}, nil
		}
		if err != unix.EINTR {
			return nil, &fs.PathError{Op: "openat", Path: name, Err: err}
		}
	}
}

func (d *dir) close() { unix.Close(d.fd) }

// readBuffers are what entries are read into.
var readBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// read appends the next entries to nodes, all of them if limit is 0, else until they take limit bytes. It reports
// whether there are no more.
func (d *dir) read(ctx context.Context, nodes []node, limit int) (_ []node, whole bool, err error) {
	buffer := readBuffers.Get().(*[32 << 10]byte)
	defer readBuffers.Put(buffer)
	for total := 0; limit == 0 || total < limit; {
		if err := ctx.Err(); err != nil {
			return nodes, false, err
		}
		n, err := unix.Getdents(d.fd, buffer[:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nodes, false, &fs.PathError{Op: "getdents64", Err: err}
		case n == 0:
			return nodes, true, nil
		}
		if nodes, err = d.parse(nodes, buffer[:n]); err != nil {
			return nodes, false, err
		}
		total += n
	}
	return nodes, false, nil
}

// The layout of struct linux_dirent64; see getdents64(2).
const (
	lengthAt = 16
	typeAt   = 18
	nameAt   = 19
)

// parse appends the entries in buffer, which getdents64 has filled.
func (d *dir) parse(nodes []node, buffer []byte) ([]node, error) {
	size := 0
	for rest := buffer; len(rest) > 0; {
		length, err := entryLength(rest)
		if err != nil {
			return nodes, err
		}
		size += length - nameAt
		rest = rest[length:]
	}
	var names strings.Builder // one allocation for all of them
	names.Grow(size)
	for len(buffer) > 0 {
		length, _ := entryLength(buffer)
		entry := buffer[:length]
		buffer = buffer[length:]
		name := entry[nameAt:]
		if end := bytes.IndexByte(name, 0); end >= 0 {
			name = name[:end]
		}
		isGone := binary.NativeEndian.Uint64(entry) == 0 // some file systems show what was removed
		if isGone || string(name) == "." || string(name) == ".." {
			continue
		}
		kind := kinds[entry[typeAt]&0xf]
		if kind == unknownKind {
			var err error
			if kind, err = d.kindOf(string(name)); IsMissing(err) {
				continue
			} else if err != nil {
				return nodes, err
			}
		}
		start := names.Len()
		names.Write(name)
		nodes = append(nodes, node{names.String()[start:], kind})
	}
	return nodes, nil
}

// Inodes calls found with the name and the inode number of what is in the folder called name, in no order, until most
// entries were read or found returns false. No inode is read for that. The numbers are hints: those of folders on which
// something is mounted, and of some file systems, are others than stat reports.
func (t *Tree) Inodes(ctx context.Context, name string, most int, found func(name []byte, inode uint64) bool) error {
	if t.source != nil {
		return nil
	}
	d, err := t.openDir(name)
	if err != nil {
		return err
	}
	defer d.close()
	buffer := readBuffers.Get().(*[32 << 10]byte)
	defer readBuffers.Put(buffer)
	for most > 0 && ctx.Err() == nil {
		n, err := unix.Getdents(d.fd, buffer[:])
		if err == unix.EINTR {
			continue
		} else if err != nil || n == 0 {
			return err
		}
		for rest := buffer[:n]; len(rest) > 0; most-- {
			length, err := entryLength(rest)
			if err != nil {
				return err
			}
			last, _, _ := bytes.Cut(rest[nameAt:length], []byte{0})
			if !found(last, binary.NativeEndian.Uint64(rest)) {
				return nil
			}
			rest = rest[length:]
		}
	}
	return ctx.Err()
}

func entryLength(buffer []byte) (int, error) {
	if len(buffer) > nameAt {
		length := int(binary.NativeEndian.Uint16(buffer[lengthAt:]))
		if length > nameAt && length <= len(buffer) {
			return length, nil
		}
	}
	return 0, &fs.PathError{Op: "getdents64", Err: syscall.EIO}
}

const unknownKind = fs.ModeIrregular

// kinds are the types of entries as [fs.FileMode] has them; see readdir(3).
var kinds = func() (kinds [16]fs.FileMode) {
	for i := range kinds {
		kinds[i] = unknownKind
	}
	kinds[unix.DT_REG] = 0
	kinds[unix.DT_DIR] = fs.ModeDir
	kinds[unix.DT_LNK] = fs.ModeSymlink
	kinds[unix.DT_FIFO] = fs.ModeNamedPipe
	kinds[unix.DT_SOCK] = fs.ModeSocket
	kinds[unix.DT_BLK] = fs.ModeDevice
	kinds[unix.DT_CHR] = fs.ModeDevice | fs.ModeCharDevice
	return kinds
}()

// kindOf looks at an entry of which the file system does not report the type.
func (d *dir) kindOf(name string) (fs.FileMode, error) {
	var info unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &info, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return 0, &fs.PathError{Op: "fstatat", Path: name, Err: err}
	}
	return kinds[info.Mode&unix.S_IFMT>>12], nil
}
