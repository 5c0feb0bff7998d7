package manifest

import (
	"errors"
	"strings"

	"checksig/internal/digest"
)

// Dpkg is the list of a Debian package's files, /var/lib/dpkg/info/<package>.md5sums (man page
// deb-md5sums(5)): lines as of [GNU], whose names start from the root of the file system. It is
// known by its name and by where the first file lies (Filesystem Hierarchy Standard 3.0, chapter 3),
// so that a manifest called so, of files beside it, is none.
var Dpkg = &Format{Name: "dpkg", Base: "/", Detect: detectDpkg, Read: readGNU, Write: &Writer{Begin: beginDpkg, File: gnuFile}}

var fromRoot = pattern(`^(?:bin|boot|etc|lib|lib32|lib64|libx32|opt|sbin|srv|usr|var)/`)

func detectDpkg(head []byte, o Options) bool {
	g := gnuReader{}
	e, err := g.parse(first(head, "#"))
	return err == nil && strings.HasSuffix(o.FileName, ".md5sums") && fromRoot().MatchString(e.Name) &&
		e.Algorithm == md5
}

func beginDpkg(dst []byte, algorithms []*digest.Algorithm) ([]byte, error) {
	if len(algorithms) != 1 || algorithms[0] != md5 {
		return nil, errors.New("the format is for md5, and nothing else")
	}
	return dst, nil
}
