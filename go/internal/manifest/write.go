package manifest

import (
	"errors"
	"fmt"
	"strings"

	"checksig/internal/digest"
)

// beginUntagged refuses algorithms that cannot be told by the length of their digests. A single one
// can, as the manifest's name says it.
func beginUntagged(dst []byte, algorithms []*digest.Algorithm) ([]byte, error) {
	for _, a := range algorithms {
		if len(algorithms) > 1 && digest.BySize(a.Size) != a {
			return nil, fmt.Errorf("beside other algorithms, %s cannot be told by the length of its digests", a.Name)
		}
	}
	return dst, nil
}

// beginSingle allows one algorithm in a manifest.
func beginSingle(dst []byte, algorithms []*digest.Algorithm) ([]byte, error) {
	if len(algorithms) != 1 {
		return nil, errors.New("the format has one algorithm in a manifest")
	}
	return dst, nil
}

// plainName refuses the names that a line cannot hold as they are: those with a line's end in
// them, and those that begin or end with one of the characters in edges.
func plainName(name, edges string) error {
	switch {
	case strings.ContainsAny(name, "\n\r"):
		return errors.New("the format cannot list a name with a line break in it")
	case name == "", strings.Trim(name, edges) != name:
		return fmt.Errorf("the format cannot list the name %q", name)
	}
	return nil
}
