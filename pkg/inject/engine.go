package inject

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	istio "istio.io/istio/pkg/kube/inject"
	admissionv1 "k8s.io/api/admission/v1"
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
)

// IstioVersion is the release whose webhook code is embedded. Templates of a
// later one may use what this code does not know.
const IstioVersion = "1.29.1"

// Engine injects as one control plane would. It holds parsed templates: make
// one for a control plane and use it for many pods, from many goroutines.
type Engine struct {
	post func(review []byte) ([]byte, error)
	gate func(pod *core.Pod, namespace string) admission.Istiod // why a pod is left alone
}

// Result is what became of a pod. Just one of the three ways is taken: Pod
// with a sidecar, Pod as it was and Skipped, or a Refusal.
type Result struct {
	Pod     *core.Pod // nil when refused; defaults of the API server are not in what was added
	Skipped bool      // istiod would leave the pod alone (host network, inject=false, policy, …)
	Refusal string    // istiod's words; the API server puts `admission webhook "…" denied the request: ` before them
}

// ConfigError says that istiod could not load a control plane's configuration,
// in the words that stand in istiod's log. An istiod that runs goes on with
// the last configuration it could load; one that starts ends, or, where it is
// the mesh configuration, goes on with the built-in one.
type ConfigError struct{ Err error }

// Error is the message of istiod.
func (e *ConfigError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

// Inject makes of a pod what the webhook would if the pod were created in a
// namespace now. The pod stays as it is. An error means that it could not be
// tried; what istiod would refuse is no error but a Refusal.
//
// istiod gets the pod with the API server's defaults, and tells workload name
// and owner from its ownerReferences and generateName: give it such a pod where
// every field of the result matters.
func (e *Engine) Inject(pod *core.Pod, namespace string) (Result, error) {
	a, err := e.try(pod, namespace)
	if err != nil {
		return Result{}, err
	}
	switch {
	case a.refusal != "":
		return Result{Refusal: a.refusal}, nil
	case a.is == nil:
		return Result{Pod: pod.DeepCopy(), Skipped: true}, nil
	}
	injected, err := asPod(a.is)
	if err != nil {
		return Result{}, fmt.Errorf("apply istiod's patch to pod %s/%s: %w", namespace, pod.Name, err)
	}
	return Result{Pod: injected}, nil
}

// attempt is what became of a pod, in JSON types.
type attempt struct {
	was     map[string]any
	is      map[string]any // with its sidecar; nil where istiod leaves it alone or refuses it
	refusal string
}

func (e *Engine) try(pod *core.Pod, namespace string) (attempt, error) {
	was, err := asMap(pod)
	if err != nil {
		return attempt{}, err
	}
	raw, err := json.Marshal(pod)
	if err != nil {
		return attempt{}, fmt.Errorf("encode pod %s/%s: %w", namespace, pod.Name, err)
	}
	answer, err := e.ask(raw, namespace)
	if err != nil {
		return attempt{}, fmt.Errorf("inject pod %s/%s: %w", namespace, pod.Name, err)
	}
	switch {
	case !answer.Allowed && answer.Result != nil:
		return attempt{refusal: steady(answer.Result.Message)}, nil
	case !answer.Allowed:
		return attempt{}, fmt.Errorf("inject pod %s/%s: refused without a message", namespace, pod.Name)
	case len(answer.Patch) == 0:
		return attempt{was: was}, nil
	}
	is, err := patched(was, answer.Patch)
	if err != nil {
		return attempt{}, fmt.Errorf("apply istiod's patch to pod %s/%s: %w", namespace, pod.Name, err)
	}
	return attempt{was: was, is: is}, nil
}

// ask sends a pod's JSON to istiod.
func (e *Engine) ask(pod []byte, namespace string) (*admissionv1.AdmissionResponse, error) {
	name, err := json.Marshal(namespace)
	if err != nil {
		return nil, err
	}
	answer, err := e.post(fmt.Appendf(nil, reviewText, name, pod))
	if err != nil {
		return nil, err
	}
	var out admissionv1.AdmissionReview
	if err := json.Unmarshal(answer, &out); err != nil {
		return nil, err
	}
	if out.Response == nil {
		return nil, fmt.Errorf("the webhook gave no answer")
	}
	return out.Response, nil
}

// reviewText is an AdmissionReview of a pod that is to be created, in its place
// the namespace and the pod in JSON. To encode a review would encode the pod again.
const reviewText = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"0","kind":{"group":"","version":"v1","kind":"Pod"},` +
	`"resource":{"group":"","version":"v1","resource":"pods"},"namespace":%s,"operation":"CREATE","userInfo":{},"object":%s,"oldObject":null,"dryRun":null,"options":null}}`

// embedded sends reviews to a webhook's handler in this process.
func embedded(mux *http.ServeMux, path string) func([]byte) ([]byte, error) {
	return func(review []byte) ([]byte, error) {
		request, err := http.NewRequest(http.MethodPost, "http://istiod"+path, bytes.NewReader(review))
		if err != nil {
			return nil, err // a path that no webhook configuration of a cluster can have, but one of a file
		}
		request.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, request)
		if w.Code != http.StatusOK {
			return nil, fmt.Errorf("the webhook answered %d: %s", w.Code, bytes.TrimSpace(w.Body.Bytes()))
		}
		return w.Body.Bytes(), nil
	}
}

// Remote is an engine that asks an istiod elsewhere: post sends it an
// AdmissionReview and returns its answer. Settings are what is known of that
// istiod, and only tell why it leaves a pod alone.
func Remote(s Settings, post func(review []byte) ([]byte, error)) *Engine {
	return &Engine{post: post, gate: gate(s)}
}

// steady puts in order what istiod lists in an order of chance: the templates
// it knows, and the annotations it refuses
// (istio.io/istio 1.29.1, pkg/kube/inject: knownTemplates, validateAnnotations).
func steady(refusal string) string {
	if before, known, found := strings.Cut(refusal, " not found; have "); found {
		names := strings.Split(known, ", ")
		slices.Sort(names)
		return before + " not found; have " + strings.Join(names, ", ")
	}
	lines := strings.Split(refusal, "\n")
	first := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "\t* ") })
	if first < 0 {
		return refusal
	}
	last := first
	for last < len(lines) && strings.HasPrefix(lines[last], "\t* ") {
		last++
	}
	slices.Sort(lines[first:last])
	return strings.Join(lines, "\n")
}

// watcher hands istiod's webhook a configuration that never changes.
type watcher struct {
	config *istio.Config
	values string
}

// SetHandler does nothing: there will be no change to tell of.
func (w watcher) SetHandler(func(*istio.Config, string) error) {}

// Run does nothing.
func (w watcher) Run(<-chan struct{}) {}

// Get returns the configuration.
func (w watcher) Get() (*istio.Config, string, error) { return w.config, w.values, nil }
