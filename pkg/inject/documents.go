package inject

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/splice"
)

// An Edit makes of an object another, and says what became of its pod
// templates. It is called from many goroutines.
type Edit func(obj map[string]any) (map[string]any, []Outcome, error)

// DocumentError says which document of a text could not be read or edited.
type DocumentError struct {
	Number int // from 1; empty documents count
	Line   int // of the text, from 1
	Err    error
}

// Error names the document and its line.
func (e *DocumentError) Error() string {
	return fmt.Sprintf("document %d (line %d): %v", e.Number, e.Line, e.Err)
}

// Unwrap is the cause.
func (e *DocumentError) Unwrap() error { return e.Err }

// EditText edits the objects of a YAML or JSON text: of several documents, and
// of Lists. Bytes that need not change stay as they are; a document that holds
// no object, or none that the edit changes, stays whole. Of several errors it
// returns the first by place, a *DocumentError, and no text.
func EditText(data []byte, edit Edit) ([]byte, []Outcome, error) {
	parts := cut(data)
	done := make([]edited, len(parts))
	work := make(chan int)
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(parts)) {
		all.Go(func() {
			for i := range work {
				if parts[i].holds {
					done[i] = editDocument(parts[i].text, edit)
				} else {
					done[i].text = parts[i].text
				}
			}
		})
	}
	for i := range parts {
		work <- i
	}
	close(work)
	all.Wait()

	var out bytes.Buffer
	var outcomes []Outcome
	number, line := 0, 1
	for i, d := range done {
		if parts[i].holds {
			number++
		}
		if d.err != nil {
			return nil, nil, &DocumentError{Number: number, Line: line + d.line, Err: d.err}
		}
		out.Write(d.text)
		outcomes = append(outcomes, d.outcomes...)
		line += bytes.Count(parts[i].text, []byte("\n"))
	}
	return out.Bytes(), outcomes, nil
}

type edited struct {
	text     []byte
	outcomes []Outcome
	line     int // of an error in the document, from 0
	err      error
}

func editDocument(text []byte, edit Edit) edited {
	raw, err := yaml.YAMLToJSON(text)
	if err != nil {
		line, why := parseError(err)
		return edited{line: line, err: errors.New(why)}
	}
	var v any
	if err := utiljson.Unmarshal(raw, &v); err != nil {
		return edited{err: err}
	}
	obj, ok := v.(map[string]any)
	if !ok {
		return edited{text: text}
	}
	after, outcomes, changed, err := editObject(obj, edit)
	first := firstLine(text)
	if err != nil {
		return edited{line: first, err: err}
	}
	if !changed {
		return edited{text: text, outcomes: outcomes}
	}
	out, err := splice.Apply(text, after)
	if err != nil {
		return edited{line: first, err: err}
	}
	return edited{text: out, outcomes: outcomes}
}

// editObject edits an object, or the items of a List.
func editObject(obj map[string]any, edit Edit) (after map[string]any, outcomes []Outcome, changed bool, err error) {
	items, ok := obj["items"].([]any)
	kind, list := strings.CutSuffix(text(obj["kind"]), "List")
	if !ok || !list {
		after, outcomes, err = edit(obj)
		return after, outcomes, altered(outcomes), err
	}
	edited := make([]any, len(items))
	for i, item := range items {
		edited[i] = item
		o, ok := item.(map[string]any)
		if !ok {
			continue
		}
		named := text(o["kind"]) != ""
		if !named { // as the items of a DeploymentList need not
			o = maps.Clone(o)
			o["kind"], o["apiVersion"] = kind, obj["apiVersion"]
		}
		next, some, changes, err := editObject(o, edit)
		if err != nil {
			return nil, nil, false, fmt.Errorf("items[%d]: %w", i, err)
		}
		outcomes = append(outcomes, some...)
		if !changes {
			continue
		}
		if !named {
			next = maps.Clone(next)
			delete(next, "kind")
			delete(next, "apiVersion")
		}
		edited[i], changed = next, true
	}
	if !changed {
		return obj, outcomes, false, nil
	}
	after = maps.Clone(obj)
	after["items"] = edited
	return after, outcomes, true, nil
}

func altered(outcomes []Outcome) bool {
	for _, o := range outcomes {
		if o.Status == Injected || o.Status == Removed {
			return true
		}
	}
	return false
}

// part is a stretch of a text: a document, or what stands between two.
type part struct {
	text  []byte
	holds bool // a document
}

// cut cuts a text so that its parts in order are the text again. Marks
// (---), and what has nothing but comments and directives, are parts of their
// own.
func cut(data []byte) []part {
	if at := len(data) - len(bytes.TrimLeft(data, "\ufeff \t\r\n")); bytes.HasPrefix(data[at:], []byte("{")) {
		if parts, ok := jsonDocuments(data, at); ok {
			return parts
		}
	}
	var parts []part
	begin := 0
	flush := func(end int) {
		if end > begin {
			text := data[begin:end]
			parts = append(parts, part{text, !blank(text)})
		}
		begin = end
	}
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		parts, begin = append(parts, part{text: data[:3]}), 3
	}
	for at := begin; at < len(data); {
		end := len(data)
		if n := bytes.IndexByte(data[at:], '\n'); n >= 0 {
			end = at + n + 1
		}
		if mark := markLength(data[at:end]); mark > 0 {
			flush(at)
			parts = append(parts, part{text: data[at : at+mark]})
			begin = at + mark
		}
		at = end
	}
	flush(len(data))
	return parts
}

// markLength is how much of a line is a document mark: all of it, unless the
// document begins on the same line; 0 for none.
func markLength(line []byte) int {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	if !ok {
		return 0
	}
	switch t := bytes.TrimLeft(rest, " \t"); {
	case len(bytes.TrimRight(t, "\r\n")) == 0, len(t) < len(rest) && t[0] == '#':
		return len(line)
	case len(t) < len(rest):
		return len(line) - len(t)
	}
	return 0
}

// blank reports whether a text has nothing but white space, comments,
// directives and end marks.
func blank(text []byte) bool {
	for line := range bytes.Lines(text) {
		t := bytes.TrimSpace(line)
		if len(t) > 0 && t[0] != '#' && t[0] != '%' && string(t) != "..." {
			return false
		}
	}
	return true
}

// jsonDocuments cuts JSON values that stand one after the other. It is not ok
// for what is no JSON: YAML may begin with a brace too.
func jsonDocuments(data []byte, at int) ([]part, bool) {
	parts := []part{}
	if at > 0 {
		parts = append(parts, part{text: data[:at]})
	}
	dec := json.NewDecoder(bytes.NewReader(data[at:]))
	for begin := at; ; {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		end := at + int(dec.InputOffset())
		if errors.Is(err, io.EOF) {
			if begin < len(data) {
				parts = append(parts, part{text: data[begin:]})
			}
			return parts, true
		}
		if err != nil {
			return nil, false
		}
		if gap := end - len(raw); gap > begin {
			parts = append(parts, part{text: data[begin:gap]})
			begin = gap
		}
		parts = append(parts, part{data[begin:end], true})
		begin = end
	}
}

// firstLine is the line, from 0, in which a document's content begins.
func firstLine(text []byte) int {
	n := 0
	for line := range bytes.Lines(text) {
		if !blank(line) {
			return n
		}
		n++
	}
	return 0
}

// parseError takes the line, from 0, out of a YAML parser's error.
func parseError(err error) (line int, why string) {
	why = strings.ReplaceAll(err.Error(), "error converting YAML to JSON: ", "")
	m := regexp.MustCompile(`line (\d+): (?s:(.*))$`).FindStringSubmatch(why)
	if m == nil {
		return 0, strings.TrimPrefix(why, "yaml: ")
	}
	n, _ := strconv.Atoi(m[1])
	return max(n-1, 0), m[2]
}
