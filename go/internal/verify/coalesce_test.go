package verify

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

func joined(wide bool, names ...string) string {
	var got []string
	at := &safefs.Root{Dir: filepath.FromSlash("/d")}
	w := coalescer{wide: wide, emit: func(c *claims) { got = append(got, fmt.Sprintf("%s*%d", c.first.name, c.len())) }}
	for _, name := range names {
		w.add(claim{root: at, name: name, entry: manifest.Entry{Name: name}})
	}
	w.flush()
	return strings.Join(got, " ")
}

func TestCoalescerJoinsClaimsAboutOneFile(t *testing.T) {
	for want, got := range map[string]string{
		"a*2 b*1 a*1":        joined(false, "a", "a", "b", "a"),
		"a*3 b*1":            joined(true, "a", "a", "b", "./a"),
		"d/../a*1 a*1 d/e*2": joined(true, "d/../a", "a", "d/e", "d//e"),
		"d/../a*2":           joined(true, "d/../a", "d/../a"),
		"":                   joined(true),
		"x*256 x*44":         joined(false, strings.Split(strings.Repeat("x,", 299)+"x", ",")...),
		"y*256 y*44":         joined(true, strings.Split(strings.Repeat("y,", 299)+"y", ",")...),
	} {
		t.Run(want, func(t *testing.T) {
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestCoalescerIsBounded(t *testing.T) {
	at, emitted := &safefs.Root{Dir: "/d"}, 0
	for what, name := range map[string]func(int) string{
		"short names": func(i int) string { return fmt.Sprint(i) },
		"long names":  func(i int) string { return strings.Repeat("n", 60<<10) + fmt.Sprint(i) },
		"one name":    func(int) string { return "n" },
	} {
		t.Run(what, func(t *testing.T) {
			many := 100_000
			if what == "long names" {
				many = 1000
			}
			emitted = 0
			w := coalescer{wide: true, emit: func(c *claims) { emitted += c.len() }}
			for i := range many {
				w.add(claim{root: at, name: name(i)})
				if w.entries > windowEntries || w.bytes > windowBytes || len(w.queue) > windowEntries {
					t.Fatalf("%s: %d entries, %d bytes", what, w.entries, w.bytes)
				}
			}
			w.flush()
			if emitted != many || len(w.pending) != 0 || w.bytes != 0 || w.entries != 0 {
				t.Errorf("%s: %d emitted, %d left, of %d bytes", what, emitted, w.entries, w.bytes)
			}
		})
	}
}
