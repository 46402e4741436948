package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// errTouched ends a write whose object somebody changed in the same fields.
var errTouched = errors.New("somebody changed the same fields meanwhile; look again") // never written to

// writeError is a call of a change that failed, in one line.
type writeError struct {
	change mesh.Change
	verb   string
	text   string
	err    error
}

// Error names the object, the verb and what to do.
func (e *writeError) Error() string { return e.text }

// Unwrap returns client-go's error.
func (e *writeError) Unwrap() error { return e.err }

// failed puts the failure of a call into one line.
func (w *writer) failed(c mesh.Change, verb string, err error) error {
	e := &writeError{change: c, verb: verb, err: err}
	var status apierrors.APIStatus
	message := w.words(err)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case apierrors.IsForbidden(err) && lacksRight(err):
		e.text = fmt.Sprintf("may not %s %s: the right %q on %s is missing; ask whoever administers the cluster", verb, c.Ref, verb, rightOn(c))
	case apierrors.IsConflict(err) && errors.As(err, &status) && managers(status) != "":
		e.text = fmt.Sprintf("cannot %s %s: other field managers own what it sets: %s; leave those fields to them, or take them over by force", verb, c.Ref, managers(status))
	case outdated(err):
		e.text = fmt.Sprintf("cannot %s %s: it was changed meanwhile; look again", verb, c.Ref)
	case apierrors.IsAlreadyExists(err):
		e.text = fmt.Sprintf("cannot create %s: it exists already", c.Ref)
	case apierrors.IsNotFound(err) && errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Name == c.Ref.Name:
		e.text = fmt.Sprintf("cannot %s %s: it does not exist", verb, c.Ref)
	default:
		e.text = fmt.Sprintf("cannot %s %s: %s", verb, c.Ref, message)
	}
	return e
}

// lacksRight parts what RBAC forbids from what an admission plugin does, which
// is the same code (k8s.io/apiserver v0.35.0,
// pkg/endpoints/handlers/responsewriters/errors.go: ForbiddenMessage).
func lacksRight(err error) bool {
	return strings.Contains(err.Error(), " cannot ") && strings.Contains(err.Error(), " resource ")
}

// rightOn is the resource as RBAC spells it, and where.
func rightOn(c mesh.Change) string {
	resource := strings.ToLower(c.Ref.Kind)
	if gvr, ok := c.Where(); ok {
		resource = gvr.GroupResource().String()
	}
	if c.Ref.Namespace != "" {
		return resource + " in namespace " + c.Ref.Namespace
	}
	return resource
}

// managers lists the field managers of a conflict of server-side apply; empty
// for a conflict of versions.
func managers(s apierrors.APIStatus) string {
	details := s.Status().Details
	if details == nil {
		return ""
	}
	var fields []string
	for _, cause := range details.Causes {
		if cause.Type == metav1.CauseTypeFieldManagerConflict {
			fields = append(fields, fmt.Sprintf("%s (%s)", cause.Field, cause.Message))
		}
	}
	if len(fields) > 3 {
		fields = append(fields[:3], fmt.Sprintf("and %d more", len(fields)-3))
	}
	return strings.Join(fields, ", ")
}

// outdated reports whether the object was another version than the one that
// was read.
func outdated(err error) bool {
	var status apierrors.APIStatus
	return apierrors.IsConflict(err) && (!errors.As(err, &status) || managers(status) == "")
}

// Outdated reports whether a change failed because somebody else wrote since the
// plan was made: the object is another version, there already, or there no
// more. To look and plan again is the way on.
func Outdated(err error) bool {
	if errors.Is(err, errTouched) {
		return true
	}
	var e *writeError
	if !errors.As(err, &e) {
		return false
	}
	var status apierrors.APIStatus
	gone := apierrors.IsNotFound(e.err) && errors.As(e.err, &status) && status.Status().Details != nil && status.Status().Details.Name == e.change.Ref.Name
	return outdated(e.err) || apierrors.IsAlreadyExists(e.err) || gone
}

// uncertain reports whether a call may have been done though it failed: no
// answer came, or one that tells nothing.
func uncertain(err error) bool {
	var status apierrors.APIStatus
	return !errors.As(err, &status) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) || apierrors.IsInternalError(err)
}

// words are an error's, on one line and without the URL.
func (w *writer) words(err error) string {
	var transport *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", w.timeout)
	case utilnet.IsProbableEOF(err), utilnet.IsConnectionReset(err):
		return "the API server closed the connection"
	case errors.As(err, &transport):
		err = transport.Err
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// namespaceMissing reports whether the call failed for want of a namespace.
func (e *writeError) namespaceMissing(namespace string) bool {
	var status apierrors.APIStatus
	if !apierrors.IsNotFound(e.err) || !errors.As(e.err, &status) {
		return false
	}
	details := status.Status().Details
	return details != nil && details.Kind == "namespaces" && details.Name == namespace
}
