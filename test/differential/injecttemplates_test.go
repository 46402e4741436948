//go:build sandbox

package differential

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
)

// templatePods are the pods that controllers would make of the workloads in
// Istio's samples and in its own injection inputs, keyed by where they come
// from, the same template once.
func templatePods(t *testing.T, namespace string) map[string]*core.Pod {
	t.Helper()
	pods := map[string]*core.Pod{}
	for name, doc := range templateDocuments(t) {
		pods[name] = podOf(doc, namespace)
	}
	return pods
}

// templateDocuments are the manifests of those workloads.
func templateDocuments(t *testing.T) map[string][]byte {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio").Output()
	require.NoError(t, err)
	module := strings.TrimSpace(string(out))
	docs := map[string][]byte{}
	seen := map[string]bool{}
	for _, folder := range []string{"samples", "pkg/kube/inject/testdata/inject"} {
		err := filepath.WalkDir(filepath.Join(module, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for i, doc := range bytes.Split(text, []byte("\n---")) {
				pod := podOf(doc, "any")
				if pod == nil {
					continue
				}
				if key := pod.Spec.String() + pod.ObjectMeta.String(); !seen[key] {
					seen[key] = true
					name, _ := filepath.Rel(module, path)
					docs[name+"#"+strconv.Itoa(i)] = doc
				}
			}
			return nil
		})
		require.NoError(t, err)
	}
	return docs
}

// podOf is the pod that a document's controller would create; nil for what is
// no workload.
func podOf(doc []byte, namespace string) *core.Pod {
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(doc, nil, nil)
	if err != nil {
		return nil
	}
	switch o := object.(type) {
	case *core.Pod:
		o.Namespace, o.Spec.ServiceAccountName, o.Spec.DeprecatedServiceAccount = namespace, "", ""
		return o
	case *apps.Deployment:
		pod := made(o.Spec.Template, namespace, "apps/v1", "ReplicaSet", o.Name+"-5d8f9c7b6d")
		pod.Labels[apps.DefaultDeploymentUniqueLabelKey] = "5d8f9c7b6d"
		return pod
	case *apps.StatefulSet:
		pod := made(o.Spec.Template, namespace, "apps/v1", "StatefulSet", o.Name)
		pod.Name = o.Name + "-0"
		return pod
	case *apps.DaemonSet:
		return made(o.Spec.Template, namespace, "apps/v1", "DaemonSet", o.Name)
	case *apps.ReplicaSet:
		return made(o.Spec.Template, namespace, "apps/v1", "ReplicaSet", o.Name)
	case *core.ReplicationController:
		return made(*o.Spec.Template, namespace, "v1", "ReplicationController", o.Name)
	case *batch.Job:
		return made(o.Spec.Template, namespace, "batch/v1", "Job", o.Name)
	case *batch.CronJob:
		return made(o.Spec.JobTemplate.Spec.Template, namespace, "batch/v1", "Job", o.Name+"-29551680")
	}
	return nil
}

// made is a pod as a controller makes it.
func made(t core.PodTemplateSpec, namespace, apiVersion, kind, owner string) *core.Pod {
	pod := &core.Pod{ObjectMeta: *t.ObjectMeta.DeepCopy(), Spec: *t.Spec.DeepCopy()}
	owner = strings.ToLower(owner)
	pod.Namespace, pod.GenerateName = namespace, owner+"-"
	pod.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: apiVersion, Kind: kind, Name: owner, UID: types.UID("00000000-0000-0000-0000-000000000001"), Controller: yes(),
	}}
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.Spec.ServiceAccountName, pod.Spec.DeprecatedServiceAccount = "", "" // an account that is not there is refused
	return pod
}

func yes() *bool { t := true; return &t }
