package manifest

import (
	"errors"
	"fmt"
	"strings"

	"checksig/internal/digest"
)

// beginUntagged rejects several algorithms that the length of a digest does not identify. A single
// algorithm can be read from the manifest's name.
func beginUntagged(dst []byte, algorithms []*digest.Algorithm) ([]byte, error) {
	for _, a := range algorithms {
		if len(algorithms) > 1 && digest.BySize(a.Size) != a {
			return nil, fmt.Errorf("the format cannot represent %s together with other algorithms: "+
				"it has no tags, and the length of a digest does not identify %s", a.Name, a.Name)
		}
	}
	return dst, nil
}

// beginSingle rejects more than one algorithm.
func beginSingle(dst []byte, algorithms []*digest.Algorithm) ([]byte, error) {
	if len(algorithms) != 1 {
		return nil, errors.New("the format has one algorithm per manifest")
	}
	return dst, nil
}

// plainName returns an error for a name that a line cannot contain unescaped: one with a line break,
// or one that begins or ends with a character in edges.
func plainName(name, edges string) error {
	switch {
	case strings.ContainsAny(name, "\n\r"):
		return errors.New("the format cannot represent a name with a line break")
	case name == "", strings.Trim(name, edges) != name:
		return fmt.Errorf("the format cannot represent the name %q", name)
	}
	return nil
}
