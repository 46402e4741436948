//go:build sandbox

package e2e_test

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// options are the words behind a command's name: KEY=VALUE labels, @KEY=VALUE annotations, name:value settings.
type options struct {
	words               []string
	labels, annotations map[string]string
	settings            map[string]string
}

func parseOptions(args []string) options {
	o := options{labels: map[string]string{}, annotations: map[string]string{}, settings: map[string]string{}}
	for _, a := range args {
		if key, value, ok := strings.Cut(a, "="); ok {
			if name, annotation := strings.CutPrefix(key, "@"); annotation {
				o.annotations[name] = value
			} else {
				o.labels[key] = value
			}
			continue
		}
		if name, value, ok := strings.Cut(a, ":"); ok {
			o.settings[name] = value
			continue
		}
		o.words = append(o.words, a)
	}
	return o
}

func (w *world) namespace(_ *testscript.TestScript, args []string) error {
	o := parseOptions(args)
	if len(o.words) != 1 {
		return usage("namespace NAME [LABEL=VALUE …]")
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: o.words[0], Labels: o.labels, Annotations: o.annotations}}
	client := w.sandbox.Client().CoreV1()
	if _, err := client.Namespaces().Create(w.ctx, ns, metav1.CreateOptions{}); err != nil {
		return err
	}
	return w.retry(func() error { // no pod can be created before
		_, err := client.ServiceAccounts(ns.Name).Get(w.ctx, "default", metav1.GetOptions{})
		return err
	})
}

func (w *world) deployment(_ *testscript.TestScript, args []string) error {
	o := parseOptions(args)
	if len(o.words) != 1 || !strings.Contains(o.words[0], "/") {
		return usage("deployment NS/NAME [replicas:N] [LABEL=VALUE …] [@ANNOTATION=VALUE …]")
	}
	ns, name, _ := strings.Cut(o.words[0], "/")
	replicas := int32(1)
	if text, ok := o.settings["replicas"]; ok {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return err
		}
		replicas = int32(n)
	}
	o.labels["app"] = name
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: o.labels, Annotations: o.annotations},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example.com/" + name + ":1"}}},
			},
		},
	}
	_, err := w.sandbox.Client().AppsV1().Deployments(ns).Create(w.ctx, d, metav1.CreateOptions{})
	return err
}

func (w *world) apply(ts *testscript.TestScript, args []string) error {
	for _, file := range args {
		if err := ts.Exec("kubectl", "apply", "-f", ts.MkAbs(file)); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) meshed(_ *testscript.TestScript, args []string) error { return w.rolledOut(args, true) }

func (w *world) up(_ *testscript.TestScript, args []string) error { return w.rolledOut(args, false) }

// rolledOut waits until each Deployment has all its pods, and every pod a sidecar or none.
func (w *world) rolledOut(args []string, sidecar bool) error {
	for _, a := range args {
		ns, name, ok := strings.Cut(a, "/")
		if !ok {
			return usage("NS/NAME …")
		}
		if err := w.retry(func() error { return w.rollout(ns, name, sidecar) }); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) rollout(ns, name string, sidecar bool) error {
	d, err := w.sandbox.Client().AppsV1().Deployments(ns).Get(w.ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	s, want := d.Status, *d.Spec.Replicas
	if s.ObservedGeneration < d.Generation || s.UpdatedReplicas != want || s.Replicas != want || s.AvailableReplicas != want {
		return fmt.Errorf("deployment %s/%s is not rolled out: %+v", ns, name, s)
	}
	pods, err := w.sandbox.Client().CoreV1().Pods(ns).List(w.ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)})
	if err != nil {
		return err
	}
	for i := range pods.Items {
		p := &pods.Items[i]
		if p.DeletionTimestamp == nil && hasSidecar(p) != sidecar {
			return fmt.Errorf("pod %s/%s: sidecar is %t", ns, p.Name, hasSidecar(p))
		}
	}
	return nil
}
