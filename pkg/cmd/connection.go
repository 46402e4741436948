package cmd

import (
	"strings"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// withoutRateLimit lifts client-go's limit of five calls a second: we make a
// few dozen, at once, and the API server has its own fairness.
func withoutRateLimit(c *rest.Config) *rest.Config {
	c.QPS, c.Burst = 200, 400
	return c
}

// connectFlags are the flags by which the user reached the cluster, for the
// commands that are printed.
func connectFlags(f *genericclioptions.ConfigFlags) string {
	var flags []string
	add := func(name string, value *string) {
		if value != nil && *value != "" {
			flags = append(flags, "--"+name+" "+mesh.ShellQuote(*value))
		}
	}
	add("kubeconfig", f.KubeConfig)
	add("context", f.Context)
	add("cluster", f.ClusterName)
	return strings.Join(flags, " ")
}
