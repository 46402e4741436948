// Package differential asks a real API server and a real istiod what becomes
// of generated pods, and compares that with what pkg/admission says. It runs
// with the build tag sandbox.
package differential
