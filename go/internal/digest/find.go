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

// Error suggests the name that was probably meant, and lists the known names.
func (e *UnknownError) Error() string {
	return UnknownText("algorithm", e.Name, e.suggestion(), e.Known)
}

// UnknownText returns the text of the error for a name that is not among known. The suggestion may be
// empty.
func UnknownText(what, name, suggestion string, known []string) string {
	text := fmt.Sprintf("unknown %s %.40q; ", what, name)
	if suggestion != "" {
		text += fmt.Sprintf("did you mean %q? ", suggestion)
	}
	return text + "known: " + strings.Join(known, ", ")
}

// Find returns the algorithm of that name, in any spelling that [ByTag] knows, or an [*UnknownError].
func Find(name string) (*Algorithm, error) {
	if a := ByName(name); a != nil {
		return a, nil
	}
	if a := ByTag(name); a != nil {
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
// For fewer than five letters and digits there is none: "sha2" is not a misspelt "sha1".
func (e *UnknownError) suggestion() string {
	const shortest = 5
	return Closest(e.Name, e.Known, shortest)
}

// Closest returns the only one of known that equals name or is one typing error away, or "". Case and
// separators are ignored. It returns "" for a name with fewer than shortest letters and digits.
func Closest(name string, known []string, shortest int) string {
	if len(name) > maxTag {
		return ""
	}
	name = string(fold(nil, name))
	if len(name) < shortest {
		return ""
	}
	found := ""
	for _, each := range known {
		folded := string(fold(nil, each))
		if name == folded {
			return each
		}
		if oneTypo(name, folded) {
			if found != "" {
				return ""
			}
			found = each
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
