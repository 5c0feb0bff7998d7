package manifest

import (
	"regexp"
	"strings"
)

// manifestName matches, in lower case, the names under which manifests are published.
var manifestName = regexp.MustCompile(`^(?:` +
	`(?:.*[_.-])?(?:md5|sha1|sha224|sha256|sha384|sha512)sums?(?:\.txt)?|` + // SHA256SUMS, sha1sum.txt, tool_1.2_SHA256SUMS
	`shasums(?:1|224|256|384|512)?(?:\.txt)?|` + // SHASUMS256.txt
	`(?:md5)?checksums?(?:\.txt)?|` + // CHECKSUM, checksums.txt, md5checksums.txt
	`.+\.(?:md5|sha1|sha224|sha256|sha384|sha512)` + // disc.iso.sha256
	`)$`)

// IsName reports whether a file of that name, in whatever case, is taken for a manifest when a
// folder is searched for them.
func IsName(fileName string) bool { return manifestName.MatchString(strings.ToLower(fileName)) }
