package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// partProxies is the program that stands in for the pods' Envoys, its part and its log.
const partProxies = "proxies"

// proxiesBinary is a program of this project; it has its folder in the cache by itself, so that a change of it leaves
// the large programs as they are.
func proxiesBinary() binary {
	return binary{name: partProxies, module: "proxies", pkg: ".", cold: "1 minute once istiod is built"}
}

// BuildProxies compiles the stand-in for Envoy, like Build, and returns the program's path.
func BuildProxies(ctx context.Context, progress io.Writer) (string, error) {
	modules, err := modulesDir()
	if err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	b := proxiesBinary()
	tools, err := toolchain(ctx, filepath.Join(modules, b.module))
	if err != nil {
		return "", err
	}
	key, err := sourceKey(filepath.Join(modules, b.module), tools)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "proxies-"+key)
	path := filepath.Join(dir, b.name)
	if present(dir, b) {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cache folder of the sandbox: %w", err)
	}
	unlock, err := lockFile(ctx, filepath.Join(dir, "build.lock"), func() {
		fmt.Fprintf(progress, "another process is building in %s, waiting for it\n", dir)
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	if present(dir, b) {
		return path, nil
	}
	fmt.Fprintf(progress, "building %s, about %s\n", b.name, b.cold)
	began := time.Now()
	if err := compile(ctx, modules, dir, b, progress); err != nil {
		return "", err
	}
	fmt.Fprintf(progress, "built %s in %s\n", b.name, time.Since(began).Round(time.Second))
	return path, nil
}

// sourceKey names what the files of a module and the toolchain give.
func sourceKey(dir, toolchain string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, toolchain)
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, e.Name(), len(content))
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}
