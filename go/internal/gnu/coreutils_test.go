package gnu

import (
	"bytes"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

// run runs a command with in as standard input, and returns its exit code and output.
func run(in io.Reader, environment map[string]string, name string, args ...string) (code int, out, messages string) {
	var stdout, stderr bytes.Buffer
	p := &program{
		command: commandNamed(name),
		in:      in,
		out:     output{w: &stdout},
		err:     &stderr,
		environ: func(name string) (string, bool) {
			value, ok := environment[name]
			return value, ok
		},
	}
	code = p.run(args)
	return code, stdout.String(), stderr.String()
}

// The checksums of "123456789". Sources: the catalogue of parametrised CRC algorithms for the CRCs,
// coreutils 9.1 for the sums.
func TestSums(t *testing.T) {
	for name, want := range map[string]string{
		"crc":    "930766865 9\n",
		"crc32b": "3421780262 9\n",
		"bsd":    "53615     1\n",
		"sysv":   "477 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader("123456789"), iotest.OneByteReader(strings.NewReader("123456789"))} {
				if _, out, _ := run(in, nil, "cksum", "-a", name); out != want {
					t.Errorf("got %q, want %q", out, want)
				}
			}
		})
	}
}

func TestSumsDoNotDependOnTheSizeOfWrites(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789\xff\x00"), 1000)
	for _, a := range algorithms {
		if a.sum == nil {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			whole := a.sum()
			_, _ = whole.Write(data)
			for _, size := range []int{1, 7, 8, 9, 4095, 4096, 4097} {
				if got := inParts(a.sum(), data, size); !bytes.Equal(got, whole.Sum(nil)) {
					t.Errorf("in parts of %d = %x, want %x", size, got, whole.Sum(nil))
				}
			}
		})
	}
}

// inParts returns the checksum of data, written in parts of that size after a Reset.
func inParts(h hash.Hash, data []byte, size int) []byte {
	_, _ = h.Write([]byte("forgotten"))
	h.Reset()
	for len(data) > 0 {
		n := min(size, len(data))
		_, _ = h.Write(data[:n])
		data = data[n:]
	}
	return h.Sum(nil)
}

func TestQuoteName(t *testing.T) {
	for name, want := range map[string][2]string{ // in the C locale, and in UTF-8
		"plain":       {"plain", "plain"},
		"":            {"''", "''"},
		"a b":         {"'a b'", "'a b'"},
		"a:b":         {"'a:b'", "'a:b'"},
		"#a":          {"'#a'", "'#a'"},
		"a#~":         {"a#~", "a#~"},
		"{":           {"'{'", "'{'"},
		"{}":          {"{}", "{}"},
		`a\b`:         {`'a\b'`, `'a\b'`},
		"it's":        {`"it's"`, `"it's"`},
		"it's $":      {`'it'\''s $'`, `'it'\''s $'`},
		"a\nb":        {`'a'$'\n''b'`, `'a'$'\n''b'`},
		"a\n":         {`'a'$'\n'`, `'a'$'\n'`},
		"it's\n":      {`'it'\''s'$'\n'`, `'it'\''s'$'\n'`},
		"é":           {`''$'\303\251'`, "é"},
		"é é":         {`''$'\303\251'' '$'\303\251'`, "'é é'"},
		"\xff":        {`''$'\377'`, `''$'\377'`},
		"\u0085":      {`''$'\302\205'`, `''$'\302\205'`},
		"\x7f":        {`''$'\177'`, `''$'\177'`},
		"\u2028":      {`''$'\342\200\250'`, `''$'\342\200\250'`},
		"\u00a0":      {`''$'\302\240'`, "\u00a0"},
		"standard in": {"'standard in'", "'standard in'"},
	} {
		for i, locale := range []string{"C", "C.UTF-8"} {
			t.Run(fmt.Sprintf("%q in %s", name, locale), func(t *testing.T) {
				p := &program{environ: func(string) (string, bool) { return locale, true }}
				if got := p.quoteName(name); got != want[i] {
					t.Errorf("got %s, want %s", got, want[i])
				}
			})
		}
	}
}

func TestQuote(t *testing.T) {
	for word, want := range map[string][2]string{
		"word":       {"'word'", "‘word’"},
		"":           {"''", "‘’"},
		"it's":       {`'it\'s'`, "‘it's’"},
		"‘’":         {`'\342\200\230\342\200\231'`, `‘‘\’’`},
		"\\\n\t\xff": {`'\\\n\t\377'`, `‘\\\n\t\377’`},
	} {
		for i, locale := range []string{"C", "C.UTF-8"} {
			t.Run(fmt.Sprintf("%q in %s", word, locale), func(t *testing.T) {
				p := &program{environ: func(string) (string, bool) { return locale, true }}
				if got := p.quote(word); got != want[i] {
					t.Errorf("got %s, want %s", got, want[i])
				}
			})
		}
	}
}

func TestLocales(t *testing.T) {
	for _, test := range []struct {
		environment map[string]string
		want        bool
	}{
		{nil, false},
		{map[string]string{"LC_ALL": "C.UTF-8"}, true},
		{map[string]string{"LC_ALL": "", "LC_CTYPE": "C.utf8"}, true},
		{map[string]string{"LANG": "C.UTF-8"}, true},
		{map[string]string{"LANG": "C.UTF-8", "LC_CTYPE": "C"}, false},
		{map[string]string{"LC_ALL": "POSIX", "LC_CTYPE": "C.UTF-8"}, false},
	} {
		t.Run(fmt.Sprint(test.environment), func(t *testing.T) {
			p := &program{environ: func(name string) (string, bool) {
				value, ok := test.environment[name]
				return value, ok
			}}
			if got := p.utf8(); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestErrorTexts(t *testing.T) {
	for err, want := range map[error]string{
		syscall.ENOENT:                     "No such file or directory",
		syscall.EACCES:                     "Permission denied",
		syscall.EBADF:                      "Bad file descriptor",
		syscall.EISDIR:                     "Is a directory",
		syscall.ENOTDIR:                    "Not a directory",
		syscall.EIO:                        "Input/output error",
		syscall.ELOOP:                      "Too many levels of symbolic links",
		syscall.ENAMETOOLONG:               "File name too long",
		syscall.EINVAL:                     "Invalid argument",
		&fs.PathError{Err: fs.ErrNotExist}: "No such file or directory",
	} {
		t.Run(err.Error(), func(t *testing.T) {
			if got := strerror(err); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestReadErrorOfManifest(t *testing.T) {
	in := io.MultiReader(strings.NewReader(md5OfNothing+"  "+os.DevNull+"\n"), iotest.ErrReader(errors.New("broken")))
	code, out, messages := run(in, nil, "md5sum", "-c")
	if code != 1 || out != os.DevNull+": OK\n" || messages != "md5sum: 'standard input': read error\n" {
		t.Errorf("exit code %d, output %q, messages %q", code, out, messages)
	}
}

// FuzzArguments parses any arguments: parsing neither panics nor returns impossible options.
func FuzzArguments(f *testing.F) {
	for _, args := range []string{"-c", "--tag -t", "-l 8", "-a md5 -z", "--length=x", "--ch --st", "-- -c", "--=", "-a"} {
		f.Add(args)
	}
	f.Fuzz(func(t *testing.T, args string) {
		for _, c := range commands {
			p := &program{
				command: c,
				out:     output{w: io.Discard},
				err:     io.Discard,
				environ: func(string) (string, bool) { return "", false },
			}
			words := strings.Split(args, " ")
			o, operands, err := p.parse(words)
			if err == nil && (len(operands) > len(words) || o.algorithm == nil || o.bits == 0 || o.bits%8 != 0) {
				t.Fatalf("%s %q: %+v, %q", c.name, words, o, operands)
			}
		}
	})
}
