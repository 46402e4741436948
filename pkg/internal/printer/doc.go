// Package printer turns reports into what people and programs read: tables,
// short lines, JSON and YAML. It writes to the writers it is given and decides
// nothing.
package printer
