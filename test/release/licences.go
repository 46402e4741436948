package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Licences writes what the licences of the libraries ask for: every licence and
// notice of every module that is linked into the program on one of the
// platforms, and of Go itself. A text that several share stands once. A module
// without a licence is an error.
func (c *Config) Licences(ctx context.Context, root string, platforms []Platform, w io.Writer) error {
	found := licences{}
	for _, p := range platforms {
		if err := found.add(ctx, root, c.Builds[0].Main, p); err != nil {
			return err
		}
	}
	return found.write(w)
}

// licences are the names of modules by the file's text and name.
type licences map[licence][]string

type licence struct{ name, text string }

type linked struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// add adds the licences of what is linked into the program on a platform.
func (l licences) add(ctx context.Context, root, program string, p Platform) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Dir,Standard,Module", program)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.OS, "GOARCH="+p.Arch)
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("the libraries on %s: %w", p, err)
	}
	covered := map[string]bool{}
	goroot := ""
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var one linked
		if err := d.Decode(&one); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		switch {
		case one.Standard:
			goroot = one.Dir
		case one.Module == nil || one.Module.Main:
		default:
			who := one.Module.Path + " " + one.Module.Version
			n, err := l.collect(one.Dir, one.Module.Dir, who)
			if err != nil {
				return err
			}
			covered[who] = covered[who] || n > 0
		}
	}
	for who, ok := range covered {
		if !ok {
			return fmt.Errorf("%s has no licence file: look at it", who)
		}
	}
	return l.standard(goroot)
}

// collect takes the licences in a package's folder and in those above it, up to
// the module's, and says how many there are.
func (l licences) collect(dir, top, who string) (int, error) {
	n := 0
	for {
		files, err := os.ReadDir(dir)
		if err != nil {
			return n, err
		}
		for _, f := range files {
			if f.IsDir() || !isLicence(f.Name()) {
				continue
			}
			n++
			if err := l.take(filepath.Join(dir, f.Name()), who); err != nil {
				return n, err
			}
		}
		if dir == top || len(dir) <= len(top) {
			return n, nil
		}
		dir = filepath.Dir(dir)
	}
}

// standard takes the licence of Go, which stands above the folder src.
func (l licences) standard(dir string) error {
	for filepath.Base(dir) != "src" {
		if up := filepath.Dir(dir); up != dir {
			dir = up
			continue
		}
		return errors.New("the licence of Go was not found")
	}
	return l.take(filepath.Join(filepath.Dir(dir), "LICENSE"), "Go and its standard library")
}

func (l licences) take(file, who string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	key := licence{filepath.Base(file), strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n"))}
	if !slices.Contains(l[key], who) {
		l[key] = append(l[key], who)
	}
	return nil
}

// isLicence reports whether a file's name is that of a licence or a notice:
// LICENSE, LICENSE.MIT, COPYING.txt, LICENSE-APACHE …
func isLicence(name string) bool {
	base, ending, _ := strings.Cut(strings.ToUpper(name), ".")
	if ending == "GO" {
		return false
	}
	for _, word := range []string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS"} {
		if base == word || strings.HasPrefix(base, word+"-") {
			return true
		}
	}
	return false
}

func (l licences) write(w io.Writer) error {
	var keys []licence
	for k := range l {
		slices.Sort(l[k])
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b licence) int {
		return strings.Compare(l[a][0]+a.name+a.text, l[b][0]+b.name+b.text)
	})
	rule := strings.Repeat("=", 80)
	if _, err := fmt.Fprintln(w, "kubectl mesh is made with the software below, under these licences."); err != nil {
		return err
	}
	for _, k := range keys {
		if _, err := fmt.Fprintf(w, "\n%s\n%s\n(%s)\n%s\n\n%s\n", rule, strings.Join(l[k], "\n"), k.name, rule, k.text); err != nil {
			return err
		}
	}
	return nil
}
