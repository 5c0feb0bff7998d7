package manifest

import (
	"regexp"
	"sync"
)

// pattern returns a regular expression, which is compiled when it is first asked for: to compile
// all of them takes longer than to verify a small folder.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
