package main

import (
	"fmt"
	"strings"
)

// reportInject is the page's section on inject.
func reportInject(results []result) string {
	by := map[string]result{}
	var b strings.Builder
	fmt.Fprintf(&b, "\n## inject\n\nOne file with %d Deployments, no two alike, and one with a single one, with the settings of the sandbox's control plane as files.\n\n", inLarge)
	b.WriteString("| what | time | CPU time | peak memory |\n|---|---|---|---|\n")
	for _, r := range results {
		by[r.name] = r
		fmt.Fprintf(&b, "| %s | %.2f s | %.2f s | %.0f MB |\n", r.name, r.seconds, r.cpu, r.peakMB)
	}
	b.WriteString("\n| ratio | time | CPU time | memory | aim |\n|---|---|---|---|---|\n")
	for _, c := range []struct{ file, aim string }{
		{"large", "at most 1 of the time, better 0.20; at most 1 of the memory"},
		{"small", "at most 1 of the time"},
	} {
		ours, theirs := by["inject, "+c.file], by["kube-inject, "+c.file]
		fmt.Fprintf(&b, "| inject to istioctl kube-inject, %s file | %.2f | %.2f | %.2f | %s |\n",
			c.file, ours.seconds/theirs.seconds, ours.cpu/theirs.cpu, ours.peakMB/theirs.peakMB, c.aim)
	}
	return b.String()
}
