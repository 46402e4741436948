package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// maxManifest bounds what is read of one manifest, in bytes.
const maxManifest = 256 << 20

// ManifestQuery says which manifests to read, as kubectl's -f, -R and -k do.
type ManifestQuery struct {
	Filenames []string // files, folders, http and https URLs, "-" for Stdin
	Recursive bool     // also what is in the folders of folders
	Kustomize string   // a folder with a kustomization; empty for none
	Stdin     io.Reader
}

// Manifest is a text as it was written.
type Manifest struct {
	Name string // for people: the path, the URL, "standard input"
	File string // where it can be written back; empty where it cannot
	Text []byte
}

// Manifests reads texts without looking into them. Its error names what could
// not be read; there is no limit of time but ctx and, for a URL, the timeout.
func Manifests(ctx context.Context, q ManifestQuery) ([]Manifest, error) {
	var all []Manifest
	if q.Kustomize != "" {
		m, err := inBackground(ctx, func() (Manifest, error) { return kustomization(q.Kustomize) })
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	for _, name := range q.Filenames {
		if strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://") {
			m, err := download(ctx, name)
			if err != nil {
				return nil, err
			}
			all = append(all, m)
			continue
		}
		paths, err := expand(globbed(name), q.Recursive)
		if err != nil {
			return nil, err
		}
		paths = slices.DeleteFunc(paths, func(p path) bool { return p.found && packed(p.name) })
		if len(paths) == 0 {
			return nil, fmt.Errorf("%s holds no *.yaml, *.yml or *.json file", name)
		}
		for _, p := range paths {
			m, err := readManifest(ctx, p, q.Stdin)
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
	return all, nil
}

func readManifest(ctx context.Context, p path, stdin io.Reader) (Manifest, error) {
	if p.name != "-" {
		if packed(p.name) {
			return Manifest{}, fmt.Errorf("%s is compressed: unpack it first (gunzip)", p.name)
		}
		text, err := ReadFile(p.name)
		return Manifest{Name: p.name, File: p.name, Text: text}, err
	}
	return inBackground(ctx, func() (Manifest, error) {
		text, err := io.ReadAll(stdin)
		if err == nil && len(strings.TrimSpace(string(text))) == 0 {
			err = errors.New("standard input is empty")
		}
		return Manifest{Name: p.String(), Text: text}, err
	})
}

// globbed is what a pattern that the shell left alone stands for, as kubectl
// takes it (k8s.io/cli-runtime v0.35.0, pkg/resource/visitor.go).
func globbed(name string) []string {
	if _, err := os.Stat(name); err == nil || name == "-" {
		return []string{name}
	}
	found, err := filepath.Glob(name)
	if err != nil || len(found) == 0 {
		return []string{name}
	}
	return found
}

func packed(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".gz") }

// inBackground waits for what takes no context only until ctx ends: a terminal
// or pipe that says nothing, or a Git server, must not keep Ctrl-C waiting.
func inBackground(ctx context.Context, read func() (Manifest, error)) (Manifest, error) {
	type answer struct {
		manifest Manifest
		err      error
	}
	done := make(chan answer, 1)
	go func() {
		m, err := read()
		done <- answer{m, err}
	}()
	select {
	case <-ctx.Done():
		return Manifest{}, ctx.Err()
	case a := <-done:
		return a.manifest, a.err
	}
}

func download(ctx context.Context, address string) (Manifest, error) {
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Manifest{}, err
	}
	res, err := http.DefaultClient.Do(req)
	var transport *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Manifest{}, fmt.Errorf("%s: no answer within %s", address, DefaultTimeout)
	case errors.As(err, &transport):
		return Manifest{}, fmt.Errorf("%s: %w", address, transport.Err)
	case err != nil:
		return Manifest{}, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return Manifest{}, fmt.Errorf("%s: the server answered %s", address, res.Status)
	}
	text, err := io.ReadAll(http.MaxBytesReader(nil, res.Body, maxManifest))
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", address, err)
	}
	return Manifest{Name: address, Text: text}, nil
}

// kustomization builds a kustomization as kubectl does
// (k8s.io/cli-runtime v0.35.0, pkg/resource/kustomizevisitor.go).
func kustomization(folder string) (Manifest, error) {
	o := krusty.MakeDefaultOptions()
	o.Reorder = krusty.ReorderOptionLegacy
	m, err := krusty.MakeKustomizer(o).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		if _, missing := os.Stat(folder); missing != nil && !strings.Contains(folder, "//") && !strings.Contains(folder, "?") {
			return Manifest{}, fileError(folder, missing)
		}
		return Manifest{}, fmt.Errorf("kustomization %s: %w", folder, err)
	}
	text, err := m.AsYaml()
	return Manifest{Name: "kustomization " + folder, Text: text}, err
}
