package cluster

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// fakeAPI serves objects as an API server does: lists in chunks, as protobuf
// where it is asked for and can, by namespace and selector.
type fakeAPI struct {
	objects []runtime.Object
	// answer may answer a request in the API server's place.
	answer func(w http.ResponseWriter, r *http.Request, k mesh.Kind, namespace string) bool

	mu       sync.Mutex
	requests []string // "kind namespace"
}

// start serves until the test ends, and returns how to connect.
func (f *fakeAPI) start(t testing.TB) *rest.Config {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return &rest.Config{Host: s.URL}
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k, namespace, name := parse(r.URL.Path)
	f.mu.Lock()
	f.requests = append(f.requests, strings.TrimSpace(string(k)+" "+namespace))
	f.mu.Unlock()
	if f.answer != nil && f.answer(w, r, k, namespace) {
		return
	}
	info, ok := mesh.Lookup(k)
	switch {
	case k == mesh.ServerVersion:
		writeJSON(w, map[string]string{"gitVersion": "v1.35.4"})
	case k == mesh.APIGroups:
		writeJSON(w, metav1.APIGroupList{Groups: []metav1.APIGroup{{Name: "apps",
			Versions: []metav1.GroupVersionForDiscovery{{GroupVersion: "apps/v1", Version: "v1"}}}}})
	case r.URL.Path == "/api":
		writeJSON(w, metav1.APIVersions{Versions: []string{"v1"}})
	case k == mesh.APIServerMetrics:
		w.Write([]byte("# TYPE apiserver_admission_controller_admission_duration_seconds histogram\n" +
			`apiserver_admission_controller_admission_duration_seconds_count{name="MutatingAdmissionWebhook",operation="CREATE",rejected="false",type="admit"} 7` + "\n"))
	case !ok:
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
	case name != "":
		f.one(w, info, name)
	default:
		f.list(w, r, info, namespace)
	}
}

func (f *fakeAPI) one(w http.ResponseWriter, info mesh.Info, name string) {
	for _, o := range f.objects {
		m, _ := meta.Accessor(o)
		if i, ok := infoOf(o); ok && i.Kind == info.Kind && m.GetName() == name {
			writeJSON(w, o)
			return
		}
	}
	refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
}

func (f *fakeAPI) list(w http.ResponseWriter, r *http.Request, info mesh.Info, namespace string) {
	q := r.URL.Query()
	selector, err := labels.Parse(q.Get("labelSelector"))
	if err != nil {
		refuse(w, http.StatusBadRequest, metav1.StatusReasonBadRequest)
		return
	}
	name, _ := strings.CutPrefix(q.Get("fieldSelector"), "metadata.name=")
	byName := name != q.Get("fieldSelector")
	var items []runtime.Object
	for _, o := range f.objects {
		m, _ := meta.Accessor(o)
		i, ok := infoOf(o)
		if !ok || i.Kind != info.Kind || namespace != "" && m.GetNamespace() != namespace ||
			!selector.Matches(labels.Set(m.GetLabels())) || byName && m.GetName() != name {
			continue
		}
		items = append(items, o)
	}
	from, _ := strconv.Atoi(q.Get("continue"))
	limit, _ := strconv.Atoi(q.Get("limit"))
	next := ""
	if limit > 0 && from+limit < len(items) {
		next = strconv.Itoa(from + limit)
	} else {
		limit = len(items) - from
	}
	writeList(w, r, info, items[from:from+limit], next)
}

func writeList(w http.ResponseWriter, r *http.Request, info mesh.Info, items []runtime.Object, next string) {
	gvk := info.Object.GroupVersion().WithKind(info.Object.Kind + "List")
	if !info.Typed {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk)
		list.SetContinue(next)
		for _, o := range items {
			list.Items = append(list.Items, *o.(*unstructured.Unstructured))
		}
		writeJSON(w, list)
		return
	}
	list, err := scheme.Scheme.New(gvk)
	if err == nil {
		err = meta.SetList(list, items)
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, metav1.StatusReasonInternalError)
		return
	}
	list.(metav1.ListInterface).SetContinue(next)
	mediaType := runtime.ContentTypeJSON
	if strings.HasPrefix(r.Header.Get("Accept"), runtime.ContentTypeProtobuf) {
		mediaType = runtime.ContentTypeProtobuf
	}
	s, _ := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), mediaType)
	w.Header().Set("Content-Type", mediaType)
	_ = scheme.Codecs.EncoderForVersion(s.Serializer, info.Object.GroupVersion()).Encode(list, w)
}

// parse reads kind, namespace and name off a path of the API.
func parse(path string) (k mesh.Kind, namespace, name string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	group := ""
	switch {
	case parts[0] == "api" && len(parts) > 2:
		parts = parts[2:]
	case parts[0] == "apis" && len(parts) > 3:
		group, parts = parts[1], parts[3:]
	default:
		return mesh.Kind(path), "", ""
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		namespace, parts = parts[1], parts[2:]
	}
	if len(parts) > 1 {
		name = parts[1]
	}
	if group != "" {
		return mesh.Kind(parts[0] + "." + group), namespace, name
	}
	return mesh.Kind(parts[0]), namespace, name
}

func infoOf(o runtime.Object) (mesh.Info, bool) {
	gvk := o.GetObjectKind().GroupVersionKind()
	if gvk.Empty() {
		if gvks, _, err := scheme.Scheme.ObjectKinds(o); err == nil {
			gvk = gvks[0]
		}
	}
	return mesh.ForObject(gvk.GroupKind())
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	_ = json.NewEncoder(w).Encode(v)
}

// refuse answers as an API server that refuses.
func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Reason: reason, Code: int32(code), Message: "refused by the test",
	})
}

// forbid refuses what allowed does not allow.
func forbid(allowed func(k mesh.Kind, namespace string) bool) func(http.ResponseWriter, *http.Request, mesh.Kind, string) bool {
	return func(w http.ResponseWriter, _ *http.Request, k mesh.Kind, namespace string) bool {
		if strings.HasPrefix(string(k), "/") || allowed(k, namespace) {
			return false
		}
		refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden)
		return true
	}
}

// hang answers nothing until the client goes away.
func hang(r *http.Request) bool {
	<-r.Context().Done()
	return true
}

func (f *fakeAPI) asked(request string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.requests, request)
}

func read(t *testing.T, f *fakeAPI, q Query) *mesh.Snapshot {
	t.Helper()
	q.Config = f.start(t)
	s, err := Read(context.Background(), q)
	require.NoError(t, err)
	return s
}

// names lists a snapshot's objects of a kind as namespace/name.
func names(s *mesh.Snapshot, k mesh.Kind) []string {
	var all []string
	for _, o := range s.Objects(k) {
		m, _ := meta.Accessor(o)
		all = append(all, m.GetNamespace()+"/"+m.GetName())
	}
	return all
}
