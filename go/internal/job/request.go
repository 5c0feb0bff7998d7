package job

import (
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/generate"
	"checksig/internal/manifest"
	"checksig/internal/trust"
	"checksig/internal/verify"
	"checksig/internal/wire"
)

const (
	// maxWorkers bounds what a caller can ask for: each worker is a thread while it reads.
	maxWorkers = 1024

	// maxStrip bounds strip, as no path has more components.
	maxStrip = 4096

	defaultHighWater = 1 << 20
	maxHighWater     = 64 << 20

	// maxSigners bounds signers.
	maxSigners = 1000

	// maxBadLines bounds what a caller can ask for who does not want all bad lines.
	maxBadLines = 1 << 20
)

// request is a request with the value of each field. An operation uses those in its table.
type request struct {
	operation *operation
	paths     []string
	cwd       string  // absolute; empty if all paths are
	source    *string // what reports show before the paths of remote files; nil for the file system
	stored    verify.Stored
	content   []byte // the manifest itself; nil to read it from the path

	transportOptions

	workers       int
	ioDepth       int
	leaveCache    bool
	followOutside bool
	include       []string // patterns
	exclude       []string
	algorithm     *digest.Algorithm // of digests without a tag
	format        *manifest.Format  // of the manifest
	writtenFormat string            // of the manifest to write
	output        string
	overwrite     bool

	verifyOptions
	generateOptions
	shard shardFields
}

// transportOptions say what is sent. They are the fields that are not options of the table in
// src/checksig/_options.py.
type transportOptions struct {
	totals       bool
	keepVerified bool
	highWater    int // in bytes
	maxBadLines  int // sent of each code; 0 for all
	shards       int // in flight at most; 0 if the files are hashed here

	part    *verify.Part // nil for all entries
	maxTime int          // in milliseconds; 0 for no limit
	proofs  bool
	plan    bool // find out what a part can be chosen from
}

// verifyOptions are the options of verify alone.
type verifyOptions struct {
	recursive        bool
	extra            verify.Unlisted
	ignoreMissing    bool
	ignoreText       bool
	ignoreAttributes bool
	root             string
	naming           verify.Paths
	only             []string // paths; empty for all entries
	bagProfile       string
	columns          []string // empty for all
	partSize         int64    // 0 for unknown
	minStrength      *digest.Algorithm
	trustOptions
}

// trustOptions say who must have signed the manifests.
type trustOptions struct {
	trust        []string // "p" and a path, or "c" and the content of a file of keys in base64
	fingerprints []string // of the keys in them that count; empty for all
	signers      int
	signature    string
	beside       []trust.File // the signatures of the manifest that the caller has read; nil to look for them
	namespace    string
	attested     trust.Attested // what the caller has verified; nil if it was not asked to
	attesting    bool           // it was asked to
	signed       bool           // of bundles: files signed one by one
}

// generateOptions are the options of create, update and convert alone.
type generateOptions struct {
	algorithms    []string
	relativeTo    string
	links         generate.Links
	skipSpecial   bool
	remember      bool
	all           bool
	prune         bool
	add           bool
	dryRun        bool
	acceptChanged bool
	acceptSuspect bool
	dropSignature bool
}

// operation is what a request can ask for.
type operation struct {
	// run carries out the request and returns what appends the last record.
	run    func(context.Context, *request, *Job) (func([]byte) []byte, error)
	fields table
}

// table holds the fields that an operation takes.
type table map[string]field

// field sets the value of one field of a request.
type field struct {
	set     func(r *request, key, value string) error
	repeats bool // may come several times
}

// storedNames are the values of the field "stored", in the order of [verify.Stored].
var storedNames = []string{verify.ReadAll: "never", verify.PreferStored: "prefer", verify.OnlyStored: "only"}

// The fields that several operations share.
var (
	location = table{
		"path": {set: func(r *request, _, value string) error { r.paths = append(r.paths, value); return nil }},
		"cwd":  {set: setCwd},
	}
	sharding    = table{"shards": number(1, maxShards, func(r *request) *int { return &r.shards })}
	remoteFiles = table{"source": {set: func(r *request, _, value string) error { r.source = &value; return nil }}}
	storedFiles = table{"stored": choice(storedNames, func(r *request, n int) { r.stored = verify.Stored(n) })}
	besides     = table{"beside": {set: addBeside, repeats: true}}
	progress    = table{"totals": flag(func(r *request) *bool { return &r.totals })}
	reading     = table{
		"workers":        number(1, maxWorkers, func(r *request) *int { return &r.workers }),
		"io_depth":       number(1, maxWorkers, func(r *request) *int { return &r.ioDepth }),
		"leave_cache":    flag(func(r *request) *bool { return &r.leaveCache }),
		"follow_outside": flag(func(r *request) *bool { return &r.followOutside }),
	}
	source = table{
		"algorithm": algorithmField(func(r *request) **digest.Algorithm { return &r.algorithm }),
		"format":    formatField(manifest.FormatNamed, func(r *request, f *manifest.Format) { r.format = f }),
	}
	trusting = table{
		"trust":             {set: setTrust, repeats: true},
		"trust_fingerprint": {set: func(r *request, _, value string) error { r.fingerprints = append(r.fingerprints, value); return nil }, repeats: true},
		"signers":           number(1, maxSigners, func(r *request) *int { return &r.signers }),
		"signature":         text(func(r *request) *string { return &r.signature }),
		"namespace":         text(func(r *request) *string { return &r.namespace }),
		"attesting":         flag(func(r *request) *bool { return &r.attesting }),
		"attested":          {set: setAttested, repeats: true},
	}
	patterns = table{
		"include": several(func(r *request) *[]string { return &r.include }),
		"exclude": several(func(r *request) *[]string { return &r.exclude }),
	}
	selection = union(patterns, table{
		"links": choice([]string{"follow", "skip", "refuse"}, func(r *request, n int) {
			r.links = []generate.Links{generate.FollowLinks, generate.SkipLinks, generate.RefuseLinks}[n]
		}),
		"skip_special": flag(func(r *request) *bool { return &r.skipSpecial }),
		"relative_to":  text(func(r *request) *string { return &r.relativeTo }),
		"remember":     flag(func(r *request) *bool { return &r.remember }),
	})
	output = table{
		"output":    text(func(r *request) *string { return &r.output }),
		"overwrite": flag(func(r *request) *bool { return &r.overwrite }),
	}
)

// operations holds each operation by its name.
var operations = map[string]*operation{
	wire.OpVerify: {runVerify, union(location, remoteFiles, storedFiles, progress, sharding, reading, source, patterns, trusting, besides, table{
		"keep_verified": flag(func(r *request) *bool { return &r.keepVerified }),
		"high_water":    number(1, maxHighWater, func(r *request) *int { return &r.highWater }),
		"max_bad_lines": number(1, maxBadLines, func(r *request) *int { return &r.maxBadLines }),
		"recursive":     flag(func(r *request) *bool { return &r.recursive }),
		"extra": choice([]string{"ignore", "report", "fail"}, func(r *request, n int) {
			r.extra = []verify.Unlisted{verify.IgnoreUnlisted, verify.ReportUnlisted, verify.FailUnlisted}[n]
		}),
		"ignore_missing":    flag(func(r *request) *bool { return &r.ignoreMissing }),
		"ignore_text":       flag(func(r *request) *bool { return &r.ignoreText }),
		"ignore_attributes": flag(func(r *request) *bool { return &r.ignoreAttributes }),
		"root":              {set: setRoot},
		"strip":             number(0, maxStrip, func(r *request) *int { return &r.naming.Strip }),
		"basename":          flag(func(r *request) *bool { return &r.naming.Basename }),
		"remap":             {set: addRemap, repeats: true},
		"only":              several(func(r *request) *[]string { return &r.only }),
		"columns":           several(func(r *request) *[]string { return &r.columns }),
		"content":           {set: setContent},
		"part_size":         number(digest.MinPart, digest.MaxPart, func(r *request) *int64 { return &r.partSize }),
		"min_strength":      algorithmField(func(r *request) **digest.Algorithm { return &r.minStrength }),
		"bag_profile":       text(func(r *request) *string { return &r.bagProfile }),
		"part":              {set: setPart},
		"max_time":          number(1, math.MaxInt32, func(r *request) *int { return &r.maxTime }),
		"proofs":            flag(func(r *request) *bool { return &r.proofs }),
		"plan":              flag(func(r *request) *bool { return &r.plan }),
	})},
	wire.OpKeys: {runKeys, table{"cwd": location["cwd"], "trust": trusting["trust"]}},
	wire.OpBundles: {runBundles, union(location, remoteFiles, patterns, besides, table{
		"content":        {set: setContent},
		"format":         source["format"],
		"root":           {set: setRoot},
		"signature":      trusting["signature"],
		"recursive":      flag(func(r *request) *bool { return &r.recursive }),
		"signed":         flag(func(r *request) *bool { return &r.signed }),
		"follow_outside": reading["follow_outside"],
		"high_water":     number(1, maxHighWater, func(r *request) *int { return &r.highWater }),
	})},
	wire.OpSigned: {runSigned, union(location, progress, trusting, table{
		"recursive":      flag(func(r *request) *bool { return &r.recursive }),
		"follow_outside": reading["follow_outside"],
		"max_bad_lines":  number(1, maxBadLines, func(r *request) *int { return &r.maxBadLines }),
		"high_water":     number(1, maxHighWater, func(r *request) *int { return &r.highWater }),
		"keep_verified":  flag(func(r *request) *bool { return &r.keepVerified }),
	})},
	wire.OpEntries: {runEntries, union(location, remoteFiles, source, table{
		"content":     {set: setContent},
		"columns":     several(func(r *request) *[]string { return &r.columns }),
		"recursive":   flag(func(r *request) *bool { return &r.recursive }),
		"ignore_text": flag(func(r *request) *bool { return &r.ignoreText }),
		"high_water":  number(1, maxHighWater, func(r *request) *int { return &r.highWater }),
	})},
	wire.OpRecognise: {runRecognise, union(location, remoteFiles, table{"path": {set: location["path"].set, repeats: true}})},
	wire.OpHash: {runHash, union(location, remoteFiles, table{
		"path":        {set: location["path"].set, repeats: true},
		"algorithm":   {set: setAlgorithms},
		"workers":     reading["workers"],
		"io_depth":    reading["io_depth"],
		"leave_cache": reading["leave_cache"],
	})},
	wire.OpShard: {runShard, shardTable},
	wire.OpCreate: {runCreate, union(location, remoteFiles, progress, sharding, reading, selection, output, table{
		"path":      {set: location["path"].set, repeats: true},
		"algorithm": {set: setAlgorithms},
		"format":    formatField(manifest.WrittenNamed, func(r *request, f *manifest.Format) { r.writtenFormat = f.Name }),
	})},
	wire.OpUpdate: {runUpdate, union(location, reading, source, selection, table{
		"all":   flag(func(r *request) *bool { return &r.all }),
		"prune": flag(func(r *request) *bool { return &r.prune }),
		"add":   flag(func(r *request) *bool { return &r.add }),

		"dry_run":        flag(func(r *request) *bool { return &r.dryRun }),
		"accept_changed": flag(func(r *request) *bool { return &r.acceptChanged }),
		"accept_suspect": flag(func(r *request) *bool { return &r.acceptSuspect }),
	})},
	wire.OpConvert: {runConvert, union(location, source, output, table{
		"to":             formatField(manifest.WrittenNamed, func(r *request, f *manifest.Format) { r.writtenFormat = f.Name }),
		"drop_signature": flag(func(r *request) *bool { return &r.dropSignature }),
		"columns":        several(func(r *request) *[]string { return &r.columns }),
	})},
	wire.OpAlgorithms: {runAlgorithms, nil},
}

// union returns a table of all fields of others. Of several with the same key, the last one counts.
func union(others ...table) table {
	all := table{}
	for _, other := range others {
		maps.Copy(all, other)
	}
	return all
}

// A ValueError is an argument that cannot be used, and a fault of whoever chose it.
type ValueError struct{ Message string }

func (e *ValueError) Error() string { return e.Message }

func parseRequest(data []byte) (request, error) {
	r := request{transportOptions: transportOptions{keepVerified: true, highWater: defaultHighWater}}
	r.add, r.remember, r.shard.size = true, true, -1
	raw, err := wire.ParseRequest(data)
	if err != nil {
		return r, err
	}
	if r.operation = operations[raw.Op]; r.operation == nil {
		return r, wire.RequestErrorf("unknown operation %.40q", raw.Op)
	}
	seen := map[string]bool{}
	for _, f := range raw.Fields {
		field, known := r.operation.fields[f.Key]
		switch {
		case !known:
			return r, wire.RequestErrorf("unknown option %.40q for %s", f.Key, raw.Op)
		case seen[f.Key] && !field.repeats:
			return r, wire.RequestErrorf("option %s comes twice", f.Key)
		}
		seen[f.Key] = true
		if err := field.set(&r, f.Key, f.Value); err != nil {
			return r, err
		}
	}
	if len(r.only) > 0 && r.extra != verify.IgnoreUnlisted {
		return r, &ValueError{"only and extra exclude each other: only leaves entries out"}
	}
	if len(r.only) > 0 && r.bagProfile != "" {
		return r, &ValueError{"only and bag_profile exclude each other: only leaves entries out"}
	}
	if _, takesPath := r.operation.fields["path"]; takesPath && len(r.paths) == 0 {
		return r, wire.RequestErrorf("no path to %s", raw.Op)
	}
	return r, nil
}

// hasRelativePath reports whether one of the paths starts from cwd.
func (r *request) hasRelativePath() bool {
	for _, path := range append(r.keyFiles(), r.root, r.output, r.relativeTo, r.signature, r.bagProfile) {
		if path != "" && path != sendToCaller && !filepath.IsAbs(path) {
			return true
		}
	}
	isRelative := func(path string) bool { return !filepath.IsAbs(path) }
	return r.content != nil || slices.ContainsFunc(r.paths, isRelative) || slices.ContainsFunc(r.only, isRelative)
}

func text(of func(*request) *string) field {
	return field{set: func(r *request, _, value string) error {
		*of(r) = value
		return nil
	}}
}

// several is a field that adds one more to a list.
func several(of func(*request) *[]string) field {
	return field{repeats: true, set: func(r *request, _, value string) error {
		*of(r) = append(*of(r), value)
		return nil
	}}
}

func flag(of func(*request) *bool) field {
	return field{set: func(r *request, key, value string) error {
		if value != "0" && value != "1" {
			return wire.RequestErrorf("%s must be 0 or 1, not %.40q", key, value)
		}
		*of(r) = value == "1"
		return nil
	}}
}

func number[T int | int64](least, most T, of func(*request) *T) field {
	return field{set: func(r *request, key, value string) error {
		parsed, err := strconv.ParseInt(value, 10, 64)
		n := T(parsed)
		if err != nil || int64(n) != parsed {
			return wire.RequestErrorf("%s must be an integer, not %.40q", key, value)
		}
		if n < least || n > most {
			return &ValueError{fmt.Sprintf("%s must be between %d and %d, not %d", key, least, most, n)}
		}
		*of(r) = n
		return nil
	}}
}

func choice(known []string, set func(*request, int)) field {
	return field{set: func(r *request, key, value string) error {
		n := slices.Index(known, value)
		if n < 0 {
			return &ValueError{fmt.Sprintf("unknown value %.40q for %s; known: %s", value, key, strings.Join(known, ", "))}
		}
		set(r, n)
		return nil
	}}
}

func algorithmField(of func(*request) **digest.Algorithm) field {
	return field{set: func(r *request, _, value string) (err error) {
		*of(r), err = digest.Find(value)
		return err
	}}
}

func formatField(find func(string) (*manifest.Format, error), set func(*request, *manifest.Format)) field {
	return field{set: func(r *request, _, value string) error {
		f, err := find(value)
		if err == nil {
			set(r, f)
		}
		return err
	}}
}

func setCwd(r *request, _, value string) error {
	if !filepath.IsAbs(value) {
		return wire.RequestErrorf("cwd must be absolute, not %.40q", value)
	}
	r.cwd = value
	return nil
}

func setContent(r *request, key, value string) (err error) {
	if r.content, err = base64.StdEncoding.DecodeString(value); err != nil {
		return wire.RequestErrorf("%s is not in base64", key)
	}
	if len(r.content) > wire.MaxContent {
		return &ValueError{fmt.Sprintf("a manifest of %d bytes is too long to be passed on, write it to a file", len(r.content))}
	}
	return nil
}

// maxPart bounds the size of a part in memory: a byte for each entry.
const maxPart = 1 << 30

func setPart(r *request, key, value string) error {
	packed, err := zlib.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(value)))
	var data []byte
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(packed, maxPart+1))
	}
	if len(data) > maxPart {
		return &ValueError{fmt.Sprintf("more than %d entries, verify the manifests one by one", maxPart)}
	}
	part := &verify.Part{}
	const head = len(part.Listed) + 4
	if err != nil || len(data) < head {
		return wire.RequestErrorf("%s cannot be decoded", key)
	}
	count := int(binary.LittleEndian.Uint32(data[len(part.Listed):]))
	copy(part.Listed[:], data)
	if data = data[head:]; len(data) < 8*count {
		return wire.RequestErrorf("%s is too short", key)
	}
	for ; count > 0; count-- {
		part.Counts = append(part.Counts, int64(binary.LittleEndian.Uint64(data)))
		data = data[8:]
	}
	part.Ranks = data
	r.part = part
	return nil
}

func setRoot(r *request, _, value string) error {
	if value == "" {
		return &ValueError{"root must not be empty"}
	}
	r.root = value
	return nil
}

func addRemap(r *request, _, value string) error {
	from, to, err := wire.SplitRemap(value)
	if err == nil {
		r.naming.Remap = append(r.naming.Remap, verify.Prefix{From: from, To: to})
	}
	return err
}

func setAlgorithms(r *request, _, value string) error {
	r.algorithms = strings.Split(value, ",")
	for _, name := range r.algorithms {
		if _, err := digest.Find(name); err != nil {
			return err
		}
	}
	return nil
}
