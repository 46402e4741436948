package sandbox

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// output runs a command to its end. Its error holds the command and what it wrote to stderr.
func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		line := filepath.Base(cmd.Path) + " " + strings.Join(cmd.Args[1:], " ")
		return stdout.String(), fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
