package job

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte("path=none\x00dir=/d\x00workers=3\x00failures_only=true\x00follow_outside=1\x00survey=0"))
	f.Add([]byte("path=a=b\x00path=\x00workers=1025"))
	f.Add([]byte("op=verify\x00path=x\x00op=none"))
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
		same, err := parseRequest(again)
		r.write = same.write // TestWriteRequests looks at these
		if err != nil || !reflect.DeepEqual(same, r) {
			t.Fatalf("%q gives %+v, and written anew %+v, %v", fields, r, same, err)
		}
	})
}
