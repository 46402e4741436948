package checks

import (
	"bytes"
	"encoding/json"
	"strings"
)

// command is a command line for a POSIX shell that runs a program with exactly
// these arguments, whatever stands in them. Commands of fixes are pasted, and
// much of what is in them comes from a cluster or from files.
func command(words ...string) string {
	line := make([]string, len(words))
	for i, w := range words {
		line[i] = quote(w)
	}
	return strings.Join(line, " ")
}

// kubectl is the command line of kubectl in a namespace; without one where the
// namespace is empty.
func kubectl(namespace string, words ...string) string {
	if namespace == "" {
		return command(append([]string{"kubectl"}, words...)...)
	}
	return command(append([]string{"kubectl", "-n", namespace}, words...)...)
}

// quote is a text as one word of a POSIX shell: as it is where nothing in it
// means anything to a shell, else in single quotes.
func quote(word string) string {
	if word != "" && strings.IndexFunc(word, special) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// special reports whether a character may mean something to a shell.
func special(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_./:=,@%+", r)
}

// asJSON is a value as JSON, as short as it can be and on one line.
func asJSON(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // maps, plain structs and API types always encode
	return strings.TrimSpace(b.String())
}

// quoted is a value as JSON, as one word of a shell.
func quoted(v any) string { return quote(asJSON(v)) }
