package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

var errProxyCommand = errors.New("proxies: say on, off, wait, status, lag NS/POD DURATION, or hold, refuse, silent or release NS/POD")

// ProxyCommand carries out "ACTION [NS/POD [DURATION]]", or NS/DEPLOYMENT for all its pods, as the command line and scripts have it, and returns what to
// print. The action on waits until the proxies have their configuration.
func (s *Sandbox) ProxyCommand(ctx context.Context, args ...string) (string, error) {
	if len(args) == 0 {
		args = []string{""}
	}
	switch args[0] {
	case "on":
		if err := s.Proxies(ctx, true); err != nil {
			return "", err
		}
		return "", s.WaitProxies(ctx)
	case "wait":
		return "", s.WaitProxies(ctx)
	case "off":
		return "", s.Proxies(ctx, false)
	case "status":
		return s.proxyTable(ctx)
	}
	if len(args) < 2 {
		return "", errProxyCommand
	}
	change, err := s.proxyChange(args)
	if err != nil {
		return "", err
	}
	pods, err := s.proxiesNamed(ctx, args[1])
	if err != nil {
		return "", err
	}
	for _, p := range pods {
		if err := change(ctx, p.Namespace, p.Name); err != nil {
			return "", err
		}
	}
	return "", nil
}

// proxyChange is what an action does to one pod's proxy.
func (s *Sandbox) proxyChange(args []string) (func(ctx context.Context, namespace, pod string) error, error) {
	switch args[0] {
	case "lag":
		if len(args) < 3 {
			return nil, errProxyCommand
		}
		lag, err := time.ParseDuration(args[2])
		return func(ctx context.Context, namespace, pod string) error { return s.LagProxy(ctx, namespace, pod, lag) }, err
	case "hold":
		return s.HoldProxy, nil
	case "refuse":
		return s.RefuseProxy, nil
	case "silent":
		return s.SilenceProxy, nil
	case "release":
		return s.ReleaseProxy, nil
	}
	return nil, errProxyCommand
}

// proxiesNamed are the proxies of the pod NS/NAME, or else of every pod whose name goes on with a dash: those of a
// Deployment.
func (s *Sandbox) proxiesNamed(ctx context.Context, name string) ([]ProxyStatus, error) {
	all, err := s.ProxyStatuses(ctx)
	if err != nil {
		return nil, err
	}
	var found []ProxyStatus
	for _, p := range all {
		switch id := p.Namespace + "/" + p.Name; {
		case id == name:
			return []ProxyStatus{p}, nil
		case strings.HasPrefix(id, name+"-"):
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no proxy runs for pod %s", name)
	}
	return found, nil
}

// proxyTable is a line for each proxy.
func (s *Sandbox) proxyTable(ctx context.Context) (string, error) {
	all, err := s.ProxyStatuses(ctx)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, p := range all {
		fmt.Fprintf(&out, "%s/%s", p.Namespace, p.Name)
		for _, word := range []struct {
			name string
			set  bool
		}{{"connected", p.Connected}, {"ready", p.Ready}, {"held", p.Held}, {"refuses", p.Refuse}, {"silent", p.Silent}, {fmt.Sprintf("%d messages wait", p.Waiting), p.Waiting > 0}, {"lags by " + p.Lag.String(), p.Lag > 0}} {
			if word.set {
				fmt.Fprintf(&out, " %s", word.name)
			}
		}
		fmt.Fprintln(&out)
	}
	return out.String(), nil
}
