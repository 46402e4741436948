// Package membership says who is in the mesh: the state of every namespace, and
// what labelling one would make of its workloads. It does no I/O.
package membership
