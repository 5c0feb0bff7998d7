package manifest

import (
	"regexp"
	"strings"
	"sync"

	"checksig/internal/digest"
)

// manifestName matches, in lower case, the names under which manifests are published. ALGORITHM
// stands for any spelling of any algorithm.
var manifestName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(`^(?:`+
		`(?:.*[_.-])?(?:ALGORITHM|b2|b3)sums?(?:\.txt)?|`+ // SHA256SUMS, sha1sum.txt, tool_1.2_SHA256SUMS, B3SUMS
		`shasums(?:1|224|256|384|512)?(?:\.txt)?(?:\.asc)?|`+ // SHASUMS256.txt and, clear-signed, SHASUMS256.txt.asc
		`(?:.*[_.-])?(?:ALGORITHM)?checksums?(?:\.txt)?|`+ // CHECKSUM, checksums.txt, md5checksums.txt, tool_1.2_checksums.txt
		`checksum\.ALGORITHM(?:-.*)?|`+ // CHECKSUM.SHA256-FreeBSD-14.1-RELEASE-amd64
		`(?:tag)?manifest-ALGORITHM\.txt|`+ // of a bag (RFC 8493)
		`.+\.(?:ALGORITHM(?:\.txt)?|b3|sfv)`+ // disc.iso.sha256, disc.iso.sha256.txt, disc.sfv
		`)$`, "ALGORITHM", `(?:`+spellings()+`)`))
})

// IsName reports whether a file of that name is taken for a manifest when a folder is searched for
// them.
func IsName(fileName string) bool {
	switch fileName {
	case "MD5", "SHA1", "SHA256", "SHA512", "MD5.sig", "SHA1.sig", "SHA256.sig", "SHA512.sig", "RECORD":
		return true // in this case only, being words otherwise
	case "MD5SUMS", "SHA1SUMS", "SHA256SUMS", "SHA512SUMS":
		return true // the commonest, for which no pattern need be compiled
	}
	name := strings.ToLower(fileName)
	return mayMatch(name) && manifestName().MatchString(name)
}

// mayMatch reports whether a name has what every name has that manifestName matches. Most files in
// a folder have other names.
func mayMatch(name string) bool {
	return strings.Contains(name, "sum") || strings.Contains(name, "manifest-") || strings.Contains(name, ".")
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
