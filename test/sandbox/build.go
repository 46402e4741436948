package sandbox

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// heartbeat is how often a long build says that it is still at work.
const heartbeat = 15 * time.Second

// Build compiles the sandbox's programs into a cache folder outside the repository and returns the folder with
// them. Programs that are already there are used as they are; another process that builds the same set is
// waited for. One line for each program that has to be compiled goes to progress. An error is one line and
// names the log of the failed build.
func Build(ctx context.Context, progress io.Writer) (string, error) {
	modules, err := modulesDir()
	if err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	tools, err := toolchain(ctx, filepath.Join(modules, "kube"))
	if err != nil {
		return "", err
	}
	bins := binaries()
	key, err := cacheKey(modules, tools, bins)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, key)
	if len(missing(dir, bins)) == 0 {
		return dir, nil
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
	for i, b := range bins {
		if present(dir, b) {
			continue
		}
		fmt.Fprintf(progress, "building %s (%d of %d), about %s on two cores when cold\n", b.name, i+1, len(bins), b.cold)
		began := time.Now()
		if err := compile(ctx, modules, dir, b, progress); err != nil {
			return "", err
		}
		fmt.Fprintf(progress, "built %s in %s\n", b.name, time.Since(began).Round(time.Second))
	}
	return dir, nil
}

func present(dir string, b binary) bool {
	info, err := os.Stat(filepath.Join(dir, b.name))
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

func missing(dir string, bins []binary) []string {
	var names []string
	for _, b := range bins {
		if !present(dir, b) {
			names = append(names, b.name)
		}
	}
	return names
}

// buildEnv is the environment of go build: static binaries, and the nested module's own go.mod.
func buildEnv() []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
}

// compile builds one program under a temporary name and moves it into place, so that a file that is there is whole.
func compile(ctx context.Context, modules, dir string, b binary, progress io.Writer) error {
	logPath := filepath.Join(dir, "build-"+b.name+".log")
	logFile, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer logFile.Close()
	ldflags := []string{"-s", "-w"}
	for _, x := range b.ldflags {
		ldflags = append(ldflags, "-X", x)
	}
	tmp := filepath.Join(dir, "."+b.name+".tmp")
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags="+strings.Join(ldflags, " "), "-o", tmp, b.pkg)
	cmd.Dir = filepath.Join(modules, b.module)
	cmd.Env = buildEnv()
	cmd.Stdout, cmd.Stderr = logFile, logFile
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("building %s: %w", b.name, err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	began := time.Now()
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			fmt.Fprintf(progress, "still building %s, %s so far\n", b.name, time.Since(began).Round(time.Second))
		case err := <-done:
			if ctx.Err() != nil {
				return fmt.Errorf("building %s: %w", b.name, context.Cause(ctx))
			}
			if err != nil {
				return fmt.Errorf("building %s failed (%w): see %s", b.name, err, logPath)
			}
			return os.Rename(tmp, filepath.Join(dir, b.name))
		}
	}
}
