package manifest_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

const (
	meta4  = `<metalink xmlns="urn:ietf:params:xml:ns:metalink">`
	meta3  = `<metalink version="3.0" xmlns="http://www.metalinker.org/"><files>`
	repomd = `<repomd xmlns="http://linux.duke.edu/metadata/repo">`
	ascmhl = `<hashlist version="2.0" xmlns="urn:ASC:MHL:v2.0">`
	mhl    = `<hashlist version="1.1">`
	lock   = "lock-version = \"1.0\"\n"
)

// hash256 is a digest in Metalink.
const hash256 = `<hash type="sha-256">` + sha256A + "</hash>"

// c4A is the C4 ID of "a": SHA-512 to base 58.
const c4A = "c41dF3bGD8iqVcrJJQpS6fEsVgg9iKeNHGCCEhK2C2cGYRm2dx8xeFU1wKbkBsCWdefaz82KeyfbBf8Pfkpm4C56cc"

// inXML returns a document with an XML declaration.
func inXML(text string) string { return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + text }

// torrent returns a torrent with that info dictionary.
func torrent(info string) string { return "d8:announce3:x/y4:infod" + info + "ee" }

// bstring returns a string in bencode.
func bstring(text string) string { return fmt.Sprintf("%d:%s", len(text), text) }

// sums returns n digests of pieces.
func sums(n int) string { return bstring(strings.Repeat("0123456789abcdefghij", n)) }

const piece16 = "12:piece lengthi16384e"

// treeFile returns a file in the tree of a torrent of version 2.
func treeFile(name string, length int, root string) string {
	if root != "" {
		root = "11:pieces root" + bstring(root)
	}
	return bstring(name) + fmt.Sprintf("d0:d6:lengthi%de%see", length, root)
}

// v2 returns a torrent of version 2 with that tree.
func v2(tree string) string {
	return torrent("9:file treed" + tree + "e12:meta versioni2e4:name1:n" + piece16)
}

var root32 = strings.Repeat("r", 32)

func init() {
	samples = append(samples, documents...)
}

var documents = []sample{
	{"Metalink 4", "x", inXML(meta4 + "\n<generator>g</generator><!-- <file/> -->\n<file name=\"a b\">\n<size> 1 </size>" + hash256 +
		"<hash type=\"md5\">" + strings.ToUpper(md5A) + "</hash>\n<pieces length=\"1\" type=\"sha-1\"><hash>" + sha1A +
		"</hash></pieces><url>http://x/</url>\n</file>\n<file name=\"d/&lt;\">" + hash256 + "</file>\n</metalink>\n<!-- end -->\n"), "metalink",
		[]string{"4 sha256 a b 1", "4 md5 a b 1", "8 sha256 d/<"}},
	{"Metalink 3", "x.metalink", meta3 + "\n<file name=\"a\"><size>1</size><verification>" + hash256 + "<hash type=\"sha1\">" + sha1A +
		"</hash></verification><resources><url type=\"http\">x</url></resources><mm:alternates xmlns:mm=\"y\"><mm:size>2</mm:size>" +
		"<mm:verification>" + hash256 + "</mm:verification></mm:alternates></file></files></metalink>", "metalink",
		[]string{"2 sha256 a 1", "2 sha1 a 1"}},
	{"Metalink with a prefix, CDATA and references", "x", `<m:metalink xmlns:m="urn:ietf:params:xml:ns:metalink"><m:file name="&#x61;&amp;">` +
		`<m:hash type="sha-256"><![CDATA[` + sha256A + `]]></m:hash></m:file></m:metalink>`, "metalink", []string{"1 sha256 a&"}},
	{"Metalink in UTF-16", "x", inUTF16(false, "<?xml version=\"1.0\" encoding=\"UTF-16\"?>"+meta4+"\n<file name=\"é\">"+hash256+
		"</file></metalink>"), "metalink", []string{"2 sha256 é"}},
	{"Metalink, bad files", "x", meta4 + "\n<file name=\"a\"/>\n<file>" + hash256 + "</file>\n<file name=\"\">" + hash256 +
		"</file>\n<file name=\"b\"><pieces><hash>x</hash></pieces></file>\n<file name=\"c\"><hash type=\"tiger\">0</hash>" + hash256 +
		"</file>\n<file name=\"d\"><hash>" + sha256A + "</hash></file>\n<file name=\"e\"><hash type=\"md5\">" + sha256A +
		"</hash></file>\n<file name=\"f\"><size>1</size><size>1</size>" + hash256 + "</file>\n<file name=\"g\"><size>-1</size>" + hash256 +
		"</file>\n</metalink>", "metalink", []string{
		"2! no digest of this file", "3! no file name", "4! no file name",
		"5! no digest of this file as a whole, only of pieces, which checksig does not verify",
		"6 sha256 c", `6! unknown algorithm "tiger"`, "7! a digest without its algorithm (type)",
		"8! expected 32 hex digits for md5, found 64", "9 sha256 f 1", "9! several sizes for one file",
		"10 sha256 g", `10! expected a size in bytes, found "-1"`}},
	{"Metalink, a line break in a name", "x", meta4 + "<file name=\"a\nb\">" + hash256 + "</file>\n<file name=\"a&#9;b\">" + hash256 +
		"</file></metalink>", "metalink", []string{"1! a line break or TAB in the file name", "3! a line break or TAB in the file name"}},
	{"Metalink, a file of no namespace", "x", meta4 + "\n<file name=\"a\">" + hash256 + "</file>\n<file xmlns=\"\" name=\"b\">" + hash256 + "</file></metalink>",
		"metalink", []string{"2 sha256 a", `3! element <file> of no namespace, expected "urn:ietf:params:xml:ns:metalink"`}},
	{"Metalink, a digest of the other version", "x", meta4 + "<file name=\"a\"><hash type=\"md5\">" + md5A +
		"</hash>\n<hash xmlns=\"http://www.metalinker.org/\" type=\"sha-256\">" + sha256A + "</hash></file></metalink>", "metalink",
		[]string{`2! element <hash> of namespace "http://www.metalinker.org/", expected "urn:ietf:params:xml:ns:metalink"`}},
	{"Metalink 3, a file of the other version", "x", meta3 + "<file xmlns=\"urn:ietf:params:xml:ns:metalink\" name=\"a\">" + hash256 + "</file></files></metalink>",
		"metalink", []string{`1! element <file> of namespace "urn:ietf:params:xml:ns:metalink", expected "http://www.metalinker.org/"`}},
	{"Metalink, a file of another namespace", "x", meta4 + "<file xmlns=\"y\" name=\"a\">" + hash256 + "</file></metalink>", "metalink", []string{}},
	{"repomd, a file of no namespace", "x", repomd + "<data xmlns=\"\"/></repomd>", "repomd", []string{
		`1! element <data> of no namespace, expected "http://linux.duke.edu/metadata/repo"`}},
	{"ASC MHL, a file of no namespace", "x", ascmhl + "<hashes><hash xmlns=\"\"/></hashes></hashlist>", "ascmhl", []string{
		`1! element <hash> of no namespace, expected "urn:ASC:MHL:v2.0"`}},
	{"MHL, a file of another kind of list", "x", mhl + "<hash xmlns=\"urn:ASC:MHL:v2.0\"/></hashlist>", "mhl", []string{
		`1! element <hash> of namespace "urn:ASC:MHL:v2.0", expected ""`}},
	{"Metalink, unknown elements", "x", meta4 + "<file name=\"a\"><digest>0</digest></file></metalink>", "metalink", []string{
		"1! unknown element <digest>"}},
	{"Metalink 3, several lists", "x", meta3 + "</files><files></files></metalink>", "metalink", []string{"1! several elements <files>"}},
	{"Metalink 3, several verifications", "x", meta3 + "<file name=\"a\"><verification>" + hash256 + "</verification><verification/></file></files></metalink>",
		"metalink", []string{"1 sha256 a", "1! several elements <verification>"}},
	{"XML, a document type", "x", "<!DOCTYPE metalink [<!ENTITY e 'x'>]>" + meta4 + "<file name=\"&e;\">" + hash256 + "</file></metalink>", "metalink",
		[]string{"1! a document type declaration is not supported; remove <!DOCTYPE …>"}},
	{"XML, an unknown entity", "x", meta4 + "\n<file name=\"&e;\">" + hash256 + "</file></metalink>", "metalink",
		[]string{"2! invalid XML: invalid character entity &e;"}},
	{"XML, another encoding", "x.sha256", `<?xml version="1.0" encoding="latin1"?>` + meta4, "gnu",
		[]string{"1! expected a hex digest at the beginning of the line"}},
	{"XML, text between elements", "x", meta4 + "\nthis means nothing\n<file name=\"a\">" + hash256 + "</file></metalink>", "metalink",
		[]string{`1! text between elements: "this means nothing"`}},
	{"XML, text between elements that are passed over", "x", meta4 + "<publisher><a/>x<b/></publisher></metalink>", "metalink",
		[]string{"1! text between elements"}},
	{"XML, trailing data", "x", meta4 + "<file name=\"a\">" + hash256 + "</file></metalink>\n" + sha256A + "  b\n", "metalink",
		[]string{"1 sha256 a", "1! content after the end of the document"}},
	{"XML, two documents", "x", meta4 + "<file name=\"a\">" + hash256 + "</file></metalink>\n\n" + meta4 + "</metalink>", "metalink",
		[]string{"1 sha256 a", "3! content after the end of the document"}},
	{"XML, an attribute twice", "x", meta4 + `<file name="a" name="b">` + hash256 + "</file></metalink>", "metalink",
		[]string{`1! several attributes "name"`}},
	{"XML, an element in a text", "x", meta4 + `<file name="a"><hash type="md5">` + md5A + "<x/></hash></file></metalink>", "metalink",
		[]string{"1! unexpected element <x> in a text"}},
	{"XML, truncated", "x", meta4 + "\n<file name=\"a\">" + hash256 + "</file>\n", "metalink",
		[]string{"2 sha256 a", "3! truncated: the document has no end"}},
	{"XML, truncated in a tag", "x", meta4 + "<file name=\"a", "metalink", []string{"1! truncated: the document has no end"}},
	{"XML, wrong end", "x", meta4 + "<file name=\"a\">" + hash256 + "</File></metalink>", "metalink",
		[]string{"1! invalid XML: element <file> closed by </File>"}},
	{"XML, nested too deeply", "x", meta4 + "<file name=\"a\"><url>" + strings.Repeat("<x>", 100), "metalink",
		[]string{"1! over 64 elements inside each other"}},
	{"XML, too many attributes", "x", meta4 + "<file" + attributes(100) + "/></metalink>", "metalink",
		[]string{"1! an element with over 64 attributes"}},

	{"repomd", "repomd.xml", inXML(repomd + "\n<revision>1</revision>\n<tags><repo>x</repo></tags>\n<data type=\"primary\"><checksum type=\"sha256\">" +
		sha256A + "</checksum><open-checksum type=\"sha256\">" + sha512256 + "</open-checksum><location href=\"repodata/a.gz\"/>" +
		"<timestamp>1</timestamp><size>1</size><open-size>2</open-size></data>\n<data type=\"group\"><checksum type=\"sha\">" + sha1A +
		"</checksum><location href=\"repodata/b\"/></data></repomd>\n"), "repomd", []string{"5 sha256 repodata/a.gz 1", "6 sha1 repodata/b"}},
	{"repomd, bad files", "repomd.xml", repomd + "\n<data><location href=\"a\"/></data>\n<data><checksum type=\"sha256\">" + sha256A +
		"</checksum></data>\n<data><checksum type=\"sha256\">" + sha256A + "</checksum><location xml:base=\"http://x/\" href=\"a\"/></data>\n" +
		"<data><checksum type=\"md5\">" + md5A + "</checksum><checksum type=\"sha256\">" + sha256A +
		"</checksum><location href=\"a\"/></data>\n<data><checksum>" + sha256A + "</checksum><location href=\"a\"/></data>\n" +
		"<data><open-checksum type=\"sha256\">" + sha256A + "</open-checksum><location href=\"a\"/></data>\n\n\n</repomd>", "repomd", []string{
		"2! no digest of this file", "3! no file name", "4 sha256 a", "4! the location starts from another address (xml:base)",
		"5 md5 a", "5 sha256 a", "5! several elements <checksum>", "6! a digest without its algorithm (type)", "7! no digest of this file"}},
	{"RPM primary", "x", `<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">` +
		"\n<package type=\"rpm\"><name>a</name><arch>noarch</arch><version epoch=\"0\" ver=\"1\" rel=\"1\"/><checksum type=\"sha256\" pkgid=\"YES\">" +
		sha256A + "</checksum><summary>s</summary><size package=\"1\" installed=\"2\"/><location href=\"a-1.rpm\"/><format><rpm:license>x</rpm:license>" +
		"<file>/usr/bin/a</file></format></package>\n</metadata>", "rpm-primary", []string{"2 sha256 a-1.rpm 1"}},

	{"ASC MHL", "0001_x.mhl", inXML(ascmhl + "\n<creatorinfo><tool version=\"1\">t</tool></creatorinfo><processinfo><roothash><content><xxh64>0</xxh64>" +
		"</content></roothash></processinfo>\n<hashes>\n<hash><path size=\"1\" lastmodificationdate=\"x\">A/ b</path><xxh64 action=\"original\">" +
		"d24ec4f1a98c6e5b</xxh64><c4>" + c4A + "</c4></hash>\n<directoryhash><path>A</path><content><md5>0</md5></content></directoryhash>\n" +
		"</hashes><references><hashlistreference><path>B/ascmhl/1.mhl</path><c4>" + c4A + "</c4></hashlistreference></references></hashlist>\n"), "ascmhl",
		[]string{"5 xxh64 A/ b 1", "5 sha512 A/ b 1", "7 sha512 B/ascmhl/1.mhl"}},
	{"ASC MHL, bad files", "x", ascmhl + "<hashes>\n<hash><path>a</path></hash>\n<hash><path>b</path><xxh32>00000000</xxh32><md5>" + md5A +
		"</md5></hash>\n<hash><path>c</path><md5 action=\"failed\">" + md5A + "</md5></hash>\n<hash><path>d</path><c4>c41</c4></hash>\n<hash><path>e</path><c4>c4" +
		strings.Repeat("z", 88) + "</c4></hash>\n<hash><path>f</path><path>g</path><md5>" + md5A + "</md5></hash>\n</hashes></hashlist>", "ascmhl", []string{
		"2! no digest of this file", "3 md5 b", `3! unknown algorithm "xxh32"`,
		"4! the file failed when the list was made: its md5 is not verified",
		`5! expected a C4 ID: "c4" and 88 letters and digits`, `6! expected a C4 ID: "c4" and 88 letters and digits`,
		"7 md5 f", "7! several names for one file"}},
	{"ASC MHL, unknown version", "x", strings.Replace(ascmhl, "2.0", "3.0", 1) + "</hashlist>", "ascmhl", []string{
		`1! unknown version "3.0"; known: 2.0`}},
	{"ASC MHL, a digest in creatorinfo", "x", ascmhl + "<creatorinfo><hostname>h</hostname>\n<md5>" + md5A + "</md5></creatorinfo></hashlist>", "ascmhl", []string{
		"2! an element <md5> where none belongs"}},
	{"ASC MHL, a file outside of the list", "x", ascmhl + "<hash><path>a</path><md5>" + md5A + "</md5></hash></hashlist>", "ascmhl", []string{
		"1! unknown element <hash>"}},
	{"ASC MHL chain", "ascmhl_chain.xml", `<ascmhldirectory xmlns="urn:ASC:MHL:DIRECTORY:v2.0"><hashlist sequencenr="1"><path>0001_x.mhl</path><c4>` +
		c4A + "</c4></hashlist></ascmhldirectory>", "ascmhl-chain", []string{"1 sha512 0001_x.mhl"}},
	{"MHL", "x.mhl", inXML(mhl + "\n<creatorinfo><name>n</name></creatorinfo>\n<hash><file>A/b</file><size>1</size><lastmodificationdate>x" +
		"</lastmodificationdate><xxhash64be>d24ec4f1a98c6e5b</xxhash64be><md5>" + md5A + "</md5><hashdate>x</hashdate></hash>\n</hashlist>"), "mhl",
		[]string{"4 xxh64 A/b 1", "4 md5 A/b 1"}},
	{"MHL, bad files", "x", mhl + "\n<hash><file>a</file><null/></hash>\n<hash><file>b</file><xxhash64>d24ec4f1a98c6e5b</xxhash64></hash>\n<hash><md5>" +
		md5A + "</md5></hash></hashlist>", "mhl", []string{"2! no digest of this file", `3! unknown algorithm "xxhash64"`, "4! no file name"}},

	{"pylock", "pylock.toml", lock + "created-by = \"t\"\n[[packages]]\nname = \"a\"\nsdist = {name = \"a-1.tar.gz\", hashes = {sha256 = \"" + sha256A +
		"\"}}\nwheels = [\n  {url = \"https://x/y%20z/a%2B1-py3-none-any.whl?b#c\", size = 1_0, hashes = {md5 = \"" + md5A + "\", sha256 = \"" + sha256A +
		"\"}},\n]\n[[packages]]\nname = \"b\"\n[[packages.wheels]]\nname = \"b-1.whl\"\npath = \"w/b-1.whl\"\n[packages.wheels.hashes]\nsha256 = \"" + sha256A +
		"\"\n[packages.tool.x]\ny = [1, {z.z = 2}]\n", "pylock", []string{
		"5 sha256 a-1.tar.gz", "7 md5 a+1-py3-none-any.whl 10", "7 sha256 a+1-py3-none-any.whl 10", "11 sha256 w/b-1.whl"}},
	{"pylock, by its content", "x", "packages = [{name = 'a', archive.url = 'a.zip', archive.hashes.sha256 = '" + sha256A + "'}]\n" + lock, "pylock",
		[]string{"1 sha256 a.zip"}},
	{"pylock, bad packages", "pylock.toml", lock + "[[packages]]\nname = \"a\"\n[[packages]]\nvcs = {type = \"git\"}\n[[packages]]\ndirectory = {path = \".\"}\n" +
		"[[packages]]\nwheel = []\n[[packages]]\nwheels = [{name = \"a\"}]\n[[packages]]\nwheels = [{hashes = {sha256 = \"" + sha256A + "\"}}]\n[[packages]]\n" +
		"wheels = [{name = \"b\", hashes = {tiger = \"0\", sha256 = \"" + sha256A + "\"}}]\n[[packages]]\nwheels = [{name = \"c\", hash = {}, hashes = {sha256 = 1}}]\n" +
		"[[packages]]\nwheels = {}\n[[packages]]\nsdist = {url = \"https://x/\", hashes = {sha256 = \"" + sha256A + "\"}}\n[[packages]]\n" +
		"sdist = {name = \"d\", size = \"1\", hashes = {sha256 = \"" + sha256A + "\"}}\n[[packages]]\nsdist = {name = \"../e\", hashes = {sha256 = \"" + sha256A +
		"\"}}\n[[packages]]\narchive = {url = \"https://x/..%2Fy\", hashes = {sha256 = \"" + sha256A + "\"}}\n", "pylock", []string{
		"2! a package without files", `5! no digest of this file: a package from "vcs"`, `7! no digest of this file: a package from "directory"`,
		"8! a package without files", `9! unknown key "wheel" of a package`, "11! no digest of this file", "13! no file name",
		"15 sha256 b", `15! unknown algorithm "tiger"`, `17! unknown key "hash" of a file`, `19! "wheels" is no array of tables`,
		"21! the address has no file name at its end", "23 sha256 d", `23! "size" is a string instead of an integer`,
		"25 sha256 ../e", `25! "../e" is not the name of a file`, "27! the address has no file name at its end"}},
	{"pylock, unknown version", "pylock.toml", "created-by = \"x\"\nlock-version = \"2.0\"\n", "pylock", []string{
		`2! lock-version "2.0" is not supported; known: 1.0`}},
	{"pylock, no version", "pylock.a.toml", "", "pylock", []string{`1! no "lock-version"`}},
	{"pylock, unknown key", "pylock.toml", lock + "package = []\n", "pylock", []string{`2! unknown key "package"`}},
	{"pylock, packages of another type", "pylock.toml", lock + "packages = 1\n", "pylock", []string{`2! "packages" is no array of tables`}},
	{"TOML, a key twice", "pylock.toml", lock + "[[packages]]\nname = \"a\"\nname = \"a\"\n", "pylock", []string{
		`4! invalid TOML: "name" is defined twice`}},
	{"TOML, a table twice", "pylock.toml", lock + "[tool.a]\n[tool.b]\n[tool.a]\n", "pylock", []string{`4! invalid TOML: "a" is defined twice`}},
	{"TOML, an inline table extended", "pylock.toml", lock + "tool = {a.b = 1}\n[tool.c]\n", "pylock", []string{
		`3! invalid TOML: "tool" is defined twice`}},
	{"TOML, a dotted key inside of an inline table extended", "pylock.toml", lock + "[tool]\na = {b.c = 1}\na.b.d = 2\n", "pylock", []string{
		`4! invalid TOML: "a" is defined twice`}},
	{"TOML, an array extended", "pylock.toml", lock + "packages = []\n[[packages]]\n", "pylock", []string{`3! invalid TOML: "packages" is defined twice`}},
	{"TOML, a table that is an array", "pylock.toml", lock + "[[packages]]\n[packages]\n", "pylock", []string{`3! invalid TOML: "packages" is defined twice`}},
	{"TOML, tables in any order", "pylock.toml", lock + "[tool.a.b]\n[tool.a]\n[tool]\nx.y = 1\nx.z = 2\n", "pylock", []string{}},
	{"TOML, truncated", "pylock.toml", lock + "[[packages]]\nname = \"a", "pylock", []string{
		"3! invalid TOML: unterminated basic string"}},
	{"TOML, trailing data", "pylock.toml", lock + "\nthis means nothing\n", "pylock", []string{"3! invalid TOML: expected '=' after key"}},
	{"TOML, nested too deeply", "pylock.toml", lock + "[tool]\na = " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "\n", "pylock", []string{
		"3! over 100 arrays and tables inside each other"}},
	{"TOML, not UTF-8", "pylock.toml", lock + "tool = \"\xff\"\n", "pylock", []string{"1! invalid TOML: not UTF-8"}},

	{"MHL, a file inside another element", "x.mhl", inXML(`<hashlist version="1.1"><creatorinfo><hash><file>a</file></hash></creatorinfo></hashlist>`), "mhl",
		[]string{"2! an element <hash> where none belongs"}},
	{"Metalink, a file inside another element", "x", inXML(meta4 + "<generator><file/></generator></metalink>"), "metalink", []string{"2! an element <file> where none belongs"}},
	{"torrent", "x", torrent("6:lengthi16385e4:name3:a b" + piece16 + "6:pieces" + sums(2)), "torrent", []string{"1 btv1-16384 a b 16385"}},
	{"torrent with digests of the whole file", "x", torrent("6:lengthi1e6:md5sum" + bstring(md5A) + "4:name1:a" + piece16 + "6:pieces" + sums(1) +
		"4:sha1" + bstring(strings.Repeat("x", 20))), "torrent", []string{"1 md5 a 1", "1 sha1 a 1", "1 btv1-16384 a 1"}},
	{"torrent of several files, with padding", "x", torrent("5:filesld6:lengthi3e4:pathl1:aeed4:attr1:p6:lengthi16381e4:pathl4:.pad5:16381eed6:lengthi0e4:pathl1:d1:zee" +
		"d6:lengthi16385e4:pathl1:bee" + "e4:name1:n" + piece16 + "6:pieces" + sums(3)), "torrent",
		[]string{"1 btv1-16384-padded n/a 3", "1 btv1-16384 n/d/z 0", "1 btv1-16384 n/b 16385"}},
	{"torrent of several files, aligned by their length", "x", torrent("5:filesld6:lengthi16384e4:pathl1:aeed6:lengthi1e4:pathl1:beee4:name1:n" +
		piece16 + "6:pieces" + sums(2)), "torrent", []string{"1 btv1-16384 n/a 16384", "1 btv1-16384 n/b 1"}},
	{"torrent of several files in one piece", "x", torrent("5:filesld6:lengthi1e4:pathl1:aeed6:lengthi1e4:pathl1:beee4:name1:n" +
		piece16 + "6:pieces" + sums(1)), "torrent", []string{"1! pieces contain parts of several files, which checksig cannot verify: " +
		"only torrents of a single file, with padding files (BEP 47) or of version 2 are supported"}},
	{"torrent, a file that claims to be padding", "x", torrent("5:filesld6:lengthi3e4:pathl1:aeed4:attr1:p6:lengthi16381e4:pathl5:setupeed6:lengthi1e4:pathl1:bee" +
		"d4:attr1:p6:lengthi16383e4:pathl4:.pad2:1xeee4:name1:n" + piece16 + "6:pieces" + sums(2)), "torrent", []string{"1 btv1-16384-padded n/a 3",
		"1! no digest of this file: it is a padding file whose name is not .pad/<number> (BEP 47)", "1 btv1-16384-padded n/b 1",
		"1! no digest of this file: it is a padding file whose name is not .pad/<number> (BEP 47)"}},
	{"torrent, padding of a wrong length", "x", torrent("5:filesld6:lengthi3e4:pathl1:aeed4:attr1:p6:lengthi16380e4:pathl1:peed6:lengthi1e4:pathl1:beee4:name1:n" +
		piece16 + "6:pieces" + sums(1)), "torrent", []string{"1! pieces contain parts of several files, which checksig cannot verify: " +
		"only torrents of a single file, with padding files (BEP 47) or of version 2 are supported"}},
	{"torrent with a symbolic link", "x", torrent("5:filesld6:lengthi1e4:pathl1:aeed4:attr1:l4:pathl1:be12:symlink pathl1:aeee4:name1:n" +
		piece16 + "6:pieces" + sums(1)), "torrent", []string{"1 btv1-16384 n/a 1", "1! no digest of this file: it is a symbolic link"}},
	{"torrent of version 2, one file", "x", v2(treeFile("a b", 1, root32)), "torrent", []string{"1 btv2 a b 1"}},
	{"torrent of version 2, several files", "x", v2("1:dd" + treeFile("a", 1, root32) + "e" + treeFile("e", 0, "")), "torrent",
		[]string{"1 btv2 n/d/a 1", "1 btv2 n/e 0"}},
	{"torrent of both versions", "x", torrent("9:file treed" + treeFile("n", 3, root32) + "e6:lengthi3e12:meta versioni2e4:name1:n" + piece16 + "6:pieces" +
		sums(1)), "torrent", []string{"1 btv1-16384 n 3", "1 btv2 n 3"}},
	{"torrent of version 2, bad files", "x", v2(treeFile("a", 1, "") + treeFile("b", 1, "x")), "torrent", []string{
		"1! no digest of this file", "1! a root of 1 bytes"}},
	{"torrent of version 2, a file that is a folder", "x", v2("1:ad0:d6:lengthi0ee" + treeFile("b", 0, "") + "e"), "torrent", []string{
		"1! a file that is also a folder"}},
	{"torrent of version 2, a name that leads outside", "x", v2("2:..d" + treeFile("a", 0, "") + "e"), "torrent", []string{
		`1! ".." is not the name of a file or folder`}},
	{"torrent, names that lead outside", "x", torrent("5:filesld6:lengthi1e4:pathl2:..1:aeee4:name1:n" + piece16 + "6:pieces" + sums(1)), "torrent", []string{
		`1! ".." is not the name of a file or folder`}},
	{"torrent, a name with a separator", "x", torrent("6:lengthi1e4:name3:a/b" + piece16 + "6:pieces" + sums(1)), "torrent", []string{
		`1! "a/b" is not the name of a file or folder`}},
	{"torrent, no name", "x", torrent("6:lengthi1e" + piece16 + "6:pieces" + sums(1)), "torrent", []string{`1! "" is not the name of a file or folder`}},
	{"torrent, too few pieces", "x", torrent("6:lengthi16385e4:name1:a" + piece16 + "6:pieces" + sums(1)), "torrent", []string{
		"1! 20 bytes of SHA-1 digests for 16385 bytes in pieces of 16384"}},
	{"torrent, a negative length", "x", torrent("6:lengthi-1e4:name1:a" + piece16 + "6:pieces" + sums(1)), "torrent", []string{
		"1! 20 bytes of SHA-1 digests for -1 bytes in pieces of 16384"}},
	{"torrent, too many bytes", "x", torrent("5:filesld6:lengthi9223372036854775807e4:pathl1:aeed6:lengthi1e4:pathl1:beee4:name1:n" + piece16 + "6:pieces0:"), "torrent",
		[]string{"1! the files are too long"}},
	{"torrent, pieces of an odd length", "x", torrent("6:lengthi1e4:name1:a12:piece lengthi16385e6:pieces" + sums(1)), "torrent", []string{
		"1! pieces of 16385 bytes are not supported; known: powers of two from 16384 to 67108864"}},
	{"torrent, no digests", "x", torrent("4:name1:a" + piece16), "torrent", []string{`1! no digests: neither "pieces" nor "file tree"`}},
	{"torrent, pieces without files", "x", torrent("4:name1:a" + piece16 + "6:pieces" + sums(1)), "torrent", []string{
		`1! "pieces" must occur together with "length" or "files"`}},
	{"torrent, a later version", "x", torrent("12:meta versioni3e4:name1:a" + piece16), "torrent", []string{"1! a torrent of version 3 is not supported"}},
	{"torrent, a tree of version 1", "x", torrent("9:file treede4:name1:a" + piece16), "torrent", []string{
		`1! "meta version" and "file tree" must occur together`}},
	{"torrent without info", "x", "d8:announce1:xe", "torrent", []string{`1! no "info"`}},
	{"torrent, keys not sorted", "x", torrent("4:name1:a6:lengthi1e" + piece16 + "6:pieces" + sums(1)), "torrent", []string{
		`1! the keys of a dictionary are not sorted: "length"`}},
	{"torrent, a key twice", "x", torrent("6:lengthi1e6:lengthi1e4:name1:a" + piece16 + "6:pieces" + sums(1)), "torrent", []string{
		`1! the keys of a dictionary are not sorted: "length"`}},
	{"torrent, a leading zero", "x", torrent("6:lengthi01e4:name1:a" + piece16 + "6:pieces" + sums(1)), "torrent", []string{
		"1! truncated, or no valid encoding of a torrent (BEP 3)"}},
	{"torrent, a wrong type", "x", torrent("6:length1:14:name1:a" + piece16 + "6:pieces" + sums(1)), "torrent", []string{`1! "length": expected an integer`}},
	{"torrent, trailing data", "x", torrent("6:lengthi1e4:name1:a"+piece16+"6:pieces"+sums(1)) + "\n", "torrent", []string{
		"1! content after the end of the torrent"}},
	{"torrent, truncated", "x", "d4:infod6:lengthi1e", "torrent", []string{"1! truncated, or no valid encoding of a torrent (BEP 3)"}},
	{"torrent, a string longer than the torrent", "x.torrent", "d4:info9223372036854775807:xe", "torrent", []string{
		"1! truncated, or no valid encoding of a torrent (BEP 3)"}},
	{"torrent, nested too deeply", "x.torrent", "d4:info" + strings.Repeat("l", 200), "torrent", []string{
		"1! over 100 lists and dictionaries inside each other"}},
}

// longDocuments are too long to be samples: those are truncated at every byte.
var longDocuments = []sample{
	{"XML, text too long", "x", meta4 + "<file name=\"a\"><hash type=\"md5\">" + strings.Repeat("0", 70000), "metalink",
		[]string{"1! a text of over 65536 bytes"}},
	{"XML, tag too long", "x", meta4 + "<file name=\"" + strings.Repeat("a", 2<<20), "metalink",
		[]string{"1! a tag, text or comment of over 1048576 bytes"}},
	{"XML, name too long", "x", meta4 + "<file name=\"" + strings.Repeat("a", 70000) + "\">" + hash256 + "</file></metalink>", "metalink",
		[]string{"1! the file name is too long"}},
}

func TestLongDocuments(t *testing.T) {
	for _, tt := range longDocuments {
		t.Run(tt.name, func(t *testing.T) {
			if got := readAll(t, tt.fileName, tt.text); !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func attributes(n int) string {
	text := ""
	for i := range n {
		text += fmt.Sprintf(` a%d=""`, i)
	}
	return text
}

// The digest of a file in a torrent of version 1 is that of its own pieces.
func TestTorrentPiecesOfEachFile(t *testing.T) {
	pieces := "aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbcccccccccccccccccccc"
	text := torrent("5:filesld6:lengthi3e4:pathl1:aeed4:attr1:p6:lengthi16381e4:pathl4:.pad1:1eed6:lengthi16385e4:pathl1:beee4:name1:n" +
		piece16 + "6:pieces" + bstring(pieces))
	reading, err := manifest.Read(strings.NewReader(text), manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{pieces[:20], pieces[20:]} {
		e, err := reading.Next()
		if sum := sha1.Sum([]byte(want)); err != nil || !bytes.Equal(e.Digest, sum[:]) {
			t.Errorf("%s: got %x, %v, want %x", e.Name, e.Digest, err, sum)
		}
	}
}

// Files in the deepest folders of a tree are found, and the folders after those have the right names.
func TestTorrentDeepTree(t *testing.T) {
	const depth = 40
	tree := treeFile("a", 1, root32)
	for range depth {
		tree = "1:dd" + tree + "e" + treeFile("e", 1, root32)
	}
	reading, err := manifest.Read(strings.NewReader(v2(tree)), manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := "n/" + strings.Repeat("d/", depth) + "a"
	for range depth + 1 {
		if e, err := reading.Next(); err != nil || e.Name != want {
			t.Fatalf("got %q, %v, want %q", e.Name, err, want)
		}
		want = strings.TrimSuffix(want[:len(want)-1], "d/") + "e"
	}
	if _, err := reading.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want EOF", err)
	}
}

// A C4 ID is a SHA-512 digest.
func TestC4(t *testing.T) {
	reading, err := manifest.Read(strings.NewReader(ascmhl+"<hashes><hash><path>a</path><c4>"+c4A+"</c4></hash></hashes></hashlist>"), manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := reading.Next()
	h := digest.ByName("sha512").New()
	io.WriteString(h, "a")
	if want := h.Sum(nil); err != nil || !bytes.Equal(e.Digest, want) {
		t.Errorf("got %s, %v, want %s", hex.EncodeToString(e.Digest), err, hex.EncodeToString(want))
	}
}

// Documents of any size, also hostile ones, are read or refused with little memory.
func TestHostileDocuments(t *testing.T) {
	if raceDetector {
		t.Skip("measures memory")
	}
	for _, tt := range []struct {
		name, fileName, begin, again, end string
		size                              int // bytes of repetitions
		want                              string
		memory                            uint64 // MiB
	}{
		{"many files in XML", "x", meta4, "<file name=\"a\">" + hash256 + "</file>\n", "</metalink>", 12 << 20, "", 8},
		{"many elements in XML that are passed over", "x", meta4, "<url>x</url>", "</metalink>", 12 << 20, "lists no file", 8},
		{"many pieces in XML", "x", meta4 + "<file name=\"a\">" + hash256 + "<pieces>", "<hash>x</hash>\n", "</pieces></file></metalink>", 12 << 20, "", 64},
		{"nested elements in XML", "x", meta4, "<url>", "", 12 << 20, "over 64 elements inside each other", 8},
		{"a long comment in XML", "x", meta4 + "<!--", "x", "", 12 << 20, "a tag, text or comment of over 1048576 bytes", 16},
		{"many attributes in XML", "x", meta4 + "<file ", "a=\"\" ", "", 12 << 20, "a tag, text or comment of over 1048576 bytes", 128},
		{"a long document in TOML", "pylock.toml", lock, "# comment\n", "", 20 << 20, "over 16777216 bytes, more than are read of this format", 64},
		{"many values in TOML", "pylock.toml", lock + "tool = [", "[],", "]", 8 << 20, "over 500000 keys and values, more than are read", 64},
		{"many strings in TOML", "pylock.toml", lock + "tool = [", "'',", "]", 8 << 20, "over 500000 keys and values, more than are read", 64},
		{"a long key in TOML", "pylock.toml", lock + "a", ".a", "", 8 << 20, "over 500000 keys and values, more than are read", 64},
		{"many keys in TOML", "pylock.toml", lock, "", "", 0, "", 64},
		{"nested arrays in TOML", "pylock.toml", lock + "tool = ", "[", "", 400_000, "", 256},
		{"a long torrent", "x.torrent", "d4:info", "l", "", 40 << 20, "over 33554432 bytes, more than are read of this format", 192},
		{"many values in a torrent", "x.torrent", "d4:infol", "i0e", "ee", 30 << 20, "expected a dictionary", 192},
		{"many files in a torrent", "x.torrent", "d4:infod5:filesl", "d6:lengthi0e4:pathl1:aee", "e4:name1:n" + piece16 + "6:pieces0:ee", 30 << 20, "", 192},
		{"a long name before all names in a torrent", "x.torrent", "d4:infod5:filesl", "d6:lengthi0e4:pathl1:aee",
			"e4:name60000:" + strings.Repeat("n", 60_000) + piece16 + "6:pieces0:ee", 1 << 20, "the names of all files have over 268435456 bytes", 64},
		{"nested lists in a torrent", "x.torrent", "d4:info", "l", "", 30 << 20, "over 100 lists and dictionaries inside each other", 192},
	} {
		t.Run(tt.name, func(t *testing.T) {
			again := tt.again
			if again == "" { // many keys
				var text strings.Builder
				for i := range 400_000 {
					fmt.Fprintf(&text, "[tool.a%d]\n", i)
				}
				again, tt.size = text.String(), text.Len()
			}
			again = strings.Repeat(again, 4096/len(again)+1)
			var repeated io.Reader = &repeatReader{text: again, left: tt.size / len(again) * len(again)}
			reader := io.MultiReader(strings.NewReader(tt.begin), repeated, strings.NewReader(tt.end))
			reading, err := manifest.Read(reader, manifest.Options{FileName: tt.fileName})
			if err != nil {
				t.Fatal(err)
			}
			runtime.GC()
			var before, now runtime.MemStats
			runtime.ReadMemStats(&before)
			got, kept, most := "", uint64(0), uint64(0)
			measure := func() {
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapSys-now.HeapReleased)
				runtime.GC()
				runtime.ReadMemStats(&now)
				kept = max(kept, now.HeapAlloc)
			}
			entries := 0
			for {
				_, err := reading.Next()
				var bad *manifest.LineError
				if errors.As(err, &bad) {
					got = bad.Cause
					continue
				}
				if err != nil {
					break
				}
				if entries++; entries%10_000 == 0 {
					measure()
				}
			}
			measure()
			if entries == 0 && got == "" {
				got = "lists no file"
			}
			if tt.want != "" && got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if grown := int64(kept) - int64(before.HeapAlloc); grown > int64(tt.memory)<<20 {
				t.Errorf("%d MiB more memory, want at most %d", grown>>20, tt.memory)
			}
			const late = 48 << 20 // what the garbage collector has not come to on a busy machine
			if grown := int64(most) - int64(before.HeapSys-before.HeapReleased); grown > int64(tt.memory)<<20+late {
				t.Errorf("%d MiB more memory for a moment, want at most %d", grown>>20, tt.memory)
			}
		})
	}
}

// repeatReader returns a text again and again.
type repeatReader struct {
	text string
	at   int
	left int
}

func (r *repeatReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && r.left > 0 {
		m := copy(p[n:min(len(p), n+r.left)], r.text[r.at:])
		n, r.left, r.at = n+m, r.left-m, (r.at+m)%len(r.text)
	}
	return n, nil
}

// The end of a reader is not the end of a document if the reader failed.
func TestDocumentThatCannotBeRead(t *testing.T) {
	broken := errors.New("broken")
	for fileName, begin := range map[string]string{"x": meta4, "pylock.toml": lock, "x.torrent": "d4:info"} {
		reader := io.MultiReader(strings.NewReader(begin), failingReader{broken})
		reading, err := manifest.Read(struct{ io.Reader }{reader}, manifest.Options{FileName: fileName, Format: formatFor(fileName)})
		if err == nil {
			_, err = reading.Next()
		}
		if !errors.Is(err, broken) {
			t.Errorf("%s: got %v", fileName, err)
		}
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

func formatFor(fileName string) *manifest.Format {
	switch fileName {
	case "x":
		return manifest.Metalink
	case "pylock.toml":
		return manifest.Pylock
	}
	return manifest.Torrent
}

// The digests of repeated names are entries of their own, so that contradictions are seen.
func TestAddressIsTheRawName(t *testing.T) {
	text := lock + "[[packages]]\nwheels = [{url = \"https://x/a.whl\", hashes = {sha256 = \"" + sha256A + "\"}}]\n"
	reading, err := manifest.Read(strings.NewReader(text), manifest.Options{FileName: "pylock.toml"})
	if err != nil {
		t.Fatal(err)
	}
	if e, err := reading.Next(); err != nil || e.Name != "a.whl" || e.RawName != "https://x/a.whl" {
		t.Errorf("got %+v, %v", e, err)
	}
}
