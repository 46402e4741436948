package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// path is a file to read.
type path struct {
	name  string
	found bool // in a folder, and not named by the user
}

// String names the path in errors.
func (p path) String() string {
	if p.name == "-" {
		return "standard input"
	}
	return p.name
}

// expand lists the files that paths stand for: folders become the manifests
// in them, and with recursive also those below, in the order of their names.
func expand(names []string, recursive bool) ([]path, error) {
	var paths []path
	for _, name := range names {
		if name == "-" {
			paths = append(paths, path{name: name})
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, fileError(name, err)
		}
		if !info.IsDir() {
			paths = append(paths, path{name: name})
			continue
		}
		below, err := manifests(name, recursive)
		if err != nil {
			return nil, err
		}
		if len(below) == 0 {
			return nil, fmt.Errorf("%s holds no *.yaml, *.yml, *.json or *.gz file", name)
		}
		paths = append(paths, below...)
	}
	return paths, nil
}

func manifests(folder string, recursive bool) ([]path, error) {
	var paths []path
	// The slash makes a folder of a link to one.
	err := filepath.WalkDir(folder+string(filepath.Separator), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fileError(strings.TrimSuffix(name, string(filepath.Separator)), err)
		}
		hidden := strings.HasPrefix(d.Name(), ".") && len(name) > len(folder)+1
		switch {
		case d.IsDir() && (hidden || !recursive && len(name) > len(folder)+1):
			return filepath.SkipDir
		case d.IsDir() || hidden || !isManifest(d.Name()):
			return nil
		}
		// Links to files are followed, as a mounted ConfigMap has them.
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
			return nil
		}
		paths = append(paths, path{name: name, found: true})
		return nil
	})
	return paths, err
}

func isManifest(name string) bool {
	name, packed := strings.CutSuffix(strings.ToLower(name), ".gz")
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	case ".tar", ".log", ".txt":
		return false
	}
	return packed
}

// ReadFile reads a file whole. Its error is one line in kubectl's manner.
func ReadFile(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	return text, fileError(name, err)
}

// fileError says why a file cannot be read, in kubectl's words where it is not
// there (k8s.io/cli-runtime v0.35.0, pkg/resource/builder.go:
// pathNotExistError), and without the system call.
func fileError(name string, err error) error {
	var call *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the path %q does not exist", name)
	case errors.As(err, &call):
		return fmt.Errorf("the path %q cannot be read: %w", name, call.Err)
	}
	return err
}
