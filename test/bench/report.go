package main

import (
	"fmt"
	"runtime"
	"strings"
)

// report is the page: figures, ratios, and how to get them again.
func report(size size, runs int, results []result) string {
	by := map[string]result{}
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmarks\n\nWritten by `make bench`: a mesh of %s on the sandbox, %d CPUs, %s/%s; the median of %d runs, every command in turn.\n\n",
		size, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runs)
	b.WriteString("| what | command | time | CPU time | peak memory |\n|---|---|---|---|---|\n")
	for _, r := range results {
		by[r.name] = r
		fmt.Fprintf(&b, "| %s | `%s` | %.2f s | %.2f s | %.0f MB |\n", r.name, r.command, r.seconds, r.cpu, r.peakMB)
	}
	doctor, analyze, raw := by["doctor"], by["istioctl analyze"], by["the same lists"]
	b.WriteString("\n| ratio | time | CPU time | memory | aim |\n|---|---|---|---|---|\n")
	fmt.Fprintf(&b, "| doctor to istioctl analyze | %.2f | %.2f | %.2f | at most 0.33 of the time, 0.50 of the memory |\n", doctor.seconds/analyze.seconds, doctor.cpu/analyze.cpu, doctor.peakMB/analyze.peakMB)
	fmt.Fprintf(&b, "| doctor to fetching the same lists | %.2f | | | at most 2 |\n", doctor.seconds/raw.seconds)
	fmt.Fprintf(&b, "| start to istioctl's | %.2f | | | at most 1 |\n", by["start of kubectl mesh"].seconds/by["start of istioctl"].seconds)
	b.WriteString("\n\"The same lists\" fetches what the doctor reads, built-in kinds as protobuf and all at once, and drops it undecoded.\n")
	return b.String()
}
