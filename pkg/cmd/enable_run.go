package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/membership"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// run plans, checks, shows, asks, writes and waits, in this order.
func (o *relabel) run(ctx context.Context) error {
	s, err := o.read(ctx)
	if err != nil {
		return err
	}
	plan, err := o.plan(s)
	if err != nil {
		return refusedPlan(err)
	}
	if plan.Blind != "" && (o.restart || o.wait) {
		return fmt.Errorf("nothing was written, since not all workloads are known: %s", plan.Blind)
	}
	if plan.Enable {
		plan.Preview(membershipChecks(), newInjector, o.connect)
	}
	began := o.now()
	changes := plan.Changes(o.restart, began)
	if len(changes) == 0 {
		if err := o.already(plan); err != nil {
			return err
		}
		return o.follow(ctx, plan.Goals(o.restart, began))
	}
	prepared, err := cluster.Prepare(ctx, o.query, changes, cluster.ApplyOptions{
		DryRun: o.dryRun, ForceOwner: o.force,
		Warn: func(text string) { fmt.Fprintf(o.ErrOut, "warning: %s\n", printer.Clean(text)) },
	})
	if err != nil {
		return o.refused(err)
	}
	if err := printer.Plan(o.Out, plan, o.restart, o.style); err != nil {
		return err
	}
	o.warnOwners(prepared.Owners)
	if o.dryRun == cluster.DryRunNone {
		if err := o.write(ctx, plan, prepared, len(changes)); err != nil {
			return err
		}
	}
	for _, c := range changes {
		fmt.Fprintf(o.Out, "%s %s%s\n", kubectlName(c.Ref), wrote(plan, c), dryRunSuffix(o.dryRun))
	}
	if o.dryRun != cluster.DryRunNone {
		return nil
	}
	return o.follow(ctx, plan.Goals(o.restart, began))
}

// refusedPlan gives a plan that a safety rule is against its exit code.
func refusedPlan(err error) error {
	var refusal *membership.Refusal
	if errors.As(err, &refusal) {
		return &exitError{code: exitNo, err: err}
	}
	return err
}

// already says that there is nothing to write.
func (o *relabel) already(plan *membership.Plan) error {
	if err := printer.Plan(o.Out, plan, o.restart, o.style); err != nil {
		return err
	}
	_, err := fmt.Fprintf(o.Out, "%s unchanged\n", kubectlName(mesh.RefTo(mesh.Namespaces, "", plan.Namespace.Name)))
	return err
}

// refused says who keeps the objects, and prints the patch for Git.
func (o *relabel) refused(err error) error {
	var owned *cluster.OwnedError
	if !errors.As(err, &owned) {
		return err
	}
	if err := printForGit(o.Out, owned.Owned); err != nil {
		return err
	}
	text := owned.Error() + "; nothing was written (--force-owner writes it all the same"
	if o.restart && owned.Owned[0].Change.Ref.Kind != "Namespace" {
		text += "; without --restart only the namespace is labelled"
	}
	return &exitError{code: exitNo, err: errors.New(text + ")")}
}

// warnOwners tells who keeps what is written all the same; many objects of one
// owner are one line.
func (o *relabel) warnOwners(owned []cluster.Owned) {
	var order []string
	by := map[string][]cluster.Owned{}
	for _, w := range owned {
		key := w.Owner.String() + w.Owner.Instead
		if by[key] == nil {
			order = append(order, key)
		}
		by[key] = append(by[key], w)
	}
	for _, key := range order {
		first := by[key][0]
		more := ""
		if n := len(by[key]) - 1; n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		fmt.Fprintf(o.ErrOut, "warning: %s\n", printer.Clean(fmt.Sprintf("%s%s: kept by %s (%s); %s",
			first.Change.Ref, more, first.Owner.String(), first.Owner.Marks[0], first.Owner.Instead)))
	}
}

// write asks and writes.
func (o *relabel) write(ctx context.Context, plan *membership.Plan, prepared *cluster.Prepared, changes int) error {
	if !o.yes {
		if err := confirm(ctx, o.IOStreams, relabelQuestion(plan, changes)); err != nil {
			return err
		}
	}
	return writeFailed(prepared.Commit(ctx))
}

// relabelQuestion is what is asked before n changes are written.
func relabelQuestion(plan *membership.Plan, n int) string {
	namespace := "namespace " + plan.Namespace.Name
	var parts []string
	if len(plan.Labels) > 0 {
		n--
		parts = append(parts, map[bool]string{true: "label ", false: "unlabel "}[setsLabel(plan)]+namespace)
		namespace = ""
	}
	if n > 0 {
		text := fmt.Sprintf("restart %d workloads", n)
		if n == 1 {
			text = "restart 1 workload"
		}
		if namespace != "" {
			text += " of " + namespace
		}
		parts = append(parts, text)
	}
	q := strings.Join(parts, " and ") + "?"
	return strings.ToUpper(q[:1]) + q[1:]
}

// setsLabel reports whether a plan sets a label, and does not only take some off.
func setsLabel(plan *membership.Plan) bool {
	for _, l := range plan.Labels {
		if !l.Remove {
			return true
		}
	}
	return false
}

// wrote is what a change did, as kubectl says it.
func wrote(plan *membership.Plan, c mesh.Change) string {
	switch {
	case c.Ref.Kind != "Namespace":
		return "restarted"
	case setsLabel(plan):
		return "labeled"
	}
	return "unlabeled"
}
