package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Severity says how bad a finding is.
type Severity string

// The severities, worst first.
const (
	Error   Severity = "error"   // pods are not in the mesh, or are refused, though they should be
	Warning Severity = "warning" // it works by luck, or soon will not
	Info    Severity = "info"    // good to know; somebody's choice
)

// Rank orders severities, worst first: 0 for errors.
func (s Severity) Rank() int {
	switch s {
	case Error:
		return 0
	case Warning:
		return 1
	}
	return 2
}

// Area is a part of the picture that a check looks at; the report has a line
// for each.
type Area string

// The areas, in the order of the report: what everything depends on first.
const (
	APIServer    Area = "API server"
	ControlPlane Area = "Control plane"
	Webhooks     Area = "Injection webhooks"
	Labels       Area = "Namespaces and labels"
	Injection    Area = "Injected pods" // what istiod, the API server or the kubelet make of injected pods
	DataPlane    Area = "Data plane"
	Routing      Area = "Routing"
)

// Areas returns the areas in the order of the report.
func Areas() []Area {
	return []Area{APIServer, ControlPlane, Webhooks, Labels, Injection, DataPlane, Routing}
}

// A Check describes one thing that can be wrong, and finds it. It is plain
// data: nothing runs before Run does. Checks run at the same time on the same
// snapshot, and change nothing in it.
type Check struct {
	Name     string      // kebab-case, says the fault: "istiod-no-endpoints"; flag, folder, doc anchor and report all use it
	Area     Area        // where the report shows it
	Doc      string      // first line the title, a sentence about the healthy state's opposite; then why it matters and how to fix it
	Severity Severity    // the worst it reports
	Needs    []mesh.Kind // without these it is unknown
	Wants    []mesh.Kind // used when there
	Explains []string    // checks whose findings this one can cause
	Aliases  []string    // codes of other tools for the same fault: "IST0139"
	Run      func(*Pass) []Finding
}

// Title is the first line of the check's doc.
func (c Check) Title() string {
	title, _, _ := strings.Cut(c.Doc, "\n")
	return title
}

// Finding is one fault, found.
type Finding struct {
	ID       string     // check and object, the same from run to run; filled in by Run when empty
	Check    string     // filled in by Run
	Severity Severity   // the check's when empty
	Message  string     // what is wrong, in one sentence that stands alone
	Object   mesh.Ref   // the object to look at
	Field    string     // the field of it that decides: "webhooks[0].clientConfig.caBundle"
	Evidence []string   // the values that decided, each readable alone
	Affects  []mesh.Ref // workloads hit
	Covers   []mesh.Ref // other objects whose findings this one explains whole: a webhook configuration, a Service
	Fix      []Step
	CausedBy string   // ID of the root this is folded under
	Aliases  []string // the check's when empty
	Docs     string   // filled in by Run

	parts []part // what of Affects other findings explain, while folding
}

// StepKind says what a step does, so that a reader (or a program) knows what
// to expect of it.
type StepKind string

// The kinds of steps.
const (
	StepLabel    StepKind = "label"
	StepAnnotate StepKind = "annotate"
	StepRestart  StepKind = "restart"
	StepScale    StepKind = "scale"
	StepOther    StepKind = "other"  // another command
	StepManual   StepKind = "manual" // no command can; Say tells what to change and who can
)

// Step is one step of a fix: a command to paste, or words.
type Step struct {
	Run  string // a command, as it would be typed without --context; Run inserts the user's own connection flags
	Say  string // what to change, where, and who can; or what the command does, beside Run
	Kind StepKind
}

var kebab = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Validate reports what is wrong with a list of checks as such: names that
// are not kebab-case or not unique, no doc, no area, unknown kinds, or
// explaining a check that is not there.
func Validate(checks []Check) error {
	seen := map[string]bool{}
	for _, c := range checks {
		switch {
		case !kebab.MatchString(c.Name):
			return fmt.Errorf("check %q: the name is not kebab-case", c.Name)
		case seen[c.Name]:
			return fmt.Errorf("check %q stands twice in the list", c.Name)
		case len(c.Title()) == 0 || len(c.Title()) > 80 || !strings.Contains(c.Doc, "\n\n"):
			return fmt.Errorf("check %q: the doc needs a title of at most 80 characters, an empty line and a text", c.Name)
		case c.Severity == "" || c.Area == "" || c.Run == nil:
			return fmt.Errorf("check %q needs an area, a severity and a Run", c.Name)
		case len(c.Needs) == 0:
			return fmt.Errorf("check %q says not what it needs to read", c.Name)
		}
		seen[c.Name] = true
		for _, k := range append(append([]mesh.Kind(nil), c.Needs...), c.Wants...) {
			if _, ok := mesh.Lookup(k); !ok {
				return fmt.Errorf("check %q: unknown kind %q", c.Name, k)
			}
		}
	}
	for _, c := range checks {
		for _, e := range c.Explains {
			if !seen[e] {
				return fmt.Errorf("check %q explains %q, which is no check", c.Name, e)
			}
		}
	}
	return nil
}
