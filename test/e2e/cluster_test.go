//go:build sandbox

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
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

// control drives the sandbox.
func (w *world) control(_ *testscript.TestScript, args []string) error {
	if len(args) == 0 {
		return usage("sandbox istiod|apiserver|revision|tag ARG …")
	}
	rest := args[1:]
	switch args[0] {
	case "apiserver":
		return w.sandbox.RestartAPIServer(w.ctx, rest...)
	case "istiod":
		return w.istiod(append(rest, ""))
	case "revision":
		if len(rest) > 0 {
			return w.sandbox.InstallRevision(w.ctx, rest[0], rest[1:]...)
		}
	case "tag":
		if len(rest) == 2 {
			return w.sandbox.SetTag(w.ctx, rest[0], rest[1])
		}
	}
	return fmt.Errorf("sandbox: cannot %s", strings.Join(args, " "))
}

// istiod is control's "istiod ACTION [REVISION]"; args end with an empty revision.
func (w *world) istiod(args []string) error {
	s, revision := w.sandbox, args[min(1, len(args)-1)]
	switch args[0] {
	case "stop":
		return s.StopIstiod(w.ctx, revision)
	case "start":
		return s.StartIstiod(w.ctx, revision)
	case "pause":
		return s.PauseIstiod(w.ctx, revision)
	case "resume":
		return s.ResumeIstiod(w.ctx, revision)
	case "unready":
		return s.FailReadiness(w.ctx, revision, true)
	case "ready":
		return s.FailReadiness(w.ctx, revision, false)
	}
	return fmt.Errorf("istiod: cannot %q", args[0])
}

// user makes a user with a ClusterRole, everywhere or in one namespace.
func (w *world) user(ts *testscript.TestScript, args []string) error {
	var access []sandbox.Access
	switch len(args) {
	case 1:
	case 2:
		access = []sandbox.Access{{ClusterRole: args[1]}}
	case 3:
		access = []sandbox.Access{{ClusterRole: args[1], Namespace: args[2]}}
	default:
		return usage("user NAME [ROLE [NS]]")
	}
	path, err := w.sandbox.User(w.ctx, args[0], access...)
	if err != nil {
		return err
	}
	ts.Setenv(args[0], path)
	return nil
}

// samples is the folder of Istio's samples in the module cache.
func samples() string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio").Output()
	if err != nil {
		return ""
	}
	return filepath.Join(strings.TrimSpace(string(out)), "samples")
}
