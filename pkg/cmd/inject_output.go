package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// outputFlags say what to do with the manifests that were made. One of
// inPlace, diff, apply and check, or none: they are printed.
type outputFlags struct {
	format  string
	inPlace bool
	diff    bool
	check   bool // of inject alone
	report  string
	apply   applyFlags
}

func (f *outputFlags) add(flags *pflag.FlagSet) {
	flags.StringVarP(&f.format, "output", "o", "yaml", "Output format: yaml (as the input was written), json")
	flags.BoolVar(&f.inPlace, "in-place", false, "Write the files back, all or none")
	flags.BoolVar(&f.diff, "diff", false, "Show what would change, with $KUBECTL_EXTERNAL_DIFF or diff; exit code 1 if anything does")
	flags.StringVar(&f.report, "report", "text", "The report, on stderr: text, json, none")
	f.apply.add(flags)
}

// validate finds flags that do not go together, before anything is read.
func (f *outputFlags) validate(in inputFlags, compare string) error {
	var ways []string
	for _, w := range []struct {
		flag string
		set  bool
	}{
		{"--in-place", f.inPlace}, {"--diff", f.diff}, {"--apply", f.apply.apply}, {"--check", f.check}, {"--compare", compare != ""},
	} {
		if w.set {
			ways = append(ways, w.flag)
		}
	}
	switch {
	case len(ways) > 1:
		return fmt.Errorf("%s and %s cannot be used together", ways[0], ways[1])
	case f.format != "yaml" && f.format != "json":
		return fmt.Errorf("--output %s: use yaml or json", f.format)
	case f.report != "text" && f.report != "json" && f.report != "none":
		return fmt.Errorf("--report %s: use text, json or none", f.report)
	case f.inPlace && len(in.files) == 0:
		return errors.New("--in-place needs files that can be written back, named with -f")
	case f.inPlace && in.kustomize != "":
		return errors.New("--in-place cannot write a kustomization back; name its files with -f")
	case f.inPlace && f.format != "yaml":
		return errors.New("--in-place keeps files as they are written; leave -o out")
	}
	for _, name := range in.files {
		if f.inPlace && (name == "-" || strings.Contains(name, "://")) {
			return fmt.Errorf("--in-place cannot write %s back; name files", name)
		}
	}
	return f.apply.validate()
}

// write does with the results what the flags say, and reports. Nothing is
// printed or written where istiod refuses a template.
func (f *outputFlags) write(ctx context.Context, config *genericclioptions.ConfigFlags, results []edited, warnings map[mesh.Ref][]printer.InjectWarning, streams genericiooptions.IOStreams) error {
	r := newReport(outcomesOf(results), warnings)
	to := streams.ErrOut
	if f.check {
		to = streams.Out
	}
	if err := printer.Inject(to, r, f.report); err != nil {
		return err
	}
	if r.Count(string(inject.Refused)) > 0 {
		return &exitError{code: exitNo}
	}
	switch {
	case f.check:
		if len(r.Workloads) > r.Count(string(inject.Injected)) {
			return &exitError{code: exitNo}
		}
		return nil
	case f.inPlace:
		return writeBack(ctx, results)
	case f.diff:
		shown, err := admitted(ctx, config, results, streams)
		if err != nil {
			return err
		}
		return showDiff(ctx, shown, streams)
	case f.apply.apply:
		return f.apply.run(ctx, config, results, streams)
	}
	return printTexts(streams.Out, results, f.format)
}

// printTexts writes the manifests as one stream.
func printTexts(w io.Writer, results []edited, format string) error {
	if format == "json" {
		return printJSON(w, results)
	}
	before, last := false, byte('\n')
	for _, r := range results {
		text := printed(r.after)
		var mark string
		if before && slices.ContainsFunc(text, func(p []byte) bool { return len(bytes.TrimSpace(p)) > 0 }) {
			if last != '\n' {
				mark = "\n"
			}
			if !bytes.HasPrefix(text[0], []byte("---")) {
				mark += "---\n"
			}
		}
		if _, err := io.WriteString(w, mark); err != nil {
			return err
		}
		for _, p := range text {
			before, last = true, p[len(p)-1]
			if _, err := w.Write(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// printed are the pieces of a text without a byte order mark, none of them
// empty.
func printed(text pieces) pieces {
	full := slices.DeleteFunc(slices.Clone(text), func(p []byte) bool { return len(p) == 0 })
	if len(full) > 0 {
		full[0] = bytes.TrimPrefix(full[0], []byte("\ufeff"))
	}
	return slices.DeleteFunc(full, func(p []byte) bool { return len(p) == 0 })
}

// printJSON writes one object as it is, and several as a List, as kubectl get
// does.
func printJSON(w io.Writer, results []edited) error {
	items := []json.RawMessage{}
	for _, r := range results {
		objs, err := jsonObjects(r.after.bytes())
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		items = append(items, objs...)
	}
	var v any = map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}, "items": items}
	if len(items) == 1 {
		v = items[0]
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "    ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(out.Bytes())
	return err
}

// jsonObjects are the objects of a text, each as JSON.
func jsonObjects(text []byte) ([]json.RawMessage, error) {
	var objs []json.RawMessage
	dec := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return objs, nil
		}
		if err != nil {
			return nil, err
		}
		if t := bytes.TrimSpace(raw); len(t) > 0 && t[0] == '{' {
			objs = append(objs, raw)
		}
	}
}
