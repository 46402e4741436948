package cluster

import (
	"context"
	"errors"
	"fmt"

	authentication "k8s.io/api/authentication/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// Kept is a ConfigMap in which the program keeps its own notes.
type Kept struct {
	Namespace, Name string
	Data            map[string]string
	version         string // empty: it is not there
}

// Exists reports whether the ConfigMap is there.
func (k *Kept) Exists() bool { return k.version != "" }

// Keeper reads and writes such ConfigMaps.
type Keeper struct{ writer *writer }

// NewKeeper connects. Nothing is sent before the first call.
func NewKeeper(q Query, manager string) (*Keeper, error) {
	w, err := newWriter(q, ApplyOptions{Manager: manager})
	if err != nil {
		return nil, err
	}
	return &Keeper{writer: w}, nil
}

// Get reads one. One that is not there is empty.
func (k *Keeper) Get(ctx context.Context, namespace, name string) (*Kept, error) {
	ctx, cancel := context.WithTimeout(ctx, k.writer.timeout)
	defer cancel()
	o, err := k.client(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return &Kept{Namespace: namespace, Name: name}, nil
	}
	if err != nil {
		return nil, k.writer.failed(k.change(namespace, name), "get", err)
	}
	return kept(o)
}

func kept(o *unstructured.Unstructured) (*Kept, error) {
	data, _, err := unstructured.NestedStringMap(o.Object, "data")
	if err != nil {
		return nil, fmt.Errorf("ConfigMap %s/%s cannot be understood: %w", o.GetNamespace(), o.GetName(), err)
	}
	return &Kept{Namespace: o.GetNamespace(), Name: o.GetName(), Data: data, version: o.GetResourceVersion()}, nil
}

// Put writes one that was read with Get, if nobody wrote it meanwhile, and
// returns it as it is then. Outdated tells of the error whether somebody did.
func (k *Keeper) Put(ctx context.Context, m *Kept) (*Kept, error) {
	ctx, cancel := context.WithTimeout(ctx, k.writer.timeout)
	defer cancel()
	typed := &core.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: m.Namespace, Name: m.Name, ResourceVersion: m.version,
			Labels: map[string]string{"app.kubernetes.io/managed-by": "kubectl-mesh"},
		},
		Data: m.Data,
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		return nil, err
	}
	o := &unstructured.Unstructured{Object: content}
	verb, manager := "create", k.writer.options.Manager
	if m.version == "" {
		o, err = k.client(m.Namespace).Create(ctx, o, metav1.CreateOptions{FieldManager: manager})
	} else {
		verb = "update"
		o, err = k.client(m.Namespace).Update(ctx, o, metav1.UpdateOptions{FieldManager: manager})
	}
	if err != nil {
		return nil, k.writer.failed(k.change(m.Namespace, m.Name), verb, err)
	}
	return kept(o)
}

func (k *Keeper) client(namespace string) dynamic.ResourceInterface {
	i, _ := mesh.Lookup(mesh.ConfigMaps)
	return k.writer.dynamic.Resource(i.Resource).Namespace(namespace)
}

func (k *Keeper) change(namespace, name string) mesh.Change {
	return mesh.Change{Ref: mesh.RefTo(mesh.ConfigMaps, namespace, name)}
}

// WhoAmI returns the user's name as the API server knows it, else as the
// kubeconfig calls it; empty where neither tells.
func WhoAmI(ctx context.Context, q Query) string {
	cfg, err := restConfig(q)
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, deadline(q, cfg))
	defer cancel()
	if client, err := kubernetes.NewForConfig(cfg); err == nil {
		review, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authentication.SelfSubjectReview{}, metav1.CreateOptions{})
		if err == nil && review.Status.UserInfo.Username != "" {
			return review.Status.UserInfo.Username
		}
	}
	return kubeconfigUser(q.Getter)
}

func kubeconfigUser(getter genericclioptions.RESTClientGetter) string {
	if getter == nil {
		return ""
	}
	raw, err := getter.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return ""
	}
	if c := raw.Contexts[raw.CurrentContext]; c != nil {
		return c.AuthInfo
	}
	return ""
}

// Current reads objects as they are, several at a time; one that is not there is
// nil. An error is in one line and names the object.
func Current(ctx context.Context, q Query, changes []mesh.Change) ([]*unstructured.Unstructured, error) {
	w, err := newWriter(q, ApplyOptions{})
	if err != nil {
		return nil, err
	}
	p := &Prepared{writer: w}
	for _, c := range changes {
		client, err := w.client(c)
		if err != nil {
			return nil, err
		}
		p.steps = append(p.steps, &step{Change: c, client: client})
	}
	err = p.all(func(s *step) error {
		err := w.read(ctx, s)
		var failed *writeError
		if errors.As(err, &failed) && apierrors.IsNotFound(failed.err) {
			s.Before = nil
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	objs := make([]*unstructured.Unstructured, len(p.steps))
	for i, s := range p.steps {
		objs[i] = s.Before
	}
	return objs, nil
}
