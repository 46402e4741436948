package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
)

// named is a source by the name that the user gave it.
type named struct {
	name string
	*source
}

// compare says in what two sources disagree, a line a field. A difference is
// the answer no.
func compare(w io.Writer, texts []input, namespace string, a, b named) error {
	different := false
	for _, t := range texts {
		var mu sync.Mutex
		lines := map[string][]string{}
		_, _, err := inject.EditText(t.text, func(obj map[string]any) (map[string]any, []inject.Outcome, error) {
			ours, err := made(a.source, obj, namespace)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", a.name, err)
			}
			theirs, err := made(b.source, obj, namespace)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", b.name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for i := range ours {
				name := ours[i].Workload.Arg()
				lines[name] = append(lines[name], disagree(ours[i], theirs[i], a.name, b.name)...)
			}
			return obj, nil, nil
		})
		if err != nil {
			return inputError(t, err)
		}
		for _, workload := range slices.Sorted(maps.Keys(lines)) {
			if len(lines[workload]) == 0 {
				fmt.Fprintf(w, "%s: %s and %s agree\n", workload, a.name, b.name)
			}
			for _, l := range lines[workload] {
				different = true
				fmt.Fprintf(w, "%s: %s\n", workload, printer.Clean(l))
			}
		}
	}
	if different {
		return &exitError{code: exitNo}
	}
	return nil
}

// made is what a source makes of an object's pod templates.
func made(s *source, obj map[string]any, namespace string) ([]inject.Outcome, error) {
	_, outcomes, err := inject.Object(obj, namespace, func(pod *core.Pod) (*inject.Engine, error) {
		e, _, err := s.engine(pod)
		return e, err
	})
	return outcomes, err
}

func disagree(a, b inject.Outcome, nameA, nameB string) []string {
	if a.Status != b.Status || a.Status != inject.Injected {
		if a.Status == b.Status && a.Message == b.Message {
			return nil
		}
		return []string{fmt.Sprintf("%s: %s %s; %s: %s %s", nameA, a.Status, a.Message, nameB, b.Status, b.Message)}
	}
	var lines []string
	fields(a.After, b.After, nil, func(path []string, x, y any) {
		lines = append(lines, fmt.Sprintf("%s: %s %s; %s %s", strings.Join(path, "."), nameA, short(x), nameB, short(y)))
	})
	return lines
}

// fields calls differ for every field in which two values differ; list items
// with names are compared by name, and of other lists only what one of them
// lacks is told.
func fields(a, b any, path []string, differ func(path []string, a, b any)) {
	if reflect.DeepEqual(a, b) {
		return
	}
	x, y := byName(a), byName(b)
	if x == nil || y == nil {
		differ(path, without(a, b), without(b, a))
		return
	}
	keys := slices.Collect(maps.Keys(x))
	for k := range y {
		if _, ok := x[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		fields(x[k], y[k], append(slices.Clip(path), k), differ)
	}
	if reflect.DeepEqual(x, y) { // the order is all that is left
		differ(path, names(a), names(b))
	}
}

// byName is a map, or a list of named items as one; nil for what is neither.
func byName(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case []any:
		m := map[string]any{}
		for _, item := range v {
			name := nameIn(item)
			if name == "" || m[name] != nil {
				return nil
			}
			m[name] = item
		}
		return m
	}
	return nil
}

func nameIn(item any) string {
	m, _ := item.(map[string]any)
	name, _ := m["name"].(string)
	return name
}

func names(list any) any {
	items, _ := list.([]any)
	var all []string
	for _, item := range items {
		all = append(all, nameIn(item))
	}
	return all
}

// without is a list without the items that the other has too; any other value,
// and a list of which nothing is left, is returned as it is.
func without(v, other any) any {
	items, ok := v.([]any)
	others, isList := other.([]any)
	if !ok || !isList {
		return v
	}
	rest := slices.DeleteFunc(slices.Clone(items), func(item any) bool {
		return slices.ContainsFunc(others, func(o any) bool { return reflect.DeepEqual(o, item) })
	})
	if len(rest) == 0 {
		return v
	}
	return rest
}

// short is a value in a line.
func short(v any) string {
	if v == nil {
		return "has none"
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	if len(raw) > 120 {
		return "has " + string(raw[:117]) + "..."
	}
	return "has " + string(raw)
}
