package cluster

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// chunk is how many objects are asked for at a time: twice what kubectl takes,
// since they are not held, and each chunk costs the server a round of its own.
const chunk = 1000

// listing is one list to read.
type listing struct {
	info      mesh.Info
	namespace string // empty: all
	labels    string // selector
	fields    string // selector
}

// list reads a list in chunks, each reduced as it comes. A list that changed so
// much between two chunks that the server forgot it (410 Gone) is read again
// in one. The order of the objects is not that of the server.
func (r *reading) list(ctx context.Context, l listing) ([]runtime.Object, error) {
	opts := metav1.ListOptions{Limit: chunk, LabelSelector: l.labels, FieldSelector: l.fields}
	p := &pages{reading: r, listing: l, ahead: make(chan struct{}, maxAhead)}
	err := p.from(ctx, opts)
	if apierrors.IsResourceExpired(err) {
		p.objs, opts.Limit = nil, 0
		err = p.from(ctx, opts)
	}
	if err != nil {
		return nil, err
	}
	return p.objs, nil
}

// maxAhead is how many chunks of a list are under way at a time: while one is
// read, the server works on the next.
const maxAhead = 3

// pages are the chunks of one list.
type pages struct {
	*reading
	listing listing
	ahead   chan struct{}

	mu   sync.Mutex
	objs []runtime.Object
}

// from reads a chunk and those after it, which are asked for as soon as the
// chunk says that there are more.
func (p *pages) from(ctx context.Context, opts metav1.ListOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var rest sync.WaitGroup
	var restErr error
	p.ahead <- struct{}{}
	objs, err := p.chunk(ctx, p.listing, opts, func(m metav1.ListMeta) {
		if m.Continue == "" {
			return
		}
		next := opts
		next.Continue = m.Continue
		rest.Go(func() { restErr = p.from(ctx, next) })
	})
	<-p.ahead
	if err != nil {
		cancel()
	}
	rest.Wait()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.objs = append(p.objs, objs...)
	return restErr
}

// chunk reads one chunk of a list. It calls head with the list's metadata, as
// soon as it has it.
func (r *reading) chunk(ctx context.Context, l listing, opts metav1.ListOptions, head func(metav1.ListMeta)) ([]runtime.Object, error) {
	if r.gaveUp() {
		return nil, errGaveUp
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	req := r.rest.Get().AbsPath(r.path(l)...).MaxRetries(maxRetries).
		SpecificallyVersionedParams(&opts, scheme.ParameterCodec, schema.GroupVersion{Version: "v1"})
	if !l.info.Typed {
		req = req.SetHeader("Accept", runtime.ContentTypeJSON)
	}
	body, err := req.Stream(ctx)
	if utilnet.IsProbableEOF(err) || utilnet.IsConnectionReset(err) {
		body, err = req.Stream(ctx) // as client-go does for what it reads whole
	}
	var objs []runtime.Object
	if err == nil {
		defer body.Close()
		if objs, err = r.unpack(body, l.info, head); err != nil {
			err = fmt.Errorf("the answer cannot be read: %w", err)
		}
	}
	r.answered(ctx, err)
	return objs, err
}

// unpack decodes and reduces the objects of an answer.
func (r *reading) unpack(body io.Reader, i mesh.Info, head func(metav1.ListMeta)) (objs []runtime.Object, err error) {
	in := bufio.NewReaderSize(body, 32<<10)
	if !i.Typed || !isProtobuf(in) {
		return r.unpackJSON(in, i, head)
	}
	w, err := newWorkspace(i)
	if err != nil {
		return nil, err
	}
	err = streamList(in, i.Object.Kind+"List", head, func(raw []byte) error {
		kept, err := r.unpacker.object(w, raw)
		if kept != nil {
			objs = append(objs, kept)
		}
		return err
	})
	return objs, err
}

func (r *reading) unpackJSON(in io.Reader, i mesh.Info, head func(metav1.ListMeta)) ([]runtime.Object, error) {
	raw, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	r.decoding <- struct{}{}
	defer func() { <-r.decoding }()
	var list runtime.Object = &unstructured.UnstructuredList{}
	if i.Typed {
		list, _, err = scheme.Codecs.UniversalDeserializer().Decode(raw, nil, nil)
	} else {
		err = list.(*unstructured.UnstructuredList).UnmarshalJSON(raw)
	}
	if err != nil {
		return nil, err
	}
	m, err := meta.ListAccessor(list)
	if err != nil {
		return nil, err
	}
	head(metav1.ListMeta{Continue: m.GetContinue()})
	var objs []runtime.Object
	err = meta.EachListItem(list, func(o runtime.Object) error {
		if kept := r.reducer.reduce(o); kept != nil {
			objs = append(objs, kept)
		}
		return nil
	})
	return objs, err
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
