// Package checks holds every check of the doctor, one a file, and the list of
// them. It does no I/O.
package checks
