package admission_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
)

// Every cluster is asked every question of all clusters, in three namespaces
// and with labels added.
func TestQuestionsWithTheSameKeyHaveTheSameAnswer(t *testing.T) {
	files, err := filepath.Glob("testdata/decide/*/cases.yaml")
	require.NoError(t, err)
	var cases []testCase
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var some []testCase
		require.NoError(t, yaml.UnmarshalStrict(raw, &some))
		for _, c := range some {
			for _, ns := range []string{c.Namespace, "pay", "kube-system"} {
				for key, value := range map[string]string{"": "", "app": "web", "istio.io/rev": "canary", "kubernetes.io/metadata.name": "pay", "sidecar.istio.io/inject": "yes"} {
					n := c
					n.Namespace = ns
					if key != "" {
						n.Labels, n.Pod = with(c.Labels, key, value), with(c.Pod, key, value)
					}
					cases = append(cases, n)
				}
			}
		}
	}
	require.Greater(t, len(cases), 1000)
	for _, file := range files {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			d := admission.New(snapshot(t, filepath.Join(folder, "cluster.yaml")))
			seen := map[string]admission.Decision{}
			for _, c := range cases {
				ns, template := c.question()
				key, got := d.Key(ns, template), d.Decide(ns, template)
				if known, ok := seen[key]; ok {
					require.Equal(t, known, got, "%s: %+v", key, c)
				}
				seen[key] = got
			}
			require.Less(t, len(seen), len(cases), "no two questions have the same key")
		})
	}
}

func TestKeyOfLabelsThatNobodyAsksFor(t *testing.T) {
	d := admission.New(cluster(t, "helm-two-revisions"))
	web := admission.Template{Labels: map[string]string{"app": "web"}}
	api := admission.Template{Labels: map[string]string{"app": "api", "version": "v2"}, Annotations: map[string]string{"team": "blue"}}
	enabled := map[string]string{"istio-injection": "enabled"}
	require.Equal(t, d.Key(namespace("shop", enabled), web), d.Key(namespace("pay", with(enabled, "team", "red")), api))
}

func with(labels map[string]string, key, value string) map[string]string {
	more := maps.Clone(labels)
	if more == nil {
		more = map[string]string{}
	}
	more[key] = value
	return more
}
