package printer

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
)

// StatusFormats lists what Status takes as a format.
func StatusFormats() []string { return []string{"table", "wide", "json", "yaml", "name"} }

// Status writes who is in the mesh in one of StatusFormats. Where style.Named is
// false, tables and names leave out namespaces outside the mesh. It fails for
// another format or when the writer does.
func Status(w io.Writer, s *membership.Status, format string, style Style) error {
	switch format {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(statusView(s))
	case "yaml":
		text, err := yaml.Marshal(statusView(s))
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	case "name":
		shown, _, _ := inside(s, style.Named)
		for _, n := range shown {
			if _, err := fmt.Fprintln(w, "namespace/"+Clean(n.Name)); err != nil {
				return err
			}
		}
		return nil
	case "wide":
		style.Wide = true
		return statusTable(w, s, style)
	case "table", "":
		return statusTable(w, s, style)
	}
	return fmt.Errorf("unknown format %q: use one of %s", format, strings.Join(StatusFormats(), ", "))
}

// The status as programs read it. Fields may be added, never renamed; a number
// that is not known is null.
type statusReport struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Time       time.Time       `json:"time"`
	Source     string          `json:"source"`
	Namespaces []namespaceJSON `json:"namespaces"`
}

type namespaceJSON struct {
	Name             string                `json:"name"`
	Mode             *membership.Mode      `json:"mode"`
	Label            string                `json:"label"`
	Reason           string                `json:"reason"`
	Revisions        []membership.Revision `json:"revisions"`
	Workloads        *int                  `json:"workloads"`
	Pods             *int                  `json:"pods"`
	InMesh           *int                  `json:"inMesh"`
	Expected         *int                  `json:"expected"`
	WaitingToRestart *int                  `json:"waitingToRestart"`
	Reasons          []string              `json:"reasons"`
	Proxies          []proxiesJSON         `json:"proxies"`
	Unknown          []string              `json:"unknown,omitempty"`
}

type proxiesJSON struct {
	Version string `json:"version"` // empty where the image does not tell
	Pods    int    `json:"pods"`
}

func statusView(s *membership.Status) statusReport {
	out := statusReport{
		APIVersion: "mesh.kubectl/v1alpha1", Kind: "MeshStatus", Time: s.Time, Source: s.Source,
		Namespaces: []namespaceJSON{},
	}
	for _, n := range s.Namespaces {
		j := namespaceJSON{
			Name: n.Name, Label: n.Label, Reason: n.Reason, Revisions: orEmpty(n.Revisions), Workloads: n.Workloads, Pods: n.Pods,
			InMesh: n.InMesh, Expected: n.Expected, WaitingToRestart: n.Waiting, Reasons: orEmpty(n.Reasons), Unknown: n.Unknown, Proxies: []proxiesJSON{},
		}
		if n.Mode != membership.Unknown {
			j.Mode = &n.Mode
		}
		for _, version := range slices.Sorted(maps.Keys(n.Proxies)) {
			j.Proxies = append(j.Proxies, proxiesJSON{Version: version, Pods: n.Proxies[version]})
		}
		out.Namespaces = append(out.Namespaces, j)
	}
	return out
}

// inside are the namespaces to show: all where they were named, else those that
// have to do with the mesh. The others are counted: those known to be outside,
// and those of which nothing points to the mesh, but what would tell was not
// read.
func inside(s *membership.Status, named bool) (shown []membership.Namespace, outside, unknown int) {
	for _, n := range s.Namespaces {
		switch {
		case named:
			shown = append(shown, n)
		case n.Outside():
			outside++
		case n.Mode == membership.Unknown && n.Label == "" && (n.InMesh == nil || *n.InMesh == 0):
			unknown++
		default:
			shown = append(shown, n)
		}
	}
	return shown, outside, unknown
}
