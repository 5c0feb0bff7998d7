// Package guard turns panics into errors, so that they end a piece of work and not the process.
package guard

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// PanicError is a panic, with the stack of the goroutine it happened in.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Recover reports a panic of the function that defers it:
//
//	defer guard.Recover(func(err error) { ... })
func Recover(report func(error)) {
	if v := recover(); v != nil {
		report(&PanicError{v, debug.Stack()})
	}
}

// Group is work that ends as one: the first error or panic cancels its context.
type Group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// New returns a group whose context descends from parent. Call [Group.Close] when it is done.
func New(parent context.Context) *Group {
	ctx, cancel := context.WithCancelCause(parent)
	return &Group{ctx, cancel}
}

// Context ends with the group.
func (g *Group) Context() context.Context { return g.ctx }

// Run runs f; a panic in it ends the group.
func (g *Group) Run(f func()) {
	defer Recover(g.Fail)
	f()
}

// Go runs f in a goroutine that wg counts; a panic in it ends the group.
func (g *Group) Go(wg *sync.WaitGroup, f func()) { wg.Go(func() { g.Run(f) }) }

// Fail ends the group with err. Only the first error counts; nil is none.
func (g *Group) Fail(err error) {
	if err != nil {
		g.cancel(err)
	}
}

// Ended reports whether the group has failed or its parent context has ended.
func (g *Group) Ended() bool { return g.ctx.Err() != nil }

// Err returns why the group ended; nil while it has not.
func (g *Group) Err() error { return context.Cause(g.ctx) }

// Close ends the group without an error.
func (g *Group) Close() { g.cancel(nil) }
