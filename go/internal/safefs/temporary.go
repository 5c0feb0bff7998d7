package safefs

import (
	"crypto/rand"
	"strings"
)

// The name of a temporary file is temporaryPrefix, 26 characters of base 32, and temporarySuffix.
const (
	temporaryPrefix = ".checksig-"
	temporarySuffix = ".tmp"
	temporaryRandom = 26
)

// NewTemporaryName returns a name for a temporary file that nobody else uses.
func NewTemporaryName() string { return temporaryPrefix + rand.Text() + temporarySuffix }

// IsTemporaryName reports whether [NewTemporaryName] may have returned name: such a file belongs to a run that
// goes on, or that was killed.
func IsTemporaryName(name string) bool {
	middle, ok := strings.CutPrefix(name, temporaryPrefix)
	middle, tmp := strings.CutSuffix(middle, temporarySuffix)
	return ok && tmp && len(middle) == temporaryRandom && strings.Trim(middle, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}
