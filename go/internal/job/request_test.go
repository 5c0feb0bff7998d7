package job

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"checksig/internal/engine"
)

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte("path=none\x00dir=/d\x00workers=3\x00failures_only=true\x00follow_outside=1\x00survey=0"))
	f.Add([]byte("path=a=b\x00path=\x00workers=1025"))
	f.Add([]byte("op=verify\x00path=x\x00op=none"))
	f.Add([]byte("path=x\x00recursive=1\x00extra=fail\x00ignore_missing=1\x00root=/r\x00strip=2\x00basename=1"))
	f.Add([]byte("path=x\x00remap=a/=b\x00to=c\x00min_strength=sha256\x00algorithm=md5\x00format=gnu"))
	f.Add([]byte("path\x00=\x00\x00workers=-1"))
	f.Fuzz(func(t *testing.T, fields []byte) {
		r, err := parseRequest(fields)
		if err != nil {
			if !strings.HasPrefix(err.Error(), ErrRequest.Error()) {
				t.Fatalf("%q is refused without saying that the request is bad: %v", fields, err)
			}
			return
		}
		if strings.Contains(r.Path+r.Dir, "\x00") || r.Workers < 0 || r.Workers > maxWorkers {
			t.Fatalf("%q gives %+v", fields, r)
		}
		if !bytes.Contains(fields, []byte("path="+r.Path)) || !bytes.Contains(fields, []byte(r.Dir)) {
			t.Fatalf("%q does not hold the path of %+v", fields, r)
		}
		again := fmt.Appendf(nil, "op=%s\x00path=%s\x00dir=%s\x00follow_outside=%t\x00failures_only=%t\x00survey=%t",
			r.op, r.Path, r.Dir, r.FollowOutside, r.failuresOnly, r.Survey)
		if r.Workers > 0 {
			again = fmt.Appendf(again, "\x00workers=%d", r.Workers)
		}
		again = appendOptions(again, r)
		same, err := parseRequest(again)
		r.write = same.write // TestParseRequestsThatWrite looks at these
		if err != nil || !reflect.DeepEqual(same, r) {
			t.Fatalf("%q gives %+v, and written anew %+v, %v", fields, r, same, err)
		}
	})
}

// appendOptions appends the fields that say how to verify.
func appendOptions(dst []byte, r request) []byte {
	dst = fmt.Appendf(dst, "\x00leave_cache=%t\x00recursive=%t\x00extra=%s\x00ignore_missing=%t\x00strip=%d\x00basename=%t",
		r.LeaveCache, r.Recursive, extras[r.Extra], r.IgnoreMissing, r.Paths.Strip, r.Paths.Basename)
	if r.Root != "" {
		dst = fmt.Appendf(dst, "\x00root=%s", r.Root)
	}
	for _, prefix := range r.Paths.Remap {
		dst = fmt.Appendf(dst, "\x00remap=%s\x00to=%s", prefix.From, prefix.To)
	}
	if r.MinStrength != nil {
		dst = fmt.Appendf(dst, "\x00min_strength=%s", r.MinStrength.Name)
	}
	if r.Algorithm != nil {
		dst = fmt.Appendf(dst, "\x00algorithm=%s", r.Algorithm.Name)
	}
	if r.Format != nil {
		dst = fmt.Appendf(dst, "\x00format=%s", r.Format.Name)
	}
	return dst
}

func TestParseRequestsThatWrite(t *testing.T) {
	r, err := parseRequest([]byte("op=update\x00path=a\x00path=b\x00algorithms=md5,sha1\x00as=bsd\x00output=-\x00relative_to=r\x00" +
		"replace=1\x00links=skip\x00links_outside=1\x00skip_special=1\x00exclude=x\x00exclude=y\x00from=gnu\x00by=md5\x00" +
		"all=1\x00prune=1\x00keep_files=1\x00drop_signature=1"))
	want := writeRequest{
		CreateRequest: engine.CreateRequest{
			Selection:  engine.Selection{Links: engine.SkipLinks, FollowOutside: true, SkipSpecial: true, Exclude: []string{"x", "y"}},
			Algorithms: []string{"md5", "sha1"}, Format: "bsd", Output: "-", Hand: true, RelativeTo: "r", Replace: true,
		},
		paths: []string{"a", "b"}, from: "gnu", by: "md5", all: true, prune: true, keepFiles: true, dropSigned: true,
	}
	if err != nil || r.op != "update" || r.Path != "b" || !reflect.DeepEqual(r.write, want) {
		t.Errorf("%v, %+v", err, r)
	}
	for _, field := range []string{"op=x", "replace=x", "links_outside=x", "skip_special=x", "all=x", "prune=x", "keep_files=x", "drop_signature=x"} {
		if _, err := parseRequest([]byte("path=a\x00" + field)); err == nil {
			t.Errorf("%q is taken", field)
		}
	}
}
