package safefs

import "testing"

func TestTemporaryNames(t *testing.T) {
	for range 100 {
		if name := NewTemporaryName(); !IsTemporaryName(name) {
			t.Errorf("%q is not recognised", name)
		}
	}
	for _, name := range []string{
		"", ".checksig-.tmp", ".checksig-ABCDEFGHIJKLMNOPQRSTUVWXYZ", ".checksig-ABCDEFGHIJKLMNOPQRSTUVWXY.tmp",
		".checksig-ABCDEFGHIJKLMNOPQRSTUVWXYZA.tmp", ".checksig-ABCDEFGHIJKLMNOPQRSTUVWXY1.tmp",
		".checksig-abcdefghijklmnopqrstuvwxyz.tmp", "xchecksig-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp",
		".checksig-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp.gz", ".checksig-ABCDEFGHIJKLM\x00OPQRSTUVWXYZ.tmp",
	} {
		if IsTemporaryName(name) {
			t.Errorf("%q is taken for the name of a temporary file", name)
		}
	}
}
