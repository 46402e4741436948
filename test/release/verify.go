package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Check is what krew is asked of a release that was made here.
type Check struct {
	Config    *Config
	Root      string // of the repository
	Folder    string // with the archives
	Tag       string
	Krew      string // krew itself
	Validator string // validate-krew-manifest
	Kubectl   string
	Platforms []Platform
	Log       io.Writer
}

// Run validates the manifest with krew's own program, which also installs every
// platform's archive over HTTP and looks for the licence in it; installs every
// platform from the archives with krew; and runs what it installed for this
// machine through kubectl. Everything happens in a temporary folder, without
// the user's home and kubeconfig.
func (c *Check) Run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "kubectl-mesh-krew-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "path")
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	for name, target := range map[string]string{"kubectl": c.Kubectl, "kubectl-krew": c.Krew} {
		if target, err = filepath.Abs(target); err != nil {
			return err
		}
		if _, err := os.Stat(target); err != nil {
			return err
		}
		if err := os.Symlink(target, filepath.Join(path, name)); err != nil {
			return err
		}
	}
	if err := c.validate(ctx, dir, path); err != nil {
		return err
	}
	manifest, err := c.manifest(dir, "")
	if err != nil {
		return err
	}
	for _, p := range c.Platforms {
		if err := c.install(ctx, dir, path, manifest, p); err != nil {
			return err
		}
	}
	return nil
}

// manifest writes krew's manifest of the platforms into a folder of its own.
func (c *Check) manifest(dir, base string) (string, error) {
	text, err := c.Config.Manifest(c.Root, c.Tag, c.Folder, base, c.Platforms)
	if err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp(dir, "manifest-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "mesh.yaml") // krew wants the plugin's name
	return file, os.WriteFile(file, []byte(text), 0o644)
}

// validate has krew's validator look at the manifest, and install from it.
func (c *Check) validate(ctx context.Context, dir, path string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(c.Folder)), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with Close
	defer server.Close()
	manifest, err := c.manifest(dir, "http://"+l.Addr().String())
	if err != nil {
		return err
	}
	out, err := command(ctx, environment(dir, path), c.Validator, "-manifest", manifest)
	if err != nil {
		return fmt.Errorf("validate-krew-manifest: %w\n%s", err, out)
	}
	fmt.Fprintf(c.Log, "validate-krew-manifest: %s is valid, and all its %d platforms install\n", c.Tag, len(c.Platforms))
	return nil
}

// install installs a platform's archive with krew as krew would there, and runs
// it where it is this machine's.
func (c *Check) install(ctx context.Context, dir, path, manifest string, p Platform) error {
	name, err := c.Config.ArchiveName(c.Tag, p)
	if err != nil {
		return err
	}
	root := filepath.Join(dir, "krew-"+p.OS+"-"+p.Arch)
	env := append(environment(dir, path), "KREW_ROOT="+root, "KREW_OS="+p.OS, "KREW_ARCH="+p.Arch)
	kubectl := filepath.Join(path, "kubectl")
	out, err := command(ctx, env, kubectl, "krew", "install", "--manifest="+manifest, "--archive="+filepath.Join(c.Folder, name))
	if err != nil {
		return fmt.Errorf("krew install %s: %w\n%s", name, err, out)
	}
	installed := filepath.Join(root, "bin", c.Config.Binary(p))
	if info, err := os.Stat(installed); err != nil || info.Size() == 0 {
		return fmt.Errorf("krew install %s: no program at bin/%s (%w)", name, c.Config.Binary(p), err)
	}
	fmt.Fprintf(c.Log, "krew install: %s\n", name)
	if p != (Platform{runtime.GOOS, runtime.GOARCH}) {
		return nil
	}
	return c.use(ctx, dir, path, installed)
}

// use runs what krew installed through kubectl, under its own name and under
// another one.
func (c *Check) use(ctx context.Context, dir, path, installed string) error {
	env := environment(dir, filepath.Dir(installed)+string(os.PathListSeparator)+path)
	kubectl := filepath.Join(path, "kubectl")
	other := filepath.Join(filepath.Dir(installed), "kubectl-istio_doctor")
	if err := os.Symlink(installed, other); err != nil {
		return err
	}
	for _, want := range []struct {
		args []string
		say  string
	}{
		{[]string{"mesh", "version", "--client"}, c.Tag},
		{[]string{"mesh", "--help"}, "kubectl mesh doctor"},
		{[]string{"istio-doctor", "version", "--client"}, c.Tag},
		{[]string{"istio-doctor", "doctor", "--help"}, "kubectl istio-doctor doctor"},
		{[]string{"plugin", "list"}, installed},
	} {
		out, err := command(ctx, env, kubectl, want.args...)
		said := "kubectl " + strings.Join(want.args, " ")
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", said, err, out)
		}
		if !strings.Contains(out, want.say) {
			return fmt.Errorf("%s does not say %q:\n%s", said, want.say, out)
		}
		fmt.Fprintf(c.Log, "%s: %s\n", said, lineWith(out, want.say))
	}
	return nil
}

// lineWith is the line of a text that has the words.
func lineWith(text, words string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, words) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// environment has nothing of the user's but the search path given.
func environment(home, path string) []string {
	return []string{
		"HOME=" + home, "KUBECONFIG=" + filepath.Join(home, "no-kubeconfig"), "KREW_NO_UPGRADE_CHECK=1",
		"PATH=" + path + string(os.PathListSeparator) + os.Getenv("PATH"), "TMPDIR=" + home,
	}
}

// command runs a program within two minutes and returns all that it said.
func command(ctx context.Context, env []string, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	return string(out), err
}
