package layout

import (
	"regexp"
	"sync"
)

// pattern returns a function that returns the regular expression, compiled in its first call.
// Compiling all of them takes longer than verifying a small folder.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
