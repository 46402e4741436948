package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"
)

// k9sPlugin is a plugin as K9s knows them (K9s v0.51.0,
// internal/config/json/schemas/plugins.json). What is not here is no field.
type k9sPlugin struct {
	Shortcut    string     `json:"shortCut"`
	Description string     `json:"description"`
	Scopes      []string   `json:"scopes"`
	Command     string     `json:"command"`
	Args        []string   `json:"args"`
	Background  *bool      `json:"background"`
	Confirm     bool       `json:"confirm"`
	Dangerous   bool       `json:"dangerous"`
	Inputs      []k9sInput `json:"inputs"`
}

type k9sInput struct {
	Name     string   `json:"name"`
	Label    string   `json:"label"`
	Type     string   `json:"type"`
	Required bool     `json:"required"`
	Default  string   `json:"default"`
	Options  []string `json:"options"`
}

// k9sVariables are those of a row (K9s v0.51.0, internal/view/helpers.go and
// README), as far as every resource has them.
func k9sVariables() map[string]string {
	return map[string]string{
		"NAME": "reviews", "NAMESPACE": "shop", "CONTEXT": "kind-demo of 'me'", "CLUSTER": "demo", "USER": "me",
		"RESOURCE_NAME": "", "RESOURCE_GROUP": "apps", "RESOURCE_VERSION": "v1",
	}
}

// k9sFree are the shortcuts that no view of K9s 0.40 to 0.51 has for itself.
func k9sFree() []string { return []string{"Shift-E", "Shift-H", "Shift-Q", "Shift-W", "Shift-Y"} }

func k9sPlugins(t *testing.T) map[string]k9sPlugin {
	t.Helper()
	text, err := os.ReadFile("../../plugins.yaml")
	require.NoError(t, err)
	var file struct {
		Plugins map[string]k9sPlugin `json:"plugins"`
	}
	require.NoError(t, yaml.UnmarshalStrict(text, &file))
	require.NotEmpty(t, file.Plugins)
	return file.Plugins
}

func TestK9sTakesThePluginsFile(t *testing.T) {
	taken := map[string]string{}
	for name, p := range k9sPlugins(t) {
		assert.NotEmpty(t, p.Description, name)
		assert.NotEmpty(t, p.Command, name)
		assert.NotEmpty(t, p.Scopes, name)
		assert.Contains(t, k9sFree(), p.Shortcut, name)
		for _, scope := range p.Scopes {
			key := scope + " " + p.Shortcut
			assert.Empty(t, taken[key], "%s has the shortcut of another plugin in %s", name, scope)
			taken[key] = name
		}
		if assert.NotNil(t, p.Background, name) {
			assert.False(t, *p.Background, "%s needs the terminal", name)
		}
		assert.LessOrEqual(t, len(p.Inputs), 5, name)
		var inputs []string
		for _, i := range p.Inputs {
			assert.NotContains(t, inputs, i.Name, name)
			inputs = append(inputs, i.Name)
			assert.Regexp(t, `^[a-z]+$`, i.Name, name)
			assert.NotEmpty(t, i.Label, name)
			assert.Contains(t, []string{"string", "number", "bool", "dropdown"}, i.Type, name)
			assert.Equal(t, i.Type == "dropdown", len(i.Options) > 0, "%s: options of %s", name, i.Name)
			if i.Default != "" {
				assert.True(t, i.Required, "%s: K9s 0.51.0 refuses the whole file where %s has a default and is not required", name, i.Name)
			}
		}
	}
	for _, scope := range []string{"pods", "deployments", "statefulsets", "daemonsets", "services", "namespaces"} {
		assert.NotEmpty(t, taken[scope+" Shift-Y"], "the doctor is missing in %s", scope)
	}
}

// TestK9sPluginsRunCommandsThatAreThere has sh run every plugin with a kubectl
// that only notes its words, for every resource, and gives the words to the
// program's own tree of commands.
func TestK9sPluginsRunCommandsThatAreThere(t *testing.T) {
	for name, p := range k9sPlugins(t) {
		for _, scope := range p.Scopes {
			t.Run(name+"/"+scope, func(t *testing.T) {
				words := k9sWords(t, p, scope, "v2; touch $(id) `id` \"'")
				require.Equal(t, "mesh", words[0])
				streams, _, _, _ := genericiooptions.NewTestIOStreams()
				c, rest, err := newRoot("kubectl mesh", streams).Find(words[1:])
				require.NoError(t, err)
				require.NotNil(t, c.RunE, "%s is no command that runs", c.CommandPath())
				require.NoError(t, c.ParseFlags(rest))
				require.NoError(t, c.ValidateArgs(c.Flags().Args()))

				assert.Equal(t, "kind-demo of 'me'", k9sFlag(t, c, "context"), "K9s' context need not be the current one")
				want := "shop"
				if scope == "namespaces" {
					want = "reviews" // the row's own name; it has no namespace
				}
				assert.Equal(t, want, k9sFlag(t, c, "namespace"))

				writes := c.Flags().Lookup("yes") != nil && !c.Flags().Changed("diff")
				assert.Equal(t, writes, p.Dangerous, "dangerous keeps it out of K9s' read-only mode")
				assert.Equal(t, writes, p.Confirm)
				if writes {
					assert.False(t, c.Flags().Changed("yes"), "the plan is shown, and asked about")
					assert.NotContains(t, strings.Join(p.Args, " "), "less", "a pager would take the question")
				}
			})
		}
	}
}

func k9sFlag(t *testing.T, c *cobra.Command, name string) string {
	t.Helper()
	value, err := c.Flags().GetString(name)
	require.NoError(t, err)
	return value
}

// k9sWords are the words that a plugin calls kubectl with. input is what is
// typed into every dialog.
func k9sWords(t *testing.T, p k9sPlugin, scope, input string) []string {
	t.Helper()
	values := k9sVariables()
	values["RESOURCE_NAME"] = scope
	unused := map[string]bool{}
	for _, i := range p.Inputs {
		values["INPUT_"+strings.ToUpper(i.Name)] = input
		if i.Type == "number" {
			values["INPUT_"+strings.ToUpper(i.Name)] = "20"
		}
		unused["INPUT_"+strings.ToUpper(i.Name)] = true
	}
	variable := regexp.MustCompile(`\$\{(\w+)\}`)
	var args []string
	for _, a := range p.Args {
		a = variable.ReplaceAllStringFunc(a, func(found string) string {
			name := variable.FindStringSubmatch(found)[1]
			value, ok := values[name]
			assert.True(t, ok, "K9s has no variable %s", name)
			delete(unused, name)
			return strings.ReplaceAll(value, "$", "\x00")
		})
		// Another dollar would be a variable of K9s too, and some versions of it refuse unknown ones.
		assert.NotContains(t, strings.ReplaceAll(a, `"$@"`, ""), "$", "write ${NAME}")
		args = append(args, strings.ReplaceAll(a, "\x00", "$"))
	}
	assert.Empty(t, unused, "typed and not used")

	path, noted := t.TempDir(), filepath.Join(t.TempDir(), "words")
	script := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(path, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	}
	script("kubectl", `for w in "$@"; do printf '%s\0' "$w"; done > "$NOTED"`)
	script("less", "cat > /dev/null")
	c := exec.CommandContext(t.Context(), p.Command, args...)
	c.Env = []string{"PATH=" + path + ":" + os.Getenv("PATH"), "NOTED=" + noted}
	c.Stdin = strings.NewReader("\n")
	out, err := c.CombinedOutput()
	require.NoError(t, err, "K9s takes another end for a failure: %s", out)
	text, err := os.ReadFile(noted)
	require.NoError(t, err)
	words := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
	if slices.ContainsFunc(p.Inputs, func(i k9sInput) bool { return i.Type == "string" }) {
		assert.Contains(t, strings.Join(words, "\n"), input, "a value is never read as a part of the script")
	}
	return words
}
