package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// result is what one command took: the median of its runs.
type result struct {
	name    string
	command string
	seconds float64
	cpu     float64 // seconds, in the program and in the kernel for it
	peakMB  float64
}

// command is what is measured, under a name.
type command struct {
	name   string
	args   []string
	before []string // a command that runs before each time and does not count; nil for none
}

// measure compares the doctor, and the start of the programs.
func measure(ctx context.Context, s *sandbox.Sandbox, plugin string, runs int) ([]result, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return rounds(ctx, s, runs, []command{
		{name: "doctor", args: []string{plugin, "doctor", "-A"}},
		{name: "istioctl analyze", args: []string{s.Bin("istioctl"), "analyze", "-A"}},
		{name: "the same lists", args: []string{self, "-lists=doctor"}},
		{name: "start of kubectl mesh", args: []string{plugin, "version", "--client"}},
		{name: "start of istioctl", args: []string{s.Bin("istioctl"), "version", "--remote=false"}},
		{name: "start of kubectl", args: []string{s.Bin("kubectl"), "version", "--client"}},
	})
}

// rounds runs every command in turn, round by round, so that a slow moment of
// the machine hits all of them alike.
func rounds(ctx context.Context, s *sandbox.Sandbox, runs int, commands []command) ([]result, error) {
	env := append(os.Environ(), "KUBECONFIG="+s.Kubeconfig())
	seconds, cpus, peaks := make([][]float64, len(commands)), make([][]float64, len(commands)), make([][]float64, len(commands))
	for round := range runs + 1 { // the first warms caches and does not count
		for i, c := range commands {
			if c.before != nil {
				if _, _, _, err := once(ctx, env, c.before); err != nil {
					return nil, fmt.Errorf("%s: %w", strings.Join(c.before, " "), err)
				}
			}
			took, cpu, peak, err := once(ctx, env, c.args)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", strings.Join(c.args, " "), err)
			}
			if round > 0 {
				seconds[i], cpus[i], peaks[i] = append(seconds[i], took), append(cpus[i], cpu), append(peaks[i], peak)
			}
			fmt.Fprintf(os.Stderr, "round %d: %-24s %6.2f s %6.2f s of CPU %5.0f MB\n", round, c.name, took, cpu, peak)
		}
	}
	var results []result
	for i, c := range commands {
		words := slices.Clone(c.args)
		words[0] = filepath.Base(words[0])
		results = append(results, result{c.name, strings.Join(words, " "), median(seconds[i]), median(cpus[i]), median(peaks[i])})
	}
	return results, nil
}

// once runs a command and returns its seconds, those of CPU, and its peak
// resident memory. A command that finds something and says so with its exit code has run.
func once(ctx context.Context, env, args []string) (seconds, cpu, megabytes float64, err error) {
	var errOut strings.Builder
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Env, c.Stdout, c.Stderr = env, io.Discard, &errOut
	began := time.Now()
	err = c.Run()
	took := time.Since(began).Seconds()
	if exit, ok := err.(*exec.ExitError); ok && (exit.ExitCode() == 79 || exit.ExitCode() == 1) && ctx.Err() == nil {
		err = nil // findings
	}
	if err != nil {
		return 0, 0, 0, fmt.Errorf("%w: %s", err, errOut.String())
	}
	usage, _ := c.ProcessState.SysUsage().(*syscall.Rusage)
	return took, (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), float64(usage.Maxrss) / 1024, nil
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// paths are the large lists that a command reads.
func paths(command string) ([]string, error) {
	routing := []string{
		"/api/v1/pods", "/api/v1/services", "/apis/discovery.k8s.io/v1/endpointslices",
		"/apis/networking.istio.io/v1/virtualservices", "/apis/networking.istio.io/v1/destinationrules",
	}
	switch command {
	case "doctor":
		return append(routing,
			"/api/v1/namespaces", "/api/v1/nodes", "/api/v1/events?fieldSelector=type=Warning",
			"/api/v1/resourcequotas", "/api/v1/limitranges", "/api/v1/configmaps?fieldSelector=metadata.name=istio-ca-root-cert",
			"/apis/networking.k8s.io/v1/networkpolicies",
			"/apis/apps/v1/deployments", "/apis/apps/v1/replicasets", "/apis/apps/v1/statefulsets", "/apis/apps/v1/daemonsets",
			"/apis/batch/v1/jobs", "/apis/batch/v1/cronjobs", "/apis/autoscaling/v2/horizontalpodautoscalers",
			"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
		), nil
	case "route":
		return append(routing, "/apis/networking.istio.io/v1/gateways", "/apis/networking.istio.io/v1/sidecars"), nil
	}
	return nil, fmt.Errorf("-lists=%s: use doctor or route", command)
}

// lists fetches the large lists that a command reads, built-in kinds as
// protobuf and at once, and drops them: what no program can be faster than.
func lists(ctx context.Context, command string) error {
	all, err := paths(command)
	if err != nil {
		return err
	}
	config, err := sandbox.RESTConfig(os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = -1, -1
	config.ContentType, config.AcceptContentTypes = "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, path := range all {
		group.Go(func() error {
			_, err := client.Discovery().RESTClient().Get().RequestURI(path).DoRaw(ctx)
			return err
		})
	}
	return group.Wait()
}
