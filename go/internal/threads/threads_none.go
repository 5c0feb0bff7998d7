//go:build !(cgo && (linux || darwin)) || checksig_program

package threads

// The engine is a program of its own, which may end and should start fast, or the system has no such limit.
func probe(count int) int { return count }

func add(count int) int { return count }
