package safefs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Rotates reports whether the folder is known to lie on a disk that rotates, where several readers
// are slower than one.
func (t *Tree) Rotates() bool {
	info, err := t.root.Stat(".")
	if err != nil {
		return false
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && rotates("/sys", uint64(s.Dev))
}

// rotates asks the queue of a device, or of the disk that it is a partition of; see
// Documentation/ABI/stable/sysfs-block of Linux. Devices that are none (of NFS, of a subvolume of
// Btrfs) are not there. The virtual disks of a virtual machine say that they rotate whatever they are.
func rotates(sysfs string, device uint64) bool {
	major := device>>8&0xfff | device>>32&^0xfff
	minor := device&0xff | device>>12&^0xff
	devices := filepath.Join(sysfs, "dev", "block")
	link, err := os.Readlink(filepath.Join(devices, fmt.Sprintf("%d:%d", major, uint32(minor))))
	if err != nil {
		return false
	}
	path := filepath.Join(devices, link)
	said, err := os.ReadFile(filepath.Join(path, "queue", "rotational"))
	if err != nil {
		path = filepath.Dir(path)
		said, err = os.ReadFile(filepath.Join(path, "queue", "rotational"))
	}
	disk := filepath.Base(path)
	virtual := strings.HasPrefix(disk, "vd") || strings.HasPrefix(disk, "xvd")
	return err == nil && !virtual && bytes.Equal(said, []byte("1\n"))
}
