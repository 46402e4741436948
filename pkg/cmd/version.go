package cmd

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"
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

func newVersion(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	var output string
	var client bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program, and of the cluster",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out := struct {
				Client clientVersion `json:"client"`
				Server string        `json:"server,omitempty"`
			}{Client: thisVersion()}
			var serverErr error
			if !client {
				out.Server, serverErr = serverVersion(config)
			}
			switch output {
			case "":
				fmt.Fprintf(streams.Out, "Client: %s (%s, %s; Istio %s, Kubernetes libraries %s)\n",
					out.Client.Version, out.Client.Go, out.Client.Platform, out.Client.Istio, out.Client.Library)
				if out.Server != "" {
					fmt.Fprintf(streams.Out, "Server: %s\n", out.Server)
				}
			case "json":
				e := json.NewEncoder(streams.Out)
				e.SetIndent("", "  ")
				if err := e.Encode(out); err != nil {
					return err
				}
			case "yaml":
				text, err := yaml.Marshal(out)
				if err != nil {
					return err
				}
				fmt.Fprint(streams.Out, string(text))
			default:
				return fmt.Errorf("--output %s: use json or yaml", output)
			}
			return serverErr
		},
	}
	c.Flags().BoolVar(&client, "client", false, "Do not ask the cluster")
	c.Flags().StringVarP(&output, "output", "o", "", "Output format: json, yaml")
	return c
}

func thisVersion() clientVersion {
	v := clientVersion{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Istio: istioRelease}
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

// istioRelease is the release that the pinned commit of istio.io/istio is.
const istioRelease = "1.29.1"

func serverVersion(config *genericclioptions.ConfigFlags) (string, error) {
	d, err := config.ToDiscoveryClient()
	if err != nil {
		return "", err
	}
	v, err := d.ServerVersion()
	if err != nil {
		return "", fmt.Errorf("asking the cluster for its version: %w (--client does not ask)", err)
	}
	return v.GitVersion, nil
}
