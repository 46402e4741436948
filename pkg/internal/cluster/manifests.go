package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
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
		m, err := kustomization(q.Kustomize)
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
		paths, err := expand([]string{name}, q.Recursive)
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			if p.found && strings.HasSuffix(strings.ToLower(p.name), ".gz") {
				continue
			}
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
		text, err := os.ReadFile(p.name)
		return Manifest{Name: p.name, File: p.name, Text: text}, err
	}
	// A terminal or pipe that says nothing must not keep Ctrl-C waiting.
	type read struct {
		text []byte
		err  error
	}
	done := make(chan read, 1)
	go func() {
		text, err := io.ReadAll(stdin)
		done <- read{text, err}
	}()
	select {
	case <-ctx.Done():
		return Manifest{}, ctx.Err()
	case r := <-done:
		if r.err == nil && len(strings.TrimSpace(string(r.text))) == 0 {
			r.err = errors.New("standard input is empty")
		}
		return Manifest{Name: p.String(), Text: r.text}, r.err
	}
}

func download(ctx context.Context, url string) (Manifest, error) {
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Manifest{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return Manifest{}, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return Manifest{}, fmt.Errorf("%s: the server answered %s", url, res.Status)
	}
	text, err := io.ReadAll(http.MaxBytesReader(nil, res.Body, maxManifest))
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", url, err)
	}
	return Manifest{Name: url, Text: text}, nil
}

// kustomization builds a kustomization as kubectl does
// (k8s.io/cli-runtime v0.35.0, pkg/resource/kustomizevisitor.go).
func kustomization(folder string) (Manifest, error) {
	o := krusty.MakeDefaultOptions()
	o.Reorder = krusty.ReorderOptionLegacy
	m, err := krusty.MakeKustomizer(o).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return Manifest{}, fmt.Errorf("kustomization %s: %w", folder, err)
	}
	text, err := m.AsYaml()
	return Manifest{Name: "kustomization " + folder, Text: text}, err
}
