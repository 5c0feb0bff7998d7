package manifest

import (
	"regexp"
	"strings"

	"checksig/internal/digest"
)

// manifestName matches, in lower case, the names under which manifests are published. ALGORITHM
// stands for any spelling of any algorithm.
var manifestName = regexp.MustCompile(strings.ReplaceAll(`^(?:`+
	`(?:.*[_.-])?(?:ALGORITHM|b2|b3)sums?(?:\.txt)?|`+ // SHA256SUMS, sha1sum.txt, tool_1.2_SHA256SUMS, B3SUMS
	`shasums(?:1|224|256|384|512)?(?:\.txt)?(?:\.asc)?|`+ // SHASUMS256.txt and, clear-signed, SHASUMS256.txt.asc
	`(?:.*[_.-])?(?:ALGORITHM)?checksums?(?:\.txt)?|`+ // CHECKSUM, checksums.txt, md5checksums.txt, tool_1.2_checksums.txt
	`checksum\.ALGORITHM(?:-.*)?|`+ // CHECKSUM.SHA256-FreeBSD-14.1-RELEASE-amd64
	`(?:tag)?manifest-ALGORITHM\.txt|`+ // of a bag (RFC 8493)
	`.+\.(?:ALGORITHM(?:\.txt)?|b3|sfv)`+ // disc.iso.sha256, disc.iso.sha256.txt, disc.sfv
	`)$`, "ALGORITHM", `(?:`+spellings()+`)`))

// exactName matches names that mean a manifest in this case only, being words otherwise.
var exactName = regexp.MustCompile(`^(?:(?:MD5|SHA1|SHA256|SHA512)(?:\.sig)?|RECORD)$`)

// IsName reports whether a file of that name is taken for a manifest when a folder is searched for
// them.
func IsName(fileName string) bool {
	return manifestName.MatchString(strings.ToLower(fileName)) || exactName.MatchString(fileName)
}

// spellings returns a pattern of all the algorithms' spellings in lower case.
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
