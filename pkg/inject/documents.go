package inject

import (
	"bytes"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync"

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

	size := 0
	for _, d := range done {
		size += len(d.text)
	}
	out := make([]byte, 0, size)
	var outcomes []Outcome
	number, line := 0, 1
	for i, d := range done {
		if parts[i].holds {
			number++
		}
		if d.err != nil {
			return nil, nil, &DocumentError{Number: number, Line: line + d.line, Err: d.err}
		}
		out = append(out, d.text...)
		done[i].text = nil
		outcomes = append(outcomes, d.outcomes...)
		line += bytes.Count(parts[i].text, []byte("\n"))
	}
	return out, outcomes, nil
}

type edited struct {
	text     []byte
	outcomes []Outcome
	line     int // of an error in the document, from 0
	err      error
}

func editDocument(text []byte, edit Edit) edited {
	v, line, err := decode(text)
	if err != nil {
		return edited{line: line, err: err}
	}
	obj, ok := v.(map[string]any)
	if !ok {
		return edited{text: text}
	}
	first := firstLine(text)
	after, outcomes, changed, err := editObject(obj, edit)
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
