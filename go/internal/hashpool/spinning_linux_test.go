package hashpool

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// Where files are read one after the other, they are in the order of their inodes. Those that their folder does not
// have come first: they need no reading.
func TestFilesInTheOrderOfInodes(t *testing.T) {
	dir := t.TempDir()
	p, root, c := setup(t, dir, nil)
	want, inodes := map[string]string{}, map[string]uint64{}
	var names []string
	for i := range 1000 {
		name := fmt.Sprintf("%d/%d/%d", i%3, i%7, i)
		write(t, dir, name, content(i))
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		inodes[name] = info.Sys().(*syscall.Stat_t).Ino
		names, want[name] = append(names, name), name+sum("md5", content(i))
	}
	names = append(names, "0/0/missing")
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	p.trial.serial.Store(true)
	for _, name := range names {
		task := p.Task()
		task.Root, task.Name, task.Size, task.Payload = root, name, -1, name
		task.Algorithms = append(task.Algorithms, algorithms("md5")...)
		task.weight = -1
		p.queue.most = deep
		p.queue.put(task)
	}
	p.order()
	var taken []uint64
	var tasks []*Task[string]
	for range names {
		task := p.queue.take(&holding{}, false)
		taken, tasks = append(taken, inodes[task.Name]), append(tasks, task)
	}
	if p.queue.len() != 0 || !slices.IsSorted(taken) || taken[0] != 0 {
		t.Errorf("%d are left; the order is %v", p.queue.len(), taken)
	}
	for _, task := range tasks {
		p.queue.put(task)
	}
	p.Finish()
	missing := c.got["0/0/missing"]
	delete(c.got, "0/0/missing")
	if missing == "" || len(c.got) != len(want) {
		t.Errorf("%d of %d files were done; missing: %q", len(c.got), len(want), missing)
	}
	for name, result := range want {
		if c.got[name] != result {
			t.Errorf("%s: %q, not %q", name, c.got[name], result)
		}
	}
}
