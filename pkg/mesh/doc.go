// Package mesh holds what the commands know about a cluster: its objects and a
// few facts that are no API objects, read once. It does no I/O; reading is the
// work of pkg/internal/cluster.
package mesh
