package wire

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func description(kind byte, size int64, name, version string) []byte {
	b := []byte{kind}
	b = binary.LittleEndian.AppendUint64(b, uint64(size))
	b = binary.LittleEndian.AppendUint64(b, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(name)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(version)))
	return append(append(b, name...), version...)
}

func TestDescriptions(t *testing.T) {
	good := append(description(0, 7, "a", "v1"), description(1, 0, "", "")...)
	all, err := ParseDescriptions(good)
	if err != nil || len(all) != 2 || all[0].Name != "a" || all[0].Version != "v1" || all[1].Kind != DescribedFolder {
		t.Errorf("ParseDescriptions() = %v, %v", all, err)
	}
	first := len(description(0, 7, "a", "v1"))
	for n := range good {
		if _, err := ParseDescriptions(good[:n]); (err == nil) != (n == 0 || n == first) {
			t.Errorf("the first %d bytes of descriptions: %v", n, err)
		}
	}
	for _, bad := range [][]byte{
		description(3, 0, "a", ""), // no such kind
		description(0, -1, "a", ""),
		append(description(0, 0, "", "")[:17], bytes.Repeat([]byte{255}, 8)...), // sizes whose sum overflows 32 bits
	} {
		if all, err := ParseDescriptions(bad); err == nil {
			t.Errorf("ParseDescriptions(%x) = %v", bad, all)
		}
	}
}

func TestDescriptionWithContent(t *testing.T) {
	file := description(0, 3, "a", "v1")
	for _, c := range []struct {
		data, content string
		good          bool
	}{
		{string(file), "", true},
		{string(file) + "abc", "abc", true},
		{string(file) + "ab", "", false},
		{string(file) + "abcd", "", false},
		{string(file[:20]), "", false},
		{"", "", false},
		{string(description(1, 3, "a", "")) + "abc", "", false}, // of a folder
	} {
		d, content, err := ParseDescription([]byte(c.data))
		if (err == nil) != c.good || c.good && (string(content) != c.content || d.Version != "v1") {
			t.Errorf("ParseDescription(%q) = %v, %q, %v", c.data, d, content, err)
		}
	}
}

func TestStoredDigests(t *testing.T) {
	good := append([]byte{3, 2}, "md5\x01\x02"...)
	found, err := ParseStored(good)
	if err != nil || !bytes.Equal(found["md5"], []byte{1, 2}) {
		t.Errorf("ParseStored() = %v, %v", found, err)
	}
	for n := 1; n < len(good); n++ {
		if found, err := ParseStored(good[:n]); err == nil {
			t.Errorf("ParseStored(%x) = %v", good[:n], found)
		}
	}
}
