package manifest

import (
	"errors"
	"strings"

	"checksig/internal/digest"
)

// Dpkg is the list of a Debian package's files, /var/lib/dpkg/info/<package>.md5sums. Source: the man
// page deb-md5sums(5).
//
// Its lines are those of [GNU], with names relative to the root of the file system. It is recognised
// by its own name and by the first file's folder (Filesystem Hierarchy Standard 3.0, chapter 3): a
// manifest of that name next to its files is not one.
var Dpkg = &Format{Name: "dpkg", Base: "/", Detect: detectDpkg, Read: readGNU, Write: &Writer{Begin: beginDpkg, File: gnuFile}}

var rootFolder = pattern(`^(?:bin|boot|etc|lib|lib32|lib64|libx32|opt|sbin|srv|usr|var)/`)

func detectDpkg(head []byte, o Options) bool {
	g := gnuReader{}
	e, err := g.parse(firstContentLine(head, "#"))
	return err == nil && strings.HasSuffix(o.FileName, ".md5sums") && rootFolder().MatchString(e.Name) &&
		e.Algorithm == md5
}

func beginDpkg(dst []byte, algorithms []*digest.Algorithm) ([]byte, error) {
	if len(algorithms) != 1 || algorithms[0] != md5 {
		return nil, errors.New("the format is for md5 only")
	}
	return dst, nil
}
