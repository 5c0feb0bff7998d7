package nameset

import (
	"fmt"
	"testing"
)

func TestSet(t *testing.T) {
	var s Set
	for i := range 5000 {
		s.Add(fmt.Sprint(i % 1000))
	}
	for i := range 2000 {
		if s.Has(fmt.Sprint(i)) != (i < 1000) {
			t.Errorf("%d", i)
		}
	}
	s.Add("late")
	if !s.Has("late") || s.Has("") {
		t.Error("a name added after a look-up, or one never added")
	}
	size := 0
	for _, part := range s.parts {
		size += len(part)
	}
	if size > 1001 {
		t.Errorf("%d names are kept", size)
	}
}

func TestANilSetKeepsNothing(t *testing.T) {
	var s *Set
	s.Add("a")
	if s.Has("a") {
		t.Error("a nil set has a name")
	}
}
