package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/safefs"
)

// MaxProfile bounds a BagIt profile, in bytes.
const MaxProfile = 1 << 20

// BagProfile holds the rules that a community has for its bags: a BagIt profile, version 1.0 to 1.4
// (bagit-profiles.github.io/bagit-profiles-specification).
type BagProfile struct {
	rules          profileRules
	identifier     string
	tags           map[string]profileTag // by their labels in lower case
	payloadAllowed *regexp.Regexp        // nil for all files
	tagsAllowed    *regexp.Regexp
}

// profileRules is the document. What is a pointer or nil if it is left out.
type profileRules struct {
	Info                 map[string]any        `json:"BagIt-Profile-Info"`
	BagInfo              map[string]profileTag `json:"Bag-Info"`
	ManifestsRequired    []string              `json:"Manifests-Required"`
	ManifestsAllowed     []string              `json:"Manifests-Allowed"`
	AllowFetch           *bool                 `json:"Allow-Fetch.txt"`
	FetchRequired        bool                  `json:"Fetch.txt-Required"`
	DataEmpty            bool                  `json:"Data-Empty"`
	Serialization        string                `json:"Serialization"`
	AcceptSerialization  []string              `json:"Accept-Serialization"` // about archives
	AcceptVersion        []string              `json:"Accept-BagIt-Version"`
	TagManifestsRequired []string              `json:"Tag-Manifests-Required"`
	TagManifestsAllowed  []string              `json:"Tag-Manifests-Allowed"`
	TagFilesRequired     []string              `json:"Tag-Files-Required"`
	TagFilesAllowed      []string              `json:"Tag-Files-Allowed"`
	PayloadFilesRequired []string              `json:"Payload-Files-Required"`
	PayloadFilesAllowed  []string              `json:"Payload-Files-Allowed"`
}

// profileTag is the rule for one label of bag-info.txt.
type profileTag struct {
	Required    bool     `json:"required"`
	Repeatable  *bool    `json:"repeatable"`
	Values      []string `json:"values"`
	Description any      `json:"description"` // for people, like the next two
	Recommended any      `json:"recommended"`
	Help        any      `json:"help"`
}

// ParseBagProfile reads a profile. A rule that it does not know is an error: a bag could break it.
func ParseBagProfile(content []byte) (*BagProfile, error) {
	p := &BagProfile{tags: map[string]profileTag{}}
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(content, []byte("\uFEFF"))))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p.rules); err != nil {
		return nil, fmt.Errorf("not a BagIt profile: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if decoder.More() {
		return nil, errors.New("not a BagIt profile: it goes on after the end of the object")
	}
	p.identifier, _ = p.rules.Info["BagIt-Profile-Identifier"].(string)
	if p.identifier == "" {
		return nil, errors.New("not a BagIt profile: no BagIt-Profile-Identifier in BagIt-Profile-Info")
	}
	for label, rule := range p.rules.BagInfo {
		p.tags[strings.ToLower(label)] = rule
	}
	r := &p.rules
	for _, names := range [][]string{r.ManifestsRequired, r.ManifestsAllowed, r.TagManifestsRequired, r.TagManifestsAllowed} {
		for _, name := range names {
			if digest.ByName(name) == nil {
				return nil, fmt.Errorf("unknown algorithm %.40q", name)
			}
		}
	}
	if !slices.Contains([]string{"", "forbidden", "required", "optional"}, r.Serialization) {
		return nil, fmt.Errorf("unknown value %.40q for Serialization", r.Serialization)
	}
	var err error
	if p.tagsAllowed, err = patterns(r.TagFilesAllowed); err != nil {
		return nil, err
	}
	if p.payloadAllowed, err = patterns(r.PayloadFilesAllowed); err != nil {
		return nil, err
	}
	if err := areAllowed("Tag-Files", r.TagFilesRequired, p.tagsAllowed); err != nil {
		return nil, err
	}
	return p, areAllowed("Payload-Files", r.PayloadFilesRequired, p.payloadAllowed)
}

// areAllowed returns an error if a required file is not among the allowed ones.
func areAllowed(what string, required []string, allowed *regexp.Regexp) error {
	for _, name := range required {
		if allowed != nil && !strings.HasSuffix(name, "/") && !allowed.MatchString(name) {
			return fmt.Errorf("%s-Required has %.200q, which %[1]s-Allowed excludes", what, name)
		}
	}
	return nil
}

// patterns returns what matches the names that one of the patterns matches. It returns nil, for all names, if there is
// no list.
//
// The language is that of Python's fnmatch, with which the specification's authors validate bags: "*" and "?" match a
// slash, too; only "!" negates a class; a backslash is an ordinary character, and so is a "[" without its end.
func patterns(globs []string) (*regexp.Regexp, error) {
	if globs == nil {
		return nil, nil
	}
	var all strings.Builder
	all.WriteString(`(?s)\A(?:`)
	for i, glob := range globs {
		if i > 0 {
			all.WriteByte('|')
		}
		for text := []rune(glob); len(text) > 0; {
			size := 1
			switch text[0] {
			case '*':
				all.WriteString(".*")
			case '?':
				all.WriteByte('.')
			case '[':
				if size = classSize(text); size > 1 {
					writeClass(&all, text[1:size-1])
					break
				}
				fallthrough
			default:
				all.WriteString(regexp.QuoteMeta(string(text[0])))
			}
			text = text[size:]
		}
	}
	if len(globs) == 0 {
		all.WriteString(noCharacter)
	}
	all.WriteString(`)\z`)
	found, err := regexp.Compile(all.String())
	if err != nil {
		return nil, fmt.Errorf("not a pattern for names in %.200q: %w", globs, err)
	}
	return found, nil
}

const noCharacter = `[^\x00-\x{10FFFF}]`

// classSize returns the length of the class that text begins with, 1 if the "[" has no end. A "]" that comes first in
// the class does not end it.
func classSize(text []rune) int {
	first := 1
	if first < len(text) && text[first] == '!' {
		first++
	}
	if first+1 >= len(text) {
		return 1
	}
	end := slices.Index(text[first+1:], ']')
	if end < 0 {
		return 1
	}
	return first + 1 + end + 1
}

// writeClass writes a class as a regular expression. A range whose end comes before its beginning has no characters.
func writeClass(to *strings.Builder, class []rune) {
	var characters strings.Builder
	negated := class[0] == '!'
	if negated {
		class = class[1:]
	}
	for len(class) > 0 {
		size, last := 1, class[0]
		if len(class) > 2 && class[1] == '-' {
			size, last = 3, class[2]
		}
		if class[0] <= last {
			fmt.Fprintf(&characters, `\x{%x}-\x{%x}`, class[0], last)
		}
		class = class[size:]
	}
	switch {
	case characters.Len() > 0 && negated:
		fmt.Fprintf(to, "[^%s]", characters.String())
	case characters.Len() > 0:
		fmt.Fprintf(to, "[%s]", characters.String())
	case negated:
		to.WriteByte('.')
	default:
		to.WriteString(noCharacter)
	}
}

// profileCheck compares one bag with a profile.
type profileCheck struct {
	*bagCheck
	*BagProfile
	counts map[string]int // of labels that the profile names
}

// problem reports a rule of the profile that the bag breaks.
func (c *profileCheck) problem(file string, line int64, format string, args ...any) {
	c.report.Problem(file, line, fmt.Sprintf(format, args...)+" (BagIt profile)")
}

// checkProfile reports where the bag breaks the rules of its profile.
func (c *bagCheck) checkProfile(octets, files int64) {
	p := &profileCheck{bagCheck: c, BagProfile: c.profile, counts: map[string]int{}}
	r := &p.rules
	if r.AcceptVersion != nil && !slices.Contains(r.AcceptVersion, c.version) {
		p.problem(bagDeclaration, 1, "BagIt-Version %q is not one of %q", c.version, r.AcceptVersion)
	}
	p.bagInfo()
	p.manifests("manifest", c.payload, r.ManifestsRequired, r.ManifestsAllowed)
	p.manifests("tagmanifest", c.tags, r.TagManifestsRequired, r.TagManifestsAllowed)
	_, err := c.tree.Lstat(bagFetch)
	if err == nil && r.AllowFetch != nil && !*r.AllowFetch {
		p.problem(bagFetch, 0, "there must be no such file")
	}
	if err != nil && r.FetchRequired {
		p.problem(bagFetch, 0, "there is no such file")
	}
	if r.DataEmpty && (files > 1 || octets > 0) {
		p.problem(bagDeclaration, 0, "data/ must be empty, or hold a single file of no bytes")
	}
	p.required(r.TagFilesRequired)
	p.required(r.PayloadFilesRequired)
	p.tagFiles()
	if r.Serialization == "required" {
		c.report.Note(bagDeclaration, 0, "the BagIt profile asks for a bag in an archive, which this one may come from")
	}
}

// required reports the files, and the folders whose name ends with a slash, that are not there.
func (c *profileCheck) required(names []string) {
	for _, name := range names {
		info, err := c.tree.Follow(strings.TrimSuffix(name, "/"))
		switch isFolder := strings.HasSuffix(name, "/"); {
		case err != nil:
			c.problem(bagDeclaration, 0, "no %q: %s", name, safefs.Cause(err))
		case isFolder != info.IsDir():
			c.problem(bagDeclaration, 0, "%q is not a %s", name, map[bool]string{true: "folder", false: "file"}[isFolder])
		}
	}
}

// manifests compares the algorithms of the manifests with those that the profile names.
func (c *profileCheck) manifests(what string, lists []*bagList, required, allowed []string) {
	var found []*digest.Algorithm
	for _, list := range lists {
		a := digest.NamedIn(list.file)
		found = append(found, a)
		if allowed != nil && a != nil && !slices.ContainsFunc(allowed, func(name string) bool { return digest.ByName(name) == a }) {
			c.problem(list.file, 0, "the algorithm %s is not one of %q", a.Name, allowed)
		}
	}
	for _, name := range required {
		if !slices.Contains(found, digest.ByName(name)) {
			c.problem(bagDeclaration, 0, "there is no %s-%s.txt", what, name)
		}
	}
}

// tagFiles reports files outside of data/ that are not allowed. Those that BagIt itself defines always are.
func (c *profileCheck) tagFiles() {
	if c.tagsAllowed == nil {
		return
	}
	err := c.tree.Walk(c.ctx, func(name string, entry fs.DirEntry) error {
		if name == bagPayload && entry.IsDir() {
			return fs.SkipDir
		}
		if unreadable, is := entry.(*safefs.UnreadableFolder); is {
			c.problem(bagDeclaration, 0, "%q cannot be searched: %s", name, safefs.Cause(unreadable.Err))
			return fs.SkipDir
		}
		if !entry.IsDir() && !BagIt.IsOwn(name) && !c.tagsAllowed.MatchString(name) {
			c.problem(bagDeclaration, 0, "%q is not allowed by Tag-Files-Allowed", name)
		}
		return nil
	})
	if err != nil && c.ctx.Err() == nil {
		c.problem(bagDeclaration, 0, "the bag cannot be searched: %s", safefs.Cause(err))
	}
}

const (
	identifierLabel = "bagit-profile-identifier"
	maxTagValue     = 1 << 20 // bytes of one value, with its continuation lines
)

// bagInfo compares bag-info.txt with the rules for its labels.
func (c *profileCheck) bagInfo() {
	var label, value string
	var line int64
	name := c.infoName()
	end := func() {
		if label != "" {
			c.tag(name, line, label, joinedWords(value))
		}
		label = ""
	}
	c.tagLines(name, false, func(n int64, text string) {
		if text != "" && (text[0] == ' ' || text[0] == '\t') {
			if len(value) < maxTagValue {
				value += " " + text
			}
			return
		}
		end()
		label, value, _ = strings.Cut(text, ":")
		label, line = strings.ToLower(strings.TrimSpace(label)), n
	})
	end()
	if c.counts[identifierLabel] == 0 {
		c.problem(name, 0, "no BagIt-Profile-Identifier; the profile is %q", c.identifier)
	}
	for _, label := range slices.Sorted(maps.Keys(c.tags)) {
		if c.tags[label].Required && c.counts[label] == 0 && label != identifierLabel {
			c.problem(name, 0, "no %q, or it is empty", label)
		}
	}
}

// joinedWords returns a value with one blank instead of each run of blanks and line ends.
func joinedWords(value string) string { return strings.Join(strings.Fields(value), " ") }

// tag compares one label and its value with their rule.
func (c *profileCheck) tag(file string, line int64, label, value string) {
	rule, known := c.tags[label]
	if label == identifierLabel && value != c.identifier {
		c.problem(file, line, "the profile is %.200q, not %q", value, c.identifier)
	}
	if !known && label != identifierLabel || value == "" {
		return
	}
	c.counts[label]++
	if rule.Repeatable != nil && !*rule.Repeatable && c.counts[label] == 2 {
		c.problem(file, line, "%q must not come twice", label)
	}
	isValue := func(allowed string) bool { return joinedWords(allowed) == value }
	if len(rule.Values) > 0 && !slices.ContainsFunc(rule.Values, isValue) {
		c.problem(file, line, "%q must not be %.200q", label, value)
	}
}
