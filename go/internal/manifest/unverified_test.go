package manifest_test

import (
	"slices"
	"strings"
	"testing"

	"checksig/internal/manifest"
)

// What a manifest states and no entry covers is noted.
func TestUnverified(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"GNU":                 {sha1A + "  a\n", nil},
		"Gentoo":              {"DATA a 1 SHA1 " + sha1A + "\n", nil},
		"Gentoo, with IGNORE": {"IGNORE b\nDATA a 1 SHA1 " + sha1A + "\nOPTIONAL c\nIGNORE d\n", []string{"IGNORE", "OPTIONAL"}},
		"mtree": {"#mtree\n/set uid=0\n. type=dir\na type=file mode=0644 time=1.0 sha1=" + sha1A + "\nl type=link link=a\nb type=dir ignore\n..\n", []string{
			"ignore", "link", "mode", "time", "type=dir", "type=link", "uid"}},
		"Cargo":                    {`{"files":{"a":"` + sha256A + `"},"package":"` + sha256A + `"}`, []string{"package"}},
		"Cargo, without a package": {`{"files":{"a":"` + sha256A + `"},"package":null}`, nil},
		"CycloneDX": {`{"bomFormat":"CycloneDX","metadata":{"tools":[{"name":"t","hashes":[{"alg":"MD5","content":"` + md5A + `"}]}],"component":` +
			`{"type":"application","name":"m","hashes":[{"alg":"x","content":"y"}]}},"components":[{"type":"library","name":"l",` +
			`"hashes":[{"alg":"MD5","content":"` + md5A + `"}],"components":[{"type":"file","name":"a","hashes":[{"alg":"MD5","content":"` + md5A +
			`"}],"externalReferences":[{"hashes":[{}]}]}]},{"type":"framework","name":"f","hashes":[]},{"type":"data","name":"d"}]}`,
			[]string{"externalReferences", "tools", "type=application", "type=library"}},
		"CycloneDX, tools as components": {`{"bomFormat":"CycloneDX","metadata":{"tools":{"components":[{"hashes":[{}]}]}},"externalReferences":[{"hashes":[{}]}]}`,
			[]string{"externalReferences", "tools"}},
		"CycloneDX, nothing else": {`{"bomFormat":"CycloneDX","metadata":{"tools":[{"name":"t"},1]},"externalReferences":[{"url":"x"}],"components":[{"type":"file",` +
			`"name":"a","hashes":[{"alg":"MD5","content":"` + md5A + `"}]}]}`, nil},
		"SPDX": {`{"spdxVersion":"SPDX-2.3","externalDocumentRefs":[{"checksum":{"algorithm":"SHA1"}}],"packages":[{"checksums":[{}]}]}`,
			[]string{"externalDocumentRefs", "packages"}},
		"SPDX, a verification code":      {`{"spdxVersion":"SPDX-2.3","packages":[{"packageVerificationCode":{"packageVerificationCodeValue":"x"}}]}`, []string{"packages"}},
		"SPDX, packages without digests": {`{"spdxVersion":"SPDX-2.3","packages":[{"name":"p","checksums":[]},"x"]}`, nil},
		"SPDX 3": {`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"ai_AIPackage"},{"type":"software_Package",` +
			`"verifiedUsing":[{"algorithm":"md5","hashValue":"` + md5A + `"}]}]}`, []string{"software_Package"}},
		"Croissant": {`{"@context":{"cr":"http://mlcommons.org/croissant/"},"distribution":[{"@type":"cr:FileSet"},{"@type":"cr:FileObject",` +
			`"contentUrl":"a","containedIn":{}}]}`, []string{"FileSet", "containedIn"}},
		"mtree, only files": {"#mtree\na type=file size=1 sha1=" + sha1A + "\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			reading, err := manifest.Read(strings.NewReader(c.text), manifest.Options{FileName: "x"})
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				_, err = reading.Next()
			}
			if got := reading.Unverified(); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
