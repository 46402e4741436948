// Package route says how a service's traffic is routed, and plans how to move
// it: an intent and a snapshot become an ordered list of writes, for
// VirtualService and DestinationRule or for Gateway API. It does no I/O.
package route
