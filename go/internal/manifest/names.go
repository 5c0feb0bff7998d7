package manifest

import (
	"bytes"
	"math/bits"
	"regexp"
	"slices"
	"strings"
	"sync"

	"checksig/internal/digest"
)

// NameKind is what a file's name tells about whether it is a manifest.
type NameKind uint8

const (
	NoName    NameKind = iota // not the name of a manifest
	Candidate                 // an ordinary word, or a name that other files have too: the content decides; see [Recognise]
	Certain                   // the name of a manifest, whatever its content is
)

// nameRule is a kind of names of manifests.
type nameRule struct {
	kind NameKind
	// pattern matches whole names, in lower case unless cased is set. ALGORITHM stands for any spelling of
	// any algorithm, PREFIX for nothing or anything that ends in "_", "." or "-".
	pattern string
	words   string // every name that it matches holds one of these, in lower case; "ALGORITHM" among them
	cased   bool
	// plain demands that the name has no extension, ".txt", or one that begins with a digit, as a part of
	// a version does.
	plain bool
	doc   string // the item of the list in docs/reference/names.md
}

// nameRules lists the names under which manifests are published; docs/reference/names.md is generated from it.
//
// A name is certain only if files of no other kind have it. A name that fits several rules is certain if one
// of them says so.
var nameRules = []nameRule{
	{kind: Certain, pattern: `PREFIX(?:ALGORITHM|b2|b3)[_.-]?sums?(?:\.txt)?`,
		words: "sum",
		doc: "`ALGORITHMsum` and `ALGORITHMsums`, also with `_`, `.` or `-` between, with any prefix that ends in one of these, " +
			"and with `.txt`: `SHA256SUMS`, `sha1sum.txt`, `SHA512-SUMS.txt`, `md5.sum`, `tool_1.2_SHA256SUMS`, `disc.iso.sha256sum`, `B3SUMS`"},
	{kind: Certain, pattern: `PREFIXsha[_-]?sums?[_-]?(?:1|224|256|384|512)?(?:\.txt)?`,
		words: "sum",
		doc:   "`shasum` and `shasums`, with such a prefix, a length, and `.txt`: `SHASUMS256.txt`, `shasum.txt`"},
	{kind: Certain, pattern: `PREFIX(?:ALGORITHM[_.-]?)?checksums?(?:\.txt)?`,
		words: "checksum",
		doc: "`checksum` and `checksums`, with such a prefix or an algorithm in front, and with `.txt`: " +
			"`CHECKSUM`, `checksums.txt`, `md5checksums.txt`, `tool_1.2_checksums.txt`"},
	{kind: Certain, pattern: `PREFIXchecksums?[_.-]ALGORITHM(?:[_.-]?sums?)?(?:\.txt)?|checksum\.ALGORITHM-.*`,
		words: "checksum",
		doc: "the same followed by an algorithm: `checksums_sha256.txt`, `checksum.md5`, " +
			"`CHECKSUM.SHA256-FreeBSD-14.1-RELEASE-amd64`"},
	{kind: Certain, pattern: `.+\.(?:ALGORITHM(?:\.txt)?|b3|sfv)`,
		words: "ALGORITHM .b3 .sfv",
		doc:   "a file's name with `.ALGORITHM`, `.ALGORITHM.txt`, `.b3` or `.sfv`: `disc.iso.sha256`, `disc.iso.sha256.txt`, `files.sfv`"},
	{kind: Certain, pattern: `(?:tag)?manifest-ALGORITHM\.txt`,
		words: "ALGORITHM",
		doc:   "`manifest-ALGORITHM.txt` and `tagmanifest-ALGORITHM.txt`, the manifests of a bag"},
	{kind: Certain, pattern: `(?:MD5|SHA1|SHA256|SHA512)(?:\.sig)?|RECORD`, cased: true,
		words: "ALGORITHM record",
		doc:   "`MD5`, `SHA1`, `SHA256`, `SHA512`, also with `.sig`, and `RECORD`, in exactly this case"},
	{kind: Certain, pattern: `.+\.(?:digests?|mtree|mhl|meta4|metalink)|\.mtree|ascmhl_chain\.xml|\.cargo-checksum\.json`,
		words: ".digest .mtree .mhl .meta4 .metalink ascmhl_chain cargo-checksum",
		doc: "a name with `.DIGEST`, `.DIGESTS`, `.mtree`, `.mhl`, `.meta4` or `.metalink`; `.MTREE`; " +
			"`ascmhl_chain.xml`; `.cargo-checksum.json`"},

	{kind: Candidate, pattern: `PREFIX(?:(?:ALGORITHM|b2|b3)[_.-]?sums?|sha[_-]?sums?(?:1|224|256|384|512)?|checksums?)[_.+-].*`, plain: true,
		words: "sum",
		doc: "`ALGORITHMsums`, `shasums` and `checksums` followed by anything, without an extension or with `.txt`: " +
			"`checksums-1.2.3.txt`, `sha256sums-signed-build.txt`, `SHA256SUMS-linux`"},
	{kind: Candidate, pattern: `(?:.+[_-])?ALGORITHM(?:\.txt)?`,
		words: "ALGORITHM",
		doc:   "`ALGORITHM`, also after a file's name and `-` or `_`, and with `.txt`: `sha512.txt`, `SHA-256.txt`, `MD5.txt`, `tool-sha256`"},
	{kind: Candidate, pattern: `PREFIX(?:hash(?:es)?|digests?)(?:[_.-].*)?`, plain: true,
		words: "hash digest",
		doc:   "`hash`, `hashes`, `digest` and `digests`, with such a prefix, and followed by anything: `hashes.txt`, `DIGESTS`"},
	{kind: Candidate, pattern: `.+\.(?:sha|sha2|b2|crc|sum|cksum|hash|hashes)`,
		words: ".sha .b2 .crc .sum .cksum .hash",
		doc:   "a file's name with `.sha`, `.sha2`, `.b2`, `.crc`, `.sum`, `.cksum`, `.hash` or `.hashes`: `disc.iso.sha`"},
	{kind: Candidate, pattern: `PREFIX(?:(?:ALGORITHM|sha)[_.-]?sums?|checksums?|hash(?:es)?|digests?|file_?hash(?:es)?)(?:[_.-]ALGORITHM)?` +
		`\.(?:json|csv|tsv|md|xml|ya?ml|toml)`,
		words: "sum hash digest",
		doc:   "the same words with `.json`, `.csv`, `.tsv`, `.md`, `.xml`, `.yaml` or `.toml`: `hashes.csv`, `checksums.json`"},
	{kind: Candidate, pattern: `filereport(?:_.*)?(?:\.tsv|_tsv\.txt)`,
		words: "filereport",
		doc:   "`filereport_*.tsv` and `filereport_*_tsv.txt`, the names under which the European Nucleotide Archive (ENA) serves its file reports"},
	{kind: Candidate, pattern: `(?:in)?release|packages|sources|distinfo|manifest(?:\.files)?|manifest\.mf|` +
		`repomd\.xml|[0-9a-f]{32,128}-primary\.xml|pylock\.(?:.+\.)?toml|datapackage\.json|ro-crate-metadata\.json(?:ld)?|paths\.json|` +
		`\.srcinfo|apkbuild|(?:.+[_.-])?attestations?\.jsonl|ALGORITHM[:-][0-9a-f]{64,128}\.jsonl|model\.sig|` +
		`.+\.(?:intoto\.jsonl?|dsc|changes|buildinfo|torrent)`,
		words: "release packages sources distinfo manifest repomd -primary.xml pylock datapackage ro-crate-metadata paths.json " +
			".srcinfo apkbuild attestation ALGORITHM model.sig intoto .dsc .changes .buildinfo .torrent",
		doc: "`Release`, `InRelease`, `Packages`, `Sources`, `*.dsc`, `*.changes`, `*.buildinfo`, `distinfo`, `Manifest`, `Manifest.files`, " +
			"`MANIFEST.MF`, `repomd.xml`, `DIGEST-primary.xml`, `pylock.toml`, `pylock.*.toml`, `datapackage.json`, " +
			"`ro-crate-metadata.json`, `paths.json`, `.SRCINFO`, `APKBUILD`, `*.intoto.json`, `*.intoto.jsonl`, " +
			"`attestation.jsonl`, `*.attestations.jsonl`, `sha256:DIGEST.jsonl`, `model.sig`, `*.torrent`"},
}

// compressionSuffixes are the endings of compressed manifests.
var compressionSuffixes = []string{".gz", ".bz2", ".xz", ".zst"}

// SignatureSuffixes are the endings of the names under which the signature of a file is published; a
// clear-signed manifest has such a name too.
var SignatureSuffixes = []string{".asc", ".sig", ".sign", ".gpg", ".gpgsig", ".pgp", ".minisig", ".sshsig"}

// BundleSuffixes are the endings of the names under which Sigstore bundles and PyPI's attestations of a file are
// published.
var BundleSuffixes = []string{".sigstore.json", ".sigstore", ".bundle", ".publish.attestation"}

// IsBundleName reports whether a file of that name may be the bundle of another one.
func IsBundleName(name string) bool {
	return slices.ContainsFunc(BundleSuffixes, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

// AllSignatureSuffixes are those of both kinds.
var AllSignatureSuffixes = slices.Concat(SignatureSuffixes, BundleSuffixes)

// appleDouble is the beginning of the names of the files in which macOS keeps attributes of other files.
const appleDouble = "._"

// IsName reports whether a file of that name is certainly a manifest.
func IsName(fileName string) bool { return Classify(fileName) == Certain }

// Classify returns what a file's name tells about whether it is a manifest.
func Classify(fileName string) NameKind {
	switch fileName {
	case "MD5SUMS", "SHA1SUMS", "SHA256SUMS", "SHA512SUMS":
		return Certain // the most common names, without compiling the patterns
	}
	name, highest := fileName, Certain
	if rest, is := strings.CutPrefix(name, appleDouble); is {
		name, highest = rest, Candidate
	}
	rules := rulesFor(name)
	if rules == 0 {
		return NoName
	}
	if kind := match(name, rules); kind != NoName {
		return min(kind, highest)
	}
	if signed := withoutSuffix(name, SignatureSuffixes); signed != name {
		name, highest = signed, Candidate // it is clear-signed, or the signature of that file
	}
	if plain := withoutSuffix(name, compressionSuffixes); plain != name || highest == Candidate {
		return min(classify(plain), highest)
	}
	return NoName
}

// IsNearName reports whether a name, though not that of a manifest, resembles one: "SUMS", "checksum.dat".
func IsNearName(fileName string) bool { return rulesFor(fileName) != 0 && Classify(fileName) == NoName }

// classify is [Classify] for names as the rules have them.
func classify(name string) NameKind { return match(name, rulesFor(name)) }

// match returns the kind of a name by these rules.
func match(name string, rules uint32) NameKind {
	if rules == 0 {
		return NoName
	}
	text := textOf(name)
	for ; rules != 0; rules &= rules - 1 {
		i := bits.TrailingZeros32(rules)
		r, matches := &nameRules[i], false
		if r.cased {
			matches = patterns()[i].MatchString(name)
		} else {
			matches = patterns()[i].Match(text) && (!r.plain || hasPlainEnd(text))
		}
		if matches {
			return r.kind
		}
	}
	return NoName
}

const (
	maxName = 255 // no file system has longer names

	// algorithmMark stands for the spelling of an algorithm in the text that the patterns are matched with.
	algorithmMark = '\x00'
)

// rulesFor returns which rules may match a name, as bits. It excludes most files of a folder.
func rulesFor(name string) (rules uint32) {
	scan(name, func(rulesHere uint32, _ byte) { rules |= rulesHere })
	return rules
}

// textOf returns name in lower case and with algorithmMark for each spelling of an algorithm.
func textOf(name string) []byte {
	text := make([]byte, 0, len(name))
	scan(name, func(_ uint32, c byte) { text = append(text, c) })
	return text
}

// scan calls each with the bytes of name in lower case, with algorithmMark for each spelling of an
// algorithm, and with the rules that have a word which begins there, as bits.
func scan(name string, each func(rules uint32, c byte)) {
	if len(name) > maxName || strings.IndexByte(name, algorithmMark) >= 0 {
		return
	}
	var buffer [maxName]byte
	lower := buffer[:len(name)]
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	w := ruleWords()
	for i := 0; i < len(lower); {
		rest := lower[i:]
		c, size, rules := rest[0], 1, uint32(0)
		for j := range w.words[c] {
			if word := &w.words[c][j]; len(rest) >= len(word.text) && string(rest[:len(word.text)]) == word.text {
				rules |= word.rules
			}
		}
		spellings := w.algorithms[c]
		for j := range spellings {
			if i > 0 && isLowerLetter(lower[i-1]) {
				break // "checksums" does not name the algorithm cksum
			}
			if n := spellings[j].prefix(rest); n >= size {
				size, c, rules = n, algorithmMark, rules|w.algorithm
			}
		}
		each(rules, c)
		i += size
	}
}

func isLowerLetter(c byte) bool { return 'a' <= c && c <= 'z' }

// hasPlainEnd reports whether a name has no extension, ".txt", or one that begins with a digit.
func hasPlainEnd(name []byte) bool {
	dot := bytes.LastIndexByte(name, '.')
	extension := string(name[dot+1:])
	return dot < 1 || extension == "txt" || extension != "" && extension[0] >= '0' && extension[0] <= '9'
}

// withoutSuffix returns name without the first of the suffixes that it has, in any case.
func withoutSuffix(name string, suffixes []string) string {
	for _, s := range suffixes {
		if at := len(name) - len(s); at > 0 && strings.EqualFold(name[at:], s) {
			return name[:at]
		}
	}
	return name
}

// patterns returns the compiled patterns of the rules.
var patterns = sync.OnceValue(func() []*regexp.Regexp {
	replace := strings.NewReplacer("ALGORITHM", string(algorithmMark), "PREFIX", `(?:.*[_.-])?`)
	all := make([]*regexp.Regexp, len(nameRules))
	for i := range nameRules {
		all[i] = regexp.MustCompile(`^(?s:` + replace.Replace(nameRules[i].pattern) + `)$`)
	}
	return all
})

// wordTable finds the words of the rules, and spellings of algorithms, by their first byte.
type wordTable struct {
	words      [256][]ruleWord
	algorithms [256][]spelling
	algorithm  uint32 // the rules with "ALGORITHM" among their words
}

type ruleWord struct {
	text  string
	rules uint32
}

var ruleWords = sync.OnceValue(func() *wordTable {
	t := &wordTable{}
	rules := map[string]uint32{}
	for i := range nameRules {
		for _, word := range strings.Fields(nameRules[i].words) {
			rules[word] |= 1 << i
		}
	}
	for word, bits := range rules {
		if word == "ALGORITHM" {
			t.algorithm = bits
			continue
		}
		t.words[word[0]] = append(t.words[word[0]], ruleWord{word, bits})
	}
	for _, a := range digest.Table {
		for _, text := range append([]string{a.Name}, a.Spellings...) {
			t.algorithms[text[0]] = append(t.algorithms[text[0]], spelling{text, a.Variable()})
		}
	}
	return t
})

// spelling is a spelling of an algorithm, in lower case. A "-" stands for "-", "_" or nothing.
type spelling struct {
	text   string
	length bool // a length in bits may follow
}

// prefix returns how many bytes at the beginning of name it takes, 0 if name does not begin with it.
func (s *spelling) prefix(name []byte) int {
	at := 0
	for i := range len(s.text) {
		switch {
		case s.text[i] == '-':
			at = skipSeparator(name, at)
		case at < len(name) && name[at] == s.text[i]:
			at++
		default:
			return 0
		}
	}
	if s.length {
		start := skipSeparator(name, at)
		end := start
		for end < len(name) && '0' <= name[end] && name[end] <= '9' {
			end++
		}
		if end > start {
			return end
		}
	}
	return at
}

func skipSeparator(name []byte, at int) int {
	if at < len(name) && (name[at] == '-' || name[at] == '_') {
		at++
	}
	return at
}

// wholeAlgorithm reports whether name, in any case, is a spelling of an algorithm.
func wholeAlgorithm(name string) bool {
	return string(textOf(name)) == string(algorithmMark)
}
