package printer

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
)

// statusTable writes a line a namespace, as kubectl get does.
func statusTable(w io.Writer, s *membership.Status, style Style) error {
	shown, outside, unknown := inside(s, style.Named)
	var out bytes.Buffer
	if len(shown) > 0 {
		width := style.Width
		if width <= 0 {
			width = 100
		}
		if style.Wide {
			width = 0
		}
		columns(&out, statusRows(shown, style.Wide), width)
	}
	if unknown > 0 {
		fmt.Fprintf(&out, "%s that may or may not be in the mesh\n", plural(unknown, "namespace"))
	}
	if outside > 0 {
		fmt.Fprintf(&out, "%s outside the mesh\n", plural(outside, "namespace"))
	}
	if out.Len() == 0 {
		out.WriteString("no namespaces\n")
	}
	_, err := w.Write(out.Bytes())
	return err
}

func statusRows(list []membership.Namespace, wide bool) [][]string {
	rows := [][]string{{"NAMESPACE", "MODE", "REVISION", "TAG", "WORKLOADS", "IN-MESH", "PROXY", "TO-RESTART"}}
	if wide {
		rows[0] = append(rows[0], "PODS", "LABEL", "WHY")
	}
	for _, n := range list {
		var revisions, tags []string
		for _, r := range n.Revisions {
			revisions = append(revisions, r.Name)
			if r.Tag != "" {
				tags = append(tags, r.Tag)
			}
		}
		mode := string(n.Mode)
		if n.Mode == membership.Unknown {
			mode, revisions, tags = "?", []string{"?"}, []string{"?"}
		}
		row := []string{
			n.Name, mode, list1(slices.Compact(revisions)), list1(tags), number(n.Workloads),
			number(n.InMesh) + "/" + number(n.Expected), proxies(n), number(n.Waiting),
		}
		if wide {
			row = append(row, number(n.Pods), cell(n.Label), cell(whyOf(n)))
		}
		rows = append(rows, row)
	}
	return rows
}

// whyOf says why pods wait, and why a namespace is out that asks to be in.
func whyOf(n membership.Namespace) string {
	why := n.Reasons
	if n.Mode == membership.Off && n.Label != "" {
		why = append([]string{n.Reason}, why...)
	}
	return strings.Join(slices.Concat(why, n.Unknown), "; ")
}

func proxies(n membership.Namespace) string {
	if n.Pods == nil && len(n.Proxies) == 0 {
		return "?"
	}
	var versions []string
	for _, v := range slices.Sorted(maps.Keys(n.Proxies)) {
		if v == "" {
			v = "?"
		}
		versions = append(versions, v)
	}
	return list1(versions)
}

// list1 is a list as one cell.
func list1(words []string) string { return cell(strings.Join(words, ",")) }

// cell is a value of a table; nothing is a dash.
func cell(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// number is a count; one that is not known is a question mark.
func number(n *int) string {
	if n == nil {
		return "?"
	}
	return fmt.Sprint(*n)
}

// columns writes rows in columns with three spaces between, as kubectl does,
// in at most so many characters (0: any): the widest columns are cut then, with
// an ellipsis.
func columns(out *bytes.Buffer, rows [][]string, width int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i := range row {
			row[i] = Clean(row[i])
			widths[i] = max(widths[i], len([]rune(row[i])))
		}
	}
	const gap = 3
	for total := sum(widths) + gap*(len(widths)-1); width > 0 && total > width; total-- {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		widths[widest]--
	}
	for _, row := range rows {
		var line strings.Builder
		for i, text := range row {
			r := []rune(text)
			if len(r) > widths[i] {
				r = append(r[:widths[i]-1], '…')
			}
			line.WriteString(string(r) + strings.Repeat(" ", widths[i]-len(r)+gap))
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

func sum(list []int) int {
	total := 0
	for _, n := range list {
		total += n
	}
	return total
}
