package gnu

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const md5OfA = "0cc175b9c0f1b6a831c399e269772661"

// Only a regular file with a size is hashed before its turn.
func TestReadAhead(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{"regular": "a", "empty": ""} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{"regular": true, "empty": false, ".": false, "missing": false} {
		t.Run(name, func(t *testing.T) {
			got := &task{
				name: filepath.Join(folder, name), algorithm: algorithmNamed("md5"), bits: 128, ready: make(chan struct{}),
			}
			tasks := make(chan *task, 1)
			tasks <- got
			close(tasks)
			readAhead(tasks)
			<-got.ready
			if got.hasRead != want || got.err != nil || want && (hex.EncodeToString(got.sum) != md5OfA || got.size != 1) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// The output has the order of the operands, whichever of them are read ahead.
func TestOutputKeepsTheOrderOfOperands(t *testing.T) {
	folder := t.TempDir()
	var operands []string
	want := ""
	for i := range 50 {
		path := filepath.Join(folder, fmt.Sprint(i))
		content, sum := "a", md5OfA
		if i%3 == 0 {
			content, sum = "", md5OfNothing
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		operands = append(operands, path)
		if !strings.Contains(path, `\`) {
			want += sum + "  " + path + "\n"
		} else {
			want += `\` + sum + "  " + strings.ReplaceAll(path, `\`, `\\`) + "\n"
		}
	}
	missing := filepath.Join(folder, "missing")
	code, out, messages := run(strings.NewReader(""), nil, "md5sum", append(operands, missing)...)
	if code != 1 || out != want || !strings.Contains(messages, "No such file or directory") {
		t.Errorf("exit code %d, messages %q, output\n%swant\n%s", code, messages, out, want)
	}
}
