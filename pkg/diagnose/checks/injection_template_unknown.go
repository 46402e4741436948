package checks

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func injectionTemplateUnknown() diagnose.Check {
	return diagnose.Check{
		Name: "injection-template-unknown",
		Area: diagnose.Injection,
		Doc: `A pod asks for an injection template that its istiod does not have

The annotation inject.istio.io/templates on a pod names the templates that istiod builds the sidecar (or the gateway) from; without it, defaultTemplates of the injector's configuration do. When a name is unknown, istiod refuses the pod with 'requested template "x" not found', and the workload gets no new pods.

It is found by comparing the names with the templates and aliases in ConfigMap istio-sidecar-injector of the revision that would inject, and from the refusals that controllers report.

To fix it, correct the name in the pod template (whoever deploys the workload can), or add the template to sidecarInjectorWebhook.templates of istiod's installation (whoever installs Istio can). Custom templates are lost easily when a control plane is installed anew or a second revision is added without them.`,
		Severity: diagnose.Error,
		Needs:    nextPodNeeds(),
		Wants:    nextPodWants(),
		Explains: []string{"pod-creation-refused", "pod-older-than-injection"},
		Run:      runInjectionTemplateUnknown,
	}
}

func runInjectionTemplateUnknown(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	byDefault := map[*mesh.ControlPlane][]denial{}
	var planes []*mesh.ControlPlane
	picks := func(w *mesh.Workload) bool { return w.Template.Annotations[templatesAnnotation] != "" }
	all := append(denials(p, picks), plainDenials(p)...)
	for _, d := range all {
		if d.cause != causeTemplateUnknown {
			continue
		}
		cp := planeOf(p, d.workload)
		if !picks(d.workload) {
			if !slices.Contains(planes, cp) {
				planes = append(planes, cp)
			}
			byDefault[cp] = append(byDefault[cp], d)
			continue
		}
		found = append(found, unknownTemplate(p, cp, d))
	}
	for _, cp := range planes {
		if cp != nil && cp.Injector != nil {
			found = append(found, unknownDefault(p, cp, byDefault[cp][0]))
		}
	}
	return found
}

// unknownTemplate is the finding for a workload that names the template.
func unknownTemplate(p *diagnose.Pass, cp *mesh.ControlPlane, d denial) diagnose.Finding {
	w, name := d.workload, quotedAfter(d.words, `requested template "`)
	asked, known := w.Template.Annotations[templatesAnnotation], templateNames(cp, d.words)
	f := diagnose.Finding{
		Message:  fmt.Sprintf("istiod refuses every new pod of %s because it asks for the injection template %q, which is unknown", w.Ref, name),
		Object:   w.Ref,
		Field:    inTemplate(w, "metadata.annotations["+templatesAnnotation+"]"),
		Evidence: []string{fmt.Sprintf("annotation %s: %q", templatesAnnotation, asked), "istiod has the templates " + strings.Join(known, ", ")},
		Affects:  []mesh.Ref{w.Ref},
	}
	if near := nearTemplate(name, known); near != "" {
		meant := strings.Split(asked, ",")
		for i, n := range meant {
			if meant[i] = strings.TrimSpace(n); meant[i] == name {
				meant[i] = near
			}
		}
		f.Fix = edit{podNotes: map[string]string{templatesAnnotation: strings.Join(meant, ",")}}.templateSteps(p, w)
		return f
	}
	f.Fix = append(edit{podNotes: map[string]string{templatesAnnotation: drop}}.templateSteps(p, w), diagnose.Step{
		Kind: diagnose.StepManual,
		Say: fmt.Sprintf("or, where the template is wanted, keep the annotation and add %q to sidecarInjectorWebhook.templates of the installation of revision %s; whoever installs Istio can",
			name, revisionOf(cp)),
	})
	return f
}

// unknownDefault is the finding for a control plane whose defaultTemplates
// name a template that is not there.
func unknownDefault(p *diagnose.Pass, cp *mesh.ControlPlane, d denial) diagnose.Finding {
	name := quotedAfter(d.words, `requested template "`)
	var refs []mesh.Ref
	for _, w := range p.Workloads {
		if w.Template.Annotations[templatesAnnotation] == "" && injectedBy(p, w, cp) {
			refs = append(refs, w.Ref)
		}
	}
	object := mesh.RefTo(mesh.ConfigMaps, cp.Injector.Namespace, cp.Injector.Name)
	return diagnose.Finding{
		Message: fmt.Sprintf("%s names the default injection template %q, which it does not hold, so istiod refuses every new pod of %s",
			object, name, hit(refs)),
		Object:   object,
		Field:    "data.config (defaultTemplates)",
		Evidence: []string{"it holds the templates " + strings.Join(templateNames(cp, d.words), ", ")},
		Affects:  refs,
		Fix: []diagnose.Step{{
			Kind: diagnose.StepManual,
			Say: fmt.Sprintf("take %q out of sidecarInjectorWebhook.defaultTemplates of the installation of revision %s, or add it to sidecarInjectorWebhook.templates, and install again; whoever installs Istio can",
				name, cp.Revision),
		}},
	}
}

// plainDenials are what istiod says to a plain pod of each control plane, one
// for each that refuses it.
func plainDenials(p *diagnose.Pass) []denial {
	var found []denial
	for _, b := range probes(p) {
		if in, ok := p.Inject(b.pod); ok && b.templates == "" && in.Refusal != "" && !unloadable(in.Refusal) {
			c, _ := classify(asDenied(in.Refusal))
			found = append(found, denial{workload: b.pod, words: in.Refusal, cause: c})
		}
	}
	return found
}

// templateNames are the templates and aliases of a control plane, sorted: of
// its ConfigMap, or else as istiod's words list them.
func templateNames(cp *mesh.ControlPlane, words string) []string {
	var names []string
	if cp != nil && cp.Injector != nil {
		var config struct {
			Templates map[string]string   `json:"templates"`
			Aliases   map[string][]string `json:"aliases"`
		}
		if err := yaml.Unmarshal([]byte(cp.Injector.Data["config"]), &config); err == nil {
			for n := range config.Templates {
				names = append(names, n)
			}
			for n := range config.Aliases {
				names = append(names, n)
			}
		}
	}
	if _, have, found := strings.Cut(words, "; have "); found && len(names) == 0 {
		names = strings.Split(have, ", ")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// nearTemplate is the name that differs from a misspelt one in at most two letters;
// empty when there is none, or more than one.
func nearTemplate(name string, known []string) string {
	near := ""
	for _, k := range known {
		if distance(strings.ToLower(name), k) > 2 {
			continue
		}
		if near != "" {
			return ""
		}
		near = k
	}
	return near
}

func revisionOf(cp *mesh.ControlPlane) string {
	if cp == nil {
		return "default"
	}
	return cp.Revision
}

// injectedBy reports whether a workload's next pod would be injected by a
// control plane.
func injectedBy(p *diagnose.Pass, w *mesh.Workload, cp *mesh.ControlPlane) bool {
	d, ok := p.DecideWorkload(w)
	return ok && d.Inject && planeOf(p, w) == cp
}
