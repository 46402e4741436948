//go:build sandbox

package differential

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// cluster is a sandbox with two revisions, two tags and an audit log, in which
// the API server writes down every webhook it calls.
type cluster struct {
	*sandbox.Sandbox
	admin   kubernetes.Interface
	creator rest.Interface // acts as the ReplicaSet controller, which creates most pods
	audit   *auditLog
	hooks   *hookServer
	asked   int // requests so far
	trials  int // configurations of trials so far
}

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create]
  resources: [{group: "", resources: [pods]}]
- level: None
`

func startCluster(ctx context.Context, t *testing.T) *cluster {
	t.Helper()
	dir := t.TempDir()
	policy, log := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "audit.log")
	require.NoError(t, os.WriteFile(policy, []byte(auditPolicy), 0o600))
	s, err := sandbox.Start(ctx, sandbox.Options{
		Progress:       os.Stderr,
		Istio:          []string{"profile=minimal"},
		APIServerFlags: []string{"--audit-policy-file=" + policy, "--audit-log-path=" + log},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.InstallRevision(ctx, "canary"))
	require.NoError(t, s.SetTag(ctx, "prod", "canary"))
	require.NoError(t, s.SetTag(ctx, "stable", "default"))

	config := s.REST()
	config.QPS, config.Burst = 1000, 1000
	admin, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:kube-system:replicaset-controller",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"},
	}
	creator, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	c := &cluster{Sandbox: s, admin: admin, creator: creator.CoreV1().RESTClient(), audit: &auditLog{file: log}}
	c.hooks = startHooks(t, s)
	return c
}

// outcome is what the API server made of a pod.
type outcome struct {
	Refused  bool
	Injected bool
	Revision string   // the injected pod's annotation
	Called   []string // injection webhooks, in order: "configuration/webhook"
}

// reply is an outcome that lacks what only the audit log tells.
type reply struct {
	outcome
	auditID string
	message string
	pod     *core.Pod
}

// create asks for a pod without making one.
func (c *cluster) create(ctx context.Context, pod *core.Pod, auditID string) (reply, error) {
	made := &core.Pod{}
	err := c.creator.Post().Namespace(pod.Namespace).Resource("pods").
		VersionedParams(&metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}, scheme.ParameterCodec).
		SetHeader("Audit-ID", auditID).Body(pod).Do(ctx).Into(made)
	r := reply{auditID: auditID, pod: made}
	switch {
	case apierrors.IsForbidden(err):
		r.Refused, r.message = true, err.Error()
		return r, nil
	case err != nil:
		return r, fmt.Errorf("create a pod in %s: %w", pod.Namespace, err)
	}
	r.Injected = made.Annotations[mesh.StatusAnnotation] != ""
	if r.Injected {
		r.Revision = made.Annotations[mesh.RevisionLabel]
	}
	return r, nil
}

// makeNamespaces creates namespaces and waits until pods can be made in them.
func (c *cluster) makeNamespaces(ctx context.Context, t *testing.T, all []*core.Namespace) {
	t.Helper()
	for _, ns := range all {
		_, err := c.admin.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	for _, ns := range all {
		require.NoError(t, eventually(ctx, func(ctx context.Context) (bool, error) {
			_, err := c.admin.CoreV1().ServiceAccounts(ns.Name).Get(ctx, "default", metav1.GetOptions{})
			return err == nil, client(err)
		}))
	}
}

// snapshot reads what Decide rests on.
func (c *cluster) snapshot(ctx context.Context, t *testing.T) *mesh.Snapshot {
	t.Helper()
	s := &mesh.Snapshot{Read: []mesh.Extent{{Kind: mesh.Everything}}}
	webhooks, err := c.admin.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	for i := range webhooks.Items {
		s.MutatingWebhooks = append(s.MutatingWebhooks, &webhooks.Items[i])
	}
	configMaps, err := c.admin.CoreV1().ConfigMaps(sandbox.SystemNamespace).List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	for i := range configMaps.Items {
		s.ConfigMaps = append(s.ConfigMaps, &configMaps.Items[i])
	}
	services, err := c.admin.CoreV1().Services(sandbox.SystemNamespace).List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	for i := range services.Items {
		s.Services = append(s.Services, &services.Items[i])
	}
	deployments, err := c.admin.AppsV1().Deployments(sandbox.SystemNamespace).List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	for i := range deployments.Items {
		s.Deployments = append(s.Deployments, &deployments.Items[i])
	}
	return s
}

func eventually(ctx context.Context, done wait.ConditionWithContextFunc) error {
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 30*time.Second, true, done)
}

// client lets a wait go on where an object is only not there yet.
func client(err error) error {
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

func with(labels map[string]string, key, value string) map[string]string {
	labels = maps.Clone(labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[key] = value
	return labels
}
