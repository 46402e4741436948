// Command bench does the same work with kubectl mesh and with istioctl, on the
// same large mesh of the sandbox and in the same run, and writes the ratios to
// docs/benchmarks.md. A timing is never a test: this fails only when something
// cannot be run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	plugin := flag.String("plugin", "bin/kubectl-mesh", "the plugin to measure")
	page := flag.String("page", "docs/benchmarks.md", "the page to write; - for stdout")
	runs := flag.Int("runs", 5, "how often each command runs; the median counts")
	times := flag.Int("times", 1, "the mesh's size, times 3,200 pods")
	injectOnly := flag.Bool("inject", false, "measure inject alone, on a sandbox without a mesh, and print it")
	routeOnly := flag.Bool("route", false, "measure route alone, and print it")
	only := flag.String("lists", "", "fetch the lists that doctor or route reads, and nothing else")
	flag.Parse()
	if *only != "" {
		return lists(ctx, *only)
	}

	bin, err := sandbox.Build(ctx, os.Stderr)
	if err != nil {
		return err
	}
	size := large(*times)
	options := sandbox.Options{Progress: os.Stderr}
	if !*injectOnly {
		saved, err := prepare(ctx, bin, size)
		if err != nil {
			return err
		}
		options.From, options.NoControllers = saved, true
		fmt.Fprintf(os.Stderr, "starting the sandbox with %s\n", size)
	}
	s, err := sandbox.Start(ctx, options)
	if err != nil {
		return err
	}
	defer s.Close()

	path, err := filepath.Abs(*plugin)
	if err != nil {
		return err
	}
	var text string
	for _, part := range []struct {
		wanted  bool
		measure func(ctx context.Context, s *sandbox.Sandbox, plugin string, runs int) ([]result, error)
		report  func([]result) string
	}{
		{!*injectOnly && !*routeOnly, measure, func(r []result) string { return report(size, *runs, r) }},
		{!*injectOnly, measureRoute, reportRoute},
		{!*routeOnly, measureInject, reportInject},
	} {
		if !part.wanted {
			continue
		}
		results, err := part.measure(ctx, s, path, *runs)
		if err != nil {
			return err
		}
		text += part.report(results)
	}
	if *page == "-" || *injectOnly || *routeOnly {
		fmt.Print(text)
		return nil
	}
	return os.WriteFile(*page, []byte(text), 0o644)
}
