package engine

import (
	"fmt"
	"testing"
)

func TestNameSet(t *testing.T) {
	s := nameSet{wanted: true}
	for i := range 5000 {
		s.add(fmt.Sprint(i % 1000))
	}
	for i := range 2000 {
		if s.has(fmt.Sprint(i)) != (i < 1000) {
			t.Errorf("%d", i)
		}
	}
	s.add("late")
	if !s.has("late") || s.has("") {
		t.Error("a name that is added later, or none")
	}
	size := 0
	for _, part := range s.parts {
		size += len(part)
	}
	if size > 1001 {
		t.Errorf("%d names are kept", size)
	}
	unwanted := nameSet{}
	unwanted.add("a")
	if unwanted.has("a") {
		t.Error("a set that is not wanted keeps names")
	}
}
