package cluster

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

const (
	shopPath = "/api/v1/namespaces/shop"
	webPath  = "/apis/apps/v1/namespaces/shop/deployments/web"
	cartPath = "/apis/apps/v1/namespaces/shop/deployments/cart"
)

func patchOf(k mesh.Kind, namespace, name string, fields map[string]any) mesh.Change {
	return mesh.Change{Ref: mesh.RefTo(k, namespace, name), Write: mesh.Patch, Fields: fields}
}

func objectOf(w mesh.Write, k mesh.Kind, namespace, name string, o map[string]any) mesh.Change {
	c := mesh.Change{Ref: mesh.RefTo(k, namespace, name), Write: w}
	if o != nil {
		c.Object = &unstructured.Unstructured{Object: o}
	}
	return c
}

func deploy(name string) map[string]any {
	return fake("Deployment", "shop", name, map[string]any{"spec": map[string]any{"replicas": int64(1)}})
}

// three are changes of three objects.
func three() []mesh.Change {
	return []mesh.Change{
		patchOf(mesh.Namespaces, "", "shop", labelled("istio-injection", "enabled")),
		patchOf(mesh.Deployments, "shop", "web", restarted("now")),
		patchOf(mesh.Deployments, "shop", "cart", restarted("now")),
	}
}

func shop() *store {
	return newStore(fake("Namespace", "", "shop", labelled("team", "a")), deploy("web"), deploy("cart"))
}

func TestChangesAreWrittenInOrderAfterADryRunOfEach(t *testing.T) {
	s := shop()
	done, err := Apply(t.Context(), s.start(t), three(), ApplyOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{"PATCH " + shopPath, "PATCH " + webPath, "PATCH " + cartPath}, s.writes)
	assert.Equal(t, 3, s.dryRuns)
	assert.Equal(t, map[string]bool{"mesh-inject": true}, s.manager)
	assert.Equal(t, map[string]string{"team": "a"}, done[0].Before.GetLabels())
	assert.Equal(t, map[string]string{"team": "a", "istio-injection": "enabled"}, done[0].After.GetLabels())
}

func TestDryRunsWriteNothing(t *testing.T) {
	for how, dryRuns := range map[DryRun]int{DryRunClient: 0, DryRunServer: 3} {
		t.Run(string(how), func(t *testing.T) {
			s := shop()
			was := s.state()
			_, err := Apply(t.Context(), s.start(t), three(), ApplyOptions{DryRun: how})
			require.NoError(t, err)
			assert.Empty(t, s.writes)
			assert.Equal(t, dryRuns, s.dryRuns)
			assert.Equal(t, was, s.state())
		})
	}
}

func TestEveryWayToWriteAndToUndoIt(t *testing.T) {
	web := deploy("web")
	web["metadata"].(map[string]any)["labels"] = map[string]any{"team": "b"}
	last := patchOf(mesh.Deployments, "shop", "cart", restarted("now"))
	for name, c := range map[string]struct {
		change mesh.Change
		want   func(state map[string]any)
	}{
		"patch":               {patchOf(mesh.Namespaces, "", "shop", map[string]any{"metadata": map[string]any{"labels": map[string]any{"team": nil, "x": "y"}}}), func(m map[string]any) { m[shopPath] = fake("Namespace", "", "shop", labelled("x", "y")) }},
		"apply what is there": {objectOf(mesh.Apply, mesh.Deployments, "shop", "web", web), func(m map[string]any) { m[webPath] = web }},
		"apply what is new": {objectOf(mesh.Apply, mesh.Deployments, "shop", "new", deploy("new")), func(m map[string]any) {
			m["/apis/apps/v1/namespaces/shop/deployments/new"] = deploy("new")
		}},
		"create": {objectOf(mesh.Create, mesh.Deployments, "shop", "new", deploy("new")), func(m map[string]any) {
			m["/apis/apps/v1/namespaces/shop/deployments/new"] = deploy("new")
		}},
		"delete": {objectOf(mesh.Delete, mesh.Deployments, "shop", "web", nil), func(m map[string]any) { delete(m, webPath) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := shop()
			was, want := s.state(), s.state()
			c.want(want)
			q := s.start(t)
			_, err := Apply(t.Context(), q, []mesh.Change{c.change}, ApplyOptions{})
			require.NoError(t, err)
			assert.Equal(t, want, s.state())

			s = shop()
			s.before = refuseNth(2, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid)
			_, err = Apply(t.Context(), s.start(t), []mesh.Change{c.change, last}, ApplyOptions{})
			var failed *ApplyError
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, []mesh.Ref{c.change.Ref}, failed.Undone)
			assert.Empty(t, failed.Left)
			assert.Equal(t, was, s.state(), "as before")
		})
	}
}

func TestNothingIsWrittenWhenOneDryRunFails(t *testing.T) {
	s := shop()
	s.before = func(_ *store, w http.ResponseWriter, r *http.Request, dry bool) bool {
		if !dry || r.URL.Path != cartPath {
			return false
		}
		forbidden(w, "patch", "deployments.apps", "shop")
		return true
	}
	_, err := Apply(t.Context(), s.start(t), three(), ApplyOptions{})
	assert.EqualError(t, err, `may not patch Deployment shop/cart: the right "patch" on deployments.apps in namespace shop is missing; ask whoever administers the cluster`)
	assert.Empty(t, s.writes)
}

func TestAnObjectThatChangedElsewhereIsWrittenAllTheSame(t *testing.T) {
	s := shop()
	s.before = func(s *store, _ http.ResponseWriter, r *http.Request, dry bool) bool {
		if !dry && r.URL.Path == webPath && len(s.writes) == 2 {
			s.touch(webPath, func(o map[string]any) { o["status"] = map[string]any{"replicas": int64(7)} })
		}
		return false
	}
	_, err := Apply(t.Context(), s.start(t), three(), ApplyOptions{})
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"replicas": int64(7)}, s.objects[webPath].Object["status"])
	_, restarts, _ := unstructured.NestedMap(s.objects[webPath].Object, "spec", "template", "metadata", "annotations")
	assert.True(t, restarts)
}

func TestAFieldThatSomebodyChangedMeanwhileIsNotOverwritten(t *testing.T) {
	s := shop()
	s.before = func(s *store, _ http.ResponseWriter, r *http.Request, dry bool) bool {
		if !dry && r.URL.Path == shopPath {
			s.touch(shopPath, func(o map[string]any) { mesh.ApplyMergePatch(o, labelled("istio-injection", "disabled")) })
		}
		return false
	}
	_, err := Apply(t.Context(), s.start(t), three(), ApplyOptions{})
	assert.EqualError(t, err, "cannot patch Namespace shop: somebody changed the same fields meanwhile; look again; nothing was written")
	assert.Equal(t, "disabled", s.objects[shopPath].GetLabels()["istio-injection"])
}

func TestAPatchOfAnOlderVersionIsNotWritten(t *testing.T) {
	s := shop()
	c := three()[1]
	c.Fields["metadata"] = map[string]any{"resourceVersion": s.objects[webPath].GetResourceVersion()}
	s.touch(webPath, func(o map[string]any) { o["status"] = map[string]any{"replicas": int64(7)} })
	_, err := Apply(t.Context(), s.start(t), []mesh.Change{c}, ApplyOptions{})
	assert.EqualError(t, err, "cannot patch Deployment shop/web: it was changed meanwhile; look again")
	assert.Empty(t, s.writes)
}

func TestObjectsThatAreKeptAreRefused(t *testing.T) {
	kept := func() *store {
		return newStore(fake("Namespace", "", "shop", map[string]any{"metadata": map[string]any{"annotations": map[string]any{
			"argocd.argoproj.io/tracking-id": "shop:/Namespace:shop/shop"}}}),
			fake("Deployment", "shop", "web", labelled("app.kubernetes.io/managed-by", "Helm")), deploy("cart"))
	}
	s := kept()
	_, err := Apply(t.Context(), s.start(t), three(), ApplyOptions{})
	var owned *OwnedError
	require.ErrorAs(t, err, &owned)
	assert.Equal(t, "Namespace shop is kept by Argo CD (application shop), which would undo the change (annotation argocd.argoproj.io/tracking-id is "+
		`"shop:/Namespace:shop/shop"): change it in the Git repository of application shop, or switch off its automated sync first`, err.Error())
	assert.Empty(t, s.writes)
	assert.Zero(t, s.dryRuns)

	s = kept()
	p, err := Prepare(t.Context(), s.start(t), three(), ApplyOptions{ForceOwner: true})
	require.NoError(t, err)
	var owners []string
	for _, o := range p.Owners {
		owners = append(owners, o.Change.Ref.String()+": "+o.Owner.Tool)
	}
	assert.Equal(t, []string{"Namespace shop: Argo CD", "Deployment shop/web: Helm"}, owners)
}

func TestWhatIsInANamespaceThatIsYetToBeMadeIsNotTriedBefore(t *testing.T) {
	s := newStore()
	s.before = func(s *store, w http.ResponseWriter, r *http.Request, _ bool) bool {
		if !strings.Contains(r.URL.Path, "/deployments/") || s.objects[shopPath] != nil {
			return false
		}
		w.Header().Set("Content-Type", runtime.ContentTypeJSON)
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
			Reason: metav1.StatusReasonNotFound, Code: 404, Message: `namespaces "shop" not found`, Details: &metav1.StatusDetails{Kind: "namespaces", Name: "shop"}})
		return true
	}
	web := objectOf(mesh.Apply, mesh.Deployments, "shop", "web", deploy("web"))
	q := s.start(t)
	_, err := Apply(t.Context(), q, []mesh.Change{web}, ApplyOptions{})
	assert.EqualError(t, err, `cannot patch Deployment shop/web: namespaces "shop" not found`)
	_, err = Apply(t.Context(), q, []mesh.Change{objectOf(mesh.Apply, mesh.Namespaces, "", "shop", fake("Namespace", "", "shop", nil)), web}, ApplyOptions{})
	require.NoError(t, err)
	assert.Contains(t, s.objects, webPath)
}

func TestErrorsOfWritesAreOneClearLine(t *testing.T) {
	managed := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", runtime.ContentTypeJSON)
		w.WriteHeader(http.StatusConflict)
		_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: 409,
			Reason: metav1.StatusReasonConflict, Message: "Apply failed with 1 conflict", Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{
				{Type: metav1.CauseTypeFieldManagerConflict, Field: ".spec.replicas", Message: `conflict with "kubectl"`}}}})
	}
	for name, c := range map[string]struct {
		change mesh.Change
		answer func(w http.ResponseWriter, r *http.Request)
		want   string
	}{
		"not there": {patchOf(mesh.Deployments, "shop", "gone", restarted("x")), nil, "cannot get Deployment shop/gone: refused by the test"},
		"there already": {objectOf(mesh.Create, mesh.Deployments, "shop", "web", deploy("web")), nil,
			"cannot create Deployment shop/web: it exists already"},
		"owned fields": {objectOf(mesh.Apply, mesh.Deployments, "shop", "web", deploy("web")), func(w http.ResponseWriter, _ *http.Request) { managed(w) },
			`cannot patch Deployment shop/web: other field managers own what it sets: .spec.replicas (conflict with "kubectl"); leave those fields to them, or take them over by force`},
		"no answer": {three()[0], func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "cannot patch Namespace shop: no answer within 200ms"},
		"a kind that is not known": {mesh.Change{Ref: mesh.Ref{APIVersion: "example.com/v1", Kind: "Thing", Name: "x"}, Write: mesh.Delete}, nil,
			"Thing x: no API is known for example.com/v1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := shop()
			s.before = func(_ *store, w http.ResponseWriter, r *http.Request, _ bool) bool {
				if c.answer != nil {
					c.answer(w, r)
				}
				return c.answer != nil
			}
			q := s.start(t)
			q.Timeout = 200 * time.Millisecond
			_, err := Apply(t.Context(), q, []mesh.Change{c.change}, ApplyOptions{})
			assert.EqualError(t, err, c.want)
			s.mu.Lock()
			defer s.mu.Unlock()
			assert.Empty(t, s.writes)
		})
	}
}

func TestManagersThatFluxTakesOffAreNotUsed(t *testing.T) {
	_, err := Apply(t.Context(), shop().start(t), three(), ApplyOptions{Manager: "kubectl-mesh"})
	assert.EqualError(t, err, `field manager "kubectl-mesh": a name that begins with kubectl is taken off objects by Flux, use another`)
}

func TestWarningsOfTheAPIServerAreToldOnce(t *testing.T) {
	s := shop()
	s.before = func(_ *store, w http.ResponseWriter, _ *http.Request, _ bool) bool {
		w.Header().Add("Warning", `299 - "existing pods violate the level"`)
		return false
	}
	var said []string
	_, err := Apply(t.Context(), s.start(t), three(), ApplyOptions{Warn: func(text string) { said = append(said, text) }})
	require.NoError(t, err)
	assert.Equal(t, []string{"existing pods violate the level"}, said)
}
