// Package admission decides whether a pod would be injected if it were created
// now. Two gates must both say yes: the API server, which calls a webhook or
// does not, and istiod, which the webhook asks. Every step comes with its
// reason. It does no I/O.
package admission
