//go:build !linux

package hashpool

import "testing"

// dropFromCache does nothing: only Linux tells what is in the page cache.
func dropFromCache(*testing.T, string) {}
