// Package diagnose says what a check is, runs checks on a snapshot of a mesh,
// and folds what one fault explains under it. It does no I/O.
package diagnose
