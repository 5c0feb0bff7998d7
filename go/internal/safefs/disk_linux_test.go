package safefs

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func device(major, minor uint64) uint64 {
	return minor&0xff | major&0xfff<<8 | minor&^0xff<<12 | major&^0xfff<<32
}

func TestIsSpinning(t *testing.T) {
	sysfs := t.TempDir()
	write := func(path, content string) {
		path = filepath.Join(sysfs, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	link := func(number, path string) {
		if err := os.Symlink("../../devices/"+path, filepath.Join(sysfs, "dev", "block", number)); err != nil {
			t.Fatal(err)
		}
	}
	write("dev/block/none", "")
	for disk, value := range map[string]string{"sda": "1\n", "nvme0n1": "0\n", "vda": "1\n", "xvdb": "1\n", "dm-3": "1\n", "odd": ""} {
		write("devices/pci/block/"+disk+"/queue/rotational", value)
	}
	for _, partition := range []string{"sda/sda2", "nvme0n1/nvme0n1p1", "vda/vda1"} {
		write("devices/pci/block/"+partition+"/partition", "1\n")
	}
	for number, path := range map[string]string{
		"8:0": "sda", "8:2": "sda/sda2", "259:0": "nvme0n1", "259:300": "nvme0n1/nvme0n1p1", "254:0": "vda",
		"254:1": "vda/vda1", "202:16": "xvdb", "253:3": "dm-3", "5000:70000": "sda", "9:9": "odd", "9:8": "absent",
	} {
		link(number, "pci/block/"+path)
	}
	for _, c := range []struct {
		major, minor uint64
		want         bool
	}{
		{8, 0, true}, {8, 2, true}, {253, 3, true}, {5000, 70000, true},
		{259, 0, false}, {259, 300, false}, {254, 0, false}, {254, 1, false}, {202, 16, false},
		{9, 9, false}, {9, 8, false}, {0, 44, false}, {8, 3, false},
	} {
		if got := isSpinning(sysfs, device(c.major, c.minor)); got != c.want {
			t.Errorf("%d:%d: %v", c.major, c.minor, got)
		}
	}
}

// A loop device reports what is written to its queue.
func TestIsOnSpinningDisk(t *testing.T) {
	image, mounted := filepath.Join(t.TempDir(), "image"), t.TempDir()
	if err := os.WriteFile(image, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(command string, args ...string) string {
		out, err := exec.Command(command, args...).CombinedOutput()
		if err != nil {
			t.Skipf("%s: %v: %s", command, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("mkfs.ext2", "-q", image)
	loop := run("losetup", "--find", "--show", image)
	defer exec.Command("losetup", "--detach", loop).Run()
	run("mount", loop, mounted)
	defer exec.Command("umount", mounted).Run()
	tree, err := OpenTree(mounted, false)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for value, want := range map[string]bool{"1": true, "0": false} {
		queue := filepath.Join("/sys/block", filepath.Base(loop), "queue", "rotational")
		if err := os.WriteFile(queue, []byte(value), 0); err != nil {
			t.Skip(err)
		}
		if tree.IsOnSpinningDisk() != want {
			t.Errorf("rotational %s: want %v", value, want)
		}
	}
}
