package cmd

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/kubectl/pkg/util/templates"
	"k8s.io/kubectl/pkg/util/term"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/internal/printer"
)

// style is the layout for a writer: its width and colours if it is a terminal.
func style(color string, out io.Writer) (printer.Style, error) {
	s := printer.Style{}
	if size := (term.TTY{Out: out}).GetSize(); size != nil {
		s.Width = int(size.Width)
	}
	switch color {
	case "auto":
		s.Color = printers.AllowsColorOutput(out)
	case "always":
		s.Color = true
	case "never":
	default:
		return s, fmt.Errorf("--color %s: use auto, always or never", color)
	}
	return s, nil
}

// spin shows on a terminal that something is going on, and returns how to end
// it. On anything else it shows nothing.
func spin(w io.Writer, what string) (stop func()) {
	f, ok := w.(*os.File)
	if !ok || !(term.TTY{Out: f}).IsTerminalOut() {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(120 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-done:
				fmt.Fprint(w, "\r\x1b[K")
				return
			case <-tick.C:
				fmt.Fprintf(w, "\r%c %s", []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")[i%10], what)
			}
		}
	}()
	var once sync.Once
	return func() { once.Do(func() { close(done); <-ended }) }
}

// examples writes a command's examples with the name that it was called by.
func examples(name, text string) string {
	return templates.Examples(strings.ReplaceAll(text, "%[1]s", name))
}
