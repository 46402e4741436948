//go:build sandbox

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// hasSidecar tells whether a pod carries istio-proxy, as a container or as a native sidecar.
func hasSidecar(p *corev1.Pod) bool {
	return slices.ContainsFunc(slices.Concat(p.Spec.InitContainers, p.Spec.Containers), func(c corev1.Container) bool {
		return c.Name == "istio-proxy" && strings.Contains(c.Image, "proxyv2")
	})
}

func (w *world) injected(_ *testscript.TestScript, args []string) error {
	o := parseOptions(args)
	return w.created(o, func(p *corev1.Pod, err error) error {
		if err != nil {
			return err
		}
		if !hasSidecar(p) {
			return errors.New("a pod created now gets no sidecar")
		}
		if rev, ok := o.settings["rev"]; ok && p.Annotations["istio.io/rev"] != rev {
			return fmt.Errorf("a pod created now gets the sidecar of revision %s, not %s", p.Annotations["istio.io/rev"], rev)
		}
		return nil
	})
}

func (w *world) bare(_ *testscript.TestScript, args []string) error {
	return w.created(parseOptions(args), func(p *corev1.Pod, err error) error {
		if err == nil && hasSidecar(p) {
			return errors.New("a pod created now gets a sidecar")
		}
		return err
	})
}

func (w *world) refused(_ *testscript.TestScript, args []string) error {
	if len(args) < 2 {
		return usage("refused NS PATTERN [LABEL=VALUE …]")
	}
	return w.created(parseOptions(slices.Delete(slices.Clone(args), 1, 2)), func(_ *corev1.Pod, err error) error {
		if err == nil {
			return errors.New("a pod created now is not refused")
		}
		return match(args[1], err.Error())
	})
}

// created asks the API server what it makes of a pod now, without keeping it, until check is content.
func (w *world) created(o options, check func(*corev1.Pod, error) error) error {
	if len(o.words) != 1 {
		return usage("NS [like:TYPE/NAME] [rev:NAME] [LABEL=VALUE …] [@ANNOTATION=VALUE …]")
	}
	ns := o.words[0]
	return w.retry(func() error {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Labels: o.labels, Annotations: o.annotations},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example.com/probe:1"}}},
		}
		if like, ok := o.settings["like"]; ok {
			template, err := w.template(ns, like)
			if err != nil {
				return err
			}
			pod.ObjectMeta, pod.Spec = template.ObjectMeta, template.Spec
		}
		pod.Name, pod.Namespace = "probe", ns
		return check(w.sandbox.Client().CoreV1().Pods(ns).Create(w.ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}))
	})
}

// template is the pod template of a workload of any kind.
func (w *world) template(ns, typeName string) (corev1.PodTemplateSpec, error) {
	var obj struct {
		Spec struct{ Template corev1.PodTemplateSpec }
	}
	out, err := w.sandbox.Kubectl(w.ctx, "-n", ns, "get", typeName, "-o", "json")
	if err != nil {
		return corev1.PodTemplateSpec{}, err
	}
	err = json.Unmarshal([]byte(out), &obj)
	return obj.Spec.Template, err
}
