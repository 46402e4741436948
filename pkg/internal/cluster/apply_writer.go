package cluster

import (
	"fmt"
	"strings"
	"sync"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// writer is how changes reach the API server.
type writer struct {
	*connection
	dynamic dynamic.Interface
	query   Query
	options ApplyOptions
}

func newWriter(q Query, o ApplyOptions) (*writer, error) {
	if o.Manager == "" {
		o.Manager = DefaultManager
	}
	// Flux takes fields of managers with such names off objects
	// (github.com/fluxcd/pkg, ssa/manager_apply.go: cleanupMetadata).
	if strings.HasPrefix(o.Manager, "kubectl") {
		return nil, fmt.Errorf("field manager %q: a name that begins with kubectl is taken off objects by Flux, use another", o.Manager)
	}
	cfg, err := restConfig(q)
	if err != nil {
		return nil, err
	}
	w := &writer{connection: &connection{host: cfg.Host, timeout: deadline(q, cfg)}, query: q, options: o}
	cfg.Timeout = 0 // deadlines come from contexts
	cfg.QPS, cfg.Burst = -1, 0
	cfg.WarningHandler, cfg.WarningHandlerWithContext = &onceWarned{say: o.Warn, said: map[string]bool{}}, nil
	if w.http, err = rest.HTTPClientFor(cfg); err != nil {
		return nil, err
	}
	w.dynamic, err = dynamic.NewForConfigAndClient(dynamic.ConfigFor(cfg), w.http)
	return w, err
}

// client is where a change goes.
func (w *writer) client(c mesh.Change) (dynamic.ResourceInterface, error) {
	gvr, ok := c.Where()
	if !ok {
		if w.query.Getter == nil {
			return nil, fmt.Errorf("%s: no API is known for %s", c.Ref, c.Ref.APIVersion)
		}
		mapper, err := w.query.Getter.ToRESTMapper()
		if err != nil {
			return nil, err
		}
		gvk := gvkOf(c.Ref)
		mapping, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if err != nil {
			return nil, fmt.Errorf("%s: the cluster does not know this kind: %w", c.Ref, err)
		}
		gvr = mapping.Resource
	}
	if c.Ref.Namespace == "" {
		return w.dynamic.Resource(gvr), nil
	}
	return w.dynamic.Resource(gvr).Namespace(c.Ref.Namespace), nil
}

// onceWarned passes on warnings of the API server, each once.
type onceWarned struct {
	say func(string)

	mu   sync.Mutex
	said map[string]bool
}

// HandleWarningHeader is called by client-go for every warning of an answer.
func (o *onceWarned) HandleWarningHeader(code int, _ string, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.say == nil || code != 299 || text == "" || o.said[text] {
		return
	}
	o.said[text] = true
	o.say(text)
}
