package job

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"checksig/internal/digest"
	"checksig/internal/generate"
	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/manifest"
	"checksig/internal/verify"
	"checksig/internal/wire"
)

// option is the type of an option, and its bounds.
type option struct {
	Type     string
	Min, Max *int
	Choices  []string
}

// golden is tests/golden/wire.json, which the tests of the Python package read, too.
type golden struct {
	Options, Transport map[string]map[string]option
	Requests           []struct {
		Op  string
		Hex string
	}
}

func readGolden(t testing.TB) golden {
	t.Helper()
	data, err := os.ReadFile("../../../tests/golden/wire.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// requestOf returns a request with one more field than it needs.
func requestOf(op, key, value string) []byte {
	fields := []string{"op=" + op}
	if key != "path" && op != wire.OpAlgorithms && op != wire.OpKeys && op != wire.OpShard {
		fields = append(fields, "path=/x")
	}
	return []byte(strings.Join(append(fields, key+"="+value), "\x00"))
}

// values returns values that an option takes, those that the caller chose wrongly, and malformed ones.
func (o option) values(t *testing.T) (good, wrong, malformed []string) {
	t.Helper()
	switch o.Type {
	case "bool":
		return []string{"0", "1"}, nil, []string{"", "2", "true", "x"}
	case "int", "size":
		low, high := *o.Min, *o.Max
		return []string{strconv.Itoa(low), strconv.Itoa(high)}, []string{strconv.Itoa(low - 1), strconv.Itoa(high + 1), "-5"},
			[]string{"", "x", "1e3", "0x1", " 1"}
	case "choice":
		return o.Choices, []string{"", "x", o.Choices[0] + "s"}, nil
	case "algorithm":
		return []string{"sha256", "blake2b-256"}, []string{"", "none"}, nil
	case "algorithms":
		return []string{"sha256", "md5,sha512"}, []string{"", "none", "md5,", "md5,none"}, nil
	case "algorithm lists":
		return []string{"sha256", "md5,sha512"}, []string{"", "none", "md5,", "md5,none"}, nil
	case "sizes":
		return []string{"-1", "1099511627776"}, nil, []string{"", "x"}
	case "format":
		return []string{"gnu", "record"}, []string{"", "none"}, nil
	case "mapping":
		return []string{"0:", "1:ab"}, nil, []string{"", "a", "2:a", "-1:a"}
	case "base64":
		return []string{"", "YQ=="}, nil, []string{"*", "YQ"}
	case "part":
		var packed bytes.Buffer
		w := zlib.NewWriter(&packed)
		w.Write(make([]byte, 36))
		w.Close()
		return []string{base64.StdEncoding.EncodeToString(packed.Bytes())}, nil, []string{"", "*", "YQ=="}
	case "keys":
		return []string{"p/x", "cYQ=="}, nil, []string{"", "x", "c*"}
	case "beside":
		return []string{"cYQ==:/x.asc", "eYQ==:x", "c:"}, nil, []string{"", "x", "c*:x", "nYQ==:x"}
	case "attested":
		file := strings.Repeat("0f", 32)
		return []string{
				`{"file":"` + file + `","refused":"why"}`,
				`{"file":"` + file + `","text":"e30=","fingerprint":"f","time":1,"statement":true}`,
			}, nil, []string{
				"", "x", "{}", `{"file":"00","refused":"why"}`, `{"file":"` + file + `"}`, `{"file":"` + file + `","text":"e30="}`,
				`{"file":"` + file + `","text":"*","fingerprint":"f"}`, `{"file":"` + file + `","refused":"why","other":1}`,
			}
	case "path", "paths", "patterns", "names", "text", "texts":
		return []string{"/a=b\n\xff"}, nil, nil
	}
	t.Fatalf("unknown type %q", o.Type)
	return nil, nil, nil
}

func TestEachOperationTakesItsOptionsAlone(t *testing.T) {
	g := readGolden(t)
	for op, known := range operations {
		t.Run(op, func(t *testing.T) {
			all := maps.Clone(g.Options[op])
			maps.Copy(all, g.Transport[op])
			want := slices.Sorted(maps.Keys(all))
			if got := slices.Sorted(maps.Keys(known.fields)); !slices.Equal(got, want) {
				t.Errorf("takes %q, want %q", got, want)
			}
			for key, o := range all {
				good, wrong, malformed := o.values(t)
				for _, value := range good {
					if _, err := parseRequest(requestOf(op, key, value)); err != nil {
						t.Errorf("%s=%s: %v", key, value, err)
					}
				}
				for _, value := range wrong {
					_, err := parseRequest(requestOf(op, key, value))
					if err == nil || failureOf(err).Code != wire.CodeValue {
						t.Errorf("%s=%s: %v", key, value, err)
					}
				}
				for _, value := range malformed {
					_, err := parseRequest(requestOf(op, key, value))
					if err == nil || failureOf(err).Code != wire.CodeRequest {
						t.Errorf("%s=%s: %v", key, value, err)
					}
				}
				twice := append(requestOf(op, key, good[0]), "\x00"+key+"="+good[0]...)
				_, err := parseRequest(twice)
				if repeats := slices.Contains([]string{"paths", "patterns", "names", "mapping", "keys", "texts", "attested", "beside", "algorithm lists", "sizes"}, o.Type); repeats != (err == nil) {
					t.Errorf("%s twice: %v", key, err)
				}
			}
		})
	}
	if len(g.Options) != len(operations) {
		t.Errorf("%d operations, want %d", len(operations), len(g.Options))
	}
}

func TestTheMessagesOfWrongRequests(t *testing.T) {
	known := func(names []string) string { return "known: " + strings.Join(names, ", ") }
	var formats []string
	for _, f := range manifest.Formats {
		formats = append(formats, f.Name)
	}
	var algorithms []string
	for _, a := range digest.Table {
		algorithms = append(algorithms, a.Name)
	}
	for request, want := range map[string]string{
		"op=verify\x00path=/\x00prune=1":            `unknown option "prune" for verify`,
		"op=algorithms\x00path=/":                   `unknown option "path" for algorithms`,
		"op=colour\x00path=/":                       `unknown operation "colour"`,
		"path=/":                                    "the request does not start with an operation",
		"op=convert":                                "no path to convert",
		"op=verify\x00path=/\x00path=/":             "option path comes twice",
		"op=verify\x00path=x\x00cwd=x":              `cwd must be absolute, not "x"`,
		"op=verify\x00path=/\x00recursive=yes":      `recursive must be 0 or 1, not "yes"`,
		"op=verify\x00path=/\x00workers=x":          `workers must be an integer, not "x"`,
		"op=verify\x00path=/\x00workers=0":          "workers must be between 1 and 1024, not 0",
		"op=verify\x00path=/\x00strip=4097":         "strip must be between 0 and 4096, not 4097",
		"op=verify\x00path=/\x00root=":              "root must not be empty",
		"op=verify\x00path=/\x00extra=x":            `unknown value "x" for extra; known: ignore, report, fail`,
		"op=update\x00path=/\x00links=x":            `unknown value "x" for links; known: follow, skip, refuse`,
		"op=verify\x00path=/\x00algorithm=x":        `unknown algorithm "x"; ` + known(algorithms),
		"op=create\x00path=/\x00algorithm=md5,x":    `unknown algorithm "x"; ` + known(algorithms),
		"op=verify\x00path=/\x00min_strength=x":     `unknown algorithm "x"; ` + known(algorithms),
		"op=verify\x00path=/\x00format=x":           `unknown format "x"; ` + known(formats),
		"op=convert\x00path=/\x00to=x\x00output=/o": `unknown format "x"; ` + known(manifest.Written()),
	} {
		if _, err := parseRequest([]byte(request)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", request, err, want)
		}
	}
}

func TestGoldenRequests(t *testing.T) {
	for _, want := range readGolden(t).Requests {
		data, err := hex.DecodeString(want.Hex)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "blake2b-256") {
			got, err := parseRequest(data)
			got.operation = nil
			if all := allOptions(); err != nil || !reflect.DeepEqual(got, all) {
				t.Errorf("%+v, %v,\nwant %+v", got, err, all)
			}
		}
		if _, err := parseRequest(data); err != nil {
			t.Errorf("%q: %v", data, err)
		}
	}
}

// allOptions is the golden request to verify that has all options.
func allOptions() request {
	r := request{
		paths: []string{"/data/caf\xe9\n x=1"}, workers: 1024, ioDepth: 1024, leaveCache: true,
		transportOptions: transportOptions{totals: true, highWater: 8 << 20, maxBadLines: 1000},
		followOutside:    true, algorithm: digest.ByName("blake2b-256"), format: manifest.Formats[0],
	}
	r.add, r.remember, r.shard.size = true, true, -1 // the defaults
	r.include, r.exclude, r.columns = []string{"*.fq", "/d/**/x"}, []string{"\xff*"}, []string{"fastq", "sra"}
	r.recursive, r.extra, r.ignoreMissing, r.ignoreText, r.root = true, verify.ReportUnlisted, true, true, "/r\xff"
	r.ignoreAttributes = true
	r.naming = verify.Paths{Strip: 4096, Basename: true, Remap: []verify.Prefix{
		{From: "/home/runner/"}, {From: "a=b:\n", To: "c/ä"}, {To: "\xfe"},
	}}
	r.minStrength = digest.ByName("sha256")
	r.bagProfile = "/data/p.json"
	r.format, _ = manifest.FormatNamed("gnu")
	return r
}

// FuzzParseRequest holds for any bytes: a request that is refused is answered with a code that says
// whose fault it is, and one that is taken has values within their bounds.
func FuzzParseRequest(f *testing.F) {
	for _, request := range readGolden(f).Requests {
		data, err := hex.DecodeString(request.Hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("op=verify\x00path=a=b\x00path=\x00workers=1025"))
	f.Add([]byte("op=verify\x00path=x\x00op=none"))
	f.Add([]byte("path\x00=\x00\x00workers=-1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRequest(data)
		if err != nil {
			if code := failureOf(err).Code; code != wire.CodeRequest && code != wire.CodeValue {
				t.Fatalf("%q is refused with the code %d: %v", data, code, err)
			}
			return
		}
		if r.workers < 0 || r.workers > maxWorkers || r.highWater < 1 || r.highWater > maxHighWater ||
			r.naming.Strip < 0 || r.naming.Strip > maxStrip {
			t.Fatalf("%q gives %+v", data, r)
		}
		for _, value := range append([]string{r.cwd, r.root, r.output, r.relativeTo}, r.paths...) {
			if strings.Contains(value, "\x00") || !strings.Contains(string(data), "="+value) && value != "" {
				t.Fatalf("%q gives %q", data, value)
			}
		}
	})
}

func TestFailuresHaveACode(t *testing.T) {
	_, noFile := os.Open("/none")
	for _, c := range []struct {
		err  error
		want wire.Failure
	}{
		{wire.RequestErrorf("x"), wire.Failure{Code: wire.CodeRequest, Message: "x"}},
		{&ValueError{"x"}, wire.Failure{Code: wire.CodeValue, Message: "x"}},
		{verify.ErrNoManifest, wire.Failure{Code: wire.CodeNoManifest, Message: verify.ErrNoManifest.Error()}},
		{&generate.WriteError{Path: "p", Err: errors.New("x")}, wire.Failure{Code: wire.CodeWrite, Path: "p", Message: "x"}},
		{errors.New("x"), wire.Failure{Code: wire.CodeManifest, Message: "x"}},
		{&guard.PanicError{Value: "v", Stack: []byte("stack")}, wire.Failure{Code: wire.CodePanic, Message: "panic: v\n\nstack"}},
	} {
		if got := failureOf(c.err); *got != c.want {
			t.Errorf("%v: %+v, want %+v", c.err, *got, c.want)
		}
	}
	if got := failureOf(noFile); got.Code != wire.CodeSystem || got.Number == 0 || got.Path != "/none" || got.Message == "" {
		t.Errorf("%v: %+v", noFile, *got)
	}
	_, err := generate.Create(t.Context(), generate.CreateRequest{Selection: generate.Selection{Exclude: []string{"["}}}, generate.Sink{}, &hashpool.Progress{})
	if got := failureOf(err); got.Code != wire.CodeValue || strings.Contains(got.Message, "usage") {
		t.Errorf("%v: %+v", err, *got)
	}
}
