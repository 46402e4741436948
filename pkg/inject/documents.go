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
	pieces, outcomes, err := EditPieces(data, edit)
	if err != nil {
		return nil, nil, err
	}
	return bytes.Join(pieces, nil), outcomes, nil
}

// EditPieces is EditText that leaves the text in the pieces it is made of,
// since a large one need not stand twice in memory. Pieces that did not change
// are parts of data.
func EditPieces(data []byte, edit Edit) ([][]byte, []Outcome, error) {
	parts := cut(data)
	stop := make(chan struct{})
	var all sync.WaitGroup
	defer all.Wait()
	defer close(stop)
	order := editParts(parts, edit, stop, &all)
	pieces := make([][]byte, 0, len(parts))
	var outcomes []Outcome
	number, line := 0, 1
	for _, p := range parts {
		d := <-<-order
		if p.holds {
			number++
		}
		if d.err != nil {
			return nil, nil, &DocumentError{Number: number, Line: line + d.line, Err: d.err}
		}
		pieces = append(pieces, d.text)
		outcomes = append(outcomes, d.outcomes...)
		line += bytes.Count(p.text, []byte("\n"))
	}
	return pieces, outcomes, nil
}

// editParts edits parts on all cores until stop is closed. It returns where
// the results come from, in the order of the parts; few are under way at a time.
func editParts(parts []part, edit Edit, stop <-chan struct{}, all *sync.WaitGroup) <-chan chan edited {
	type job struct {
		part
		result chan edited
	}
	workers := min(runtime.GOMAXPROCS(0), len(parts))
	jobs, order := make(chan job), make(chan chan edited, 2*workers)
	for range workers {
		all.Go(func() {
			for j := range jobs {
				if j.holds {
					j.result <- editDocument(j.text, edit)
				} else {
					j.result <- edited{text: j.text}
				}
			}
		})
	}
	all.Go(func() {
		defer close(jobs)
		for _, p := range parts {
			j := job{p, make(chan edited, 1)}
			select {
			case order <- j.result:
			case <-stop:
				return
			}
			select {
			case jobs <- j:
			case <-stop:
				return
			}
		}
	})
	return order
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
