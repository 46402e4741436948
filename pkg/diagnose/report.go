package diagnose

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Status is what became of a check.
type Status string

// The statuses. "Could not look" is never "fine".
const (
	OK      Status = "ok"
	Found   Status = "found"
	Unknown Status = "unknown"
)

// Result is what became of one check.
type Result struct {
	Check    string
	Area     Area
	Title    string
	Severity Severity
	Status   Status
	Reason   string     // why it is unknown
	Missing  []mesh.Gap // what could not be read and left it unknown
}

// Report is the answer: findings, and what became of every check.
type Report struct {
	Time     time.Time
	Source   string
	Mesh     Mesh
	Gaps     []mesh.Gap
	Findings []Finding // worst first, roots before what they explain
	Results  []Result  // in the order of the list of checks
}

// Mesh is the picture in numbers.
type Mesh struct {
	Revisions []Revision
	// Pods counts the pods asked about; InMesh those with a proxy; Expected
	// those that would have one if they were created now, by injection or,
	// as some gateways, by their own template. KnownExpected says whether
	// webhooks and namespaces could be read, without which it means nothing.
	Pods, InMesh, Expected int
	KnownExpected          bool
	// Workloads counts the workloads asked about.
	Workloads int
	// Istio reports whether there is any sign of Istio: a control plane, a
	// webhook, or a pod with a proxy. KnownIstio is false when webhooks and
	// deployments could not be read, so that its absence means nothing.
	Istio, KnownIstio bool
}

// Revision is a control plane in the report.
type Revision struct {
	Name    string
	Version string
	Tags    []string
}

// Counts sums a report up.
type Counts struct {
	OK, Found, Unknown      int // checks
	Errors, Warnings, Infos int // findings that no other explains
}

// Count sums the report up.
func (r *Report) Count() Counts {
	var c Counts
	for _, res := range r.Results {
		switch res.Status {
		case OK:
			c.OK++
		case Found:
			c.Found++
		case Unknown:
			c.Unknown++
		}
	}
	for _, f := range r.Roots() {
		switch f.Severity {
		case Error:
			c.Errors++
		case Warning:
			c.Warnings++
		default:
			c.Infos++
		}
	}
	return c
}

// Roots returns the findings that no other explains.
func (r *Report) Roots() []Finding {
	var roots []Finding
	for _, f := range r.Findings {
		if f.CausedBy == "" {
			roots = append(roots, f)
		}
	}
	return roots
}

// Explained returns the findings folded under a root.
func (r *Report) Explained(root string) []Finding {
	var folded []Finding
	for _, f := range r.Findings {
		if f.CausedBy == root {
			folded = append(folded, f)
		}
	}
	return folded
}

func summarize(s *mesh.Snapshot, sh *shared, workloads []*mesh.Workload) Mesh {
	m := Mesh{Workloads: len(workloads)}
	for _, w := range workloads {
		for _, p := range w.Pods {
			m.Pods++
			if mesh.InMesh(p) {
				m.InMesh++
			}
		}
		if d, ok := sh.decideWorkload(w); ok && d.Inject || mesh.Proxy(&w.Template.Spec) != nil {
			m.Expected += len(w.Pods)
		}
	}
	m.Revisions = revisions(sh.planes)
	m.KnownExpected = s.Complete(mesh.MutatingWebhooks, "")
	for _, w := range workloads {
		m.KnownExpected = m.KnownExpected && w.Namespace != nil
	}
	m.KnownIstio = s.Complete(mesh.MutatingWebhooks, "")
	m.Istio = len(m.Revisions) > 0 || m.InMesh > 0
	return m
}

func revisions(planes []*mesh.ControlPlane) []Revision {
	byName := map[string]Revision{}
	for _, cp := range planes {
		r := byName[cp.Revision]
		r.Name = cp.Revision
		r.Version = cmp.Or(r.Version, cp.Version())
		r.Tags = append(r.Tags, cp.Tags...)
		slices.Sort(r.Tags)
		r.Tags = slices.Compact(r.Tags)
		byName[cp.Revision] = r
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b Revision) int { return cmp.Compare(a.Name, b.Name) })
}
