package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/term"
)

// confirm asks on a terminal and returns nil for a yes. Anything else means
// that nothing may be written: a no, no terminal to ask on, Ctrl-C.
func confirm(ctx context.Context, streams genericiooptions.IOStreams, question string) error {
	if !(term.TTY{In: streams.In}).IsTerminalIn() {
		return errors.New("nothing was written: there is no terminal to ask on; say -y to go ahead without asking")
	}
	fmt.Fprintf(streams.ErrOut, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() { // what is typed cannot be waited for any shorter
		line, _ := bufio.NewReader(streams.In).ReadString('\n') // the end of input is a no
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(streams.ErrOut)
		return ctx.Err()
	case a := <-answer:
		if a == "y" || a == "yes" {
			return nil
		}
		return errors.New("declined; nothing was written")
	}
}
