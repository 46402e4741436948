// Package inject makes of a pod what istiod's injection webhook would, with
// istiod's own webhook code, embedded and fed with the configuration of a
// control plane. It does no I/O.
package inject
