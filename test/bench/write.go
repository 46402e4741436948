package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// writer puts the objects of a mesh into a cluster.
type writer struct {
	client  kubernetes.Interface
	dynamic dynamic.Interface
	size    size
	sample  *core.Pod // as the webhook injected it
}

func exists(err error) bool { return apierrors.IsAlreadyExists(err) }

// write fills the cluster, pods as they would be after injection and with
// status, so that no webhook and no controller has to work for hours.
func write(ctx context.Context, s *sandbox.Sandbox, size size, sample *core.Pod) error {
	config := rest.CopyConfig(s.REST())
	config.QPS, config.Burst = -1, -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	// Pods come injected; the webhook would only cost time.
	hooks := client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	hook, err := hooks.Get(ctx, "istio-sidecar-injector", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := hooks.Delete(ctx, hook.Name, metav1.DeleteOptions{}); err != nil {
		return err
	}
	w := writer{client, dyn, size, sample}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range size.namespaces {
		group.Go(func() error {
			if i%50 == 0 {
				fmt.Fprintf(os.Stderr, "… namespace %d of %d\n", i, size.namespaces)
			}
			return w.namespace(ctx, fmt.Sprintf("team-%04d", i))
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	hook.ResourceVersion, hook.UID = "", ""
	_, err = hooks.Create(context.WithoutCancel(ctx), hook, metav1.CreateOptions{})
	return err
}

func (w writer) namespace(ctx context.Context, name string) error {
	ns := &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"istio-injection": "enabled"}}}
	if _, err := w.client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
		return err
	}
	account := &core.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	if _, err := w.client.CoreV1().ServiceAccounts(name).Create(ctx, account, metav1.CreateOptions{}); err != nil && !exists(err) {
		return err
	}
	root := &core.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "istio-ca-root-cert"}}
	if _, err := w.client.CoreV1().ConfigMaps(name).Create(ctx, root, metav1.CreateOptions{}); err != nil && !exists(err) {
		return err
	}
	for i := range w.size.services {
		if err := w.service(ctx, name, fmt.Sprintf("svc-%d", i)); err != nil {
			return err
		}
	}
	return nil
}

func (w writer) service(ctx context.Context, namespace, name string) error {
	svc := &core.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}},
		Spec: core.ServiceSpec{
			Selector: map[string]string{"app": name},
			Ports:    []core.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}
	if _, err := w.client.CoreV1().Services(namespace).Create(ctx, svc, metav1.CreateOptions{}); err != nil {
		return err
	}
	var pods []string
	for _, version := range []string{"v1", "v2"} {
		made, err := w.deployment(ctx, namespace, name, version)
		if err != nil {
			return err
		}
		pods = append(pods, made...)
	}
	if err := w.endpoints(ctx, namespace, name, pods); err != nil {
		return err
	}
	return w.routing(ctx, namespace, name)
}

// endpoints gives the service the ready endpoints that no controller is there
// to write.
func (w writer) endpoints(ctx context.Context, namespace, name string, pods []string) error {
	ready, portName, port := true, "http", int32(8080)
	slice := &discovery.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: name, Labels: map[string]string{discovery.LabelServiceName: name}},
		AddressType: discovery.AddressTypeIPv4,
		Ports:       []discovery.EndpointPort{{Name: &portName, Port: &port}},
	}
	for i, pod := range pods {
		slice.Endpoints = append(slice.Endpoints, discovery.Endpoint{
			Addresses: []string{fmt.Sprintf("10.244.1.%d", i+1)}, Conditions: discovery.EndpointConditions{Ready: &ready},
			TargetRef: &core.ObjectReference{Kind: "Pod", Namespace: namespace, Name: pod},
		})
	}
	_, err := w.client.DiscoveryV1().EndpointSlices(namespace).Create(ctx, slice, metav1.CreateOptions{})
	return err
}

func template(app, version string) core.PodTemplateSpec {
	return core.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": app, "version": version}},
		Spec:       core.PodSpec{Containers: []core.Container{{Name: "app", Image: "app:1", Ports: []core.ContainerPort{{ContainerPort: 8080}}}}},
	}
}

// deployment writes a Deployment with all that it owns, and names its pods.
func (w writer) deployment(ctx context.Context, namespace, app, version string) (pods []string, err error) {
	name := app + "-" + version
	n := int32(max(1, w.size.pods/2))
	t := template(app, version)
	d := &apps.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       apps.DeploymentSpec{Replicas: &n, Selector: &metav1.LabelSelector{MatchLabels: t.Labels}, Template: t},
	}
	d, err = w.client.AppsV1().Deployments(namespace).Create(ctx, d, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	d.Status = apps.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
	if _, err := w.client.AppsV1().Deployments(namespace).UpdateStatus(ctx, d, metav1.UpdateOptions{}); err != nil {
		return nil, err
	}
	const hash = "5c6f7d8b9"
	t.Labels = map[string]string{"app": app, "version": version, apps.DefaultDeploymentUniqueLabelKey: hash}
	rs := &apps.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: name + "-" + hash, Labels: t.Labels, OwnerReferences: owner("Deployment", name, d.UID)},
		Spec:       apps.ReplicaSetSpec{Replicas: &n, Selector: &metav1.LabelSelector{MatchLabels: t.Labels}, Template: t},
	}
	rs, err = w.client.AppsV1().ReplicaSets(namespace).Create(ctx, rs, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	rs.Status = apps.ReplicaSetStatus{ObservedGeneration: rs.Generation, Replicas: n, FullyLabeledReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
	if _, err := w.client.AppsV1().ReplicaSets(namespace).UpdateStatus(ctx, rs, metav1.UpdateOptions{}); err != nil {
		return nil, err
	}
	for i := range n {
		pod := fmt.Sprintf("%s-%c", rs.Name, 'a'+i)
		if err := w.pod(ctx, namespace, pod, t.Labels, owner("ReplicaSet", rs.Name, rs.UID)); err != nil {
			return nil, err
		}
		pods = append(pods, pod)
	}
	return pods, nil
}

func owner(kind, name string, uid types.UID) []metav1.OwnerReference {
	yes := true
	return []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: name, UID: uid, Controller: &yes, BlockOwnerDeletion: &yes}}
}

// pod writes the sample under another name, running and ready.
func (w writer) pod(ctx context.Context, namespace, name string, labels map[string]string, owners []metav1.OwnerReference) error {
	p := &core.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, OwnerReferences: owners, Annotations: w.sample.Annotations, Labels: map[string]string{}},
		Spec:       *w.sample.Spec.DeepCopy(),
	}
	for k, v := range w.sample.Labels {
		p.Labels[k] = v
	}
	for k, v := range labels {
		p.Labels[k] = v
	}
	p.Spec.NodeName = "node-1"
	p, err := w.client.CoreV1().Pods(namespace).Create(ctx, p, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	now := metav1.Now()
	p.Status = core.PodStatus{
		Phase: core.PodRunning, PodIP: "10.244.0.9", PodIPs: []core.PodIP{{IP: "10.244.0.9"}}, HostIP: "192.0.2.1", StartTime: &now,
	}
	for _, t := range []core.PodConditionType{core.PodScheduled, core.PodInitialized, core.ContainersReady, core.PodReady} {
		p.Status.Conditions = append(p.Status.Conditions, core.PodCondition{Type: t, Status: core.ConditionTrue, LastTransitionTime: now})
	}
	started := true
	status := func(c core.Container) core.ContainerStatus {
		return core.ContainerStatus{
			Name: c.Name, Image: c.Image, ImageID: "sha256:0", ContainerID: "containerd://0", Ready: true, Started: &started,
			State: core.ContainerState{Running: &core.ContainerStateRunning{StartedAt: now}},
		}
	}
	for _, c := range p.Spec.Containers {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, status(c))
	}
	for _, c := range p.Spec.InitContainers {
		p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, status(c))
	}
	_, err = w.client.CoreV1().Pods(namespace).UpdateStatus(ctx, p, metav1.UpdateOptions{})
	return err
}

// routing writes the service's VirtualService and DestinationRule.
func (w writer) routing(ctx context.Context, namespace, name string) error {
	to := func(subset string, weight int64) any {
		return map[string]any{"destination": map[string]any{"host": name, "subset": subset}, "weight": weight}
	}
	subset := func(v string) any { return map[string]any{"name": v, "labels": map[string]any{"version": v}} }
	for resource, o := range map[string]map[string]any{
		"destinationrules": {"kind": "DestinationRule", "spec": map[string]any{"host": name, "subsets": []any{subset("v1"), subset("v2")}}},
		"virtualservices": {"kind": "VirtualService", "spec": map[string]any{
			"hosts": []any{name}, "http": []any{map[string]any{"route": []any{to("v1", 90), to("v2", 10)}}},
		}},
	} {
		u := &unstructured.Unstructured{Object: o}
		u.SetAPIVersion("networking.istio.io/v1")
		u.SetName(name)
		gvr := schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: resource}
		if _, err := w.dynamic.Resource(gvr).Namespace(namespace).Create(ctx, u, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}
