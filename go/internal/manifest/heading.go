package manifest

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"checksig/internal/digest"
)

// maxHeading is the longest line that is looked at as a heading, in bytes.
const maxHeading = 64

// heading reports whether a line names the algorithm of the digests after it, and keeps that algorithm. It
// holds up to the next heading. The lines after an unknown algorithm are bad lines: their length must not
// choose another one.
//
//	# SHA512 HASH          Gentoo's .DIGESTS, catalyst
//	Hash: SHA512           .NET
//	SHA256:                also "SHA-256 checksums", "# MD5", "sha1sum:"
func (u *untagged) heading(line []byte) bool {
	if len(line) > maxHeading {
		return false
	}
	text := bytes.TrimLeft(line, "#; \t")
	isComment := len(line) > 0 && strings.IndexByte("#;", line[0]) >= 0
	parts := words(text)
	if len(parts) == 0 || len(parts) > 2 {
		return false
	}
	tag := string(parts[0])
	isGentoo := false
	switch {
	case len(parts) == 2 && (strings.EqualFold(tag, "Hash:") || strings.EqualFold(tag, "Algorithm:")):
		tag = string(parts[1])
	case len(parts) == 2:
		isGentoo = isComment && string(parts[1]) == "HASH"
		if !headingNouns[strings.ToLower(strings.TrimSuffix(string(parts[1]), ":"))] {
			return false
		}
	default:
		var colon bool
		if tag, colon = strings.CutSuffix(tag, ":"); !colon && !isComment {
			return false // it may be what is left of a line with a tag
		}
	}
	if hasHexRun([]byte(tag)) || slices.ContainsFunc(bytes.FieldsFunc([]byte(tag), isNoHexDigit), hasHexRun) {
		return false // a digest, or a part of one
	}
	if algorithm := algorithmOfHeading(tag); algorithm != nil {
		*u = untagged{algorithm: algorithm, awaited: !isComment}
		return true
	}
	if isGentoo || isOtherAlgorithm(tag) {
		*u = untagged{unknown: tag, awaited: !isComment}
		return true
	}
	return false
}

// truncated returns the error for a manifest that ends after a heading.
func (u *untagged) truncated() error {
	if u.awaited {
		return errors.New("truncated: no digest after the heading")
	}
	return nil
}

// hidesDigest reports whether a "#" comment is a heading of Gentoo that lacks its end, so that a digest follows
// on the same line. In other comments digests are passed over.
func hidesDigest(line []byte) bool {
	return bytes.Contains(line, []byte(" HASH")) && looksLikeDigest(line)
}

// headingNouns are what may follow the algorithm in a heading.
var headingNouns = map[string]bool{
	"hash": true, "hashes": true, "sum": true, "sums": true, "checksum": true, "checksums": true, "digest": true, "digests": true,
}

// algorithmOfHeading returns the algorithm in a heading's tag ("SHA-256", "sha256sums"), or nil.
func algorithmOfHeading(tag string) *digest.Algorithm {
	if algorithm := digest.ByTag(tag); algorithm != nil {
		return algorithm
	}
	tag = strings.TrimSuffix(strings.ToLower(tag), "s")
	return digest.ByTag(strings.TrimSuffix(tag, "sum"))
}

// isOtherAlgorithm reports whether a tag that [digest.ByTag] does not know names an algorithm all the same.
// "SHA" and "SHA2" do not: the length of a digest tells which of their algorithms is meant.
func isOtherAlgorithm(tag string) bool { return otherAlgorithm().MatchString(tag) }

var otherAlgorithm = pattern(`(?i)^(?:md-?[0-9]|sha-?[013]|sha-?[0-9]{3}|sha-?2[-_/]|ripemd|rmd-?[0-9]|whirlpool|tiger|tth$|ed2k|aich|gost|has-?160|` +
	`snefru|edon|btih|crc[-_]?[0-9]|xxh|blake|keccak|shake|adler|fletcher|streebog|stribog|skein|kangaroo|k12$)[A-Za-z0-9_/-]*$`)

// resemblesAlgorithm reports whether a tag begins as the name of an algorithm does, known or not, or is one with
// "sum" or "sums" at its end. It is for places where nothing else than a tag is likely.
func resemblesAlgorithm(tag string) bool {
	folded := strings.NewReplacer("-", "", "_", "", "/", "").Replace(strings.ToLower(tag))
	return algorithmPrefix().MatchString(folded) || algorithmOfHeading(folded) != nil
}

var algorithmPrefix = pattern(`^(?:md|sha|ripemd|rmd|whirlpool|tiger|tth|ed2k|aich|gost|has|snefru|edon|btih|crc|xxh|blake|keccak|shake|adler|` +
	`fletcher|streebog|stribog|skein|kangaroo|k12)`)

// firstEntryLine returns the first line of head that is not blank, a comment or a heading; nil if there is
// none.
func firstEntryLine(head []byte) []byte {
	for line := range contentLines(head, "#;") {
		var u untagged
		if !isRemark(line) && !u.heading(line) {
			return line
		}
	}
	return nil
}
