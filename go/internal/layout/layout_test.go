package layout_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"checksig/internal/layout"
	"checksig/internal/safefs"
)

// problems writes the files of a bag, adds its manifests, which list what lists says, and returns what is
// reported, as "file:line problem", sorted.
func problems(t *testing.T, files map[string]string, lists map[string]string) (found []string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	roots, err := safefs.NewRootCache(dir, dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer roots.Close()
	folder := layout.Folder{Root: roots.Top(), Roots: roots}
	bag := layout.BagIt.New()
	bag.(layout.Encoded).Charset(t.Context(), folder)
	for file, names := range lists {
		list := bag.AddManifest(file)
		for name := range strings.FieldsSeq(names) {
			if problem := list.Add(name); problem != "" {
				found = append(found, fmt.Sprintf("%s: %s: %s", file, name, problem))
			}
		}
	}
	note := func(file string, line int64, problem string) {
		found = append(found, fmt.Sprintf("%s:%d %s", file, line, problem))
	}
	bag.Check(t.Context(), folder, layout.Report{Problem: note, Note: func(file string, line int64, text string) {
		if !strings.HasPrefix(text, "of a bag, ") { // of every bag
			note(file, line, text)
		}
	}})
	slices.Sort(found)
	return found
}

func TestBag(t *testing.T) {
	complete := map[string]string{
		"bagit.txt":    "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
		"bag-info.txt": "Payload-Oxum: 3.2\n",
		"data/a":       "a", "data/sub/b": "bb",
	}
	lists := map[string]string{
		"manifest-sha256.txt":    "data/a data/sub/b",
		"tagmanifest-sha256.txt": "bagit.txt bag-info.txt manifest-sha256.txt",
	}
	for name, c := range map[string]struct {
		file, text string // to change; removed if text is "-"
		list, says string // to change; removed if says is "-"
		want       []string
	}{
		"complete": {},
		"no declaration": {file: "bagit.txt", text: "-", want: []string{
			"bagit.txt:0 cannot be read: no such file or directory", "bagit.txt:0 does not have two lines"}},
		"an unknown version": {file: "bagit.txt", text: "BagIt-Version: 2.0\nTag-File-Character-Encoding: UTF-8\n",
			want: []string{"bagit.txt:1 unknown version 2.0"}},
		"an unsupported encoding": {file: "bagit.txt", text: "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-9\n",
			want: []string{`bagit.txt:2 unsupported encoding "UTF-9"; known: UTF-8, UTF-16, and most others of IANA's registry`}},
		"a wrong Payload-Oxum": {file: "bag-info.txt", text: "A: b\nPayload-Oxum: 4.2\n",
			want: []string{"bag-info.txt:2 Payload-Oxum is 4.2, found 3.2 (BagIt 1.0)"}},
		"an unlisted payload file": {list: "manifest-sha256.txt", says: "data/a",
			want: []string{`manifest-sha256.txt:0 does not list "data/sub/b" (BagIt 1.0)`}},
		"no payload manifest": {list: "manifest-sha256.txt", says: "-",
			want: []string{"bagit.txt:0 the bag has no payload manifest (BagIt 1.0)"}},
		"a payload manifest that lists a tag file": {list: "manifest-sha256.txt", says: "data/a data/sub/b bagit.txt",
			want: []string{"manifest-sha256.txt: bagit.txt: a payload manifest must list files below data/ only"}},
		"a tag manifest without the payload manifest": {list: "tagmanifest-sha256.txt", says: "bagit.txt",
			want: []string{"tagmanifest-sha256.txt:0 does not list manifest-sha256.txt (BagIt 1.0)"}},
		"a fetched file that is not listed": {file: "fetch.txt", text: "http://example.org/x 3 data/x\n",
			want: []string{`fetch.txt:1 manifest-sha256.txt does not list "data/x" (BagIt 1.0)`}},
	} {
		t.Run(name, func(t *testing.T) {
			files, listed := maps.Clone(complete), maps.Clone(lists)
			change(files, c.file, c.text)
			change(listed, c.list, c.says)
			if got := problems(t, files, listed); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func change(all map[string]string, name, text string) {
	switch {
	case text == "-":
		delete(all, name)
	case name != "":
		all[name] = text
	}
}

// markers are names that mark a structure of each kind.
var markers = map[string]*layout.Kind{
	"bagit.txt": layout.BagIt, "0=ocfl_object_1.1": layout.OCFLObject, "0=ocfl_object_9": layout.OCFLObject,
	"0=ocfl_1.0": layout.OCFLRoot, "oci-layout": layout.OCI,
}

// folders are names of folders that may make the one that they lie in a structure of each kind.
var folders = map[string]*layout.Kind{
	"snapshots": layout.HuggingFace, "objects": layout.GitLFS, "files": layout.DVC, "annex": layout.GitAnnex,
}

func TestKinds(t *testing.T) {
	marked := map[*layout.Kind]bool{}
	for name, kind := range markers {
		marked[kind] = true
		if layout.MarkedBy(name) != kind || !kind.IsOwn(name) || kind.New() == nil || kind.Title == "" {
			t.Errorf("%q marks %+v", name, layout.MarkedBy(name))
		}
	}
	for name, kind := range folders {
		marked[kind] = true
		if layout.CandidateBy(name, true) != kind || layout.CandidateBy(name, false) != nil || layout.MarkedBy(name) != nil {
			t.Errorf("a folder %q marks %+v", name, layout.CandidateBy(name, true))
		}
	}
	for _, k := range layout.Kinds {
		if !marked[k] {
			t.Errorf("no marker of %s", k.Name)
		}
	}
	if layout.MarkedBy("none") != nil || layout.MayBeManifest("none") || !layout.MayBeManifest("manifest-md5.txt") {
		t.Error("a name that is no marker, or is a manifest")
	}
	if layout.CandidateBy("inventory.json.sha512", false) != layout.OCFLObject || layout.CandidateBy("inventory.json", false) != nil {
		t.Error("a sidecar of an inventory may mark an OCFL object")
	}
}
