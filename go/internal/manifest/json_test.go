package manifest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"checksig/internal/manifest"
)

var (
	sri512A  = "sha512-" + inBase64(base64.StdEncoding, sha512A)
	modelSum = sha256.Sum256(slices.Concat(unhex(sha256A), unhex(sha256A)))
)

func unhex(digits string) []byte {
	sum, err := hex.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	return sum
}

// statement returns an in-toto statement with those subjects, each on a line of its own.
func statement(subjects ...string) string {
	return `{"_type":"https://in-toto.io/Statement/v1","subject":[` + "\n" + strings.Join(subjects, ",\n") +
		"\n" + `],"predicateType":"https://slsa.dev/provenance/v1","predicate":{"subject":[1],"resources":[2]}}`
}

func subject(name, digests string) string {
	return `{"name":"` + name + `","digest":{` + digests + `}}`
}

// envelope returns a DSSE envelope.
func envelope(payload string) string {
	return `{"payloadType":"application/vnd.in-toto+json","payload":"` + base64.StdEncoding.EncodeToString([]byte(payload)) +
		`","signatures":[{"keyid":"","sig":"AAAA"}]}`
}

// model returns the statement of an OpenSSF model signature.
func model(root string, resources ...string) string {
	return `{"_type":"https://in-toto.io/Statement/v1","subject":[` + subject("model", `"sha256":"`+root+`"`) +
		`],"predicateType":"https://model_signing/signature/v1.0","predicate":{"serialization":{"method":"files"},"resources":[` + "\n" +
		strings.Join(resources, ",\n") + "\n]}}"
}

func resource(name, algorithm, digest string) string {
	return fmt.Sprintf(`{"name":%q,"algorithm":%q,"digest":%q}`, name, algorithm, digest)
}

func bundle(version, content string) string {
	return `{"mediaType":"application/vnd.dev.sigstore.bundle` + version + `","verificationMaterial":{"tlogEntries":[]},` + content + "}"
}

func init() { samples = append(samples, jsonSamples...) }

const (
	sha256Digest = `"sha256":"` + sha256A + `"`
	noType       = "expected a payload of the type application/vnd.in-toto+json, found "
)

var jsonSamples = []sample{
	{"in-toto", "a.intoto.json", statement(subject("a", sha256Digest), subject("s/b", sha256Digest+`,"sha512":"`+sha512A+`"`)), "in-toto",
		[]string{"2 sha256 a", "3 sha256 s/b", "3 sha512 s/b"}},
	{"in-toto v0.1", "x", strings.Replace(statement(subject("a", sha256Digest)), "/v1", "/v0.1", 1), "in-toto", []string{"2 sha256 a"}},
	{"in-toto, sorted keys", "x", `{"_type":"https://in-toto.io/Statement/v1","predicate":{"b":1},` + "\n" +
		`"predicateType":"x","subject":[` + subject("a", sha256Digest) + "]}", "in-toto", []string{"2 sha256 a"}},
	{"in-toto, bad subjects", "x", statement(subject("a", ""), subject("b", `"shake128":"00"`), subject("c", `"shake128":"00","a":"1",`+sha256Digest),
		subject("d", `"gitCommit":"`+sha1A+`"`), subject("e", `"gitTree":"`+sha1A+`",`+sha256Digest), subject("", sha256Digest),
		subject("f", `"sha256":"00"`), subject("g", `"sha256":1`), `{"name":["h"]}`, `"i"`, subject(`\u0000`, sha256Digest),
		subject(`\ud800`, sha256Digest), subject("\xff", sha256Digest), subject("j", `"sha256":"`+std64+`"`)), "in-toto", []string{
		"2! no digest of this file", `3! unknown algorithm "shake128"`, "4 sha256 c", `4! unknown algorithm "shake128", "a"`,
		"5! no digest of a file: gitCommit is of a Git commit", "6 sha256 e", "6! no digest of a file: gitTree is of a Git tree",
		"7! no file name", "8! expected 64 hex digits for sha256, found 2", `9! "digest": "sha256": expected a string`,
		`10! "name": expected a string`, "11! expected an object", "12! a NUL byte in the file name",
		`13! "name": a string that is not Unicode`, `14! "name": a string that is not Unicode`,
		`15! expected 64 hex digits for sha256, found "` + std64[:40] + `"`}},
	{"in-toto, names", "x", statement(subject(`a\"\\\/\n\u00e9\ud83d\ude00`, sha256Digest)), "in-toto", []string{"2 sha256 a\"\\/\n\u00e9\U0001f600"}},
	{"in-toto, unknown type", "x", strings.Replace(statement(subject("a", sha256Digest)), "/v1", "/v9", 1), "in-toto", []string{
		"2 sha256 a", `3! unknown type of statements "https://in-toto.io/Statement/v9", expected https://in-toto.io/Statement/v1 or v0.1`}},
	{"in-toto without subjects", "x", `{"_type":"https://in-toto.io/Statement/v1","predicateType":"x"}`, "in-toto", []string{"1! no subject"}},
	{"in-toto without a type of the predicate", "x", `{"_type":"https://in-toto.io/Statement/v1","subject":[` + subject("a", sha256Digest) + "]}",
		"in-toto", []string{"1 sha256 a", "1! no type of the predicate"}},
	{"in-toto, two members of one key", "x", statement(subject("a", sha256Digest), subject("a", sha256Digest), subject("b", sha256Digest+","+sha256Digest)), "in-toto",
		[]string{"2 sha256 a", `4! two members with the key "sha256" in one object`}},
	{"in-toto, text after it", "x", statement(subject("a", sha256Digest)) + " x", "in-toto", []string{"2 sha256 a", "3! not JSON: expected a value, found \"x\""}},
	{"in-toto, keys in another case", "x", `{"_type":"https://in-toto.io/Statement/v1","Subject":[` + subject("a", sha256Digest) + `],"predicateType":"x"}`,
		"in-toto", []string{"1! no subject"}},
	{"in-toto, many lines", "x.intoto.jsonl", statement(subject("a", sha256Digest)) + "\n" + envelope(statement(subject("b", sha256Digest))) + "\n", "in-toto",
		[]string{"2 sha256 a", "4 sha256 b"}},
	{"DSSE", "a.intoto.jsonl", envelope(statement(subject("a", sha256Digest), subject("b", ""))) + "\n" + envelope(statement(subject("c", sha256Digest))),
		"in-toto", []string{"1 sha256 a", "1! no digest of this file", "2 sha256 c"}},
	{"DSSE, payload first, URL-safe and with escapes", "x", `{"payload":"` + strings.NewReplacer("+", `\u002d`, "/", "_", "=", `\u003d`).Replace(
		base64.StdEncoding.EncodeToString([]byte(statement(subject("a~~~???~~~???", sha256Digest))))) + `","payloadType":"application/vnd.in-toto+json"}`,
		"in-toto", []string{"1 sha256 a~~~???~~~???"}},
	{"DSSE, another payload", "x", `{"payloadType":"text/plain","payload":"aGk=","signatures":[]}`, "in-toto", []string{
		`1! not JSON: expected a value, found "hi"`}},
	{"DSSE, another type", "x", strings.Replace(envelope(statement(subject("a", sha256Digest))), "in-toto+", "x+", 1), "in-toto", []string{
		"1 sha256 a", "1! " + noType + `"application/vnd.x+json"`}},
	{"DSSE without a type", "x", `{"payload":"` + base64.StdEncoding.EncodeToString([]byte(statement(subject("a", sha256Digest)))) + `","signatures":[]}`,
		"in-toto", []string{"1 sha256 a", "1! " + noType + `""`}},
	{"DSSE, not base64", "x", `{"payloadType":"application/vnd.in-toto+json","payload":"e30=e30=","signatures":[]}`, "in-toto", []string{
		`1! unknown type of statements "", expected https://in-toto.io/Statement/v1 or v0.1`, "1! the payload is not base64"}},
	{"DSSE, a line break in base64", "x", `{"payloadType":"application/vnd.in-toto+json","payload":"e3\n0=","signatures":[]}`, "in-toto", []string{
		"1! the payload is not base64"}},
	{"DSSE, truncated payload", "x", envelope(statement(subject("a", sha256Digest), subject("a", sha256Digest), subject("b", sha256Digest))[:300]), "in-toto", []string{
		"1 sha256 a", "1! truncated: the document has no end"}},
	{"DSSE without a payload", "x", `{"payloadType":"application/vnd.in-toto+json","signatures":[]}`, "in-toto", []string{
		"1! expected one statement, DSSE envelope or Sigstore bundle"}},
	{"DSSE and a statement", "x", envelope(statement(subject("a", sha256Digest)))[:20] + `on","_type":"https://in-toto.io/Statement/v1","payload":"` +
		base64.StdEncoding.EncodeToString([]byte(statement(subject("a", sha256Digest)))) + `"}`, "in-toto", []string{
		"1 sha256 a", "1! no type of the predicate"}},
	{"PyPI", "a.publish.attestation", `{"version":1,"verification_material":{},"envelope":{"statement":"` +
		base64.StdEncoding.EncodeToString([]byte(statement(subject("a.whl", sha256Digest)))) + `","signature":"AA=="}}`, "in-toto", []string{"1 sha256 a.whl"}},
	{"model", "model.sig", bundle(".v0.3+json", `"dsseEnvelope":`+envelope(model(hex.EncodeToString(modelSum[:]),
		resource("d/a", "sha256", sha256A), resource("b", "sha256", sha256A)))), "sigstore", []string{"1 sha256 d/a", "1 sha256 b"}},
	{"model, bad files", "x", model(sha256A, resource("a", "sha256-sharded-8", sha256A), resource("b", "", sha256A), resource("c", "sha256", "")), "in-toto",
		[]string{`2! unknown algorithm "sha256-sharded-8"`, `3! unknown algorithm ""`, "4! no digest of this file",
			"5! the digest of the model is not that of its files' digests"}},
	{"model without files", "x", model(sha256A), "in-toto", []string{"3! no resources of the model"}},
	{"model of shards", "x", strings.Replace(model(hex.EncodeToString(modelSum[:]), resource("a", "sha256", sha256A), resource("b", "sha256", sha256A)), `"files"`, `"shards"`, 1),
		"in-toto", []string{"2 sha256 a", "3 sha256 b", `4! unknown serialization of the model "shards", only "files" can be verified`}},
	{"model of two subjects", "x", strings.Replace(model(sha256A, resource("a", "sha256", sha256A)), `"subject":[`, `"subject":[`+subject("x", sha256Digest)+",", 1),
		"in-toto", []string{"1 sha256 x", "2 sha256 a", "3! expected one subject of a model, found 2"}},
	{"model, sorted keys", "x", `{"_type":"https://in-toto.io/Statement/v1","predicate":{"resources":[` + "\n" + resource("a", "sha256", sha256A) + "," +
		resource("b", "sha256", sha256A) + `],"serialization":{"method":"files"}},` + "\n" + `"predicateType":"https://model_signing/signature/v1.0","subject":[` +
		subject("m", `"sha256":"`+hex.EncodeToString(modelSum[:])+`"`) + "]}", "in-toto", []string{"2 sha256 a", "2 sha256 b"}},
	{"resources of another predicate", "x", `{"_type":"https://in-toto.io/Statement/v1","subject":[` + subject("m", sha256Digest) + `],"predicate":{"resources":[` +
		resource("a", "sha256", sha256A) + "]},\n" + `"predicateType":"x"}`, "in-toto", []string{"1 sha256 a", "2 sha256 m",
		"2! resources before the type of the predicate, which is no model's signature"}},

	{"Sigstore, a file", "app.tar.gz.sigstore.json", bundle("+json;version=0.1", `"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"`+std64+
		`"},"signature":"AAAA"}`), "sigstore", []string{"1 sha256 app.tar.gz"}},
	{"Sigstore, bad bundles", "x.json", "\n\n" + bundle(".v0.3+json", `"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"`+std64+`"}}`) + "\n" +
		bundle(".v0.3+json", `"messageSignature":{}`) + "\n" + bundle(".v9+json", `"dsseEnvelope":`+envelope(statement(subject("a", sha256Digest)))) + "\n" +
		bundle(".v0.3+json", `"dsseEnvelope":{}`) + "\n" + bundle(".v0.3+json", `"messageSignature":{"messageDigest":{"algorithm":"HASH","digest":"AA=="}}`),
		"sigstore", []string{"3! no file name, and the bundle is not named after a file, as in name.sigstore.json",
			"4! no file name, and the bundle is not named after a file, as in name.sigstore.json", "5 sha256 a",
			`5! unknown version of Sigstore bundles "application/vnd.dev.sigstore.bundle.v9+json"`, "6! " + noType + `""`,
			"6! expected one statement, DSSE envelope or Sigstore bundle", "7! no file name, and the bundle is not named after a file, as in name.sigstore.json"}},

	{"conda paths", "paths.json", `{"paths":[` + "\n" + `{"_path":"bin/a","path_type":"hardlink","sha256":"` + sha256A + `","size_in_bytes":1},` + "\n" +
		`{"_path":"lib/b","path_type":"softlink","sha256":"` + sha256A + `","size_in_bytes":5},` + "\n" +
		`{"_path":"d","path_type":"directory"},` + "\n" + `{"_path":"c","path_type":"hardlink"}` + "\n" + `],"paths_version":1}`, "conda-paths",
		[]string{"2 sha256 bin/a 1", "3 sha256 lib/b", "5! no digest of this file"}},
	{"conda paths, bad items", "paths.json", `{"paths_version":2,"paths":[` + "\n" + `{"_path":"a","sha256":"` + sha256A + `","size_in_bytes":-1},` + "\n" +
		`{"_path":"b","sha256":"` + sha256A + `","size_in_bytes":1e3},` + "\n" + `{"_path":"c","sha256":"` + md5A + `","size_in_bytes":"1"}` + "\n" + `]}`, "conda-paths",
		[]string{"2 sha256 a", `2! "size_in_bytes": expected a size in bytes, found "-1"`, "3 sha256 b",
			`3! "size_in_bytes": expected a size in bytes, found "1e3"`, "4! expected 64 hex digits for sha256, found 32",
			`5! unknown "paths_version" "2", expected 1`}},
	{"conda-meta", "a-1-0.json", `{"build":"0","build_number":0,"depends":[],"files":["a"],"name":"a","sha256":"` + md5A + `","paths_data":{"paths":[` + "\n" +
		`{"_path":"a","path_type":"hardlink","sha256":"` + sha256A + `","sha256_in_prefix":"` + sha256A + `","size_in_bytes":1},` + "\n" +
		`{"_path":"b","path_type":"hardlink","sha256":"` + sha1A + `","sha256_in_prefix":"` + sha256A + `","size_in_bytes":1},` + "\n" +
		`{"_path":"p/__pycache__/c.cpython-313.pyc","path_type":"pyc_file"},` + "\n" + `{"_path":"bin/d","path_type":"unix_python_entry_point"}` + "\n" +
		`],"paths_version":1}}`, "conda-meta", []string{"2 sha256 a 1", "3 sha256 b", "5! no digest of this file"}},
	{"conda-meta, old", "a-1-0.json", `{"build":"0","build_number":0,"depends":[],"files":["a"],"name":"a"}`, "conda-meta", []string{
		`1! no "paths_data": the record lists files without digests`}},

	{"data package", "datapackage.json", `{"name":"d","resources":[` + "\n" + `{"name":"a","path":"a.csv","hash":"` + md5A + `","bytes":1},` + "\n" +
		`{"name":"b","path":["b.csv"],"hash":"sha256:` + sha256A + `"},` + "\n" + `{"name":"c","path":"https://x.org/y/c.csv?z","hash":"` + md5A + `"},` + "\n" +
		`{"name":"d","data":[1]}` + "\n" + `]}`, "datapackage", []string{"2 md5 a.csv 1", "3 sha256 b.csv", "4 md5 c.csv"}},
	{"data package, bad resources", "x", `{"profile":"data-package","resources":[` + "\n" + `{"name":"a","path":"a"},` + "\n" +
		`{"path":["a","b"],"hash":"` + md5A + `"},` + "\n" + `{"path":"c","hash":"` + sha256A + `"},` + "\n" + `{"path":"d","hash":"crc9:00"},` + "\n" +
		`{"path":"e","hash":"sha256:"},` + "\n" + `{"name":"f","hash":"` + md5A + `"},` + "\n" + `{"path":"http://x/","hash":"` + md5A + `"}` + "\n" + `]}`, "datapackage",
		[]string{"2! no digest of this file", "3! a resource of 2 files: no digest of each of them",
			`4! expected 32 hex digits for md5, found 64; a digest of another algorithm begins with its name, as in "sha256:…"`,
			`5! unknown algorithm "crc9"`, "6! no digest after the algorithm", "7! no file name", "8! the address has no file name at its end"}},

	{"RO-Crate", "ro-crate-metadata.json", `{"@context":"https://w3id.org/ro/crate/1.1/context","@graph":[` + "\n" +
		`{"@id":"ro-crate-metadata.json","@type":"CreativeWork","about":{"@id":"./"}},` + "\n" + `{"@id":"./","@type":"Dataset","hasPart":[]},` + "\n" +
		`{"@id":"a%20b.csv","@type":["File","SoftwareSourceCode"],"contentSize":"1","sha256":"` + sha256A + `"},` + "\n" +
		`{"@id":"c","@type":"File","contentSize":1,"md5":"` + md5A + `","sha1":"` + sha1A + `"},` + "\n" + `{"@id":"d","@type":"File","contentSize":"1 kB"}` + "\n]}",
		"ro-crate", []string{"4 sha256 a b.csv 1", "5 md5 c 1", "5 sha1 c 1", "6! no digest of this file"}},
	{"RO-Crate, bad entities", "x", `{"@context":["https://w3id.org/ro/crate/1.2/context"],"@graph":[` + "\n" + `{"@id":"a","md5":"` + md5A + `"},` + "\n" +
		`{"@id":"b","@type":"Fyle","md5":"` + md5A + `"},` + "\n" + `{"@id":"c","@type":"Dataset","md5":1},` + "\n" + `{"@id":"","@type":"File","md5":"` + md5A + `"}` + "\n]}",
		"ro-crate", []string{"2 md5 a", `2! no "@type"`, "3 md5 b", "3! a digest of what is not a File", "5! no file name"}},
	{"RO-Crate without entities", "ro-crate-metadata.json", `{"@context":"https://w3id.org/ro/crate/1.1/context"}`, "ro-crate", []string{`1! no "@graph"`}},
	{"Croissant", "croissant.json", `{"@context":{"@vocab":"https://schema.org/","cr":"http://mlcommons.org/croissant/"},"@type":"sc:Dataset","distribution":[` + "\n" +
		`{"@type":"cr:FileObject","@id":"a","contentUrl":"https://x.org/d/a.zip","contentSize":"1 B","sha256":"` + sha256A + `"},` + "\n" +
		`{"@type":"cr:FileSet","@id":"b","containedIn":{"@id":"a"},"includes":"*.csv"},` + "\n" +
		`{"@type":"cr:FileObject","contentUrl":"b.csv","containedIn":{"@id":"a"}},` + "\n" +
		`{"@type":"cr:FileObject","contentUrl":"s/c.csv","md5":"` + md5A + `"},` + "\n" +
		`{"@type":"cr:FileObject","contentUrl":"https://hub.org/r","encodingFormat":"git+https","sha256":"https://x.org/80"}` + "\n]}", "croissant",
		[]string{"2 sha256 a.zip 1", "5 md5 s/c.csv", `6! expected 64 hex digits for sha256, found "https://x.org/80"`}},

	{"npm", "package-lock.json", `{"name":"p","lockfileVersion":3,"requires":true,"packages":{` + "\n" + `"":{"name":"p","dependencies":{"a":"^1"}},` + "\n" +
		`"node_modules/a":{"version":"1.0.0","resolved":"https://registry.example.org/a/-/a-1.0.0.tgz","integrity":"` + sri512A + `","dependencies":{"b":"^1"}},` + "\n" +
		`"node_modules/b":{"resolved":"https://r.org/@s%2fb/-/b-1.tgz","integrity":"sha1-` + inBase64(base64.StdEncoding, sha1A) + ` ` + sri512A + `?x"},` + "\n" +
		`"node_modules/a/node_modules/c":{"version":"1","inBundle":true},` + "\n" + `"node_modules/d":{"resolved":"w/d","link":true},` + "\n" + `"w/d":{"version":"1"},` + "\n" +
		`"node_modules/e":{"resolved":"git+ssh://git@github.com/x/e.git#0","integrity":"` + sri512A + `"},` + "\n" + `"node_modules/f":{"version":"1"},` + "\n" +
		`"node_modules/g":{"resolved":"file:../g.tgz","integrity":"` + sri512A + `"},` + "\n" + `"node_modules/h":{"resolved":"https://r.org/h.tgz","integrity":"md99-AA== x"}` + "\n}}",
		"npm", []string{"3 sha512 a-1.0.0.tgz", "4 sha1 b-1.tgz", "4 sha512 b-1.tgz", "8! a package from Git: no digest of a file", "9! no file name", "10 sha512 g.tgz",
			`11! expected an algorithm and a digest in base64, found "x"`}},
	{"npm, version 1", "npm-shrinkwrap.json", `{"name":"p","lockfileVersion":1,"dependencies":{` + "\n" +
		`"a":{"version":"1.0.0","resolved":"https://r.org/a-1.tgz","integrity":"` + sri512A + `","requires":{"b":"1"},"dependencies":{` +
		`"b":{"version":"1","resolved":"https://r.org/b-1.tgz","integrity":"` + sri512A + `"},"c":{"version":"1","bundled":true}}},` + "\n" +
		`"d":{"version":"file:d"},` + "\n" + `"e":{"version":"git+https://x.org/e.git#1","from":"e"}` + "\n}}", "npm", []string{
		"2 sha512 a-1.tgz", "2 sha512 b-1.tgz", "4! a package from Git: no digest of a file"}},
	{"npm, any digest may match", "package-lock.json", "{\"lockfileVersion\":9,\n\n" + `"packages":{"node_modules/a":{"resolved":"https://r.org/a.tgz","integrity":"sha256-` + std64 +
		` sha256-` + inBase64(base64.StdEncoding, sha512256) + `"}}}`, "npm", []string{"3 sha256 a.tgz", "3 sha256 a.tgz", "3! several sha256 digests, of which any may match",
		`3! unknown lockfileVersion "9", expected 1, 2 or 3`}},
	{"Cargo", ".cargo-checksum.json", `{"files":{"Cargo.toml":"` + sha256A + `",` + "\n" + `"src/lib.rs":"` + sha256A + `",` + "\n" + `"x":"` + md5A + `",` + "\n" + `"y":null},` +
		`"package":"` + sha256A + `"}`, "cargo", []string{"1 sha256 Cargo.toml", "2 sha256 src/lib.rs", "3! expected 64 hex digits for sha256, found 32",
		"4! no digest of this file"}},
	{"Cargo, bad package", "x", `{"files":{"a":"` + sha256A + `"},"package":"0"}`, "cargo", []string{"1 sha256 a", "1! expected 64 hex digits for sha256, found 1"}},
	{"Cargo, two members of one key", ".cargo-checksum.json", `{"files":{"a":"` + sha256A + `","a":"` + sha256A + `"},"package":null}`, "cargo", []string{
		"1 sha256 a", `1! two members with the key "a" in one object`}},

	{"JSON map", "checksums.json", "{\"a b.c\": \"" + sha256A + "\",\n\"c\": \"sha256:" + sha256A + "\",\n\"d\": \"" + md5A + "\",\n\"e\": null,\n\"f\": 1,\n\"g\": \"x\",\n\"\": \"" +
		md5A + "\"}", "json-map", []string{"1 sha256 a b.c", "2 sha256 c", "3 md5 d", "4! no digest of this file", "5! expected a string",
		"6! expected a hex digest at the beginning of the line", "7! no file name"}},
	{"JSON map, two members of one key", "x", `{"d/a":"` + sha256A + `","d/a":"` + sha1A + `"}`, "json-map", []string{
		"1 sha256 d/a", `1! two members with the key "d/a" in one object`}},
	{"JSON map, of an algorithm", "x.sha512.json", "{\"LICENSE\":\"" + sha512A + "\",\n\"b.c\":\"" + sha512A + "\",\"b\":\"" + md5A + "\"}", "json-map", []string{
		"1 sha512 LICENSE", "2 sha512 b.c", "2! expected 128 hex digits for sha512, found 32"}},

	{"CycloneDX", "bom.json", `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"type":"file","name":"app","hashes":[{"alg":"SHA-256","content":"` + sha256A +
		`"}]}},"components":[` + "\n" + `{"type":"library","name":"l","hashes":[{"alg":"SHA-256","content":"` + sha256A + `"}],"components":[` + "\n" +
		`{"type":"file","name":"s/b","hashes":[{"alg":"MD5","content":"` + md5A + `"},{"alg":"SHA-512","content":"` + sha512A + `"}]}]},` + "\n" +
		`{"type":"file","name":"c"},` + "\n" + `{"type":"file","name":"d","hashes":[{"alg":"Streebog-256","content":"` + sha256A + `"}]},` + "\n" +
		`{"type":"file","name":"e","hashes":[{"alg":"MD5"}]},` + "\n" + `{"type":"fyle","name":"f","hashes":[{"alg":"MD5","content":"` + md5A + `"}]},` + "\n" +
		`{"name":"g","components":[{"type":"file"},` + "\n" + `{"type":"file","name":"h","hashes":[{"alg":"MD5","content":"` + md5A + `"}]}]}` + "\n" + `]}`, "cyclonedx", []string{"1 sha256 app", "2 md5 s/b", "2 sha512 s/b", "4! no digest of this file",
		`5! unknown algorithm "Streebog-256"`, `6! expected "alg" and "content" of a digest`,
		`7! unknown type of components "fyle"`, "8 md5 h", "8! no file name", `8! unknown type of components ""`}},
	{"SPDX", "sbom.spdx.json", `{"spdxVersion":"SPDX-2.3","packages":[{"name":"p","checksums":[]}],"files":[` + "\n" +
		`{"fileName":"./a","SPDXID":"SPDXRef-1","checksums":[{"algorithm":"SHA1","checksumValue":"` + sha1A + `"},{"algorithm":"SHA256","checksumValue":"` + sha256A + `"}]},` + "\n" +
		`{"fileName":"./b","checksums":[{"algorithm":"MD6","checksumValue":"00"}]},` + "\n" + `{"fileName":"./c","checksums":[]}` + "\n" + `]}`, "spdx", []string{
		"2 sha1 ./a", "2 sha256 ./a", `3! unknown algorithm "MD6"`, "4! no digest of this file"}},
	{"SPDX 3", "x.spdx3.json", `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[` + "\n" + `{"type":"CreationInfo","@id":"_:c"},` + "\n" +
		`{"type":"software_File","spdxId":"x","name":"a","verifiedUsing":[{"type":"Hash","algorithm":"sha256","hashValue":"` + sha256A + `"}]},` + "\n" +
		`{"type":"software_File","spdxId":"y","name":"b"},` + "\n" +
		`{"name":"c"},` + "\n" + `{"type":"software_Fyle","name":"d","verifiedUsing":[{"algorithm":"md5","hashValue":"` + md5A + `"}]},` + "\n" +
		`{"type":"software_Package","name":"e","verifiedUsing":[{"algorithm":"md5","hashValue":"` + md5A + `"}]},` + "\n" +
		`{"type":"software_File","name":"f","verifiedUsing":["_:hash"]}` + "\n" + `]}`, "spdx", []string{"3 sha256 a", "4! no digest of this file",
		`5! no "type"`, "6! a digest of what is neither a file nor a package", `8! "verifiedUsing": expected an object`}},
	{"simplestreams", "d.json", `{"content_id":"x","format":"products:1.0","products":{"p":{"os":"u","versions":{"1":{"items":{` + "\n" +
		`"a":{"path":"server/a.img","sha256":"` + sha256A + `","md5":"` + md5A + `","size":1,"combined_sha256":"00"},` + "\n" + `"b":{"id":"ami-1","region":"r"},` + "\n" +
		`"c":{"path":"c"},` + "\n" + `"d":{"md5":"` + md5A + `"}` + "\n" + `}},"2":{"itams":{}}}},"q":{"versyons":{}}}}`, "simplestreams", []string{"2 sha256 server/a.img 1", "2 md5 server/a.img 1",
		"4! no digest of this file", "5! no file name", `6! no "items"`, `6! no "versions"`}},
}

func TestJSONOfNoKnownKind(t *testing.T) {
	for name, text := range map[string]string{
		"an object": `{"a":1}`, "an array": "[\n{\"a\":\n1}\n]\n", "empty": "{ }", "many lines": "{\"a\":[" + strings.Repeat("\n1,", 1000) + "\n1]}", "an array of strings": `["a"]`,
	} {
		t.Run(name, func(t *testing.T) {
			got := readAll(t, "x.json", text)
			if len(got) != 1 || !strings.HasPrefix(got[0], "1! JSON that is no known kind of manifest; known: in-toto") {
				t.Errorf("got %q", got)
			}
		})
	}
	if got := readAll(t, "x", pgpHead+`{"a":1}`+"\n"+pgpTail); len(got) != 1 || !strings.Contains(got[0], "inside a signature") {
		t.Errorf("in a wrapper: %q", got)
	}
	for _, text := range []string{"{a} b  " + sha1A, "[" + sha1A + "]", sha1A + "  {\"a\":1}"} {
		if got := readAll(t, "x", text+"\n"); strings.Contains(got[0], "JSON") {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// What is not JSON ends a document with one error.
func TestBrokenJSON(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a comma too many":             {`[],}`, "not JSON: expected a key, found '}'"},
		"a missing comma":              {`[{} {}]}`, `not JSON: expected a comma or ']', found '{'`},
		"a missing colon":              {`[],"a" 1}`, "not JSON: expected a colon, found '1'"},
		"a missing value":              {`[],"a":}`, "not JSON: expected a value, found '}'"},
		"a key without quotes":         {`[],a:1}`, "not JSON: expected a key, found 'a'"},
		"a leading zero":               {`[],"a":01}`, `not JSON: expected a value, found "01"`},
		"NaN":                          {`[],"a":NaN}`, `not JSON: expected a value, found "NaN"`},
		"a control character":          {"[],\"a\":\"\t\"}", "not JSON: control character in a string"},
		"an unknown escape":            {`[],"a":"\x"}`, `not JSON: unknown escape "\\x"`},
		"half an escape":               {`[],"a":"\u12"}`, `not JSON: expected four hex digits after \u`},
		"a key that is not Unicode":    {`[],"\ud800":1}`, "a key that is not Unicode"},
		"a bracket of the other kind":  {`[}`, "not JSON: expected a value, found '}'"},
		"two members of one key":       {`[],"_type":"https://in-toto.io/Statement/v1"}`, `two members with the key "_type" in one object`},
		"one of them with an escape":   {`[],"\u005ftype":"https://in-toto.io/Statement/v1"}`, `two members with the key "_type" in one object`},
		"deep nesting":                 {`[],"a":` + strings.Repeat("[", 100_000), "arrays and objects in more than 200 levels"},
		"deep nesting in an item":      {`[{"a":` + strings.Repeat(`{"a":`, 100_000), "arrays and objects in more than 200 levels"},
		"a long number":                {`[],"a":1` + strings.Repeat("0", 1000) + "}", "not JSON: a number that is too long"},
		"a document after the other":   {`[],"predicateType":"x"}]`, "not JSON: expected a value, found ']'"},
		"truncated":                    {`[],"a`, "truncated: the document has no end"},
		"truncated before the end":     {`[]`, "truncated: the document has no end"},
		"an item with too many keys":   {`[{` + manyKeys(10_001) + `}]}`, "an object of over 10000 members"},
		"a document with too many":     {`[],` + manyKeys(10_001) + `}`, "an object of over 10000 members"},
		"a digest with too many":       {`[{"digest":{` + manyKeys(10_001) + `}}]}`, "an object of over 10000 members"},
		"a subject that is not closed": {`[{"name":"a"]}`, "not JSON: expected a comma or '}', found ']'"},
	} {
		t.Run(name, func(t *testing.T) {
			got := readAll(t, "x", `{"_type":"https://in-toto.io/Statement/v1","subject":`+c.text)
			last := got[len(got)-1]
			if _, cause, _ := strings.Cut(last, "! "); cause != c.want {
				t.Errorf("got  %q\nwant %q", last, c.want)
			}
		})
	}
	if got := readAll(t, ".cargo-checksum.json", `{"files":{"a":"`+sha256A+`"},"package":null} {}`); got[len(got)-1] != "1! text after the end of the document" {
		t.Errorf("got %q", got)
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"k%d":1`, i)
	}
	return b.String()[1:]
}

// repeated reads first, n times each, and then last.
func repeated(first string, n int, each, last string) io.Reader {
	return io.MultiReader(strings.NewReader(first), io.LimitReader(&endless{text: each}, int64(n*len(each))), strings.NewReader(last))
}

// A document of any size is read in bounded memory, and no item in more than a limit.
func TestJSONInBoundedMemory(t *testing.T) {
	if raceDetector {
		t.Skip("measures memory")
	}
	const million = 1_000_000
	head := `{"_type":"https://in-toto.io/Statement/v1","predicateType":"x","subject":[`
	one := subject("a", sha256Digest)
	var files strings.Builder // more than an item may be long, with more keys than are compared
	for i := range million / 5 {
		fmt.Fprintf(&files, `"k%d":%q,`, i, sha256A)
	}
	payload := base64.StdEncoding.EncodeToString([]byte((one + ",   ")[:len(one)+1+(3-(len(one)+1)%3)%3]))
	headPayload := base64.StdEncoding.EncodeToString([]byte(head + strings.Repeat(" ", (3-len(head)%3)%3)))
	const dsse = `{"payloadType":"application/vnd.in-toto+json","payload":"`
	for name, c := range map[string]struct {
		content io.Reader
		entries int
		cause   string // of the only bad line
	}{
		"many subjects":         {repeated(head, million, one+",", one+"]}"), million + 1, ""},
		"many subjects, DSSE":   {repeated(dsse+headPayload, million/10, payload, base64.StdEncoding.EncodeToString([]byte(one+"]}"))+`"}`), million/10 + 1, ""},
		"a large predicate":     {repeated(head+one+`],"predicate":{"a":[`, 5*million, "1,", "1]}}"), 1, ""},
		"a long string":         {repeated(head+one+`],"a":"`, 20*million, "a", `"}`), 1, ""},
		"a subject too large":   {repeated(head+`{"a":[`, 5*million, "1,", "1]}]}"), 0, "an item of over 8388608 bytes"},
		"a name too long":       {repeated(head+`{"name":"`, 9*million, "a", `"}]}`), 0, "an item of over 8388608 bytes"},
		"a key too long":        {repeated(head+`],"`, 9*million, "a", `":1}`), 0, "an item of over 8388608 bytes"},
		"errors in an item":     {repeated(`{"bomFormat":"CycloneDX","components":[{"components":[`, 2*million, "{},", "{}]}]}"), 0, "1000 errors"},
		"blanks":                {repeated(head, 9*million, " ", "]}"), 0, "an item of over 8388608 bytes"},
		"a long number":         {repeated(head+`],"a":`, 9*million, "1", "}"), 0, "not JSON: a number that is too long"},
		"a subject in DSSE":     {repeated(dsse+headPayload, 4*million, "ICAg", "AAAA"), 0, "an item of over 8388608 bytes"},
		"many documents":        {repeated("", million/20, head+one+"]}\n", ""), million / 20, ""},
		"many members of a map": {repeated(`{"package":null,"files":{`, 1, files.String(), `"b":"`+sha256A+`"}}`), million/5 + 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			reading, err := manifest.Read(c.content, manifest.Options{FileName: "x"})
			if err != nil {
				t.Fatal(err)
			}
			entries, causes := 0, []string{}
			for {
				_, err := reading.Next()
				var bad *manifest.LineError
				if errors.Is(err, io.EOF) {
					break
				}
				switch {
				case errors.As(err, &bad):
					causes = append(causes, bad.Cause)
				case err != nil:
					t.Fatal(err)
				default:
					entries++
				}
				if entries%(million/4) == 1 && heap() > before+64<<20 {
					t.Fatalf("%d bytes in use after %d entries", heap()-before, entries)
				}
			}
			if len(causes) > 1 {
				causes = []string{fmt.Sprint(len(causes), " errors")}
			}
			if entries != c.entries || strings.Join(causes, "; ") != c.cause {
				t.Errorf("%d entries, errors %q; want %d and %q", entries, causes, c.entries, c.cause)
			}
			if after := heap(); after > before+64<<20 {
				t.Errorf("%d bytes in use at the end", after-before)
			}
		})
	}
}

// heap returns the bytes in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestDocumentWrapper(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"statement": {statement(subject("a", sha256Digest)), ""},
		"DSSE":      {envelope(statement(subject("a", sha256Digest))), "dsse"},
		"PyPI":      {`{"envelope":{},"verification_material":{}}`, "dsse"},
		"Sigstore":  {bundle(".v0.3+json", `"messageSignature":{}`), "sigstore"},
		"npm":       {`{"lockfileVersion":3}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			reading, err := manifest.Read(strings.NewReader("\xef\xbb\xbf"+c.text), manifest.Options{FileName: "x"})
			if err != nil || reading.Wrapper != c.want {
				t.Errorf("got %q, %v", reading.Wrapper, err)
			}
		})
	}
}

// One digit of the digests in a payload makes another entry, or a bad line.
func TestTamperedPayload(t *testing.T) {
	for at := range sha256A {
		other := "0"
		if sha256A[at] == '0' {
			other = "1"
		}
		text := envelope(statement(subject("a", `"sha256":"`+sha256A[:at]+other+sha256A[at+1:]+`"`)))
		reading, err := manifest.Read(strings.NewReader(text), manifest.Options{FileName: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if e, err := reading.Next(); err != nil || hex.EncodeToString(e.Digest) == sha256A {
			t.Errorf("%x, %v", e.Digest, err)
		}
	}
}
