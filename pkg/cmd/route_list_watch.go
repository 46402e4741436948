package cmd

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// watchEvery is how often --watch looks again.
const watchEvery = 2 * time.Second

// follow prints the services that change, until ctx ends. A look that fails is
// told, and the next one is taken.
func (o *routeList) follow(ctx context.Context, views []*route.View) error {
	before := o.rows(views)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		s, err := o.read(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			views, err = o.pick(s)
		}
		if err != nil {
			fmt.Fprintf(o.ErrOut, "warning: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
			continue
		}
		o.options.Now = s.Time
		now := o.rows(views)
		if err := o.changed(before, now); err != nil {
			return err
		}
		before = now
	}
}

// rows are the lines of the services that are listed.
func (o *routeList) rows(views []*route.View) map[mesh.Ref][]string {
	rows := map[mesh.Ref][]string{}
	for _, v := range views {
		if o.options.All || printer.Routed(v) {
			rows[v.Service] = printer.RouteRow(v, o.options)
		}
	}
	return rows
}

// changed prints the lines that are new or differ, and what is there no more.
func (o *routeList) changed(before, now map[mesh.Ref][]string) error {
	var refs []mesh.Ref
	for ref, row := range now {
		if !slices.Equal(row, before[ref]) {
			refs = append(refs, ref)
		}
	}
	for ref := range before {
		if now[ref] == nil {
			refs = append(refs, ref)
		}
	}
	if len(refs) == 0 {
		return nil
	}
	slices.SortFunc(refs, mesh.Ref.Compare)
	var out bytes.Buffer
	if o.names {
		for _, ref := range refs {
			fmt.Fprintln(&out, "service/"+printer.Clean(ref.Name))
		}
		_, err := o.Out.Write(out.Bytes())
		return err
	}
	// The header and all lines are laid out with them, so that columns stay
	// where they are; then only the changed ones are printed.
	rows := [][]string{printer.RouteHeader(o.options)}
	for _, ref := range refs {
		row := now[ref]
		if row == nil {
			row = slices.Clone(before[ref])
			row[len(row)-1] = "no longer routed"
		}
		rows = append(rows, row)
	}
	for ref, row := range now {
		if !slices.Contains(refs, ref) {
			rows = append(rows, row)
		}
	}
	printer.RouteRows(&out, rows, o.options)
	lines := strings.SplitAfter(out.String(), "\n")
	_, err := fmt.Fprint(o.Out, strings.Join(lines[1:1+len(refs)], ""))
	return err
}
