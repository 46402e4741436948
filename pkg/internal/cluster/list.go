package cluster

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// chunk is how many objects are asked for at a time, as kubectl does.
const chunk = 500

// listing is one list to read.
type listing struct {
	info      mesh.Info
	namespace string // empty: all
	labels    string // selector
	fields    string // selector
}

// list reads a list, chunk by chunk, each reduced as it comes. A list that
// changed so much between two chunks that the server forgot it (410 Gone) is
// read again in one.
func (r *reading) list(ctx context.Context, l listing) ([]runtime.Object, error) {
	opts := metav1.ListOptions{Limit: chunk, LabelSelector: l.labels, FieldSelector: l.fields}
	var kept []runtime.Object
	for {
		objs, next, err := r.chunk(ctx, l, opts)
		if apierrors.IsResourceExpired(err) && opts.Continue != "" {
			kept, opts.Continue, opts.Limit = nil, "", 0
			continue
		}
		if err != nil {
			return nil, err
		}
		kept = append(kept, objs...)
		if next == "" {
			return kept, nil
		}
		opts.Continue = next
	}
}

func (r *reading) chunk(ctx context.Context, l listing, opts metav1.ListOptions) (objs []runtime.Object, next string, err error) {
	if r.gaveUp() {
		return nil, "", errGaveUp
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	req := r.rest.Get().AbsPath(r.path(l)...).MaxRetries(maxRetries).
		SpecificallyVersionedParams(&opts, scheme.ParameterCodec, schema.GroupVersion{Version: "v1"})
	if !l.info.Typed {
		req = req.SetHeader("Accept", runtime.ContentTypeJSON)
	}
	res := req.Do(ctx)
	err = res.Error()
	r.answered(ctx, err)
	if err != nil {
		return nil, "", err
	}
	r.decoding <- struct{}{}
	defer func() { <-r.decoding }()
	var list runtime.Object
	if l.info.Typed {
		if list, err = scheme.Scheme.New(l.info.Object.GroupVersion().WithKind(l.info.Object.Kind + "List")); err == nil {
			err = res.Into(list)
		}
	} else {
		u := &unstructured.UnstructuredList{}
		list = u
		var raw []byte
		if raw, err = res.Raw(); err == nil {
			err = u.UnmarshalJSON(raw)
		}
	}
	if err != nil {
		return nil, "", fmt.Errorf("the answer cannot be read: %w", err)
	}
	err = meta.EachListItem(list, func(o runtime.Object) error {
		if kept := r.reducer.reduce(o); kept != nil {
			objs = append(objs, kept)
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	m, err := meta.ListAccessor(list)
	if err != nil {
		return nil, "", err
	}
	return objs, m.GetContinue(), nil
}

// path is where a list is served. Of custom resources it takes the version
// that snapshots hold, where the server has it, else the one it prefers.
func (r *reading) path(l listing) []string {
	gvr := l.info.Resource
	if served := r.served(gvr.Group); !l.info.Typed && len(served) > 0 {
		gvr.Version = pick(served, gvr.Version)
	}
	path := []string{"apis", gvr.Group, gvr.Version}
	if gvr.Group == "" {
		path = []string{"api", gvr.Version}
	}
	if l.namespace != "" {
		path = append(path, "namespaces", l.namespace)
	}
	return append(path, gvr.Resource)
}

func pick(served []string, want string) string {
	for _, v := range served {
		if v == want {
			return v
		}
	}
	return served[0]
}
