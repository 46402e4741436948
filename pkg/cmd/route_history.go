package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func newRouteHistory(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	var revision int
	output := "table"
	c := &cobra.Command{
		Use:                   "history SERVICE [--revision N]",
		DisableFlagsInUseLine: true,
		Short:                 "Show who changed a service's routing, when and why",
		Long: `Show the last changes of a service's routing that this program made: who, when, what and
why. They are kept in ConfigMap mesh-route-history-SERVICE in the service's namespace.

Exit codes:
  0  shown
  2  could not do it: usage, an unknown revision, unreachable, forbidden`,
		Example: examples(name, `
			# The last changes
			%[1]s route history reviews

			# What one of them changed
			%[1]s route history reviews --revision 3

			# For a script
			%[1]s route history reviews -o json`),
		Args: serviceFirst(0, ""),
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains([]string{"table", "json", "yaml"}, output) {
				return fmt.Errorf("--output %s: use table, json or yaml", output)
			}
			f := newRouteFlags(config)
			w, err := f.writer(args[0], "history", nil, name, streams)
			if err != nil {
				return err
			}
			n, err := readNotes(c.Context(), w.query, w.manager, w.namespace, w.service)
			if err != nil {
				return err
			}
			past := n.past
			if c.Flags().Changed("revision") {
				e := past.Find(revision)
				if e == nil {
					return fmt.Errorf("service %s/%s has no revision %d in its history", w.namespace, w.service, revision)
				}
				past = route.History{*e}
				if output == "table" {
					return showRevision(streams, *e)
				}
			}
			if output != "table" {
				return historyAs(streams.Out, output, w, past)
			}
			if len(past) == 0 {
				_, err := fmt.Fprintf(streams.Out, "no changes of service %s/%s are known\n", w.namespace, w.service)
				return err
			}
			return historyTable(streams.Out, past, w.now())
		},
	}
	c.Flags().IntVar(&revision, "revision", 0, "Show what this change changed")
	c.Flags().StringVarP(&output, "output", "o", output, "Output format: table, json, yaml")
	return c
}

// historyTable writes a line a change, the oldest first.
func historyTable(out io.Writer, h route.History, now time.Time) error {
	t := printers.GetNewTabWriter(out)
	fmt.Fprintln(t, "REVISION\tAGE\tBY\tCHANGE\tSTATE\tREASON")
	for _, e := range h {
		row := []string{fmt.Sprint(e.Revision), duration.HumanDuration(now.Sub(e.At)), who(e.By), printer.Clean(e.Command()), stateWords(e), printer.Clean(e.Reason)}
		for i := range row {
			if row[i] == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// stateWords says how far a change is, and what it took back.
func stateWords(e route.Entry) string {
	text := string(e.State)
	for i, r := range e.Undoes {
		text += map[bool]string{true: ", undid ", false: " "}[i == 0] + fmt.Sprint(r)
	}
	return text
}

// showRevision shows what a change made of each object.
func showRevision(streams genericiooptions.IOStreams, e route.Entry) error {
	fmt.Fprintf(streams.Out, "revision %d: %s\nby %s at %s, %s\n", e.Revision, printer.Clean(e.Command()), who(e.By), e.At.UTC().Format(time.RFC3339), stateWords(e))
	if e.Reason != "" {
		fmt.Fprintf(streams.Out, "reason: %s\n", printer.Clean(e.Reason))
	}
	var all []edited
	for _, o := range e.Objects {
		d := edited{after: whole([]byte(strings.Join(lines(o.After), "")))}
		d.name, d.text = kubectlName(o.Ref)+".yaml", []byte(strings.Join(lines(o.Before), ""))
		all = append(all, d)
	}
	text, err := diffText(all)
	if err != nil {
		return err
	}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if _, err := fmt.Fprintln(streams.Out, printer.Clean(line)); err != nil {
			return err
		}
	}
	return nil
}

// historyDocument is a history for programs.
type historyDocument struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Service    mesh.Ref          `json:"service"`
	Revisions  []historyRevision `json:"revisions"`
}

type historyRevision struct {
	route.Entry
	Objects []historyObject `json:"objects"`
}

type historyObject struct {
	route.EntryObject
	Before map[string]any `json:"before,omitempty"`
	After  map[string]any `json:"after,omitempty"`
}

func historyAs(out io.Writer, format string, w *routeWrite, h route.History) error {
	d := historyDocument{APIVersion: "mesh.kubectl/v1alpha1", Kind: "RouteHistory", Service: mesh.RefTo(mesh.Services, w.namespace, w.service), Revisions: []historyRevision{}}
	for _, e := range h {
		r := historyRevision{Entry: e}
		for _, o := range e.Objects {
			r.Objects = append(r.Objects, historyObject{o, o.Before, o.After})
		}
		d.Revisions = append(d.Revisions, r)
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err == nil && format == "yaml" {
		text, err = yaml.JSONToYAML(text)
	} else if err == nil {
		text = append(text, '\n')
	}
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

// printVersions writes a line a version of a service.
func printVersions(out io.Writer, view *route.View) error {
	t := printers.GetNewTabWriter(out)
	fmt.Fprintln(t, "VERSION\tLABELS\tREADY\tFROM")
	for _, v := range view.Versions {
		var labels []string
		for key, value := range v.Labels {
			labels = append(labels, key+"="+value)
		}
		slices.Sort(labels)
		ready, from := fmt.Sprintf("%d/%d", v.Ready, v.Pods), "-"
		if v.Ready < 0 {
			ready = "?"
		}
		if v.From.Name != "" {
			from = v.From.String()
		}
		fmt.Fprintln(t, strings.Join([]string{printer.Clean(v.Name), printer.Clean(strings.Join(labels, ",")), ready, from}, "\t"))
	}
	return t.Flush()
}
