// Package release makes here what a release is made of: archives for six
// platforms, their checksums, the licences of the libraries, krew's manifest.
// Names, flags and the list of files are those of .goreleaser.yaml, which makes
// the real ones.
package release

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"
)

// Config is what of .goreleaser.yaml counts here: one build and one kind of
// archive.
type Config struct {
	Project string `json:"project_name"`
	Dist    string `json:"dist"`
	Before  struct {
		Hooks []string `json:"hooks"`
	} `json:"before"`
	Builds   []Build   `json:"builds"`
	Archives []Archive `json:"archives"`
	Checksum struct {
		Name string `json:"name_template"`
	} `json:"checksum"`
	Casks []struct {
		Manpages    []string          `json:"manpages"`
		Completions map[string]string `json:"completions"`
	} `json:"homebrew_casks"`
	Images []struct {
		Platforms  []string `json:"platforms"`
		Dockerfile string   `json:"dockerfile"`
		ExtraFiles []string `json:"extra_files"`
	} `json:"dockers_v2"`
}

// Build is how the program is compiled.
type Build struct {
	Main    string   `json:"main"`
	Binary  string   `json:"binary"`
	Env     []string `json:"env"`
	OS      []string `json:"goos"`
	Arch    []string `json:"goarch"`
	Flags   []string `json:"flags"`
	Ldflags []string `json:"ldflags"`
}

// Archive is how archives are named, and what is in them beside the program.
type Archive struct {
	Name      string   `json:"name_template"`
	Formats   []string `json:"formats"`
	Overrides []struct {
		OS      string   `json:"goos"`
		Formats []string `json:"formats"`
	} `json:"format_overrides"`
	Files []File `json:"files"`
}

// File is one or several files (src may have *) of an archive.
type File struct {
	Source      string `json:"src"`
	Destination string `json:"dst"`
	StripParent bool   `json:"strip_parent"`
}

// Platform is an operating system and an architecture, as Go names them.
type Platform struct{ OS, Arch string }

// String is the platform as Go writes it: "linux/amd64".
func (p Platform) String() string { return p.OS + "/" + p.Arch }

// Load reads .goreleaser.yaml below root.
func Load(root string) (*Config, error) {
	text, err := os.ReadFile(filepath.Join(root, ".goreleaser.yaml"))
	if err != nil {
		return nil, err
	}
	c := &Config{}
	if err := yaml.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf(".goreleaser.yaml: %w", err)
	}
	if len(c.Builds) != 1 || len(c.Archives) != 1 || len(c.Archives[0].Formats) != 1 {
		return nil, errors.New(".goreleaser.yaml: one build and one kind of archive are expected")
	}
	return c, nil
}

// Platforms are those that are built.
func (c *Config) Platforms() []Platform {
	var all []Platform
	for _, system := range c.Builds[0].OS {
		for _, arch := range c.Builds[0].Arch {
			all = append(all, Platform{system, arch})
		}
	}
	return all
}

// Choose returns the platforms named ("linux/amd64"), all when none is.
func (c *Config) Choose(names []string) ([]Platform, error) {
	all := c.Platforms()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []Platform
	for _, name := range names {
		found := false
		for _, p := range all {
			if p.String() == name {
				chosen, found = append(chosen, p), true
			}
		}
		if !found {
			return nil, fmt.Errorf("platform %s: use one of %v", name, all)
		}
	}
	return chosen, nil
}

// ArchiveName is the file name of a platform's archive in the release of a tag.
func (c *Config) ArchiveName(tag string, p Platform) (string, error) {
	name, err := c.fill(c.Archives[0].Name, tag, p)
	return name + "." + c.format(p), err
}

// format is the ending of a platform's archive.
func (c *Config) format(p Platform) string {
	for _, o := range c.Archives[0].Overrides {
		if o.OS == p.OS {
			return o.Formats[0]
		}
	}
	return c.Archives[0].Formats[0]
}

// Binary is the file name of the program.
func (c *Config) Binary(p Platform) string {
	if p.OS == "windows" {
		return c.Builds[0].Binary + ".exe"
	}
	return c.Builds[0].Binary
}

// fill fills in a template of goreleaser, as far as this project uses them.
func (c *Config) fill(text, tag string, p Platform) (string, error) {
	t, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", fmt.Errorf(".goreleaser.yaml: %w", err)
	}
	var b strings.Builder
	err = t.Execute(&b, map[string]string{"ProjectName": c.Project, "Tag": tag, "Os": p.OS, "Arch": p.Arch})
	return b.String(), err
}
