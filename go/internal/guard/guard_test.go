package guard_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"checksig/internal/guard"
)

func TestAPanicEndsTheGroup(t *testing.T) {
	for name, run := range map[string]func(*guard.Group, func()){
		"in the same goroutine": func(g *guard.Group, f func()) { g.Run(f) },
		"in another goroutine": func(g *guard.Group, f func()) {
			var wg sync.WaitGroup
			g.Go(&wg, f)
			wg.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := guard.New(context.Background())
			defer g.Close()
			run(g, func() { panic("broken") })
			var panicked *guard.PanicError
			if !errors.As(g.Err(), &panicked) || panicked.Error() != "panic: broken" {
				t.Fatalf("got %v", g.Err())
			}
			if !strings.Contains(string(panicked.Stack), "TestAPanicEndsTheGroup") {
				t.Errorf("the stack does not show where it happened:\n%s", panicked.Stack)
			}
			if !g.Ended() || g.Context().Err() == nil {
				t.Error("the context has not ended")
			}
		})
	}
}

func TestTheFirstErrorCounts(t *testing.T) {
	g := guard.New(context.Background())
	first := errors.New("first")
	g.Fail(nil)
	if g.Ended() {
		t.Fatal("nil ended the group")
	}
	g.Fail(first)
	g.Fail(errors.New("second"))
	g.Close()
	if !errors.Is(g.Err(), first) {
		t.Fatalf("got %v", g.Err())
	}
}

func TestAParentEndsItsGroup(t *testing.T) {
	parent, cancel := context.WithCancel(context.Background())
	g := guard.New(parent)
	defer g.Close()
	cancel()
	if !g.Ended() || !errors.Is(g.Err(), context.Canceled) {
		t.Fatalf("got %v", g.Err())
	}
}
