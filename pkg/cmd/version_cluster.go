package cmd

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	parse "k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// clusterVersions are the versions that run in a cluster. A list is nil where
// it is not known, and empty where there is nothing.
type clusterVersions struct {
	Server        string         `json:"server"` // empty: not known
	ControlPlanes []planeVersion `json:"controlPlanes"`
	Proxies       []proxyCount   `json:"proxies"`
	Warnings      []string       `json:"warnings"`
	Unknown       []string       `json:"unknown"` // why something is not known
}

// planeVersion is a revision of istiod. Version is empty where the image of its
// Deployment does not tell, or where it runs elsewhere.
type planeVersion struct {
	Revision  string   `json:"revision"`
	Namespace string   `json:"namespace"`
	Tags      []string `json:"tags"`
	Version   string   `json:"version"`
}

// proxyCount is how many pods have proxies of a version, by the tag of their
// image; empty where it has none.
type proxyCount struct {
	Version string `json:"version"`
	Pods    int    `json:"pods"`
}

// versionsOf reads the versions off a snapshot; skew is what the doctor says of
// its proxies.
func versionsOf(s *mesh.Snapshot, client clientVersion, skew *diagnose.Report) *clusterVersions {
	v := &clusterVersions{Server: s.Facts.ServerVersion, Warnings: []string{}, Unknown: []string{}}
	for _, k := range []mesh.Kind{mesh.ServerVersion, mesh.Deployments, mesh.MutatingWebhooks, mesh.Pods} {
		for _, g := range s.Missing(k) {
			v.Unknown = append(v.Unknown, g.String())
		}
	}
	if s.Complete(mesh.Deployments, "") && s.Complete(mesh.MutatingWebhooks, "") {
		v.ControlPlanes = []planeVersion{}
	}
	for _, cp := range mesh.ControlPlanes(s) {
		v.ControlPlanes = append(v.ControlPlanes, planeVersion{Revision: cp.Revision, Namespace: cp.Namespace, Tags: append([]string{}, cp.Tags...), Version: cp.Version()})
	}
	if s.Complete(mesh.Pods, "") {
		v.Proxies = proxiesOf(s)
	}
	v.warn(client, skew)
	return v
}

// proxiesOf counts the pods that have a proxy and have not ended.
func proxiesOf(s *mesh.Snapshot) []proxyCount {
	count := map[string]int{}
	for _, p := range s.Pods {
		if mesh.InMesh(p) && !mesh.Done(p) {
			count[mesh.ProxyVersion(&p.Spec)]++
		}
	}
	list := []proxyCount{}
	for _, version := range slices.Sorted(maps.Keys(count)) {
		list = append(list, proxyCount{version, count[version]})
	}
	return list
}

// warn notes what is too far apart. For the API server it is kubectl's own rule
// (kubernetes.io, "Version Skew Policy": one minor version either way); of
// proxies the doctor's check knows.
func (v *clusterVersions) warn(client clientVersion, skew *diagnose.Report) {
	// k8s.io/client-go v0.35.x is of Kubernetes 1.35.
	if library := strings.Replace(client.Library, "v0.", "v1.", 1); apart(library, v.Server) {
		v.Warnings = append(v.Warnings, fmt.Sprintf("the Kubernetes libraries %s in this program and the API server's %s are more than one minor version apart", client.Library, v.Server))
	}
	for _, cp := range v.ControlPlanes {
		if apart(client.Istio, cp.Version) {
			v.Warnings = append(v.Warnings, fmt.Sprintf("istiod %s of revision %s is more than one minor version from the Istio %s in this program: have it inject by itself, with inject --from webhook", cp.Version, cp.Revision, client.Istio))
		}
	}
	for _, f := range skew.Findings {
		v.Warnings = append(v.Warnings, f.Message)
	}
	for i, w := range v.Warnings {
		v.Warnings[i] = printer.Clean(w)
	}
}

// apart reports whether two versions are more than one minor version from each
// other; false where one of them is no version.
func apart(a, b string) bool {
	one, err := parse.ParseGeneric(a)
	if err != nil {
		return false
	}
	other, err := parse.ParseGeneric(b)
	if err != nil {
		return false
	}
	distance := int(one.Minor()) - int(other.Minor())
	return one.Major() != other.Major() || distance < -1 || distance > 1
}

func (v *clusterVersions) text(w io.Writer) error {
	lines := []string{"Server: " + cmp.Or(v.Server, "?")}
	switch {
	case v.ControlPlanes == nil:
		lines = append(lines, "istiod: ?")
	case len(v.ControlPlanes) == 0:
		lines = append(lines, "istiod: none")
	}
	for _, cp := range v.ControlPlanes {
		line := fmt.Sprintf("istiod: %s (revision %s, namespace %s", cmp.Or(cp.Version, "?"), cp.Revision, cmp.Or(cp.Namespace, "?"))
		if len(cp.Tags) > 0 {
			line += ", tags " + strings.Join(cp.Tags, " ")
		}
		lines = append(lines, line+")")
	}
	proxies := "?"
	if v.Proxies != nil {
		proxies = "none"
	}
	var parts []string
	for _, p := range v.Proxies {
		parts = append(parts, fmt.Sprintf("%s (%d)", cmp.Or(p.Version, "?"), p.Pods))
	}
	if len(parts) > 0 {
		proxies = strings.Join(parts, ", ")
	}
	for _, line := range append(lines, "Proxies: "+proxies) {
		if _, err := fmt.Fprintln(w, printer.Clean(line)); err != nil {
			return err
		}
	}
	return nil
}
