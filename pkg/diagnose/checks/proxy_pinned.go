package checks

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// pin is what in a pod template sets the image of its proxy, so that a restart
// brings no other.
type pin struct {
	field, image string
	annotation   bool // else a container of the sidecar's name
}

// pinOf finds what pins a workload's proxy: the annotation for its image or,
// where that is not set, an image on a container that overrides the sidecar's
// (istio.io/istio 1.29.1, pkg/kube/inject: ProxyImage, and
// reapplyOverwrittenContainers).
func pinOf(w *mesh.Workload) (pin, bool) {
	if c := mesh.Proxy(&w.Template.Spec); c != nil && c.Image != "" && c.Image != "auto" {
		return pin{field: inTemplate(w, "spec.containers["+c.Name+"].image"), image: c.Image}, true
	}
	image := w.Template.Annotations[proxyImageAnnotation]
	return pin{field: inTemplate(w, "metadata.annotations["+proxyImageAnnotation+"]"), image: image, annotation: true}, image != ""
}

// pinnedOff reports whether what pins a workload's proxy keeps it too far from
// its control plane.
func pinnedOff(w *mesh.Workload, s skew) (pin, bool) {
	at, pinned := pinOf(w)
	proxy, ok := parseVersion(mesh.ImageVersion(at.image))
	plane, known := parseVersion(s.plane)
	return at, pinned && ok && known && tooFar(proxy, plane)
}

func pinnedSkew(p *diagnose.Pass, w *mesh.Workload, s skew, at pin) diagnose.Finding {
	f := diagnose.Finding{
		Severity: diagnose.Warning, Object: w.Ref, Field: at.field, Affects: []mesh.Ref{w.Ref},
		Message: fmt.Sprintf("the pod template of %s pins its proxy to %s, too far from istiod %s of revision %s: a restart brings the same proxy", w.Ref, at.image, s.plane, s.revision),
		Evidence: []string{
			at.field + " is " + at.image,
			fmt.Sprintf("istiod of revision %s is of version %s", s.revision, s.plane),
		},
	}
	if at.annotation {
		f.Fix = edit{podNotes: map[string]string{proxyImageAnnotation: drop}}.templateSteps(p, w)
		return f
	}
	f.Fix = autoImage(p, w)
	return f
}

// autoImage are the steps that leave the image of a container that overrides
// the sidecar's to istiod.
func autoImage(p *diagnose.Pass, w *mesh.Workload) []diagnose.Step {
	switch w.Ref.Kind {
	case "Deployment", "StatefulSet", "DaemonSet", "CronJob", "ReplicaSet":
	default:
		return []diagnose.Step{{Kind: diagnose.StepManual,
			Say: fmt.Sprintf("set the image of container %s in the manifest of %s to auto, then delete it and create it again (whoever owns it)", mesh.ProxyContainer, w.Ref)}}
	}
	steps := []diagnose.Step{{
		Kind: diagnose.StepOther,
		Run:  kubectl(w.Ref.Namespace, "set", "image", w.Ref.Arg(), mesh.ProxyContainer+"=auto"),
		Say:  "leaves the image to istiod; and the same in the manifest or chart it comes from",
	}}
	if !rollsOut(p.Snapshot, w) {
		return append(steps, replaced(p, []*mesh.Workload{w})...)
	}
	return steps
}
