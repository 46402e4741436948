package printer

import (
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

// ANSI colours by their SGR numbers.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (t *table) paint(sgr, s string) string {
	if !t.style.Color || s == "" {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

func (t *table) bold(s string) string { return t.paint("1", s) }
func (t *table) dim(s string) string  { return t.paint("2", s) }

// mark is a symbol, or its ASCII stand-in.
func (t *table) mark(symbol, ascii, sgr string) string {
	if t.style.ASCII {
		symbol = ascii
	}
	return t.paint(sgr, symbol)
}

func (t *table) symbol(worst diagnose.Severity, broken, unknown bool) string {
	switch {
	case broken && worst == diagnose.Error:
		return t.mark("✗", "x", red)
	case broken && worst == diagnose.Warning:
		return t.mark("!", "!", yellow)
	case unknown:
		return t.mark("?", "?", yellow)
	}
	return t.mark("✓", "+", green)
}

func (t *table) severity(s diagnose.Severity) string {
	word := strings.ToUpper(string(s))
	switch s {
	case diagnose.Error:
		return t.paint(red, word)
	case diagnose.Warning:
		return t.paint(yellow, word)
	}
	return t.paint(cyan, "NOTE")
}
