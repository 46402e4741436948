package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/util/jsonpath"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
)

// objectPrinter writes a report that is plain maps and lists.
type objectPrinter func(object map[string]any, w io.Writer) error

// routeFormats lists what -o takes.
func routeFormats() []string {
	return []string{"table", "wide", "json", "yaml", "name", "jsonpath=...", "go-template=...", "custom-columns=..."}
}

// newObjectPrinter makes the printer of a format for programs, as kubectl has
// them.
func newObjectPrinter(format string) (objectPrinter, error) {
	switch format {
	case "json":
		return objectJSON, nil
	case "yaml":
		return objectYAML, nil
	}
	if spec, ok := strings.CutPrefix(format, "custom-columns="); ok {
		return newColumns(spec)
	}
	f := genericclioptions.NewKubeTemplatePrintFlags()
	name, _, _ := strings.Cut(format, "=")
	if !slices.Contains(f.AllowedFormats(), name) {
		return nil, fmt.Errorf("--output %s: use one of %s", format, strings.Join(routeFormats(), ", "))
	}
	p, err := f.ToPrinter(format)
	if err != nil {
		return nil, fmt.Errorf("--output %s: %w", format, err)
	}
	return func(object map[string]any, w io.Writer) error {
		return p.PrintObj(&unstructured.Unstructured{Object: object}, w)
	}, nil
}

func objectJSON(object map[string]any, w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(object)
}

func objectYAML(object map[string]any, w io.Writer) error {
	text, err := yaml.Marshal(object)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// newColumns reads HEADER:PATH,… as kubectl's custom-columns take it: a line an
// item, "<none>" for what is not there.
func newColumns(spec string) (objectPrinter, error) {
	var header []string
	var paths []*jsonpath.JSONPath
	for _, column := range strings.Split(spec, ",") {
		name, path, ok := strings.Cut(column, ":")
		if !ok || name == "" || path == "" {
			return nil, fmt.Errorf("--output custom-columns=%s: use HEADER:PATH,..., for example NAME:.metadata.name", spec)
		}
		p := jsonpath.New(name).AllowMissingKeys(true)
		if err := p.Parse("{." + strings.TrimPrefix(strings.Trim(path, "{}"), ".") + "}"); err != nil {
			return nil, fmt.Errorf("--output custom-columns=%s: %w", spec, err)
		}
		header, paths = append(header, name), append(paths, p)
	}
	return func(object map[string]any, w io.Writer) error {
		items, isList := object["items"].([]any)
		if !isList {
			items = []any{object}
		}
		rows := [][]string{header}
		for _, item := range items {
			row := make([]string, 0, len(paths))
			for _, p := range paths {
				found, err := p.FindResults(item)
				if err != nil {
					return err
				}
				row = append(row, columnText(found))
			}
			rows = append(rows, row)
		}
		var out bytes.Buffer
		printer.RouteRows(&out, rows, printer.RouteOptions{Style: printer.Style{Wide: true}})
		_, err := w.Write(out.Bytes())
		return err
	}, nil
}

// columnText is what a path found as one cell.
func columnText(found [][]reflect.Value) string {
	var words []string
	for _, list := range found {
		for _, v := range list {
			words = append(words, fmt.Sprint(v.Interface()))
		}
	}
	if len(words) == 0 {
		return "<none>"
	}
	return strings.Join(words, ",")
}
