package splice

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// sexagesimal and date are numbers and dates of YAML 1.1 (yaml.org/type) that
// go.yaml.in/yaml/v2 takes for strings and other readers do not.
var (
	sexagesimal = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)
	date        = regexp.MustCompile(`^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?$`)
)

// typed reports whether some reader of YAML takes the plain text s for
// something other than a string.
func typed(s string) bool {
	if _, ok := resolve(s).(string); !ok {
		return true
	}
	return s == "=" || s == "<<" || sexagesimal.MatchString(s) || date.MatchString(s)
}

// plainSafe reports whether s can be written without quotes, as far as the
// syntax goes.
func plainSafe(s string, flow bool) bool {
	if s == "" || s[0] == ' ' || strings.HasSuffix(s, " ") || strings.HasSuffix(s, ":") {
		return false
	}
	if strings.IndexByte(",[]{}#&*!|>'\"%@`?:", s[0]) >= 0 || strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		return false
	}
	if s[0] == '-' && (len(s) == 1 || s[1] == ' ') {
		return false
	}
	if strings.Contains(s, ": ") || strings.Contains(s, " #") {
		return false
	}
	if flow && strings.ContainsAny(s, ",[]{}?") {
		return false
	}
	return printable(s)
}

// printable reports whether every character of s may stand in YAML as it is,
// on one line.
func printable(s string) bool {
	for _, r := range s {
		if !printableRune(r) {
			return false
		}
	}
	return true
}

func printableRune(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7F && r < 0xA0:
		return false
	case r == 0x2028, r == 0x2029, r == 0xFEFF, r == 0xFFFE, r == 0xFFFF:
		return false
	}
	return true
}

// stringText writes a string on one line. always is the quote that it gets in
// any case, prefer the one it gets when it needs one; both may be 0.
func stringText(s string, flow bool, always, prefer byte) string {
	typed := typed(s)
	if always == 0 && !typed && plainSafe(s, flow) {
		return s
	}
	quote := always
	if quote == 0 {
		quote = prefer
	}
	if quote == 0 && !typed {
		quote = '\''
	}
	if quote == '"' && strings.ContainsAny(s, "\"\\") && !strings.Contains(s, "'") {
		quote = '\''
	}
	if quote == '\'' && printable(s) {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return doubleQuote(s)
}

func doubleQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case printableRune(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// literalText writes a string of several lines as a literal block whose lines
// begin at column col, in a collection at column parent. It returns false for
// strings that such a block cannot hold or that an editor would spoil.
func literalText(s string, col, parent int) (head string, body []string, ok bool) {
	text, ended := strings.CutSuffix(s, "\n")
	lines := strings.Split(text, "\n")
	if len(lines) < 2 && !ended || blank(lines[len(lines)-1]) {
		return "", nil, false
	}
	head = "|"
	content := false
	for _, l := range lines {
		if !printable(strings.ReplaceAll(l, "\t", "")) {
			return "", nil, false
		}
		if !content && l != "" && isBlank(l[0]) {
			// The first line would be taken for the indentation of all.
			if blank(l) || col-parent > 9 {
				return "", nil, false
			}
			head += strconv.Itoa(col - parent)
		}
		content = content || l != ""
		if l != "" {
			l = spaces(col) + l
		}
		body = append(body, l)
	}
	if !ended {
		head += "-"
	}
	return head, body, true
}

func blank(s string) bool { return strings.Trim(s, " \t") == "" }

func spaces(n int) string { return strings.Repeat(" ", max(n, 0)) }

// wordText writes null, a boolean or a number, alike in YAML and JSON.
func wordText(v any) string {
	switch t := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(t)
	}
	n, _ := toNumber(v)
	if n.exact {
		return strconv.FormatInt(n.int, 10)
	}
	if abs := max(n.float, -n.float); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.FormatFloat(n.float, 'e', -1, 64)
	}
	return strconv.FormatFloat(n.float, 'f', -1, 64)
}
