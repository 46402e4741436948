package printer

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// RouteDescribe writes all that is known of how one service is routed. It
// fails when the writer does.
func RouteDescribe(w io.Writer, v *route.View, o RouteOptions) error {
	d := &routeText{view: v, width: cmp.Or(o.Width, 100)}
	d.head()
	for _, t := range v.Tables {
		d.table(t)
	}
	if len(v.Tables) == 0 {
		d.out.WriteString("\nNo rules: every ready endpoint gets its part of the requests.\n")
	}
	d.versions()
	d.list("Policies", policyLines(v))
	d.list("Owners", ownerLines(v))
	d.list("Conflicts", conflictLines(v))
	d.issues(route.Issues(v, o.Now))
	d.list("Could not look", unknownLines(v))
	_, err := w.Write(d.out.Bytes())
	return err
}

// routeText is the description in the making.
type routeText struct {
	view  *route.View
	width int
	out   bytes.Buffer
}

// field writes a name and what follows it, wrapped under itself.
func (d *routeText) field(name, text string) {
	const indent = 11
	for i, l := range wrap(Clean(text), d.width-indent) {
		if i > 0 {
			name = ""
		}
		fmt.Fprintf(&d.out, "%-*s%s\n", indent, name, l)
	}
}

func (d *routeText) head() {
	v := d.view
	d.field("Service", v.Service.Namespace+"/"+v.Service.Name)
	d.field("Host", v.Host)
	var ports []string
	for _, p := range v.Ports {
		ports = append(ports, strings.TrimSpace(fmt.Sprintf("%d %s", p.Number, p.Protocol)))
	}
	if len(ports) > 0 {
		d.field("Ports", strings.Join(ports, ", "))
	}
	if v.Headless {
		d.field("Headless", "yes: sidecars go where DNS sends them, and weights do nothing there")
	}
	d.field("Endpoints", ready(v.Ready, v.Pods)+" ready")
	d.field("Follow", d.follow())
}

// follow says which API is in force, and for whom.
func (d *routeText) follow() string {
	var words []string
	for _, t := range d.view.Tables {
		if t.Loses || t.Scope != "mesh" {
			continue
		}
		words = append(words, t.From.String()+" ("+followers(t)+")")
	}
	if len(words) == 0 {
		return "clients in the mesh follow no rules"
	}
	return strings.Join(words, "; ")
}

// followers says who follows a table.
func followers(t route.Table) string {
	who := "all clients"
	switch {
	case t.Loses:
		return "no client"
	case len(t.Only) > 0:
		who = "clients in " + strings.Join(t.Only, ", ")
	case len(t.Except) > 0:
		who = "all clients but those in " + strings.Join(t.Except, ", ")
	}
	if len(t.Ports) > 0 {
		who += ", port " + strings.Trim(fmt.Sprint(t.Ports), "[]")
	}
	return who
}

// table writes the rules of a table in their order.
func (d *routeText) table(t route.Table) {
	title := fmt.Sprintf("Rules of %s, followed by %s", t.From, followers(t))
	if t.Scope != "mesh" {
		names := []string{t.From.String()}
		for _, ref := range t.Merged {
			names = append(names, ref.String())
		}
		title = fmt.Sprintf("Rules of %s for what comes in by %s, hosts %s", strings.Join(names, ", "), strings.TrimPrefix(t.Scope, "gateway/"), strings.Join(t.Hosts, ", "))
		title = strings.Replace(title, "comes in by ", "comes in by Gateway ", 1)
	}
	d.out.WriteByte('\n')
	for _, l := range wrap(Clean(title), d.width) {
		d.out.WriteString(l + "\n")
	}
	rows := [][]string{{"#", "NAME", "MATCH", "DESTINATION", "SHARE", "READY"}}
	for i, r := range t.Rules {
		rows = append(rows, d.rule(i, r)...)
	}
	columns(&d.out, rows, d.width)
	for i, r := range t.Rules {
		extras := d.extras(t, r)
		if len(extras) == 0 {
			continue
		}
		for j, l := range wrap(Clean(fmt.Sprintf("#%d %s", i+1, strings.Join(extras, "; "))), d.width-6) {
			d.out.WriteString("  " + strings.Repeat("   ", min(j, 1)) + l + "\n")
		}
	}
}

// rule is a line for each destination, and for each match.
func (d *routeText) rule(i int, r route.Rule) [][]string {
	matches := []string{"*"}
	if len(r.Matches) > 0 {
		matches = nil
		for _, m := range r.Matches {
			matches = append(matches, m.String())
		}
	}
	var rows [][]string
	for n := range max(len(matches), len(r.To), 1) {
		row := []string{"", "", "", "", "", ""}
		if n == 0 {
			row[0], row[1] = fmt.Sprint(i+1), cell(r.Name)
		}
		if n < len(matches) {
			row[2] = matches[n]
			if n > 0 {
				row[2] = "or " + row[2]
			}
		}
		if n < len(r.To) {
			to := r.To[n]
			row[3], row[4], row[5] = target(d.view, to), route.Percent(to.Share), ready(to.Ready, to.Pods)
			if to.Missing {
				row[5] = "missing"
			}
		} else if n == 0 {
			row[3], row[4], row[5] = "-", "-", "-"
		}
		rows = append(rows, row)
	}
	return rows
}

// extras says what a rule does beside its destinations.
func (d *routeText) extras(t route.Table, r route.Rule) []string {
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if r.Unreachable {
		add("gets no requests: earlier rules take them all")
	}
	if r.From != t.From {
		add("stands in %s", r.From)
	}
	if r.Fault != nil {
		text := "FAULT: " + r.Fault.String()
		if r.Fault.Review != "" {
			text += ", to be looked at by " + r.Fault.Review
		}
		add("%s", text)
	}
	if r.Timeout != "" {
		add("timeout %s", r.Timeout)
	}
	if r.Retry != "" {
		add("retries: %s", r.Retry)
	}
	for _, m := range r.Mirrors {
		add("mirrors %s to %s (%s ready)", route.Percent(m.Percent), target(d.view, m.To), ready(m.To.Ready, m.To.Pods))
	}
	for _, o := range r.Other {
		add("%s", o)
	}
	return all
}

func (d *routeText) versions() {
	if len(d.view.Versions) == 0 {
		return
	}
	rows := [][]string{{"VERSION", "READY", "LABELS", "FROM"}}
	for _, v := range d.view.Versions {
		from := v.From.String()
		if v.From.Name == "" {
			from = "labels of pods alone"
		}
		rows = append(rows, []string{v.Name, ready(v.Ready, v.Pods), cell(labelWords(v.Labels)), from})
	}
	d.out.WriteByte('\n')
	columns(&d.out, rows, d.width)
}

func labelWords(labels map[string]string) string {
	var words []string
	for key, value := range labels {
		words = append(words, key+"="+value)
	}
	slices.Sort(words)
	return strings.Join(words, ",")
}

// list writes a section of sentences.
func (d *routeText) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	d.out.WriteString("\n" + title + "\n")
	for _, text := range lines {
		for i, l := range wrap(Clean(text), d.width-4) {
			d.out.WriteString("  " + strings.Repeat("  ", min(i, 1)) + l + "\n")
		}
	}
}

// issues writes what is wrong, each with what to type.
func (d *routeText) issues(all []diagnose.Finding) {
	if len(all) == 0 {
		return
	}
	d.out.WriteString("\nIssues\n")
	for _, f := range all {
		for i, l := range wrap(Clean(fmt.Sprintf("%s %s: %s", f.Severity, f.Check, f.Message)), d.width-4) {
			d.out.WriteString("  " + strings.Repeat("  ", min(i, 1)) + l + "\n")
		}
		for _, s := range f.Fix {
			if s.Run != "" {
				d.out.WriteString("    fix: " + Clean(s.Run) + "\n")
				continue
			}
			for i, l := range wrap(Clean("fix: "+s.Say), d.width-4) {
				d.out.WriteString("    " + strings.Repeat("     ", min(i, 1)) + l + "\n")
			}
		}
	}
}
