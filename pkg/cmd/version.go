package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/inject"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// version is set when a release is linked (-ldflags -X); a build from source
// says what Go knows of it.
var version string

// clientVersion is what this program is.
type clientVersion struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Istio    string `json:"istio"`      // the release whose injection code is built in
	Library  string `json:"kubernetes"` // the version of the client libraries
}

// versions is what this program is, and what runs in the cluster.
type versions struct {
	Client clientVersion `json:"client"`
	*clusterVersions
}

func newVersion(config *genericclioptions.ConfigFlags, name string, streams genericiooptions.IOStreams) *cobra.Command {
	var output string
	var client bool
	c := &cobra.Command{
		Use:                   "version [--client] [-o json|yaml]",
		DisableFlagsInUseLine: true,
		Short:                 "Print the versions of this program, the cluster, istiod and the proxies",
		Long: `Print the versions of this program, of the Istio and the Kubernetes libraries in it, and of
what runs in the cluster: the API server, istiod by revision, the proxies.

It warns on stderr where they are too far apart: the API server more than one minor version
from the Kubernetes libraries, an istiod more than one from the Istio built in, and proxies
where the doctor's check proxy-version-skew finds them. What could not be read is "?", in
JSON null.

Exit codes:
  0  shown, with warnings or without
  2  could not do it: usage, unreachable; or something is "?"`,
		Example: examples(name, `
			# All of them
			%[1]s version

			# Without a cluster
			%[1]s version --client

			# For a bug report
			%[1]s version -o yaml`),
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if output != "" && output != "json" && output != "yaml" {
				return fmt.Errorf("--output %s: use json or yaml", output)
			}
			v := versions{Client: thisVersion()}
			var err error
			if !client {
				v.clusterVersions, err = askVersions(c.Context(), config, v.Client, streams)
			}
			if werr := v.write(output, streams); werr != nil {
				return werr
			}
			if err == nil && v.clusterVersions != nil && len(v.Unknown) > 0 {
				err = fmt.Errorf("not everything is known: %s", strings.Join(v.Unknown, "; "))
			}
			return err
		},
	}
	c.Flags().BoolVar(&client, "client", false, "Do not ask the cluster")
	c.Flags().StringVarP(&output, "output", "o", "", "Output format: json, yaml")
	return c
}

// askVersions reads what runs in the cluster.
func askVersions(ctx context.Context, config *genericclioptions.ConfigFlags, client clientVersion, streams genericiooptions.IOStreams) (*clusterVersions, error) {
	timeout, err := requestTimeout(config)
	if err != nil {
		return nil, err
	}
	skew, err := choose(checks.All(), []string{"proxy-version-skew"}, nil)
	if err != nil {
		return nil, err
	}
	stop := spin(streams.ErrOut, "looking at the cluster")
	s, err := cluster.Read(ctx, cluster.Query{Getter: config, Kinds: append(kindsOf(skew), mesh.ServerVersion), Timeout: timeout})
	stop()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%w (--client does not ask)", err)
	}
	return versionsOf(s, client, diagnose.Run(s, skew, diagnose.Options{})), nil
}

// write prints to stdout, and warnings to stderr.
func (v versions) write(format string, streams genericiooptions.IOStreams) error {
	switch format {
	case "json":
		e := json.NewEncoder(streams.Out)
		e.SetIndent("", "  ")
		if err := e.Encode(v); err != nil {
			return err
		}
	case "yaml":
		text, err := yaml.Marshal(v)
		if err != nil {
			return err
		}
		if _, err := streams.Out.Write(text); err != nil {
			return err
		}
	default:
		if err := v.text(streams.Out); err != nil {
			return err
		}
	}
	if v.clusterVersions != nil {
		for _, w := range v.Warnings {
			fmt.Fprintf(streams.ErrOut, "warning: %s\n", w)
		}
	}
	return nil
}

func (v versions) text(w io.Writer) error {
	_, err := fmt.Fprintf(w, "Client: %s (%s, %s; Istio %s, Kubernetes libraries %s)\n",
		v.Client.Version, v.Client.Go, v.Client.Platform, v.Client.Istio, v.Client.Library)
	if err != nil || v.clusterVersions == nil {
		return err
	}
	return v.clusterVersions.text(w)
}

func thisVersion() clientVersion {
	v := clientVersion{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Istio: inject.IstioVersion}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if v.Version == "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value
		}
	}
	for _, d := range info.Deps {
		if d.Path == "k8s.io/client-go" {
			v.Library = d.Version
		}
	}
	return v
}
