package manifest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"checksig/internal/digest"
)

// S3Batch is the completion report of a job of Amazon S3 Batch Operations that computes checksums. Source: Amazon
// S3 User Guide, "Examples: S3 Batch Operations completion reports".
//
// It is a table of seven columns in CSV (RFC 4180) without a header:
//
//	<bucket>,<key>,<version>,succeeded,200,,"{""checksumAlgorithm"":""CRC32"",""checksumType"":""FULL_OBJECT"",
//	  ""checksum_hex"":""<hex digest>"",""checksum_base64"":""<base64 digest>"",""etag"":""…""}"
//
// A file's name is its key, in which a blank may be written "+", and other bytes are percent-encoded, as
// in the lists that such a job reads. The digest is written twice; one of them is enough, but both must be equal.
//
// A checksum of the checksumType COMPOSITE is one of the checksums of an object's parts, and may have their number after
// it ("-12"). It needs [Options].PartSize.
//
// Bad lines are: a task that failed; a COMPOSITE checksum of parts whose size is not known; and a result without a
// digest, as jobs of other kinds write.
var S3Batch = &Format{Name: "s3-batch", Detect: detectS3Batch, Read: readS3Batch}

// Columns of the report.
const (
	s3Key     = 1
	s3Status  = 3
	s3Message = 6
	s3Columns = 7
)

const (
	s3Succeeded = "succeeded"
	s3Failed    = "failed"
)

func detectS3Batch(head []byte, _ Options) bool {
	row := csvRow{separator: ','}
	if row.add(firstContentLine(head, "")) != nil || row.quoted || len(row.fields) != s3Columns-1 {
		return false
	}
	switch row.fields[s3Status] {
	case s3Succeeded:
		return jsonHead(row.field) != nil && bytes.Contains(row.field, []byte("checksum"))
	case s3Failed:
		return strings.Trim(cmp.Or(row.fields[s3Status+1], "0"), "0123456789") == ""
	}
	return false
}

func readS3Batch(lines *Lines, o Options) Next {
	return csvRows(lines, func(fields []string) (Entry, error) { return s3Entry(fields, o) })
}

func s3Entry(fields []string, o Options) (Entry, error) {
	if len(fields) != s3Columns {
		return Entry{}, fmt.Errorf("expected %d columns, found %d", s3Columns, len(fields))
	}
	name, err := url.QueryUnescape(fields[s3Key])
	switch {
	case err != nil || name == "":
		return Entry{}, fmt.Errorf("expected the key of an object, percent-encoded, found %.40q", fields[s3Key])
	case fields[s3Status] == s3Failed:
		return Entry{}, fmt.Errorf("the checksum of this object could not be computed: %.80q", fields[s3Message])
	case fields[s3Status] != s3Succeeded:
		return Entry{}, fmt.Errorf(`expected "succeeded" or "failed", found %.20q`, fields[s3Status])
	}
	d, err := s3Digest(fields[s3Message], o)
	e := d.entry(name)
	if name != fields[s3Key] {
		e.RawName = fields[s3Key]
	}
	return e, err
}

// s3Digest returns the digest in the message of a task that succeeded, which is a JSON object.
func s3Digest(message string, o Options) (parsedDigest, error) {
	if message == "" {
		return parsedDigest{}, errNoDigest
	}
	found := map[string]string{}
	r := newJSONReader(&Document{r: strings.NewReader(message)})
	err := r.members(func(key string) error {
		switch key {
		case "checksumAlgorithm", "checksumType", "checksum_hex", "checksum_base64":
			text, err := r.text()
			found[key] = text
			return err
		}
		return r.skip()
	})
	if err == nil {
		var isEnd bool
		if isEnd, err = r.atEnd(); err == nil && !isEnd {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		return parsedDigest{}, fmt.Errorf("expected a JSON object in the last column: %w", err)
	}
	texts, kind := []string{found["checksum_hex"], found["checksum_base64"]}, found["checksumType"]
	switch {
	case texts[0] == "" && texts[1] == "":
		return parsedDigest{}, errNoDigest
	case kind == "COMPOSITE" && o.PartSize == 0:
		return parsedDigest{}, errPartSize
	case kind != "FULL_OBJECT" && kind != "COMPOSITE":
		return parsedDigest{}, fmt.Errorf("expected checksumType FULL_OBJECT or COMPOSITE, found %.20q", kind)
	}
	d := parsedDigest{algorithm: digest.ByTag(found["checksumAlgorithm"])}
	if d.algorithm == nil {
		return d, unknownAlgorithm(found["checksumAlgorithm"])
	}
	for i, text := range texts {
		if text == "" {
			continue
		}
		parts := int64(0)
		if digits, n, ok := cutParts([]byte(text)); ok && kind == "COMPOSITE" {
			text, parts = string(digits), n
		}
		var sum []byte
		if i == 0 {
			if sum, err = hex.DecodeString(text); err != nil || len(sum) != d.algorithm.Size {
				return d, fmt.Errorf("expected %d hex digits for %s in checksum_hex", 2*d.algorithm.Size, d.algorithm.Name)
			}
		} else {
			text = strings.ReplaceAll(text, `\u003d`, "=") // "=" escaped twice
			if sum, err = fromBase64(base64.StdEncoding, text); err != nil || len(sum) != d.algorithm.Size {
				return d, fmt.Errorf("expected a %s digest in base64 in checksum_base64", d.algorithm.Name)
			}
		}
		if d.sum != nil && (!bytes.Equal(d.sum, sum) || d.parts != 0 && parts != 0 && d.parts != parts) {
			return d, errors.New("checksum_hex and checksum_base64 are different digests")
		}
		d.sum, d.parts = sum, max(d.parts, parts)
	}
	if kind == "COMPOSITE" {
		return untagged{partSize: o.PartSize}.inParts(d, d.parts)
	}
	return d, nil
}
