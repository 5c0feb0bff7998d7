package layout

import (
	"context"

	"checksig/internal/digest"
	"checksig/internal/safefs"
)

// GitLFS is the store of git-lfs in a repository, .git/lfs. Source: docs/spec.md of git-lfs, "objects/OID[0:2]/OID[2:4]/OID".
var GitLFS = newStore(Kind{Name: "git-lfs", Title: "a git-lfs store"}, "objects", "objects",
	func(ctx context.Context, tree *safefs.Tree) bool {
		return hasFolder(ctx, tree, "objects", func(name string) bool {
			return isHexPair(name) && hasFolder(ctx, tree, "objects/"+name, isHexPair)
		})
	}, listGitLFS)

var lfsObject = pattern(`^objects/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{64})$`)

func listGitLFS(l *listing) {
	l.blobs("objects", func(file string) {
		part := lfsObject().FindStringSubmatch(file)
		if part == nil || part[3][:2] != part[1] || part[3][2:4] != part[2] {
			l.problem(file, "not at the place of an object: objects/ab/cd/abcd...")
			return
		}
		l.add(file, digest.ByName("sha256"), part[3])
	})
	l.note("objects", "whether all objects are there that the commits need was not checked: git lfs fsck does")
}
