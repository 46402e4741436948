//go:build sandbox

package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// reviews is a service with two versions and two clients in namespace shop.
func (w world) reviews() {
	w.t.Helper()
	w.namespace("shop", "istio-injection=enabled")
	for _, name := range []string{"reviews-v1", "reviews-v2", "client-a", "client-b"} {
		w.kubectl("-n", "shop", "create", "deployment", name, "--image=nginx", "--dry-run=client", "-o", "yaml")
		app, version, _ := strings.Cut(name, "-v")
		w.applyYAML(fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: shop}
spec:
  selector: {matchLabels: {app: %[2]s, version: v%[3]s}}
  template:
    metadata: {labels: {app: %[2]s, version: v%[3]s}}
    spec: {containers: [{name: app, image: nginx}]}
`, name, app, version))
	}
	w.applyYAML(`
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec:
  selector: {app: reviews}
  ports: [{name: http, port: 9080}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: shop}
spec:
  host: reviews
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
`)
	for _, name := range []string{"reviews-v1", "reviews-v2", "client-a", "client-b"} {
		w.kubectl("-n", "shop", "rollout", "status", "deployment/"+name, "--timeout=60s")
	}
}

func (w world) applyYAML(content string) {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "objects.yaml")
	require.NoError(w.t, os.WriteFile(path, []byte(content), 0o644))
	w.kubectl("apply", "-f", path)
}

// split writes the VirtualService of reviews.
func (w world) split(v1, v2 int, exportTo string) {
	w.t.Helper()
	w.applyYAML(fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop}
spec:
  exportTo: [%q]
  hosts: [reviews.shop.svc.cluster.local]
  http:
  - name: all
    route:
    - {destination: {host: reviews.shop.svc.cluster.local, subset: v1}, weight: %d}
    - {destination: {host: reviews.shop.svc.cluster.local, subset: v2}, weight: %d}
`, exportTo, v1, v2))
}

func (w world) podOf(namespace, app string) string {
	w.t.Helper()
	pods, err := w.Client().CoreV1().Pods(namespace).List(w.t.Context(), metav1.ListOptions{LabelSelector: "app=" + app, FieldSelector: "status.phase=Running"})
	require.NoError(w.t, err)
	require.NotEmpty(w.t, pods.Items)
	return pods.Items[0].Name
}

// routeDump is as much of a dump as these tests look at.
type routeDump struct {
	Configs []struct {
		RouteConfig struct {
			Name         string
			VirtualHosts []struct {
				Name   string
				Routes []struct {
					Route struct {
						Cluster          string
						WeightedClusters struct {
							Clusters []struct {
								Name   string
								Weight int
							}
						} `json:"weighted_clusters"`
					}
				}
			} `json:"virtual_hosts"`
		} `json:"route_config"`
	}
}

// sharesIn are the destinations of reviews in a dump of dynamic_route_configs: "v1=80 v2=20", or the name of a cluster.
func sharesIn(content []byte) (string, error) {
	var dump routeDump
	if err := json.Unmarshal(content, &dump); err != nil {
		return "", fmt.Errorf("%w: %s", err, content)
	}
	var shares []string
	for _, c := range dump.Configs {
		for _, host := range c.RouteConfig.VirtualHosts {
			if host.Name != "reviews.shop.svc.cluster.local:9080" {
				continue
			}
			for _, r := range host.Routes {
				if r.Route.Cluster != "" {
					shares = append(shares, r.Route.Cluster)
				}
				for _, weighted := range r.Route.WeightedClusters.Clusters {
					shares = append(shares, fmt.Sprintf("%s=%d", strings.Split(weighted.Name, "|")[2], weighted.Weight))
				}
			}
		}
	}
	return strings.Join(shares, " "), nil
}

// forward runs kubectl port-forward until the test ends and returns the URL that leads to the pod's port.
func (w world) forward(namespace, pod string, port int) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), w.Bin("kubectl"), "-n", namespace, "port-forward", "pod/"+pod, ":"+strconv.Itoa(port), "--address=127.0.0.1")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+w.Kubeconfig())
	out, err := cmd.StdoutPipe()
	require.NoError(w.t, err)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(w.t, cmd.Start())
	w.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(w.t, err, stderr.String())
	var local int
	_, err = fmt.Sscanf(line, "Forwarding from 127.0.0.1:%d", &local)
	require.NoError(w.t, err, line)
	return fmt.Sprintf("http://127.0.0.1:%d", local)
}

func get(ctx context.Context, url string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return resp.StatusCode, content, err
}

// seen waits until a proxy has the shares and returns how long that took.
func (w world) seen(what, want string, dump func(context.Context) ([]byte, error)) time.Duration {
	w.t.Helper()
	began := time.Now()
	last := ""
	require.NoError(w.t, poll(w.t.Context(), what, 20*time.Second, 10*time.Millisecond, func(ctx context.Context) (bool, error) {
		content, err := dump(ctx)
		if err != nil {
			return false, err
		}
		last, err = sharesIn(content)
		return last == want, err
	}), "last seen: %s", last)
	took := time.Since(began)
	w.t.Logf("%s: %s", what, took.Round(time.Millisecond))
	return took
}

func (w world) dumpOf(namespace, pod string) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		return w.ProxyDump(ctx, namespace, pod, "resource=dynamic_route_configs&name_regex=9080")
	}
}

// waits waits until a message from istiod is held back by a proxy.
func (w world) waits(namespace, pod string) {
	w.t.Helper()
	w.eventually("a message that waits", func(ctx context.Context) (bool, error) {
		all, err := w.ProxyStatuses(ctx)
		for _, p := range all {
			if p.Namespace == namespace && p.Name == pod {
				return p.Waiting > 0, err
			}
		}
		return false, err
	})
}

// memoryOf is the resident memory of a part of the sandbox in MB.
func (w world) memoryOf(part string) int {
	w.t.Helper()
	w.mu.Lock()
	pid := w.parts[part].cmd.Process.Pid
	w.mu.Unlock()
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	require.NoError(w.t, err)
	kilobytes, err := strconv.Atoi(strings.TrimSpace(string(out)))
	require.NoError(w.t, err)
	return kilobytes / 1024
}
