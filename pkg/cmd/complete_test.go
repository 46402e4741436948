package cmd

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// completerOfShop is a completer for a cluster that is not there.
func completerOfShop(config *genericclioptions.ConfigFlags) completer {
	c := newCompleter(config)
	c.patience = time.Minute
	c.list = func(_ context.Context, k mesh.Kind, namespace, selector string) ([]metav1.ObjectMeta, error) {
		switch {
		case k == mesh.Namespaces:
			return []metav1.ObjectMeta{{Name: "shop"}, {Name: "default"}}, nil
		case k == mesh.MutatingWebhooks && selector == "istio.io/rev":
			return []metav1.ObjectMeta{
				{Name: "a", Labels: map[string]string{"istio.io/rev": "default"}},
				{Name: "b", Labels: map[string]string{"istio.io/rev": "canary"}},
				{Name: "c", Labels: map[string]string{"istio.io/rev": "canary", "istio.io/tag": "prod"}},
			}, nil
		case k == mesh.Deployments && namespace == "shop":
			return []metav1.ObjectMeta{{Name: "web"}, {Name: "worker"}, {Name: "api"}}, nil
		case k == mesh.Services && namespace == "shop":
			return []metav1.ObjectMeta{{Name: "reviews"}, {Name: "ratings"}, {Name: "evil\x1b[31m"}}, nil
		case k == mesh.Gateways:
			return []metav1.ObjectMeta{{Name: "tcp-echo-gateway"}}, nil
		}
		return nil, errors.New("not here")
	}
	c.read = func(ctx context.Context, namespace string) (*mesh.Snapshot, error) {
		s, _, err := cluster.ReadFiles(ctx, cluster.FileQuery{Paths: []string{routeCases + "jason/cluster.yaml"}, Namespace: namespace})
		return s, err
	}
	return c
}

// completed runs what kubectl runs for TAB, and returns the words and the
// directive.
func completed(t *testing.T, with func(*genericclioptions.ConfigFlags) completer, args ...string) (words []string, directive string) {
	t.Helper()
	config := genericclioptions.NewConfigFlags(true)
	var out bytes.Buffer
	root := newCommands(config, "kubectl mesh", genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &bytes.Buffer{}})
	with(config).addTo(root)
	root.SetArgs(append([]string{"__complete"}, args...))
	require.NoError(t, root.ExecuteContext(t.Context()))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, l := range lines[:len(lines)-1] {
		word, _, _ := strings.Cut(l, "\t")
		words = append(words, word)
	}
	return words, lines[len(lines)-1]
}

func TestWordsAreCompletedFromTheCluster(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join("testdata", "kubeconfig.yaml"))
	const noFiles, noSpace = ":4", ":6"
	for line, want := range map[string]struct {
		words     string
		directive string
	}{
		"enable ":                                {"default shop", noFiles},
		"enable shop ":                           {"", noFiles},
		"enable shop --revision ":                {"canary default prod", noFiles},
		"enable shop --revision p":               {"prod", noFiles},
		"doctor -n ":                             {"default shop", noFiles},
		"doctor -n s":                            {"shop", noFiles},
		"doctor ":                                {"explain deployment/ statefulset/ daemonset/ job/ cronjob/ pod/ service/ namespace/", noSpace},
		"doctor dep":                             {"deployment/", noSpace},
		"doctor -n shop deploy/w":                {"deploy/web deploy/worker", noFiles},
		"doctor deployment/":                     {"deployment/api deployment/web deployment/worker", noFiles},
		"doctor deployment web ":                 {"api web worker", noFiles},
		"doctor rollout/":                        {"", noFiles},
		"doctor pod/":                            {"", noFiles},
		"doctor --checks istiod-no":              {"istiod-no-endpoints", noFiles},
		"doctor --checks a,istiod-no":            {"a,istiod-no-endpoints", noFiles},
		"doctor --context ":                      {"elsewhere shop", noFiles},
		"doctor --cluster ":                      {"there", noFiles},
		"doctor -o ":                             {"table wide short json yaml name", noFiles},
		"doctor --fail-on w":                     {"warning", noFiles},
		"doctor explain root-c":                  {"root-cert-missing", noFiles},
		"doctor -f ":                             {"", ":0"},
		"inject ":                                {"deployment/ statefulset/ daemonset/ job/ cronjob/ pod/", noSpace},
		"inject deployment/a":                    {"deployment/api", noFiles},
		"inject --from ":                         {"cluster webhook files builtin", noFiles},
		"inject -k ":                             {"", ":16"},
		"route shift r":                          {"ratings reviews", noFiles},
		"route shift ":                           {"evil^[[31m ratings reviews", noFiles},
		"route shift reviews ":                   {"v1= v2=", noSpace},
		"route shift reviews v2=20 ":             {"v1=", noSpace},
		"route shift reviews --to ":              {"v1 v2", noFiles},
		"route shift --to ":                      {"", noFiles},
		"route shift reviews --adjust v2":        {"v2=", noSpace},
		"route shift nothing ":                   {"", noSpace},
		"route breaker ra":                       {"ratings", noFiles},
		"route breaker reviews/":                 {"reviews/v1 reviews/v2", noFiles},
		"route subset reviews ":                  {"list add remove", noFiles},
		"route subset reviews remove v1":         {"v1", noFiles},
		"route tcp reviews --gateway ":           {"tcp-echo-gateway", noFiles},
		"route list -o ":                         {"table wide json yaml name jsonpath go-template custom-columns", noFiles},
		"route fault reviews --api ":             {"auto istio gateway", noFiles},
		"route timeout reviews --allow fault":    {"fault-disables-timeout", noFiles},
		"route timeout reviews ":                 {"", noFiles},
		"version -o ":                            {"json yaml", noFiles},
		"version ":                               {"", noFiles},
		"completion ":                            {"install bash zsh fish powershell", noFiles},
		"completion install --dir ":              {"", ":0"},
		"no-such-command ":                       {"", ":0"},
		"doctor --no-such-flag deployment/":      {"", ":0"},
		"route shift reviews v2=20 --dry-run=se": {"server", noFiles},
	} {
		t.Run(line, func(t *testing.T) {
			words, directive := completed(t, completerOfShop, strings.Split(line, " ")...)
			assert.Equal(t, want.words, strings.Join(words, " "))
			assert.Equal(t, want.directive, directive)
		})
	}
}

func TestNothingIsOfferedWhereTheClusterDoesNotAnswer(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join("testdata", "kubeconfig.yaml"))
	silent := func(config *genericclioptions.ConfigFlags) completer {
		c := newCompleter(config)
		c.patience = time.Millisecond
		c.list = func(context.Context, mesh.Kind, string, string) ([]metav1.ObjectMeta, error) { select {} }
		c.read = func(context.Context, string) (*mesh.Snapshot, error) { select {} }
		return c
	}
	broken := func(config *genericclioptions.ConfigFlags) completer {
		c := newCompleter(config)
		c.list = func(context.Context, mesh.Kind, string, string) ([]metav1.ObjectMeta, error) {
			return []metav1.ObjectMeta{{Name: "half"}}, errors.New("forbidden")
		}
		c.read = func(context.Context, string) (*mesh.Snapshot, error) { return nil, errors.New("forbidden") }
		return c
	}
	for _, line := range []string{"enable ", "doctor deployment/", "route shift ", "route shift reviews --to ", "enable shop --revision "} {
		for how, with := range map[string]func(*genericclioptions.ConfigFlags) completer{"hangs": silent, "refuses": broken} {
			words, directive := completed(t, with, strings.Split(line, " ")...)
			assert.Empty(t, words, "%s: %s", how, line)
			assert.Equal(t, ":4", directive, "%s: %s", how, line)
		}
	}
}

func TestCompletionWithoutAKubeconfig(t *testing.T) {
	for _, path := range []string{"/nowhere", "/dev/null"} {
		t.Setenv("KUBECONFIG", path)
		for _, line := range []string{"enable ", "doctor --context ", "doctor deployment/", "route shift reviews "} {
			var out, errOut bytes.Buffer
			code := Main(append([]string{"/usr/bin/kubectl_complete-mesh"}, strings.Split(line, " ")...), genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut})
			assert.Zero(t, code, line)
			assert.Regexp(t, `\A:\d+\n\z`, out.String(), line)
			assert.NotContains(t, errOut.String(), "rror", line)
		}
	}
}

// TestEveryWordOfAFlagIsInItsText keeps what is offered for a flag and what its
// help says together.
func TestEveryWordOfAFlagIsInItsText(t *testing.T) {
	used := map[string]bool{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		path := strings.TrimSpace(strings.TrimPrefix(c.CommandPath(), "kubectl mesh"))
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			name := path + " --" + f.Name
			words, ok := choices()[name]
			if !ok {
				name = "--" + f.Name
				words, ok = choices()[name]
			}
			if !ok {
				return
			}
			used[name] = true
			for _, w := range words {
				if !slices.Contains([]string{"--allow", "--compare"}, name) { // these lists stand elsewhere in the help
					assert.Contains(t, f.Usage, w, "%s --%s", path, f.Name)
				}
			}
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	walk(newRoot("kubectl mesh", streams))
	for name := range choices() {
		assert.True(t, used[name], "choices has %s, which no command has", name)
	}
}

// TestEveryCommandWithArgumentsCompletesThem finds a path of arguments that no
// command has.
func TestEveryPathOfCompletionIsACommand(t *testing.T) {
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	root := newRoot("kubectl mesh", streams)
	for path := range (completer{}).arguments() {
		c, rest, err := root.Find(strings.Fields(path))
		require.NoError(t, err, path)
		assert.Empty(t, rest, path)
		assert.NotNil(t, c.ValidArgsFunction, path)
	}
	for flag := range (completer{}).flagValues() {
		path, name, _ := strings.Cut(flag, "--")
		c, _, err := root.Find(strings.Fields(path))
		require.NoError(t, err, flag)
		if path != "" {
			assert.NotNil(t, c.Flag(name), flag)
		}
	}
}
