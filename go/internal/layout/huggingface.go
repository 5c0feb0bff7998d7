package layout

import (
	"context"
	"io/fs"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/safefs"
)

// HuggingFace is a repository in the cache of huggingface_hub. Source: its guide "Understand caching".
//
//	blobs/SHA256 or blobs/GIT-BLOB-ID   the files
//	snapshots/COMMIT/NAME               links to them
//	refs/NAME                           the commit of a branch, tag or pull request
//	.no_exist/COMMIT/NAME               empty: the repository has no such file
//
// Files that git-lfs or Xet store have a SHA-256 as their name, others the ID that git gives their content.
var HuggingFace = newStore(Kind{
	Name: "hugging-face", Title: "a Hugging Face cache",
	IsContent: func(name string) bool {
		top, _, _ := strings.Cut(name, "/")
		return isHubFolder(top)
	},
}, "snapshots", "blobs", func(ctx context.Context, tree *safefs.Tree) bool {
	isBlobs := func(name string) bool { return name == "blobs" }
	isCommit := func(name string) bool { return isHex(name, 40) }
	return hasFolder(ctx, tree, ".", isBlobs) && hasFolder(ctx, tree, "snapshots", isCommit)
}, listHuggingFace)

func isHubFolder(name string) bool {
	return name == "blobs" || name == "snapshots" || name == "refs" || name == ".no_exist"
}

func listHuggingFace(l *listing) {
	entries, err := l.tree.List(l.ctx, ".")
	if err != nil {
		l.problem("blobs", "cannot be searched: %s", safefs.Cause(err))
		return
	}
	for _, e := range entries {
		if !isHubFolder(e.Name()) || !e.IsDir() {
			l.problem(e.Name(), "not part of a Hugging Face cache")
		}
	}
	blobs := map[string]bool{}
	l.blobs("blobs", func(file string) {
		switch name := strings.TrimPrefix(file, "blobs/"); {
		case isHex(name, 64):
			l.add(file, digest.ByName("sha256"), name)
		case isHex(name, 40):
			l.add(file, digest.ByName("gitblob-sha1"), name)
		case strings.HasSuffix(name, ".incomplete"):
			l.problem(file, "an incomplete download")
			return
		default:
			l.problem(file, "has no digest as its name")
			return
		}
		blobs[file] = true
	})
	commits := map[string]bool{}
	l.files("snapshots", func(file string, e fs.DirEntry) {
		commit, _, _ := strings.Cut(strings.TrimPrefix(file, "snapshots/"), "/")
		if commits[commit] = true; !isHex(commit, 40) {
			l.problem(file, "not in the folder of a commit")
		}
		if e.Type()&fs.ModeSymlink == 0 {
			l.problem(file, "not a link to a blob: which digest it must have is not known")
			return
		}
		if target, err := l.targetOf(file); err != nil {
			l.problem(file, "%s", safefs.Cause(err))
		} else if !blobs[target] {
			l.problem(file, "the blob that it links to is missing: %.200q", target)
		}
	})
	l.blobs("refs", func(file string) {
		content, err := readWhole(l.ctx, l.folder.Roots, l.tree, file)
		commit := strings.TrimSpace(string(content))
		switch {
		case err != nil:
			l.problem(file, "cannot be read: %s", safefs.Cause(err))
		case !isHex(commit, 40):
			l.problem(file, "contains no commit")
		case !commits[commit]:
			l.problem(file, "the snapshot of its commit %s is missing or empty", commit)
		}
	})
	l.blobs(".no_exist", func(file string) {
		if l.tree.SizeOf(file) != 0 {
			l.problem(file, "not empty")
		}
	})
}
