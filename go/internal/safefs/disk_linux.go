package safefs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// IsOnSpinningDisk reports whether the folder is known to be on a spinning disk, where several readers
// are slower than one.
func (t *Tree) IsOnSpinningDisk() bool {
	if t.source != nil {
		return false
	}
	info, err := t.root.Stat(".")
	if err != nil {
		return false
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && isSpinning("/sys", uint64(s.Dev))
}

// isSpinning reports whether a device, or the disk that it is a partition of, is a spinning disk; see
// Documentation/ABI/stable/sysfs-block of Linux. Devices that are no block devices (of NFS, of a Btrfs
// subvolume) are not listed there. The disks of a virtual machine claim to spin whatever they are.
func isSpinning(sysfs string, device uint64) bool {
	major := device>>8&0xfff | device>>32&^0xfff
	minor := device&0xff | device>>12&^0xff
	devices := filepath.Join(sysfs, "dev", "block")
	link, err := os.Readlink(filepath.Join(devices, fmt.Sprintf("%d:%d", major, uint32(minor))))
	if err != nil {
		return false
	}
	path := filepath.Join(devices, link)
	value, err := os.ReadFile(filepath.Join(path, "queue", "rotational"))
	if err != nil {
		path = filepath.Dir(path)
		value, err = os.ReadFile(filepath.Join(path, "queue", "rotational"))
	}
	disk := filepath.Base(path)
	virtual := strings.HasPrefix(disk, "vd") || strings.HasPrefix(disk, "xvd")
	return err == nil && !virtual && bytes.Equal(value, []byte("1\n"))
}
