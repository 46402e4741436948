package splice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// brackets writes values in braces and brackets: as JSON, or in YAML's flow
// style.
type brackets struct {
	*style
	always byte // the quote of every string, 0 where they need none
	keys   byte // the same for keys
}

// value writes v. indent is the white space that the line begins with; nil
// means that all has to be on one line.
func (b brackets) value(v any, indent *string) string {
	switch t := v.(type) {
	case string:
		return b.string(t, b.always)
	case map[string]any:
		parts := make([]string, 0, len(t))
		for _, k := range order(t, nil) {
			parts = append(parts, b.entry(k, t[k], b.deeper(indent)))
		}
		return b.join("{", parts, "}", indent)
	case []any:
		parts := make([]string, 0, len(t))
		for _, e := range t {
			parts = append(parts, b.nested().value(e, b.deeper(indent)))
		}
		return b.join("[", parts, "]", indent)
	}
	return wordText(v)
}

func (b brackets) entry(key string, v any, indent *string) string {
	return b.string(key, b.keys) + b.colon + b.value(v, indent)
}

func (b brackets) nested() brackets {
	b.always = b.keys
	return b
}

func (b brackets) deeper(indent *string) *string {
	if indent == nil || b.unit == "" {
		return nil
	}
	deeper := *indent + b.unit
	return &deeper
}

func (b brackets) join(open string, parts []string, closing string, indent *string) string {
	if len(parts) == 0 {
		return open + closing
	}
	inner := b.deeper(indent)
	if inner == nil {
		return open + strings.Join(parts, b.comma) + closing
	}
	line := b.eol + *inner
	return open + line + strings.Join(parts, ","+line) + b.eol + *indent + closing
}

func (b brackets) string(s string, always byte) string {
	if !b.json {
		return stringText(s, true, always, b.prefer())
	}
	return jsonString(s)
}

// jsonString writes a string so that readers of YAML take it, too: without the
// control characters that JSON allows and YAML does not.
func jsonString(s string) string {
	var quoted bytes.Buffer
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return doubleQuote(s)
	}
	text := strings.TrimSuffix(quoted.String(), "\n")
	if printable(text) {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if printableRune(r) {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

func (b brackets) prefer() byte {
	if b.keys != 0 {
		return b.keys
	}
	return b.quote
}
