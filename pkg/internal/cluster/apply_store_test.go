package cluster

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// store is an API server as far as writes go: objects by path, versions,
// preconditions, dry runs, merge patches. An apply is a merge here.
type store struct {
	// before may answer a write in the store's place, or change what is stored
	// before it is done. It is called with the store locked.
	before func(s *store, w http.ResponseWriter, r *http.Request, dry bool) (answered bool)

	mu      sync.Mutex
	objects map[string]*unstructured.Unstructured
	version int
	writes  []string // method and path, without dry runs
	dryRuns int
	manager map[string]bool // that wrote
}

func newStore(objs ...map[string]any) *store {
	s := &store{objects: map[string]*unstructured.Unstructured{}, manager: map[string]bool{}}
	for _, o := range objs {
		s.put(&unstructured.Unstructured{Object: o})
	}
	return s
}

func (s *store) start(t *testing.T) Query {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return Query{Config: &rest.Config{Host: server.URL}}
}

func pathOf(o *unstructured.Unstructured) string {
	plural := map[string]string{"Namespace": "/api/v1/namespaces/", "Deployment": "/apis/apps/v1/namespaces/" + o.GetNamespace() + "/deployments/"}
	return plural[o.GetKind()] + o.GetName()
}

func (s *store) put(o *unstructured.Unstructured) *unstructured.Unstructured {
	s.version++
	o.SetResourceVersion(strconv.Itoa(s.version))
	if o.GetUID() == "" {
		o.SetUID(types.UID("uid-" + strconv.Itoa(s.version)))
	}
	s.objects[pathOf(o)] = o
	return o
}

// touch changes an object as somebody else would.
func (s *store) touch(path string, change func(o map[string]any)) {
	o := s.objects[path].DeepCopy()
	change(o.Object)
	s.put(o)
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := r.URL.Path
	if r.Method == http.MethodGet {
		s.get(w, path)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	// A deletion says it in the body.
	dry := r.URL.Query().Get("dryRun") == "All" || strings.Contains(string(body), `"dryRun":["All"]`)
	if dry {
		s.dryRuns++
	} else {
		s.writes = append(s.writes, r.Method+" "+path)
	}
	if manager := r.URL.Query().Get("fieldManager"); manager != "" {
		s.manager[manager] = true
	}
	if s.before != nil && s.before(s, w, r, dry) {
		return
	}
	switch r.Method {
	case http.MethodPatch:
		s.patch(w, path, body, dry)
	case http.MethodPost:
		s.post(w, body, dry)
	case http.MethodDelete:
		s.delete(w, path, body, dry)
	}
}

func (s *store) get(w http.ResponseWriter, path string) {
	if o, ok := s.objects[path]; ok {
		writeJSON(w, o)
		return
	}
	refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
}

func (s *store) patch(w http.ResponseWriter, path string, body []byte, dry bool) {
	var fields unstructured.Unstructured
	_ = utiljson.Unmarshal(body, &fields.Object)
	old, ok := s.objects[path]
	if !ok {
		if fields.GetKind() == "" { // only an apply makes objects
			refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
			return
		}
		old = &unstructured.Unstructured{Object: map[string]any{}}
	}
	if v := fields.GetResourceVersion(); v != "" && v != old.GetResourceVersion() {
		refuse(w, http.StatusConflict, metav1.StatusReasonConflict)
		return
	}
	raw, err := json.Marshal(old.Object)
	if err == nil {
		raw, err = jsonpatch.MergePatch(raw, body)
	}
	next := &unstructured.Unstructured{}
	if err == nil {
		err = utiljson.Unmarshal(raw, &next.Object)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.answer(w, next, dry)
}

func (s *store) post(w http.ResponseWriter, body []byte, dry bool) {
	o := &unstructured.Unstructured{}
	_ = utiljson.Unmarshal(body, &o.Object)
	if _, ok := s.objects[pathOf(o)]; ok {
		refuse(w, http.StatusConflict, metav1.StatusReasonAlreadyExists)
		return
	}
	s.answer(w, o, dry)
}

func (s *store) answer(w http.ResponseWriter, o *unstructured.Unstructured, dry bool) {
	if !dry {
		o = s.put(o)
	}
	writeJSON(w, o)
}

func (s *store) delete(w http.ResponseWriter, path string, body []byte, dry bool) {
	var o metav1.DeleteOptions
	_ = json.Unmarshal(body, &o)
	live := s.objects[path]
	switch {
	case live == nil:
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
		return
	case *o.Preconditions.ResourceVersion != live.GetResourceVersion() || *o.Preconditions.UID != live.GetUID():
		refuse(w, http.StatusConflict, metav1.StatusReasonConflict)
		return
	case !dry:
		delete(s.objects, path)
	}
	writeJSON(w, metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusSuccess})
}

// state is what is stored, without what the server counts.
func (s *store) state() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]any{}
	for path, o := range s.objects {
		all[path] = content(o)
	}
	return all
}

func fake(kind, namespace, name string, more map[string]any) map[string]any {
	o := map[string]any{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": name}}
	if kind == "Deployment" {
		o["apiVersion"] = "apps/v1"
	}
	if namespace != "" {
		o["metadata"].(map[string]any)["namespace"] = namespace
	}
	mesh.ApplyMergePatch(o, runtime.DeepCopyJSON(more))
	return o
}

// refuseNth refuses the nth write that is no dry run.
func refuseNth(n int, code int, reason metav1.StatusReason) func(*store, http.ResponseWriter, *http.Request, bool) bool {
	return func(s *store, w http.ResponseWriter, _ *http.Request, dry bool) bool {
		if dry || len(s.writes) != n {
			return false
		}
		refuse(w, code, reason)
		return true
	}
}

func labelled(key, value string) map[string]any {
	return map[string]any{"metadata": map[string]any{"labels": map[string]any{key: value}}}
}

func restarted(at string) map[string]any {
	return map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": map[string]any{"restartedAt": at}}}}}
}

// forbidden is RBAC's answer.
func forbidden(w http.ResponseWriter, verb, resource, name string) {
	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	w.WriteHeader(http.StatusForbidden)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden,
		Message: fmt.Sprintf(`%s %q is forbidden: User "viewer" cannot %s resource %q in API group "" in the namespace %q`, resource, name, verb, resource, name),
	})
}
