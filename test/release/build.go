package release

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Compile builds the program for a platform into dist/build, as a release is
// built, and returns the file. Go does nothing where it is up to date.
func (c *Config) Compile(ctx context.Context, root, tag string, p Platform) (string, error) {
	out := filepath.Join(root, "dist", "build", p.OS+"_"+p.Arch, c.Binary(p))
	b := c.Builds[0]
	var ldflags []string
	for _, f := range b.Ldflags {
		f, err := c.fill(f, tag, p)
		if err != nil {
			return "", err
		}
		ldflags = append(ldflags, f)
	}
	args := append([]string{"build"}, b.Flags...)
	args = append(args, "-ldflags="+strings.Join(ldflags, " "), "-o", out, b.Main)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	cmd.Env = append(append(os.Environ(), b.Env...), "GOOS="+p.OS, "GOARCH="+p.Arch)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build for %s: %w", p, err)
	}
	return out, nil
}
