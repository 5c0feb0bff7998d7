//go:build !(cgo && (linux || darwin))

package threads

// Without C the engine is a program of its own, which may end, or the system has no such limit.
func probe(count int) int { return count }

func add(count int) int { return count }
