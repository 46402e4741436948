package mesh

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestComplete(t *testing.T) {
	all := func(k Kind) Extent { return Extent{Kind: k} }
	in := func(k Kind, ns string) Extent { return Extent{Kind: k, Namespace: ns} }
	gap := func(ns string) Gap { return Gap{Kind: Pods, Namespace: ns, Reason: "forbidden"} }
	for name, c := range map[string]struct {
		read              []Extent
		gaps              []Gap
		everywhere, atAll bool // in all namespaces; in namespace shop
	}{
		"nothing was read":                                 {},
		"all was read":                                     {[]Extent{all(Pods)}, nil, true, true},
		"another kind was read":                            {[]Extent{all(Services)}, nil, false, false},
		"everything was read":                              {[]Extent{all(Everything)}, nil, true, true},
		"the namespace was read":                           {[]Extent{in(Pods, "shop")}, nil, false, true},
		"another namespace was read":                       {[]Extent{in(Pods, "prod")}, nil, false, false},
		"all was read but the namespace":                   {[]Extent{all(Pods)}, []Gap{gap("shop")}, false, false},
		"all was read but another namespace":               {[]Extent{all(Pods)}, []Gap{gap("prod")}, false, true},
		"everything was read but this":                     {[]Extent{all(Everything)}, []Gap{gap("")}, false, false},
		"all was forbidden and the namespace was read":     {[]Extent{in(Pods, "shop")}, []Gap{gap("")}, false, true},
		"all was forbidden and another namespace was read": {[]Extent{in(Pods, "prod")}, []Gap{gap("")}, false, false},
		"a gap in another kind":                            {[]Extent{all(Pods)}, []Gap{{Kind: Services}}, true, true},
		"the namespace was both read and said to be a gap": {[]Extent{in(Pods, "shop")}, []Gap{gap("shop")}, false, false},
		"everything of the namespace was read":             {[]Extent{in(Everything, "shop")}, nil, false, true},
		"a broken document among files that hold the kind": {[]Extent{all(Pods)}, []Gap{gap("")}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Snapshot{Read: c.read, Gaps: c.gaps}
			assert.Equal(t, c.everywhere, s.Complete(Pods, ""), "everywhere")
			assert.Equal(t, c.atAll, s.Complete(Pods, "shop"), "in shop")
		})
	}
}

func TestMissing(t *testing.T) {
	gap := Gap{Kind: Pods, Namespace: "shop", Verb: "list", Reason: "forbidden"}
	s := &Snapshot{Read: []Extent{{Kind: Pods}, {Kind: Services, Namespace: "shop"}}, Gaps: []Gap{gap, {Kind: Nodes, Reason: "timed out after 15s"}}}
	assert.Equal(t, []Gap{gap}, s.Missing(Pods))
	assert.Nil(t, s.Missing(Services))
	assert.Equal(t, []Gap{{Kind: Events, Reason: "not read"}}, s.Missing(Events))
	assert.Equal(t, "may not list pods in namespace shop", gap.String())
	assert.Equal(t, "could not read nodes: timed out after 15s", s.Missing(Nodes)[0].String())

	everything := &Snapshot{Read: []Extent{{Kind: Everything}}}
	assert.Nil(t, everything.Missing(Events))
}

func pod(ns, name string, labels map[string]string) *core.Pod {
	return &core.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: labels}}
}

func virtualService(ns, name, host string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"hosts": []any{host}}}}
	u.SetGroupVersionKind(schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1", Kind: "VirtualService"})
	u.SetNamespace(ns)
	u.SetName(name)
	return u
}

func TestWithReplacesAndJoinsAndLeavesTheOldAlone(t *testing.T) {
	old, other := pod("shop", "web", nil), pod("prod", "web", nil)
	vs := virtualService("shop", "web", "a")
	s := &Snapshot{Pods: []*core.Pod{old, other}, Config: map[Kind][]*unstructured.Unstructured{VirtualServices: {vs}}}
	changed, added := pod("shop", "web", map[string]string{"v": "2"}), pod("shop", "new", nil)
	newVS := virtualService("shop", "web", "b")

	n, err := s.With(changed, added, newVS)
	require.NoError(t, err)
	assert.Equal(t, []*core.Pod{changed, other, added}, n.Pods)
	assert.Equal(t, []*unstructured.Unstructured{newVS}, n.Config[VirtualServices])
	assert.Equal(t, []*core.Pod{old, other}, s.Pods)
	assert.Equal(t, []*unstructured.Unstructured{vs}, s.Config[VirtualServices])
}

func TestWithRefusesKindsThatSnapshotsDoNotHold(t *testing.T) {
	_, err := (&Snapshot{}).With(&core.Secret{})
	assert.EqualError(t, err, "a snapshot does not hold *v1.Secret")
	u := virtualService("shop", "x", "a")
	u.SetGroupVersionKind(schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "VirtualService"})
	_, err = (&Snapshot{}).With(u)
	assert.Error(t, err)
}

func TestOnlyHoldsTheNamedKinds(t *testing.T) {
	s := &Snapshot{
		Source: "test", Files: true, Read: []Extent{{Kind: Everything}}, Gaps: []Gap{{Kind: Nodes}},
		Pods: []*core.Pod{pod("shop", "web", nil)}, Services: []*core.Service{{}},
		Config: map[Kind][]*unstructured.Unstructured{VirtualServices: {virtualService("shop", "web", "a")}, Sidecars: nil},
		Facts:  Facts{ServerVersion: "v1.35.4", APIGroups: []string{"v1"}},
	}
	v := s.Only(Pods, VirtualServices, ServerVersion)
	assert.Equal(t, &Snapshot{
		Source: "test", Files: true, Read: s.Read, Gaps: s.Gaps, Pods: s.Pods,
		Config: map[Kind][]*unstructured.Unstructured{VirtualServices: s.Config[VirtualServices]},
		Facts:  Facts{ServerVersion: "v1.35.4"},
	}, v)
}

func TestEveryKindIsFoundByItsNameAndItsObjects(t *testing.T) {
	for _, i := range Kinds() {
		got, ok := Lookup(i.Kind)
		require.True(t, ok, i.Kind)
		assert.Equal(t, i.Object, got.Object)
		if i.Fact() {
			assert.Nil(t, (&Snapshot{}).Objects(i.Kind))
			continue
		}
		of, ok := ForObject(i.Object.GroupKind())
		require.True(t, ok, i.Kind)
		assert.Equal(t, i.Kind, of.Kind, "no two kinds hold the same objects")
		assert.Empty(t, (&Snapshot{}).Objects(i.Kind))
	}
	_, ok := Lookup("secrets")
	assert.False(t, ok)
}
