package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// completionLink is the link by which kubectl finds a plugin's completion.
type completionLink struct {
	path    string // of the link
	target  string // what is written into it
	program string // what it leads to
}

// processPath is where this program was started from, as it was called: not
// what a link that led to it leads to, since the link is what upgrades keep.
func processPath() string {
	path := os.Args[0]
	if !strings.ContainsRune(path, filepath.Separator) {
		if found, err := exec.LookPath(path); err == nil {
			path = found
		}
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}

// newCompletionLink works out where the link to a program goes: into dir, else
// beside the program, or where krew keeps its links when krew installed it.
func newCompletionLink(program, dir string) (completionLink, error) {
	base := filepath.Base(program)
	plugin, ok := strings.CutPrefix(base, pluginPrefix)
	if !ok {
		return completionLink{}, errNoPlugin(base)
	}
	if linked := filepath.Join(krewRoot(), "bin", base); strings.HasPrefix(program, filepath.Join(krewRoot(), "store")+string(filepath.Separator)) && sameFile(linked, program) {
		program = linked
	}
	l := completionLink{program: program, target: program}
	if dir == "" {
		dir = filepath.Dir(program)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return l, err
	}
	l.path = filepath.Join(dir, completionPrefix+plugin)
	if dir == filepath.Dir(program) {
		l.target = base // goes on working when the folder is moved
	}
	return l, nil
}

// krewRoot is where krew keeps plugins (krew 0.5.0, pkg/environment).
func krewRoot() string {
	if root := os.Getenv("KREW_ROOT"); root != "" {
		return root
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".krew")
}

// install makes the link, and says so. What is there and is something else is
// left alone.
func (l completionLink) install(streams genericiooptions.IOStreams) error {
	if runtime.GOOS == "windows" {
		cmd := strings.TrimSuffix(l.path, ".exe") + ".cmd"
		return fmt.Errorf("links need a right of their own on Windows: put the line  @\"%s\" __complete %%*  into %s instead", l.program, cmd)
	}
	_, err := os.Lstat(l.path)
	switch {
	case err == nil && sameFile(l.path, l.program):
		fmt.Fprintf(streams.Out, "%s is there already\n", l.path)
		return nil
	case err == nil:
		return fmt.Errorf("%s is something else: move it away first", l.path)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.Symlink(l.target, l.path); err != nil {
		return fmt.Errorf("%w (--dir names another folder)", err)
	}
	fmt.Fprintf(streams.Out, "%s linked to %s\n", l.path, l.target)
	if found, err := exec.LookPath(filepath.Base(l.path)); err != nil || !sameFile(found, l.path) {
		fmt.Fprintf(streams.ErrOut, "warning: kubectl looks for it in PATH, in which %s is not\n", filepath.Dir(l.path))
	}
	return nil
}

// sameFile reports whether two paths lead to one file.
func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
