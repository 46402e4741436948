package cmd

import (
	"slices"
	"strings"
	"sync"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// newReport is the report of what became of pod templates.
func newReport(outcomes []inject.Outcome, warnings map[mesh.Ref][]printer.InjectWarning) printer.InjectReport {
	r := printer.InjectReport{APIVersion: "mesh.kubectl/v1alpha1", Kind: "InjectReport", Workloads: []printer.InjectWorkload{}}
	for _, o := range outcomes {
		r.Workloads = append(r.Workloads, printer.InjectWorkload{
			Workload: o.Workload, Path: o.Path, Status: string(o.Status), Code: o.Code,
			Reason: strings.Join(strings.Fields(o.Message), " "), Revision: o.Revision, Proxy: o.Proxy, Notes: o.Notes,
			Warnings: warnings[o.Workload],
		})
	}
	return r
}

// injectChecks are the doctor's checks that tell of an injected pod what will
// hurt once it runs.
func injectChecks() []string {
	return []string{
		"reserved-port-used", "runs-as-proxy-user", "pod-security-rejects-sidecar", "job-never-completes",
		"sidecar-name-taken", "quota-rejects-sidecar", "inject-value-misspelt", "canonical-name-invalid",
	}
}

// warner runs those checks on workloads as they are injected, from many
// goroutines.
type warner struct {
	checks  []diagnose.Check
	cluster *mesh.Snapshot // whose rules for namespaces hold

	mu    sync.Mutex
	found map[mesh.Ref][]printer.InjectWarning
}

func newWarner(cluster *mesh.Snapshot) (*warner, error) {
	chosen, err := choose(checks.All(), injectChecks(), nil)
	return &warner{checks: chosen, cluster: cluster, found: map[mesh.Ref][]printer.InjectWarning{}}, err
}

// take runs the checks on the workloads of one object that were injected, as
// if they were alone in a cluster that injects everything, with the rules of
// their own namespaces. It takes the pods out of the outcomes: those of a
// thousand workloads are large.
func (w *warner) take(outcomes []inject.Outcome) {
	snapshot := inject.Settings{Config: "policy: enabled", Values: "{}"}.Snapshot()
	snapshot.ResourceQuotas, snapshot.LimitRanges, snapshot.Nodes = w.cluster.ResourceQuotas, w.cluster.LimitRanges, w.cluster.Nodes
	v := injectedWorkloads{made: map[string]inject.Outcome{}, workloads: map[mesh.Ref]mesh.Ref{}}
	for i, o := range outcomes {
		if o.Status == inject.Injected {
			v.add(snapshot, w.cluster, o)
		}
		outcomes[i].Pod, outcomes[i].After = nil, nil
	}
	if len(v.made) == 0 {
		return
	}
	report := diagnose.Run(snapshot, w.checks, diagnose.Options{
		Injector: func(_ *mesh.ControlPlane, pod *core.Pod, _ *core.Namespace) (diagnose.Injected, error) {
			after, err := v.made[key(pod)].InjectedPod()
			return diagnose.Injected{Pod: after}, err
		},
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range report.Findings {
		for _, ref := range f.Affects {
			if f.Severity != diagnose.Info {
				to := v.workloads[ref]
				message := strings.ReplaceAll(f.Message, ref.String(), to.String())
				w.found[to] = append(w.found[to], printer.InjectWarning{Check: f.Check, Message: message})
			}
		}
	}
}

// injectedWorkloads are the workloads that were injected, as a snapshot holds
// them: Jobs and CronJobs as such, all others as pods by themselves.
type injectedWorkloads struct {
	made      map[string]inject.Outcome // by key of the pod that is asked about
	workloads map[mesh.Ref]mesh.Ref     // by their stand-ins
}

func (v injectedWorkloads) add(to, cluster *mesh.Snapshot, o inject.Outcome) {
	t := core.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: o.Pod.Labels, Annotations: o.Pod.Annotations}, Spec: o.Pod.Spec}
	name := metav1.ObjectMeta{Namespace: o.Pod.Namespace, Name: o.Workload.Name}
	w := mesh.Workload{Template: t}
	switch o.Workload.Kind {
	case "Job":
		w.Ref = mesh.RefTo(mesh.Jobs, name.Namespace, name.Name)
		to.Jobs = append(to.Jobs, &batch.Job{ObjectMeta: name, Spec: batch.JobSpec{Template: t}})
	case "CronJob":
		w.Ref = mesh.RefTo(mesh.CronJobs, name.Namespace, name.Name)
		to.CronJobs = append(to.CronJobs, &batch.CronJob{ObjectMeta: name, Spec: batch.CronJobSpec{JobTemplate: batch.JobTemplateSpec{Spec: batch.JobSpec{Template: t}}}})
	default:
		t.Namespace, t.Name = name.Namespace, strings.ToLower(o.Workload.Kind)+"-"+name.Name
		w.Ref, w.Template = mesh.RefTo(mesh.Pods, t.Namespace, t.Name), t
		to.Pods = append(to.Pods, &core.Pod{ObjectMeta: t.ObjectMeta, Spec: t.Spec})
	}
	v.made[key(w.NextPod())] = o
	v.workloads[w.Ref] = o.Workload
	if !slices.ContainsFunc(to.Namespaces, func(ns *core.Namespace) bool { return ns.Name == name.Namespace }) {
		to.Namespaces = append(to.Namespaces, namespaceOf(cluster, name.Namespace))
	}
}

// namespaceOf is a namespace of the cluster; without labels where it is not
// known.
func namespaceOf(s *mesh.Snapshot, name string) *core.Namespace {
	for _, ns := range s.Namespaces {
		if ns.Name == name {
			return ns
		}
	}
	return &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// key tells the pods of workloads apart.
func key(pod *core.Pod) string { return pod.Namespace + "/" + pod.GenerateName + pod.Name }
