// Package cluster is the only one that reads manifests or an API server. Read
// asks an API server, ReadFiles reads manifests, dumps and recordings, and
// Save writes a recording. All of them reduce objects on the way in, to what
// kept.go lists, so that a snapshot from a file and one from a cluster say the
// same, and neither holds secrets.
package cluster
