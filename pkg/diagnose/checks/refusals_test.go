package checks

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestClassify(t *testing.T) {
	const call = `Internal error occurred: failed calling webhook "namespace.sidecar-injector.istio.io": failed to call webhook: Post "https://istiod.istio-system.svc:443/inject?timeout=10s": `
	const denied = `admission webhook "rev.namespace.sidecar-injector.istio.io" denied the request: `
	cases := map[string]struct {
		message string
		want    cause
	}{
		"no endpoints":                      {call + `no endpoints available for service "istiod"`, causeNoEndpoints},
		"Service gone":                      {call + `service "istiod-canary" not found`, causeServiceNotFound},
		"port gone":                         {call + `no service port 443 found for service "istiod"`, causeServiceNotFound},
		"other CA":                          {call + `tls: failed to verify certificate: x509: certificate signed by unknown authority`, causeUnknownAuthority},
		"out of date":                       {call + `x509: certificate has expired or is not yet valid: current time 2026-03-10T11:50:00Z is after 2026-03-09T00:00:00Z`, causeExpired},
		"no names":                          {call + `x509: certificate is not valid for any names, but wanted to match istiod.istio-system.svc`, causeWrongName},
		"other names":                       {call + `x509: certificate is valid for istiod.istio-system.svc, not istiod.mesh.svc`, causeWrongName},
		"no route":                          {call + `Address is not allowed`, causeNoRoute},
		"no such host":                      {call + `dial tcp: lookup istiod.example.test: no such host`, causeNoSuchHost},
		"connection refused":                {call + `dial tcp 10.0.0.5:15017: connect: connection refused`, causeConnectionRefused},
		"a port that speaks plain HTTP":     {call + `http: server gave HTTP response to HTTPS client`, causeWrongPort},
		"deadline":                          {call + `context deadline exceeded`, causeTimeout},
		"dial timeout":                      {call + `dial tcp 10.0.0.5:15017: i/o timeout`, causeTimeout},
		"a proxy that refuses is the proxy": {call + `proxyconnect tcp: dial tcp 10.1.0.9:3128: connect: connection refused`, causeProxyConnect},
		"a proxy that answers":              {call + `Service Unavailable`, causeProxyConnect},
		"template of another version":       {denied + `failed to run injection template: template: inject:1: function "Template_Version_And_Istio_Version_Mismatched_Check_Installation" not defined`, causeTemplateVersion},
		"no such template":                  {denied + `failed to run injection template: requested template "gatway" not found; have sidecar,gateway`, causeTemplateUnknown},
		"annotation":                        {denied + `1 error occurred: * invalid value 'x' for annotation 'traffic.sidecar.istio.io/excludeInboundPorts': failed parsing port 'x'`, causeAnnotation},
		"istiod for another reason":         {denied + `failed to process pod: strategic merge`, causeDenied},
		"Pod Security":                      {`pods "web-1" is forbidden: violates PodSecurity "baseline:latest": non-default capabilities (container "istio-init" must not include "NET_ADMIN")`, causePodSecurity},
		"constraints":                       {`pods "web-1" is forbidden: unable to validate against any security context constraint`, causeSCC},
		"Autopilot's own webhook":           {`admission webhook "warden-validating.common-webhooks.networking.gke.io" denied the request: GKE Warden rejected the request: [denied by autogke-default-linux-capabilities]`, causeAutopilot},
		"quota exceeded":                    {`pods "web-1" is forbidden: exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5`, causeQuota},
		"quota unasked":                     {`pods "web-1" is forbidden: failed quota: q: must specify limits.cpu for: istio-proxy`, causeQuota},
		"lost restartPolicy":                {`Pod "web-1" is invalid: spec.initContainers[1].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always`, causeRestartPolicy},
		"another webhook says no":           {`admission webhook "validate.kyverno.svc-fail" denied the request: blocked`, causeOtherWebhook},
		"another webhook is dead":           {`Internal error occurred: failed calling webhook "x.example.test": failed to call webhook: Post "https://x.y.svc:443/": no endpoints available for service "x"`, causeOtherWebhook},
		"something else":                    {`pods "web-1" is forbidden: error looking up service account shop/web: serviceaccount "web" not found`, causeOther},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, _ := classify(c.message)
			require.Equal(t, c.want, got)
		})
	}
}

func TestClassifyNamesTheWebhook(t *testing.T) {
	_, call := classify(`failed calling webhook "object.sidecar-injector.istio.io": failed to call webhook: x`)
	_, denial := classify(`admission webhook "validate.kyverno.svc-fail" denied the request: y`)
	_, none := classify(`admission webhook "cut off`)
	require.Equal(t, []string{"object.sidecar-injector.istio.io", "validate.kyverno.svc-fail", ""}, []string{call, denial, none})
}

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func at(minutes int) metav1.Time {
	return metav1.NewTime(noon.Add(time.Duration(minutes) * time.Minute))
}

func meta(name string, made int, owner ...string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Namespace: "shop", Name: name, CreationTimestamp: at(made)}
	if len(owner) == 3 {
		yes := true
		m.OwnerReferences = []metav1.OwnerReference{{APIVersion: owner[0], Kind: owner[1], Name: owner[2], Controller: &yes}}
	}
	return m
}

func refusedSet(name, deployment, condition string, minute int, observed int64) *apps.ReplicaSet {
	one := int32(1)
	rs := &apps.ReplicaSet{ObjectMeta: meta(name, -60, "apps/v1", "Deployment", deployment), Spec: apps.ReplicaSetSpec{Replicas: &one}}
	rs.Status.ObservedGeneration = observed
	if condition != "" {
		rs.Status.Conditions = []apps.ReplicaSetCondition{{Type: apps.ReplicaSetReplicaFailure, Status: core.ConditionTrue, Message: condition, LastTransitionTime: at(minute)}}
	}
	return rs
}

func failedCreate(kind, name, message string, minute int) *core.Event {
	return &core.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name + message}, Reason: "FailedCreate", Message: message, LastTimestamp: at(minute),
		InvolvedObject: core.ObjectReference{Kind: kind, Namespace: "shop", Name: name},
	}
}

func TestRefusals(t *testing.T) {
	web := &apps.Deployment{ObjectMeta: meta("web", -60)}
	pod := func(made int, rs string) *core.Pod {
		return &core.Pod{ObjectMeta: meta("p", made, "apps/v1", "ReplicaSet", rs), Spec: core.PodSpec{Containers: []core.Container{{Name: "app"}}}}
	}
	cases := map[string]struct {
		objects []runtime.Object
		want    []string
	}{
		"a condition alone": {[]runtime.Object{web, refusedSet("web-1", "web", "too small", -5, 1)}, []string{"Deployment shop/web: too small"}},
		"a later event knows better than the condition, which keeps the first words": {
			[]runtime.Object{web, refusedSet("web-1", "web", "too small", -5, 1), failedCreate("ReplicaSet", "web-1", "Error creating: too large", -1)},
			[]string{"Deployment shop/web: too large"}},
		"an earlier event does not": {
			[]runtime.Object{web, refusedSet("web-1", "web", "too small", -5, 1), failedCreate("ReplicaSet", "web-1", "Error creating: too large", -9)},
			[]string{"Deployment shop/web: too small"}},
		"the controller has got its pod since": {
			[]runtime.Object{web, refusedSet("web-1", "web", "", 0, 1), failedCreate("ReplicaSet", "web-1", "Error creating: too large", -9), pod(-8, "web-1")}, nil},
		"its last try worked, it only has not made the pod yet": {
			[]runtime.Object{web, refusedSet("web-1", "web", "", 0, 1), failedCreate("ReplicaSet", "web-1", "Error creating: too large", -9)}, nil},
		"the new ReplicaSet of a rollout is refused while old pods run": {
			[]runtime.Object{web, refusedSet("web-1", "web", "", 0, 1), pod(-50, "web-1"), refusedSet("web-2", "web", "too small", -5, 1)},
			[]string{"Deployment shop/web: too small"}},
		"a pod that ended does not count": {
			[]runtime.Object{web, refusedSet("web-1", "web", "too small", -5, 1), func() *core.Pod { p := pod(-20, "web-1"); p.Status.Phase = core.PodFailed; return p }()},
			[]string{"Deployment shop/web: too small"}},
		"an event of a ReplicaSet of the same name that was deleted": {
			[]runtime.Object{web, refusedSet("web-1", "web", "", 0, 0), failedCreate("ReplicaSet", "web-1", "Error creating: too large", -90)}, nil},
		"ReplicaSets were not read": {
			[]runtime.Object{func() *apps.Deployment {
				d := web.DeepCopy()
				d.Status.Conditions = []apps.DeploymentCondition{{Type: apps.DeploymentReplicaFailure, Status: core.ConditionTrue, Message: "too small", LastUpdateTime: at(-5)}}
				return d
			}()}, []string{"Deployment shop/web: too small"}},
		"a StatefulSet": {
			[]runtime.Object{&apps.StatefulSet{ObjectMeta: meta("db", -60)}, failedCreate("StatefulSet", "db", "create Pod db-0 in StatefulSet db failed error: too small", -1)},
			[]string{"StatefulSet shop/db: too small"}},
		"a DaemonSet": {
			[]runtime.Object{&apps.DaemonSet{ObjectMeta: meta("agent", -60), Status: apps.DaemonSetStatus{DesiredNumberScheduled: 2}}, failedCreate("DaemonSet", "agent", "(combined from similar events): Error creating: too small", -1)},
			[]string{"DaemonSet shop/agent: too small"}},
		"a Job of a CronJob": {
			[]runtime.Object{&batch.CronJob{ObjectMeta: meta("nightly", -60)}, &batch.Job{ObjectMeta: meta("nightly-1", -60, "batch/v1", "CronJob", "nightly")}, failedCreate("Job", "nightly-1", "Error creating: too small", -1)},
			[]string{"CronJob shop/nightly: too small"}},
		"a Job that has ended": {
			[]runtime.Object{&batch.Job{ObjectMeta: meta("once", -60), Status: batch.JobStatus{Conditions: []batch.JobCondition{{Type: batch.JobComplete, Status: core.ConditionTrue}}}}, failedCreate("Job", "once", "Error creating: too small", -1)}, nil},
		"a ReplicaSet of a kind that is not read": {
			[]runtime.Object{func() *apps.ReplicaSet {
				rs := refusedSet("roll-1", "roll", "too small", -5, 1)
				rs.OwnerReferences[0].APIVersion, rs.OwnerReferences[0].Kind = "argoproj.io/v1alpha1", "Rollout"
				return rs
			}()}, []string{"Rollout shop/roll: too small"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := &mesh.Snapshot{Time: noon, Read: []mesh.Extent{{Kind: mesh.Everything}}}
			s, err := s.With(c.objects...)
			require.NoError(t, err)
			var got []string
			for _, r := range refusals(&diagnose.Pass{Snapshot: s, Workloads: mesh.Workloads(s)}) {
				got = append(got, r.Workload.Ref.String()+": "+r.Message)
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestPluginCannotBeSeen(t *testing.T) {
	s := &mesh.Snapshot{Time: noon, Read: []mesh.Extent{{Kind: mesh.Everything}}}
	s, err := s.With(&apps.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istiod", Labels: map[string]string{"app": "istiod"}}})
	require.NoError(t, err)
	for name, m := range map[string]*mesh.AdmissionMetrics{"no metrics": nil, "a server without a sample yet": {}} {
		t.Run(name, func(t *testing.T) {
			s.Facts.Admission = m
			r := diagnose.Run(s, []diagnose.Check{mutatingAdmissionPluginDisabledAlone()}, diagnose.Options{})
			require.Empty(t, r.Findings)
			require.Equal(t, diagnose.Unknown, r.Results[0].Status)
		})
	}
}

func mutatingAdmissionPluginDisabledAlone() diagnose.Check {
	c := mutatingAdmissionPluginDisabled()
	c.Explains = nil
	return c
}
