package route

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// anObject reads YAML as the API server would answer it, with whole numbers.
func anObject(t *testing.T, text string) map[string]any {
	t.Helper()
	if text == "" {
		return nil
	}
	raw, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	u := &unstructured.Unstructured{}
	require.NoError(t, u.UnmarshalJSON(raw))
	return u.Object
}

func ruleFor(versions ...string) string {
	text := "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: reviews, namespace: shop}\nspec:\n  host: reviews\n  subsets:\n"
	for _, v := range versions {
		text += "  - {name: " + v + ", labels: {version: " + v + "}}\n"
	}
	return text
}

func routeTo(shares string) string {
	text := "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews, namespace: shop, annotations: {mesh.kubectl/route-change: x}}\nspec:\n  hosts: [reviews]\n  http:\n  - route:\n"
	for _, s := range strings.Fields(shares) {
		v, weight, _ := strings.Cut(s, "=")
		text += "    - {destination: {host: reviews, subset: " + v + "}, weight: " + weight + "}\n"
	}
	return text
}

func ruleRef() mesh.Ref   { return mesh.RefTo(mesh.DestinationRules, "shop", "reviews") }
func routesRef() mesh.Ref { return mesh.RefTo(mesh.VirtualServices, "shop", "reviews") }

func TestAHistoryComesBackAsItWasWritten(t *testing.T) {
	h := History{
		{
			Revision: 3, At: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC), By: "alice", Verb: "shift", Args: []string{"reviews", "v2=20"}, Reason: "INC-42", State: Done,
			Objects: []EntryObject{
				{Ref: ruleRef(), Write: mesh.Create, After: anObject(t, ruleFor("v1", "v2"))},
				{Ref: routesRef(), Write: mesh.Patch, Before: anObject(t, routeTo("v1=100")), After: anObject(t, routeTo("v1=80 v2=20"))},
			},
		},
		{Revision: 4, At: time.Date(2026, 3, 10, 12, 5, 0, 0, time.UTC), Verb: "undo", State: Pending, Undoes: []int{3}, Objects: []EntryObject{
			{Ref: ruleRef(), Write: mesh.Delete, Before: anObject(t, ruleFor("v1", "v2"))},
		}},
	}
	data, err := h.Encode()
	require.NoError(t, err)
	again, err := DecodeHistory(data)
	require.NoError(t, err)
	assert.Equal(t, h, again)
	assert.Equal(t, 5, again.Next())
	assert.Equal(t, 4, again.Unfinished().Revision)
	assert.Equal(t, "shift reviews v2=20", again[0].Command())
	assert.Equal(t, `{"rev":3,"by":"alice","at":"2026-03-10T12:00:00Z","verb":"shift"}`, again[0].Mark())
	assert.NotContains(t, ChangeAnnotation, "istio.io")
}

func TestAHistoryKeepsTheLastTen(t *testing.T) {
	var h History
	for n := range 13 {
		h = append(h, Entry{Revision: n + 1, State: Done})
	}
	data, err := h.Encode()
	require.NoError(t, err)
	kept, err := DecodeHistory(data)
	require.NoError(t, err)
	assert.Equal(t, h[3:], kept)
}

// noise does not get smaller by compression.
func noise(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(33 + r.IntN(90))
	}
	return string(b)
}

func TestALargeHistoryLosesItsOldestChanges(t *testing.T) {
	var h History
	for n := range 5 {
		h = append(h, Entry{Revision: n + 1, State: Done, Objects: []EntryObject{{Ref: ruleRef(), After: map[string]any{"spec": noise(200_000)}}}})
	}
	data, err := h.Encode()
	require.NoError(t, err)
	kept, err := DecodeHistory(data)
	require.NoError(t, err)
	assert.Equal(t, 5, kept[len(kept)-1].Revision)
	assert.Less(t, len(kept), 5)
	size := 0
	for key, text := range data {
		size += len(key) + len(text)
	}
	assert.LessOrEqual(t, size, maxBytes)

	h = History{{Revision: 1, Objects: []EntryObject{{Ref: ruleRef(), After: map[string]any{"spec": noise(1_200_000)}}}}}
	_, err = h.Encode()
	assert.ErrorContains(t, err, "the change is too large for the history")
}

func TestABrokenHistoryIsNotTakenForAnEmptyOne(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON": "x", "no base64": `{"content":"*"}`, "no gzip": `{"content":"eHh4"}`,
	} {
		_, err := DecodeHistory(map[string]string{"revision-7": text, "note": "not ours"})
		assert.ErrorContains(t, err, "revision 7 of the history cannot be read", name)
	}
}

// shifted is a history of two changes: versions and their shares, then v2 gone.
func shifted(t *testing.T, state State) History {
	return History{
		{Revision: 1, Verb: "shift", State: Done, Objects: []EntryObject{
			{Ref: ruleRef(), Write: mesh.Create, After: anObject(t, ruleFor("v1", "v2"))},
			{Ref: routesRef(), Write: mesh.Patch, Before: anObject(t, routeTo("v1=100")), After: anObject(t, routeTo("v1=80 v2=20"))},
		}},
		{Revision: 2, Verb: "subset", State: state, Objects: []EntryObject{
			{Ref: routesRef(), Write: mesh.Patch, Before: anObject(t, routeTo("v1=80 v2=20")), After: anObject(t, routeTo("v1=100"))},
			{Ref: ruleRef(), Write: mesh.Patch, Before: anObject(t, ruleFor("v1", "v2")), After: anObject(t, ruleFor("v1"))},
		}},
	}
}

func TestTheWayBack(t *testing.T) {
	around := &mesh.Snapshot{Services: []*core.Service{{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "reviews"},
		Spec:       core.ServiceSpec{Ports: []core.ServicePort{{Name: "http", Port: 9080}, {Name: "dns", Port: 53, Protocol: core.ProtocolUDP}}},
	}}}
	type now = map[mesh.Ref]string
	cluster := "outbound|9080|v2|reviews.shop.svc.cluster.local"
	for name, c := range map[string]struct {
		history History
		to      int
		finish  bool
		now     now
		want    []string // phase, write and object, and what is expected
		differs []string
		err     string
	}{
		"the last change, versions before rules": {
			history: shifted(t, Done), to: -1, now: now{ruleRef(): ruleFor("v1"), routesRef(): routeTo("v1=100")},
			want: []string{"make patch DestinationRule shop/reviews, has " + cluster, "move patch VirtualService shop/reviews"},
		},
		"the change before, once the last was undone": {
			history: append(shifted(t, Undone), Entry{Revision: 3, Verb: "undo", State: Done, Undoes: []int{2}}), to: -1,
			now:  now{ruleRef(): ruleFor("v1", "v2"), routesRef(): routeTo("v1=80 v2=20")},
			want: []string{"move patch VirtualService shop/reviews, does not use " + cluster, "clean delete DestinationRule shop/reviews, lost " + cluster},
		},
		"all changes": {
			history: shifted(t, Done), to: 0, now: now{ruleRef(): ruleFor("v1"), routesRef(): routeTo("v1=100")},
			want: []string{"clean delete DestinationRule shop/reviews"},
		},
		"to after the first": {
			history: shifted(t, Done), to: 1, now: now{ruleRef(): ruleFor("v1"), routesRef(): routeTo("v1=100")},
			want: []string{"make patch DestinationRule shop/reviews, has " + cluster, "move patch VirtualService shop/reviews"},
		},
		"an interrupted change is reverted as far as it came": {
			history: shifted(t, Pending), to: -1, now: now{ruleRef(): ruleFor("v1", "v2"), routesRef(): routeTo("v1=100")},
			want: []string{"move patch VirtualService shop/reviews"},
		},
		"or finished": {
			history: shifted(t, Pending), finish: true, now: now{ruleRef(): ruleFor("v1", "v2"), routesRef(): routeTo("v1=100")},
			want: []string{"clean patch DestinationRule shop/reviews, lost " + cluster},
		},
		"somebody changed the shares since": {
			history: shifted(t, Done), to: -1, now: now{ruleRef(): ruleFor("v1"), routesRef(): routeTo("v1=90 v3=10")},
			want:    []string{"make patch DestinationRule shop/reviews, has " + cluster, "move patch VirtualService shop/reviews"},
			differs: []string{"VirtualService shop/reviews"},
		},
		"somebody deleted the object since": {
			history: shifted(t, Done), to: -1, now: now{ruleRef(): ruleFor("v1"), routesRef(): ""},
			want:    []string{"make patch DestinationRule shop/reviews, has " + cluster, "move create VirtualService shop/reviews"},
			differs: []string{"VirtualService shop/reviews"},
		},
		"it is as it was already": {
			history: shifted(t, Done), to: -1, now: now{ruleRef(): ruleFor("v1", "v2"), routesRef(): routeTo("v1=80 v2=20")},
		},
		"a rule that gets some versions and loses others": {
			history: shifted(t, Done), to: -1, now: now{ruleRef(): ruleFor("v1", "v3"), routesRef(): routeTo("v1=100")},
			err: "DestinationRule shop/reviews would get some versions and lose others, which is not safe in one write: undo one revision at a time",
		},
		"a revision that is the last":      {history: shifted(t, Done), to: 2, err: "--to-revision 2: use 0 to 1"},
		"nothing was changed":              {to: -1, err: "there is nothing to undo"},
		"nothing was changed, to revision": {to: 1, err: "there is no history, so no revision 1"},
		"nothing is to be finished":        {history: shifted(t, Done), finish: true, err: "no change was interrupted: there is nothing to finish"},
	} {
		t.Run(name, func(t *testing.T) {
			way, err := c.history.Undo(c.to)
			if c.finish {
				way, err = c.history.Finish()
			}
			var steps []Step
			var differs []Differs
			if err == nil {
				var objs []*unstructured.Unstructured
				for _, target := range way.Targets {
					var o *unstructured.Unstructured
					if text := c.now[target.Ref]; text != "" {
						o = &unstructured.Unstructured{Object: anObject(t, text)}
						o.SetResourceVersion("7")
					}
					objs = append(objs, o)
				}
				now := *around
				now.Config = map[mesh.Kind][]*unstructured.Unstructured{}
				for i, o := range objs {
					kind, _ := mesh.ForObject(refKind(way.Targets[i].Ref))
					if o != nil {
						now.Config[kind.Kind] = append(now.Config[kind.Kind], o)
					}
				}
				var p *Plan
				if p, differs, err = way.Plan(&now, "shop", "reviews", objs); err == nil {
					steps = p.Steps
				}
			}
			if c.err != "" {
				assert.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, stepWords(steps))
			var others []string
			for _, d := range differs {
				others = append(others, d.Ref.String())
			}
			assert.Equal(t, c.differs, others)
		})
	}
}

func stepWords(steps []Step) []string {
	var all []string
	for _, s := range steps {
		text := string(s.Phase) + " " + s.String()
		for _, c := range s.Expect.Clusters {
			if !strings.Contains(c, "|v1|") {
				text += ", has " + c
			}
		}
		for _, c := range s.Expect.Unused {
			if !strings.Contains(c, "|v1|") {
				text += ", does not use " + c
			}
		}
		for _, c := range s.Expect.Gone {
			if !strings.Contains(c, "|v1|") {
				text += ", lost " + c
			}
		}
		all = append(all, text)
	}
	return all
}

func TestUndoingRestoresAllThatWasWritten(t *testing.T) {
	before := anObject(t, strings.ReplaceAll(routeTo("v1=100"), "{mesh.kubectl/route-change: x}", "{theirs: kept}"))
	before["spec"].(map[string]any)["unknown"] = map[string]any{"n": int64(1)}
	after := runtime.DeepCopyJSON(before)
	after["spec"] = anObject(t, routeTo("v1=80 v2=20"))["spec"]
	unstructured.SetNestedField(after, "y", "metadata", "annotations", "mesh.kubectl/route-change")
	now := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(after)}
	now.SetResourceVersion("12")
	now.SetLabels(map[string]string{"since": "then"})
	h := History{{Revision: 1, State: Done, Objects: []EntryObject{{Ref: routesRef(), Write: mesh.Patch, Before: before, After: after}}}}
	way, err := h.Undo(-1)
	require.NoError(t, err)
	plan, differs, err := way.Plan(&mesh.Snapshot{}, "shop", "reviews", []*unstructured.Unstructured{now})
	require.NoError(t, err)
	steps := plan.Steps
	require.Len(t, steps, 1)
	assert.Empty(t, differs)
	assert.Equal(t, "12", steps[0].Fields["metadata"].(map[string]any)["resourceVersion"])
	want := runtime.DeepCopyJSON(before)
	unstructured.SetNestedStringMap(want, map[string]string{"since": "then"}, "metadata", "labels")
	unstructured.SetNestedField(want, "12", "metadata", "resourceVersion")
	assert.Equal(t, want, steps[0].Outcome(now.Object))
}

func TestAnUndoThatLeadsBackToAVersionThatIsGoneIsRefused(t *testing.T) {
	var now []*unstructured.Unstructured
	for _, text := range []string{routeTo("v1=100"), ruleFor("v1")} {
		o := &unstructured.Unstructured{Object: anObject(t, text)}
		o.SetResourceVersion("7")
		now = append(now, o)
	}
	s := &mesh.Snapshot{
		Read: []mesh.Extent{{Kind: mesh.Everything}},
		Services: []*core.Service{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "reviews"},
			Spec:       core.ServiceSpec{Ports: []core.ServicePort{{Name: "http", Port: 9080}}},
		}},
		Config: map[mesh.Kind][]*unstructured.Unstructured{mesh.VirtualServices: now[:1], mesh.DestinationRules: now[1:]},
	}
	h := History{{Revision: 1, State: Done, Objects: []EntryObject{{Ref: routesRef(), Write: mesh.Patch, Before: anObject(t, routeTo("v9=100")), After: anObject(t, routeTo("v1=100"))}}}}
	way, err := h.Undo(-1)
	require.NoError(t, err)
	plan, _, err := way.Plan(s, "shop", "reviews", now[:1])
	require.NoError(t, err)
	var found []string
	for _, f := range plan.Checks {
		found = append(found, string(f.Severity)+" "+f.Check)
	}
	assert.Equal(t, []string{"error subset-missing"}, found)
}

func TestWhatStandsAgainOnceAnUndoIsUndone(t *testing.T) {
	h := History{{Revision: 1, State: Undone}, {Revision: 2, State: Done, Undoes: []int{1}}}
	h.Settle([]int{2})
	h.Settle([]int{99})
	assert.Equal(t, History{{Revision: 1, State: Done}, {Revision: 2, State: Undone, Undoes: []int{1}}}, h)
}

func TestWhatIsRecordedOfAnObject(t *testing.T) {
	o := &unstructured.Unstructured{Object: anObject(t, ruleFor("v1"))}
	want := runtime.DeepCopyJSON(o.Object)
	o.SetUID("x")
	o.SetResourceVersion(strconv.Itoa(3))
	o.SetGeneration(2)
	o.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"})
	o.Object["status"] = map[string]any{"a": "b"}
	assert.Equal(t, want, Recorded(o))
	assert.Nil(t, Recorded(nil))
}
