package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// send has the sandbox in dir carry out a command and returns what it says.
func send(ctx context.Context, dir string, args ...string) (string, error) {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket(dir))
		},
	}}
	body, err := json.Marshal(request{Args: args})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://sandbox/", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("no sandbox runs in %s: start one with \"sandbox up\"", dir)
	}
	defer resp.Body.Close()
	var a answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		return "", fmt.Errorf("the sandbox in %s ended meanwhile: %w", dir, err)
	}
	if a.Error != "" {
		return a.Out, errors.New(a.Error)
	}
	return a.Out, nil
}

func newStatus(dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Print how to use the sandbox that runs", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out, err := send(c.Context(), *dir, "status")
			fmt.Fprint(c.OutOrStdout(), out)
			return err
		},
	}
}

func newDown(dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "End the sandbox and remove its folder", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := send(c.Context(), *dir, "down"); err != nil {
				return err
			}
			for _, err := os.Stat(*dir); err == nil; _, err = os.Stat(*dir) {
				select {
				case <-c.Context().Done():
					return c.Context().Err()
				case <-time.After(50 * time.Millisecond):
				}
			}
			return nil
		},
	}
}

// remote is a command that the sandbox's own process carries out.
type remote struct {
	use, short string
	args       cobra.PositionalArgs
}

func remoteCommands() []remote {
	return []remote{
		{use: "reset", short: "Go back to the state right after up", args: cobra.NoArgs},
		{use: "istiod stop|start|pause|resume|unready|ready [REVISION]", short: "Kill, freeze or start istiod's process; the pod stays", args: cobra.RangeArgs(1, 2)},
		{use: "apiserver [-- FLAG...]", short: "Restart kube-apiserver with these flags, or without any", args: cobra.ArbitraryArgs},
		{use: "user NAME [ROLE [NAMESPACE]]", short: "Make a user with a ClusterRole, everywhere or in one namespace; print its kubeconfig", args: cobra.RangeArgs(1, 3)},
		{use: "install [SET...]", short: "Run istioctl install", args: cobra.ArbitraryArgs},
		{use: "proxies on|off|wait|status|lag|hold|refuse|silent|release [NS/POD [DURATION]]", short: "Play the pods' Envoys: what they have, late, held back, refused or without an answer", args: cobra.RangeArgs(1, 3)},
		{use: "revision NAME [SET...]", short: "Install a further revision of istiod", args: cobra.MinimumNArgs(1)},
	}
}

func newRemote(dir *string, r remote) *cobra.Command {
	return &cobra.Command{
		Use: r.use, Short: r.short, Args: r.args,
		RunE: func(c *cobra.Command, args []string) error {
			out, err := send(c.Context(), *dir, append([]string{c.Name()}, args...)...)
			fmt.Fprint(c.OutOrStdout(), out)
			return err
		},
	}
}
