package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// modulesDir finds test/sandbox/modules by walking up from the working directory to this project's go.mod.
func modulesDir() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		modules := filepath.Join(dir, "test", "sandbox", "modules")
		if _, err := os.Stat(filepath.Join(modules, "kube", "go.mod")); err == nil {
			return modules, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no test/sandbox/modules above %s: run it inside the repository", start)
		}
	}
}

// cacheDir is where built binaries are kept: $KUBECTL_MESH_SANDBOX_CACHE, or the user's cache folder.
func cacheDir() (string, error) {
	if dir := os.Getenv("KUBECTL_MESH_SANDBOX_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: set KUBECTL_MESH_SANDBOX_CACHE: %w", err)
	}
	return filepath.Join(dir, "kubectl-mesh", "sandbox"), nil
}

// toolchain is the Go version and platform that compile in dir.
func toolchain(ctx context.Context, dir string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOOS", "GOARCH")
	cmd.Dir = dir
	cmd.Env = buildEnv()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	return strings.Join(strings.Fields(string(out)), " "), nil
}

// cacheKey names the set of binaries that these module files, flags and toolchain give.
func cacheKey(modules, toolchain string, bins []binary) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, toolchain)
	seen := map[string]bool{}
	for _, b := range bins {
		fmt.Fprintln(sum, b.name, b.module, b.pkg, b.ldflags)
		if seen[b.module] {
			continue
		}
		seen[b.module] = true
		for _, f := range []string{"go.mod", "go.sum"} {
			content, err := os.ReadFile(filepath.Join(modules, b.module, f))
			if err != nil {
				return "", err
			}
			fmt.Fprintln(sum, b.module, f, len(content))
			sum.Write(content)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}
