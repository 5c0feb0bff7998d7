//go:build !linux

package threads

// available returns how many of count threads can be created now.
func available(count int) int { return probe(count) }
