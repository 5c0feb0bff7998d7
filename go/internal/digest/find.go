package digest

import (
	"fmt"
	"strings"
)

// UnknownError is the error for a name that is not an algorithm's.
type UnknownError struct {
	Name  string
	Known []string // the names in [Table]
}

// Error names the algorithms that can be used instead, and the one probably meant.
func (e *UnknownError) Error() string {
	text := fmt.Sprintf("unknown algorithm %.40q; known: %s", e.Name, strings.Join(e.Known, ", "))
	if meant := e.meant(); meant != "" {
		text += fmt.Sprintf("; did you mean %q?", meant)
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

// meant returns the known name that was probably meant, or "".
//
// It is the name that [ByTag] finds ("SHA-256" for "sha256"), or else the only one at the distance
// of one typing error. Names of fewer than five letters and digits are not corrected: "sha2" is as
// close to "sha1" as to many others.
func (e *UnknownError) meant() string {
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
	meant := ""
	for _, known := range e.Known {
		if oneTypo(name, string(fold(nil, known))) {
			if meant != "" {
				return ""
			}
			meant = known
		}
	}
	return meant
}

// oneTypo reports whether one inserted, missing, wrong or swapped byte turns a into b.
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
