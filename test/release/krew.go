package release

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"
)

// Manifest fills in krew's manifest (krew/mesh.yaml.tmpl) as krew-release-bot
// does, but takes the checksums from the archives in a folder. base is where
// krew is to get the archives; empty for where releases are. Where not all
// platforms are asked for the others are left out, and comments with them.
//
// What addURIAndSha writes is taken from krew-release-bot v0.0.51,
// pkg/source/template.go.
func (c *Config) Manifest(root, tag, folder, base string, platforms []Platform) (string, error) {
	wanted := map[string]bool{}
	for _, p := range platforms {
		name, err := c.ArchiveName(tag, p)
		if err != nil {
			return "", err
		}
		wanted[name] = true
	}
	text, err := os.ReadFile(filepath.Join(root, "krew", "mesh.yaml.tmpl"))
	if err != nil {
		return "", err
	}
	filled, err := fillManifest(string(text), tag, func(uri string) (string, string, error) {
		name := path.Base(uri)
		if !wanted[name] {
			return uri, "", nil
		}
		if base != "" {
			uri = base + "/" + name
		}
		sum, err := Sum(filepath.Join(folder, name))
		return uri, sum, err
	})
	if err != nil || len(platforms) == len(c.Platforms()) {
		return filled, err
	}
	return only(filled)
}

// fillManifest executes the template. source says for the address of an
// archive where to get it and its checksum.
func fillManifest(text, tag string, source func(uri string) (string, string, error)) (string, error) {
	t, err := template.New("krew").Option("missingkey=error").Funcs(template.FuncMap{
		"addURIAndSha": func(url, tag string) (string, error) {
			uri, err := execute(url, tag)
			if err != nil {
				return "", err
			}
			uri, sum, err := source(uri)
			return fmt.Sprintf("uri: %s\n    sha256: %s", uri, sum), err
		},
	}).Parse(text)
	if err != nil {
		return "", err
	}
	return run(t, tag)
}

// only leaves out the platforms that have no checksum.
func only(manifest string) (string, error) {
	var m map[string]any
	if err := yaml.Unmarshal([]byte(manifest), &m); err != nil {
		return "", err
	}
	spec, _ := m["spec"].(map[string]any)
	all, _ := spec["platforms"].([]any)
	spec["platforms"] = slices.DeleteFunc(all, func(p any) bool {
		one, _ := p.(map[string]any)
		return one["sha256"] == nil
	})
	text, err := yaml.Marshal(m)
	return string(text), err
}

func execute(text, tag string) (string, error) {
	t, err := template.New("url").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	return run(t, tag)
}

func run(t *template.Template, tag string) (string, error) {
	var b strings.Builder
	err := t.Execute(&b, struct{ TagName string }{tag})
	return b.String(), err
}
