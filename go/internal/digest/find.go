package digest

import (
	"fmt"
	"strings"
)

// UnknownError is the error for a name that no algorithm has.
type UnknownError struct {
	Name  string
	Known []string // the names in [Table]
}

// Error lists the known names, and suggests the one that was probably meant.
func (e *UnknownError) Error() string {
	text := fmt.Sprintf("unknown algorithm %.40q; known: %s", e.Name, strings.Join(e.Known, ", "))
	if name := e.suggestion(); name != "" {
		text += fmt.Sprintf("; did you mean %q?", name)
	}
	return text
}

// Find returns the algorithm of that name ("sha256", "blake2b-256"), or an [*UnknownError].
func Find(name string) (*Algorithm, error) {
	if a := ByName(name); a != nil {
		return a, nil
	}
	unknown := &UnknownError{Name: name}
	for _, a := range Table {
		unknown.Known = append(unknown.Known, a.Name)
	}
	return nil, unknown
}

// suggestion returns the known name that was probably meant, or "".
//
// That is the name that [ByTag] finds (sha256 for "SHA-256"), or else the only name within one typing
// error. For fewer than five letters and digits there is none: "sha2" is not a misspelt "sha1".
func (e *UnknownError) suggestion() string {
	const shortest = 5
	if a := ByTag(e.Name); a != nil {
		return a.Name
	}
	if len(e.Name) > maxTag {
		return ""
	}
	name := string(fold(nil, e.Name))
	if len(name) < shortest {
		return ""
	}
	found := ""
	for _, known := range e.Known {
		if oneTypo(name, string(fold(nil, known))) {
			if found != "" {
				return ""
			}
			found = known
		}
	}
	return found
}

// oneTypo reports whether a and b differ by one inserted, missing, wrong or swapped byte.
func oneTypo(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch len(b) - len(a) {
	case 1:
		return a[i:] == b[i+1:]
	case 0:
		return i < len(a) && (a[i+1:] == b[i+1:] ||
			i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:])
	}
	return false
}
