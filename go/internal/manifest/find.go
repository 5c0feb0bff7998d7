package manifest

import (
	"fmt"
	"strings"
)

// UnknownFormatError is the error for a name that no format has.
type UnknownFormatError struct {
	Name  string
	Known []string // the names in [Formats]
}

func (e *UnknownFormatError) Error() string {
	return fmt.Sprintf("unknown format %.40q; known: %s", e.Name, strings.Join(e.Known, ", "))
}

// FormatNamed returns the format of that name ("gnu", "bsd"), or an [*UnknownFormatError].
func FormatNamed(name string) (*Format, error) {
	unknown := &UnknownFormatError{Name: name}
	for _, f := range Formats {
		if f.Name == name {
			return f, nil
		}
		unknown.Known = append(unknown.Known, f.Name)
	}
	return nil, unknown
}
