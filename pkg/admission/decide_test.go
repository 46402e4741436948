package admission_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// A folder of testdata/decide is a cluster (cluster.yaml) and what is asked
// about it (cases.yaml). UPDATE=1 writes the answers anew.

type testCase struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace,omitempty"` // "shop" when empty
	Labels      map[string]string `json:"labels,omitempty"`    // of the namespace
	Pod         map[string]string `json:"pod,omitempty"`       // its labels
	Annotations map[string]string `json:"annotations,omitempty"`
	HostNetwork bool              `json:"hostNetwork,omitempty"`
	Whole       bool              `json:"whole,omitempty"`  // the template holds the whole pod
	Unread      bool              `json:"unread,omitempty"` // the namespace was not read
	Want        answer            `json:"want"`
}

type answer struct {
	Inject   bool     `json:"inject"`
	Gate     string   `json:"gate,omitempty"`
	By       string   `json:"by,omitempty"`
	Also     []string `json:"also,omitempty"` // further webhooks that match
	Revision string   `json:"revision,omitempty"`
	Rule     string   `json:"rule,omitempty"`
	BadValue string   `json:"badValue,omitempty"`
	Refused  bool     `json:"refused,omitempty"`
	Reason   string   `json:"reason"`
	Unknown  string   `json:"unknown,omitempty"`
}

func TestDecide(t *testing.T) {
	folders, err := filepath.Glob("testdata/decide/*")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			decider := admission.New(snapshot(t, filepath.Join(folder, "cluster.yaml")))
			file := filepath.Join(folder, "cases.yaml")
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			var cases []testCase
			require.NoError(t, yaml.UnmarshalStrict(raw, &cases))
			require.NotEmpty(t, cases)
			for i, c := range cases {
				got := c.ask(decider)
				if os.Getenv("UPDATE") != "" {
					cases[i].Want = got
					continue
				}
				t.Run(c.Name, func(t *testing.T) { require.Equal(t, c.Want, got) })
			}
			if os.Getenv("UPDATE") != "" {
				out, err := yaml.Marshal(cases)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(file, out, 0o644))
			}
		})
	}
}

func (c testCase) ask(d *admission.Decider) answer { return answerOf(d.Decide(c.question())) }

func (c testCase) question() (*core.Namespace, admission.Template) {
	name := c.Namespace
	if name == "" {
		name = "shop"
	}
	ns := &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: c.Labels}}
	if c.Unread {
		ns = nil
	}
	t := admission.Template{Labels: c.Pod, Annotations: c.Annotations, HostNetwork: c.HostNetwork}
	if c.Whole {
		t = admission.ForTemplate(core.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: c.Pod, Annotations: c.Annotations},
			Spec:       core.PodSpec{HostNetwork: c.HostNetwork, Containers: []core.Container{{Name: "app"}}},
		}, name)
	}
	return ns, t
}

func answerOf(d admission.Decision) answer {
	a := answer{
		Inject: d.Inject, Gate: string(d.Gate), Revision: d.Revision(), Rule: string(d.Istiod.Rule),
		BadValue: d.Istiod.BadValue, Refused: d.Refused, Reason: d.Reason, Unknown: d.Unknown,
	}
	for i := range d.Webhooks {
		switch v := &d.Webhooks[i]; {
		case v == d.By:
			a.By = v.Config + "/" + v.Webhook
		case v.Matches:
			a.Also = append(a.Also, v.Config+"/"+v.Webhook)
		}
	}
	return a
}

// snapshot reads a cluster of webhook configurations, ConfigMaps and Services.
// What a kind has no object of was not read, but for webhooks.
func snapshot(t testing.TB, file string) *mesh.Snapshot {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	s := &mesh.Snapshot{Read: []mesh.Extent{{Kind: mesh.MutatingWebhooks}}}
	for doc := range strings.SplitSeq(string(raw), "---\n") {
		var kind metav1.TypeMeta
		require.NoError(t, yaml.Unmarshal([]byte(doc), &kind))
		var o runtime.Object
		switch kind.Kind {
		case "MutatingWebhookConfiguration":
			o = &admissionv1.MutatingWebhookConfiguration{}
		case "ConfigMap":
			o = &core.ConfigMap{}
		case "Service":
			o = &core.Service{}
		default:
			t.Fatalf("%s: unknown kind %q", file, kind.Kind)
		}
		require.NoError(t, yaml.Unmarshal([]byte(doc), o))
		s, err = s.With(o)
		require.NoError(t, err)
	}
	return s
}
