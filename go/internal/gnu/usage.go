package gnu

import "strings"

// hint writes the line about --help that follows a message about wrong usage.
func (p *program) hint() {
	p.out.flush()
	_, _ = p.err.Write([]byte("Try '" + p.name + " --help' for more information.\n"))
}

var descriptions = map[option]string{
	'b':              "  -b, --binary          read in binary mode\n",
	'c':              "  -c, --check           read checksums from the FILEs and check them\n",
	'l':              "  -l, --length=BITS     length of the digest: a multiple of 8, at most 512, for\n                          BLAKE2b; 224, 256, 384 or 512 for SHA-2 and SHA-3\n",
	optTag:           "      --tag             create a BSD-style checksum\n",
	't':              "  -t, --text            read in text mode (default)\n",
	'z':              "  -z, --zero            end each output line with NUL, not newline,\n                          and do not escape file names\n",
	'a':              "  -a, --algorithm=TYPE  bsd, sysv, crc (default), crc32b, md5, sha1, sha224, sha256,\n                          sha384, sha512, sha2, sha3, blake2b or sm3\n",
	optUntagged:      "      --untagged        create lines without the name of the algorithm\n",
	optDebug:         "      --debug           report what computes the CRC\n",
	optBase64:        "      --base64          print digests in base64\n",
	optRaw:           "      --raw             print the digest of one file as bytes\n",
	optIgnoreMissing: "      --ignore-missing  when checking: ignore missing files\n",
	optQuiet:         "      --quiet           when checking: do not print OK for each verified file\n",
	optStatus:        "      --status          when checking: print nothing, only set the exit code\n",
	optStrict:        "      --strict          when checking: fail for improperly formatted lines\n",
	'w':              "  -w, --warn            when checking: warn about improperly formatted lines\n",
	's':              "  -r                    use the BSD algorithm (default), blocks of 1024 bytes\n  -s, --sysv            use the System V algorithm, blocks of 512 bytes\n",
	optHelp:          "      --help            display this help and exit\n",
	optVersion:       "      --version         output version information and exit\n",
}

// help returns the text of --help. It is not a copy of the one in coreutils.
func (p *program) help() string {
	var b strings.Builder
	b.WriteString("Usage: " + p.name + " [OPTION]... [FILE]...\n")
	b.WriteString("Print checksums")
	if p.name != "sum" {
		b.WriteString(", or with --check verify them")
	}
	b.WriteString(" (" + p.algorithm.tag + "), like GNU coreutils.\n")
	b.WriteString("With no FILE, or when FILE is -, read standard input.\n\n")
	for _, o := range p.long {
		b.WriteString(descriptions[o.id])
	}
	return b.String()
}
