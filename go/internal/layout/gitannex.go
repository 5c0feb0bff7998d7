package layout

import (
	"context"
	"strconv"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/safefs"
)

// GitAnnex is the store of git-annex in a repository, .git or a bare one. Sources: its pages "internals", "key format"
// and "backends".
//
//	annex/objects/XX/YY/KEY/KEY
//	KEY: BACKEND-sSIZE--DIGEST, and the extension of the file if the backend's name ends in E
var GitAnnex = newStore(Kind{
	Name: "git-annex", Title: "a git-annex store",
	IsContent: func(name string) bool { return strings.HasPrefix(name, "annex/") },
}, "annex", "annex/objects", func(ctx context.Context, tree *safefs.Tree) bool {
	return hasFolder(ctx, tree, "annex", func(name string) bool { return name == "objects" })
}, listGitAnnex)

var annexKey = pattern(`^([A-Z0-9_]+)((?:-[a-zA-Z][0-9]+)*)--([0-9a-f]+)(\.[^/]*)?$`)

// annexSum returns the algorithm of a backend, nil if it has none that is known. hasExtension reports whether names may
// follow the digest.
func annexSum(backend string) (a *digest.Algorithm, hasExtension bool) {
	if strings.HasPrefix(backend, "BLAKE2BP") || strings.HasPrefix(backend, "BLAKE2SP") {
		return nil, false
	}
	a = digest.ByTag(backend)
	if a == nil {
		backend, hasExtension = strings.CutSuffix(backend, "E")
		a = digest.ByTag(backend)
	}
	if a != nil && !annexBackend().MatchString(backend) {
		return nil, false // a name that git-annex does not write, such as CRC32
	}
	return a, hasExtension
}

// annexBackend matches the backends that name their digest, without the "E".
var annexBackend = pattern(`^(?:MD5|SHA(?:1|224|256|384|512)|SHA3_[0-9]+|BLAKE2[BS][0-9]+)$`)

func listGitAnnex(l *listing) {
	l.blobs("annex/objects", func(file string) {
		part := strings.Split(strings.TrimPrefix(file, l.top), "/")
		key := part[len(part)-1]
		if len(part) != 4 || part[2] != key {
			l.problem(file, "not at the place of an object: annex/objects/XX/YY/KEY/KEY")
			return
		}
		found := annexKey().FindStringSubmatch(key)
		if found == nil {
			l.problem(file, "its key has no digest")
			return
		}
		a, hasExtension := annexSum(found[1])
		if a == nil || found[4] != "" && !hasExtension {
			l.problem(file, "the digest in its key is of an unknown kind, %.40q", found[1])
			return
		}
		for _, field := range strings.Split(found[2], "-")[1:] {
			size, err := strconv.ParseInt(field[1:], 10, 64)
			if field[0] != 's' && field[0] != 'm' || err != nil {
				l.problem(file, "its key is of a part of a file")
				return
			}
			if field[0] == 's' && size != l.tree.SizeOf(file) {
				l.problem(file, "%d bytes, and %d in its key", l.tree.SizeOf(file), size)
			}
		}
		l.add(file, a, found[3])
	})
	l.note("annex/objects", "whether all objects are there that the repository needs was not checked: git annex fsck does")
}
