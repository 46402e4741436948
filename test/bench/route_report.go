package main

import (
	"fmt"
	"strings"
)

// reportRoute is the page's section on route.
func reportRoute(results []result) string {
	by := map[string]result{}
	var b strings.Builder
	b.WriteString("\n## route\n\nOn the same mesh. \"The lists of route\" fetches what `route list` reads, as above. " +
		"`route shift` and the three calls of kubectl make the same for a service that has neither: a DestinationRule with two versions and a VirtualService with 80 and 20 %. " +
		"kubectl gets the service, its endpoints, pods and routing, and applies one file each; `route shift` also finds other rules for the service, checks the endpoints, has the API server try both objects, " +
		"and keeps the history that undo goes by. Neither waits for proxies (`--wait=false`), and what a round made is deleted before the next, which does not count.\n\n")
	b.WriteString("| what | time | CPU time | peak memory |\n|---|---|---|---|\n")
	for _, r := range results {
		by[r.name] = r
		fmt.Fprintf(&b, "| %s | %.2f s | %.2f s | %.0f MB |\n", r.name, r.seconds, r.cpu, r.peakMB)
	}
	list, raw := by["route list -A"], by["the lists of route"]
	shift, calls := by["route shift"], by["kubectl get, apply, apply"]
	b.WriteString("\n| ratio | time | CPU time | aim |\n|---|---|---|---|\n")
	fmt.Fprintf(&b, "| route list -A on top of the lists | %.2f s | %.2f s | under 1 s of time |\n", list.seconds-raw.seconds, list.cpu-raw.cpu)
	fmt.Fprintf(&b, "| route shift to kubectl's three calls | %.2f | %.2f | none: it does more |\n", shift.seconds/calls.seconds, shift.cpu/calls.cpu)
	return b.String()
}
