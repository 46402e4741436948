package checks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose/checks"
	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/cluster"
)

// hostile is what nobody wants a shell to see: outside of quotes, and in single
// or double ones, it runs a command.
const hostile = "x'; hostile-ran; echo $(hostile-ran) `hostile-ran` \"$(hostile-ran)\nhostile-ran\n#"

// TestCommandsRunNothingButThemselves pastes every command of every fix into
// bash, on every fixture, and on every fixture with each of its texts in turn
// made hostile. Nothing may run but the programs that fixes name.
func TestCommandsRunNothingButThemselves(t *testing.T) {
	t.Parallel() // it is the longest
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	commands := map[string]string{} // and where it comes from
	tried := map[string]bool{}      // of a check and a field
	folders, err := filepath.Glob("testdata/*/cluster.yaml")
	require.NoError(t, err)
	for _, path := range folders {
		folder := filepath.Dir(path)
		name, variant, _ := strings.Cut(filepath.Base(folder), ".")
		if strings.HasPrefix(variant, "healthy") {
			continue
		}
		note := func(where string, runs []string) {
			for _, run := range runs {
				if _, known := commands[run]; !known {
					commands[run] = filepath.Base(folder) + " " + where
				}
			}
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		asItIs := runsOf(t, name, folder, text)
		note("as it is", asItIs)
		if len(asItIs) == 0 {
			continue
		}
		for where, text := range hostileVariants(t, name, text, tried) {
			note(where, runsOf(t, name, folder, text))
		}
	}
	require.Greater(t, len(commands), 200)
	reached := 0
	for run := range commands {
		if strings.Contains(run, "hostile-ran") {
			reached++
		}
	}
	require.Greater(t, reached, 20, "commands that hold a hostile text")
	for run, why := range pasted(t, bash, slices.Sorted(maps.Keys(commands))) {
		assert.Fail(t, why, "%s\n%s", commands[run], run)
	}
}

// pasted runs commands in bash, with stand-ins for the programs that fixes may
// name, and returns what is wrong with those that did anything else.
func pasted(t *testing.T, bash string, commands []string) map[string]string {
	t.Helper()
	bin := t.TempDir()
	for _, program := range []string{"kubectl", "istioctl", "sed", "base64", "tr"} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, program), []byte("#!"+bash+"\nexit 0\n"), 0o755))
	}
	script := `command_not_found_handle() { echo "ran $1" >&3; }
while IFS= read -r -d '' line; do
  "$BASH" -n -c "$line" 2>/dev/null || echo "is no shell command" >&3
  ( eval "$line" ) </dev/null >/dev/null 2>&1
  printf '\0' >&3
done`
	out, err := os.CreateTemp(bin, "out")
	require.NoError(t, err)
	defer out.Close()
	cmd := exec.CommandContext(t.Context(), bash, "-c", script)
	cmd.Env, cmd.Dir, cmd.ExtraFiles = []string{"PATH=" + bin}, bin, []*os.File{out}
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\x00") + "\x00")
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, string(text))
	said, err := os.ReadFile(out.Name())
	require.NoError(t, err)
	answers := strings.Split(string(said), "\x00")
	require.Len(t, answers, len(commands)+1)
	wrong := map[string]string{}
	for i, c := range commands {
		if answers[i] != "" {
			wrong[c] = answers[i]
		}
	}
	return wrong
}

// runsOf are the commands of a check's fixes on a text.
func runsOf(t *testing.T, name, folder string, text []byte) []string {
	t.Helper()
	s, _, err := cluster.ReadFiles(t.Context(), cluster.FileQuery{Paths: []string{"-"}, Stdin: bytes.NewReader(text)})
	require.NoError(t, err)
	at := slices.IndexFunc(checks.All(), func(c diagnose.Check) bool { return c.Name == name })
	require.GreaterOrEqual(t, at, 0, name)
	r := diagnose.Run(s, []diagnose.Check{alone(checks.All()[at])}, diagnose.Options{Scope: scope(t, folder), Injector: injector(s)})
	var runs []string
	for _, f := range r.Findings {
		for _, step := range f.Fix {
			if step.Run != "" {
				runs = append(runs, step.Run)
			}
		}
	}
	return runs
}

// hostileVariants are a fixture with one of its texts made hostile: of each
// field that was not tried yet with a fixture of the same check.
func hostileVariants(t *testing.T, check string, text []byte, tried map[string]bool) map[string][]byte {
	t.Helper()
	var docs []any
	for _, part := range strings.Split(string(text), "\n---\n") {
		var doc any
		require.NoError(t, yaml.Unmarshal([]byte(part), &doc))
		docs = append(docs, doc)
	}
	variants := map[string][]byte{}
	join := func() []byte {
		var b bytes.Buffer
		for _, d := range docs {
			line, err := json.Marshal(d)
			require.NoError(t, err)
			b.WriteString("---\n")
			b.Write(line)
			b.WriteString("\n")
		}
		return b.Bytes()
	}
	for _, d := range docs[1:] {
		o, ok := d.(map[string]any)
		if !ok {
			continue
		}
		visit(o, fmt.Sprint(o["kind"]), func(where string) {
			if !tried[check+" "+where] {
				tried[check+" "+where] = true
				variants[where] = join()
			}
		})
	}
	return variants
}

// visit makes each text below a value hostile in turn, before and behind what
// it was. The value is as before afterwards.
func visit(v any, where string, changed func(string)) {
	each := func(at, old string, set func(string)) {
		set(old + hostile)
		changed(at + " behind")
		set(hostile + old)
		changed(at + " before")
		set(old)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			at := where + "." + key
			if text, ok := v[key].(string); ok && key != "kind" && key != "apiVersion" {
				each(at, text, func(s string) { v[key] = s })
			}
			visit(v[key], at, changed)
		}
	case []any:
		for i := range v {
			at := where + "[]"
			if text, ok := v[i].(string); ok {
				each(at, text, func(s string) { v[i] = s })
			}
			visit(v[i], at, changed)
		}
	}
}
