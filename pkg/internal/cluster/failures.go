package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// maxTimeouts is how many calls in a row may time out before the server is
// given up: more than the calls for one slow kind, fewer than would take
// minutes.
const maxTimeouts = 8

var errGaveUp = errors.New("not asked for, since the API server stopped answering") // never written to

// maxRetries is how often a call is tried again that the server turned away
// for a moment (Retry-After), or whose connection broke; client-go waits a
// second or what the server says in between.
const maxRetries = 1

// gap says why something could not be read.
func (r *reading) gap(k mesh.Kind, namespace string, err error) mesh.Gap {
	g := mesh.Gap{Kind: k, Namespace: namespace, Reason: r.reason(err)}
	if apierrors.IsForbidden(err) {
		g.Verb, g.Reason = "list", "forbidden"
		if strings.HasPrefix(string(k), "/") {
			g.Verb = "get"
		}
	}
	return g
}

func (r *reading) reason(err error) string {
	var transport *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("timed out after %s", r.timeout)
	case apierrors.IsUnauthorized(err):
		return "the API server does not accept the credentials (401 Unauthorized)"
	case apierrors.IsNotFound(err):
		return "not served by this API server"
	case utilnet.IsProbableEOF(err), utilnet.IsConnectionReset(err):
		return "the API server closed the connection"
	case errors.As(err, &transport):
		err = transport.Err // without the URL, which says nothing more than the kind
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// absent takes an error for what it tells: a custom resource that the server
// does not know is not there. Built-in kinds are always there, unless somebody
// turned them off.
func (r *reading) absent(i mesh.Info, err error) error {
	if apierrors.IsNotFound(err) && !i.Typed {
		return nil
	}
	return err
}

// answered counts timeouts in a row. A call that was ended because another
// failed tells nothing.
func (r *reading) answered(ctx context.Context, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		r.timeouts++
		return
	}
	r.timeouts = 0
}

func (r *reading) gaveUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.timeouts >= maxTimeouts
}

// unreachable is the error for a server that does not answer at all.
func (r *reading) unreachable(err error) error {
	return fmt.Errorf("the API server at %s cannot be reached: %s; check the context and the network", r.host, r.reason(err))
}

// nothing returns an error when no object could be asked for at all, for
// another reason than missing rights.
func (r *reading) nothing() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.extents {
		if !strings.HasPrefix(string(e.Kind), "/") {
			return nil
		}
	}
	reason := ""
	for _, g := range r.gaps {
		if g.Verb != "" {
			return nil
		}
		if reason == "" || reason == errGaveUp.Error() {
			reason = g.Reason
		}
	}
	if reason == "" {
		return nil // nothing was asked for but facts
	}
	return fmt.Errorf("the API server at %s failed every request: %s", r.host, reason)
}
