package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	toml "github.com/pelletier/go-toml/v2/unstable"
)

const (
	maxTOML       = 16 << 20 // bytes of a document
	maxTOMLValues = 500_000  // keys and values
	maxTOMLDepth  = 100      // arrays and inline tables inside each other
)

// tomlValue is a value in a TOML document (version 1.0, toml.io).
type tomlValue struct {
	line   int64 // where it begins
	kind   tomlKind
	origin tomlOrigin            // of a table or an array
	text   string                // of a string or an integer
	keys   map[string]*tomlValue // of a table
	items  []*tomlValue          // of an array
}

type tomlKind uint8

const (
	tomlOther tomlKind = iota
	tomlString
	tomlInteger
	tomlTable
	tomlArray
)

func (k tomlKind) String() string {
	return [...]string{"another type", "a string", "an integer", "a table", "an array"}[k]
}

// tomlOrigin is how a table or an array was made, which decides what may be added to it.
type tomlOrigin uint8

const (
	tomlValueItself tomlOrigin = iota // an inline table or an array: nothing
	tomlParent                        // the beginning of a longer header: anything
	tomlHeader                        // a header
	tomlDotted                        // the beginning of a dotted key: more such keys
)

// tomlReader builds the tree of a document. The parser checks the syntax. The reader checks that each key is
// there once: the decoder of the same module would need time that grows with the square of their number.
type tomlReader struct {
	text   []byte
	parser toml.Parser
	at     int // offset up to which newlines were counted
	line   int64
}

// parseTOML returns the table that is a whole document.
func parseTOML(text []byte) (*tomlValue, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("invalid TOML: not UTF-8")
	}
	if countTOML(text) > maxTOMLValues {
		return nil, fmt.Errorf("over %d keys and values, more than are read", maxTOMLValues)
	}
	r := &tomlReader{text: text, line: 1}
	r.parser.Reset(text)
	root := &tomlValue{line: 1, kind: tomlTable, origin: tomlParent}
	current := root
	for r.parser.NextExpression() {
		var err error
		switch e := r.parser.Expression(); e.Kind {
		case toml.KeyValue:
			err = r.set(current, e, 0)
		case toml.Table, toml.ArrayTable:
			current, err = r.header(root, e)
		}
		if err != nil {
			return nil, r.fatal(err)
		}
	}
	if err := r.parser.Error(); err != nil {
		var syntax *toml.ParserError
		if errors.As(err, &syntax) {
			if offset := cap(text) - cap(syntax.Highlight); offset >= r.at && offset <= len(text) {
				r.lineAt(offset)
			}
		}
		return nil, r.fatal(fmt.Errorf("invalid TOML: %w", err))
	}
	return root, nil
}

func (r *tomlReader) fatal(err error) error {
	return &LineError{Line: r.line, Cause: err.Error(), Fatal: true}
}

// lineAt returns the line of the byte at offset. Offsets must not decrease.
func (r *tomlReader) lineAt(offset int) int64 {
	if offset > r.at {
		r.line += int64(bytes.Count(r.text[r.at:offset], []byte("\n")))
		r.at = offset
	}
	return r.line
}

// header returns the table that a header [a.b] or [[a.b]] begins.
func (r *tomlReader) header(root *tomlValue, e *toml.Node) (*tomlValue, error) {
	table := root
	keys := e.Key()
	for keys.Next() {
		node := keys.Node()
		line, key := r.lineAt(int(node.Raw.Offset)), string(node.Data)
		value := table.keys[key]
		last := keys.IsLast()
		switch {
		case value == nil && last && e.Kind == toml.ArrayTable:
			value = table.put(key, &tomlValue{line: line, kind: tomlArray, origin: tomlHeader})
		case value == nil && last:
			return table.put(key, &tomlValue{line: line, kind: tomlTable, origin: tomlHeader}), nil
		case value == nil:
			value = table.put(key, &tomlValue{line: line, kind: tomlTable, origin: tomlParent})
		case last && e.Kind == toml.Table && value.kind == tomlTable && value.origin == tomlParent:
			value.line, value.origin = line, tomlHeader
			return value, nil
		case last && (e.Kind == toml.Table || value.kind != tomlArray), value.origin == tomlValueItself:
			return nil, fmt.Errorf("invalid TOML: %.40q is defined twice", key)
		}
		if value.kind == tomlArray {
			if last {
				value.items = append(value.items, &tomlValue{line: line, kind: tomlTable, origin: tomlHeader})
			}
			value = value.items[len(value.items)-1]
		}
		table = value
	}
	return table, nil
}

func (v *tomlValue) put(key string, value *tomlValue) *tomlValue {
	if v.keys == nil {
		v.keys = map[string]*tomlValue{}
	}
	v.keys[key] = value
	return value
}

// set adds "key = value" to a table.
func (r *tomlReader) set(table *tomlValue, e *toml.Node, depth int) error {
	keys := e.Key()
	for keys.Next() {
		node := keys.Node()
		line, key := r.lineAt(int(node.Raw.Offset)), string(node.Data)
		value := table.keys[key]
		switch {
		case keys.IsLast() && value == nil:
			value, err := r.value(e.Value(), line, depth)
			if err != nil {
				return err
			}
			table.put(key, value)
		case value == nil:
			table = table.put(key, &tomlValue{line: line, kind: tomlTable, origin: tomlDotted})
		case keys.IsLast() || value.kind != tomlTable || value.origin != tomlDotted:
			return fmt.Errorf("invalid TOML: %.40q is defined twice", key)
		default:
			table = value
		}
	}
	return nil
}

// value returns a value that begins at line or after it.
func (r *tomlReader) value(node *toml.Node, line int64, depth int) (*tomlValue, error) {
	if depth > maxTOMLDepth {
		return nil, fmt.Errorf("over %d arrays and tables inside each other", maxTOMLDepth)
	}
	v := &tomlValue{line: line}
	switch node.Kind {
	case toml.String:
		v.kind, v.text = tomlString, string(node.Data)
	case toml.Integer:
		v.kind, v.text = tomlInteger, string(node.Data)
	case toml.InlineTable:
		v.kind, v.line = tomlTable, r.lineAt(int(node.Raw.Offset))
		members := node.Children()
		for members.Next() {
			if err := r.set(v, members.Node(), depth+1); err != nil {
				return nil, err
			}
		}
		v.close()
	case toml.Array:
		v.kind = tomlArray
		items := node.Children()
		for items.Next() {
			item, err := r.value(items.Node(), r.line, depth+1)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, item)
		}
	}
	return v, nil
}

// close forbids to add anything to an inline table, or to the tables that dotted keys made in it.
func (v *tomlValue) close() {
	v.origin = tomlValueItself
	for _, value := range v.keys {
		if value.origin == tomlDotted {
			value.close()
		}
	}
}

// countTOML returns how many keys and values there are at most, outside of strings and comments. It decides
// whether a document is parsed, because the parser keeps one expression in memory, which may be all of it.
func countTOML(text []byte) int {
	count := 0
	for len(text) > 0 {
		i := bytes.IndexAny(text, "\"'#,=.[{\n")
		if i < 0 {
			break
		}
		c := text[i]
		switch c {
		case '"', '\'':
			text = afterTOMLString(text[i:], c)
			continue
		case '#':
			if end := bytes.IndexByte(text[i:], '\n'); end >= 0 {
				text = text[i+end:]
				continue
			}
			return count
		}
		count++
		text = text[i+1:]
	}
	return count
}

// afterTOMLString returns what follows the string at the beginning of text, nothing if it has no end.
func afterTOMLString(text []byte, quote byte) []byte {
	end := []byte{quote}
	if three := bytes.Repeat(end, 3); bytes.HasPrefix(text, three) {
		end = three
	}
	for i := len(end); i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case text[i] == '\n' && len(end) == 1:
			return text[i:] // no string of TOML: the parser stops here
		case bytes.HasPrefix(text[i:], end):
			rest := text[i+len(end):]
			for extra := 0; extra < 2 && len(end) == 3 && len(rest) > 0 && rest[0] == quote; extra++ {
				rest = rest[1:] // one or two quotation marks may come before the three
			}
			return rest
		}
	}
	return nil
}
