package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// PostReview sends an AdmissionReview to the injection webhook of a control
// plane, through the API server's proxy to its Service, and returns its
// answer. It has the deadline of one call. That istiod cannot be reached this
// way does not tell that the API server's own calls fail.
func PostReview(ctx context.Context, q Query, cp *mesh.ControlPlane, review []byte) ([]byte, error) {
	svc := injectorService(cp)
	if svc == nil {
		return nil, fmt.Errorf("the webhooks of revision %s call no Service of the cluster; use --from cluster", cp.Revision)
	}
	c, err := connect(q)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	port, path := int32(443), ""
	if svc.Port != nil {
		port = *svc.Port
	}
	if svc.Path != nil {
		path = *svc.Path
	}
	res := c.rest.Post().AbsPath("api", "v1", "namespaces", svc.Namespace, "services", fmt.Sprintf("https:%s:%d", svc.Name, port), "proxy", strings.TrimPrefix(path, "/")).
		SetHeader("Content-Type", "application/json").SetHeader("Accept", "application/json").MaxRetries(0).Body(review).Do(ctx)
	answer, err := res.Raw()
	switch {
	case err == nil:
		return answer, nil
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("may not create services/proxy in namespace %s, by which istiod is asked; use --from cluster", svc.Namespace)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("istiod of revision %s did not answer within %s", cp.Revision, c.timeout)
	}
	return nil, fmt.Errorf("istiod of revision %s cannot be asked through the API server: %w", cp.Revision, err)
}

func injectorService(cp *mesh.ControlPlane) *admissionv1.ServiceReference {
	for _, config := range cp.Webhooks {
		at := slices.IndexFunc(config.Webhooks, func(w admissionv1.MutatingWebhook) bool {
			return mesh.IsInjector(w.Name) && w.ClientConfig.Service != nil
		})
		if at >= 0 {
			return config.Webhooks[at].ClientConfig.Service
		}
	}
	return nil
}
