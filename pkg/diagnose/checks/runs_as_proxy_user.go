package checks

import (
	"fmt"

	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func runsAsProxyUser() diagnose.Check {
	return diagnose.Check{
		Name: "runs-as-proxy-user",
		Area: diagnose.DataPlane,
		Doc: `An application runs as the proxy's user, so its traffic goes past the proxy

The rules that send a pod's outgoing traffic to the sidecar leave out what the sidecar itself sends, by its user and group ID: 1337. An application that runs with the same user or group is taken for the proxy. Its requests leave the pod without mTLS, routing or telemetry, and servers that demand mTLS refuse them.

It is found in securityContext.runAsUser and runAsGroup of meshed workloads, of the pod or of a container. Init containers that end before the application starts are left out: to run them as 1337 is a documented way past a proxy that is not up yet.

To fix it, let the application run as another user; whoever deploys it can. Files that it writes to volumes may belong to the old ID.`,
		Severity: diagnose.Warning,
		Needs:    append(nextPodNeeds(), mesh.Pods),
		Wants:    append(diagnose.WorkloadKinds(), mesh.ConfigMaps),
		Aliases:  []string{"IST0144"},
		Run:      runRunsAsProxyUser,
	}
}

// proxyID is the user and group of the proxy
// (istio.io/istio 1.29.1, pkg/kube/inject/openshift.go: DefaultSidecarProxyUID).
const proxyID = 1337

func runRunsAsProxyUser(p *diagnose.Pass) []diagnose.Finding {
	var found []diagnose.Finding
	for _, w := range p.Workloads {
		as := sameID(&w.Template.Spec)
		if len(as) == 0 || !meshed(p, w) {
			continue
		}
		var ids, evidence []string
		for _, a := range as {
			ids = append(ids, fmt.Sprintf("%s of container %s", a.key, a.container))
			evidence = append(evidence, fmt.Sprintf("%s: %d", a.field, proxyID))
		}
		found = append(found, diagnose.Finding{
			Message: fmt.Sprintf("%s runs its application as the proxy (%s is %d), so that its outgoing traffic goes past the sidecar",
				w.Ref, list(ids), proxyID),
			Object:   w.Ref,
			Field:    inTemplate(w, as[0].field),
			Evidence: evidence,
			Affects:  []mesh.Ref{w.Ref},
			Fix:      otherID(w, as),
		})
	}
	return found
}

// identity is a field that makes a container run as the proxy.
type identity struct{ container, key, field string }

// sameID finds the application containers that run with the proxy's user or
// group. Where the pod changes the proxy's own user, 1337 means nothing.
func sameID(spec *core.PodSpec) []identity {
	if c := mesh.Proxy(spec); c != nil && c.SecurityContext != nil && c.SecurityContext.RunAsUser != nil && *c.SecurityContext.RunAsUser != proxyID {
		return nil
	}
	var user, group *int64
	if s := spec.SecurityContext; s != nil {
		user, group = s.RunAsUser, s.RunAsGroup
	}
	var found []identity
	for _, c := range appContainers(spec) {
		own := c.SecurityContext
		if own == nil {
			own = &core.SecurityContext{}
		}
		for _, id := range []struct {
			key       string
			own, pods *int64
		}{{"runAsUser", own.RunAsUser, user}, {"runAsGroup", own.RunAsGroup, group}} {
			switch {
			case id.own != nil && *id.own == proxyID:
				found = append(found, identity{c.Name, id.key, "spec.containers[" + c.Name + "].securityContext." + id.key})
			case id.own == nil && id.pods != nil && *id.pods == proxyID:
				found = append(found, identity{c.Name, id.key, "spec.securityContext." + id.key})
			}
		}
	}
	return found
}

// otherID gives the containers an ID of their own.
func otherID(w *mesh.Workload, as []identity) []diagnose.Step {
	const other = proxyID + 1
	type patch struct {
		Name            string         `json:"name"`
		SecurityContext map[string]int `json:"securityContext"`
	}
	var containers []patch
	done := map[string]bool{}
	for _, a := range as {
		if done[a.container] {
			continue
		}
		done[a.container] = true
		ids := map[string]int{}
		for _, b := range as {
			if b.container == a.container {
				ids[b.key] = other
			}
		}
		containers = append(containers, patch{a.container, ids})
	}
	return strategicPatch(w, fmt.Sprintf(`{"spec":{"containers":%s}}`, asJSON(containers)),
		fmt.Sprintf("or any other ID than %d that the image's files allow; and the same in the manifest or chart it comes from", proxyID))
}

// strategicPatch is the command that changes a workload's pod template, or
// words where none can.
func strategicPatch(w *mesh.Workload, template, say string) []diagnose.Step {
	patch := `{"spec":{"template":` + template + `}}`
	switch w.Ref.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
	case "CronJob":
		patch = `{"spec":{"jobTemplate":{"spec":{"template":` + template + `}}}}`
	default:
		return []diagnose.Step{{Kind: diagnose.StepManual, Say: "change the manifest of " + w.Ref.String() + " by " + template + " and create it anew, whoever owns it; " + say}}
	}
	return []diagnose.Step{{
		Kind: diagnose.StepOther,
		Run:  kubectl(w.Ref.Namespace, "patch", w.Ref.Arg(), "-p", patch),
		Say:  say,
	}}
}
