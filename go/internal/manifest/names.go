package manifest

import (
	"path"
	"regexp"
	"strings"
	"sync"

	"checksig/internal/digest"
)

// manifestName matches the usual names of manifests, in lower case. ALGORITHM stands for any spelling
// of any algorithm.
var manifestName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(`^(?:`+
		`(?:.*[_.-])?(?:ALGORITHM|b2|b3)sums?(?:\.txt)?|`+ // SHA256SUMS, sha1sum.txt, tool_1.2_SHA256SUMS, B3SUMS
		`shasums(?:1|224|256|384|512)?(?:\.txt)?(?:\.asc)?|`+ // SHASUMS256.txt and, clear-signed, SHASUMS256.txt.asc
		`(?:.*[_.-])?(?:ALGORITHM)?checksums?(?:\.txt)?|`+ // CHECKSUM, checksums.txt, md5checksums.txt, tool_1.2_checksums.txt
		`checksum\.ALGORITHM(?:-.*)?|`+ // CHECKSUM.SHA256-FreeBSD-14.1-RELEASE-amd64
		`(?:tag)?manifest-ALGORITHM\.txt|`+ // bags (RFC 8493)
		`.+\.(?:ALGORITHM(?:\.txt)?|b3|sfv)|`+ // disc.iso.sha256, disc.iso.sha256.txt, disc.sfv
		// Shapes of lines: disc.iso.sha, stage3.tar.xz.DIGESTS.
		`.+\.(?:sha|digests?)|`+
		// End of the shapes of lines.
		// XML, TOML and torrents
		`repomd\.xml|[0-9a-f]{32,128}-primary\.xml|ascmhl_chain\.xml|pylock\.(?:[^.]+\.)?toml|`+
		`.+\.(?:meta4|metalink|mhl|torrent)`+ // disc.iso.meta4, 0001_A002.mhl, disc.iso.torrent
		`)$`, "ALGORITHM", `(?:`+spellings()+`)`))
})

// IsName reports whether a file's name is one of a manifest. It decides which files are read when a
// folder is searched for manifests.
func IsName(fileName string) bool {
	switch fileName {
	case "MD5", "SHA1", "SHA256", "SHA512", "MD5.sig", "SHA1.sig", "SHA256.sig", "SHA512.sig", "RECORD":
		return true // in this case only: in lower case they are ordinary words
	case "MD5SUMS", "SHA1SUMS", "SHA256SUMS", "SHA512SUMS":
		return true // the most common names, without compiling the pattern
	// JSON documents
	case "datapackage.json":
		return true
	}
	if strings.HasSuffix(fileName, ".intoto.json") || strings.HasSuffix(fileName, ".intoto.jsonl") {
		return true
	}
	if isPackageList(fileName) {
		return true
	}
	name := strings.ToLower(fileName)
	return mayMatch(name) && manifestName().MatchString(name)
}

// isPackageList reports whether a file's name is one of the lists of packages.
func isPackageList(fileName string) bool {
	// lists of packages
	switch fileName {
	case "distinfo", "Manifest":
		return true // in this case only: otherwise they are ordinary words
	}
	switch path.Ext(fileName) {
	case ".dsc", ".changes", ".buildinfo", ".mtree":
		return true
	}
	return false
}

// mayMatch reports whether manifestName can match a name. It is a fast test that excludes most files
// in a folder.
func mayMatch(name string) bool {
	return strings.Contains(name, "sum") || strings.Contains(name, "manifest-") || strings.Contains(name, ".")
}

// spellings returns a pattern that matches the spellings of all algorithms, in lower case.
func spellings() string {
	var words []string
	for _, a := range digest.Table {
		bits := ""
		if a.Variable() {
			bits = "(?:[-_]?[0-9]+)?"
		}
		for _, s := range append([]string{a.Name}, a.Spellings...) {
			words = append(words, strings.ReplaceAll(s, "-", "[-_]?")+bits)
		}
	}
	return strings.Join(words, "|")
}
