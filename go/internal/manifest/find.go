package manifest

import (
	"errors"

	"checksig/internal/digest"
)

// UnknownFormatError is the error for a name that no format has.
type UnknownFormatError struct {
	Name  string
	Known []string // the names in [Formats]
}

// Error suggests the name that was probably meant, and lists the known names.
func (e *UnknownFormatError) Error() string {
	const shortest = 3
	return digest.UnknownText("format", e.Name, digest.Closest(e.Name, e.Known, shortest), e.Known)
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

// WrittenNamed returns the format of that name, which can be written unless Write is nil, or an [*UnknownFormatError]
// that lists those that can.
func WrittenNamed(name string) (*Format, error) {
	f, err := FormatNamed(name)
	var unknown *UnknownFormatError
	if errors.As(err, &unknown) {
		unknown.Known = Written()
	}
	return f, err
}

// Written returns the names of the formats that can be written.
func Written() (names []string) {
	for _, f := range Formats {
		if f.Write != nil {
			names = append(names, f.Name)
		}
	}
	return names
}
