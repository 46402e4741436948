package cluster

import (
	"context"

	authorization "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
)

// OutOfReach asks the API server which of the proxies the user may not
// port-forward to. What it does not tell counts as allowed: the attempt will.
func (p *Proxies) OutOfReach(ctx context.Context) []Proxy {
	ctx, cancel := context.WithTimeout(ctx, p.admin.timeout)
	defer cancel()
	client, err := authorizationclient.NewForConfig(p.admin.config)
	if err != nil {
		return nil
	}
	forbidden := map[string]bool{} // by namespace
	var all []Proxy
	for _, proxy := range p.All {
		if _, asked := forbidden[proxy.Namespace]; !asked {
			forbidden[proxy.Namespace] = forwardForbidden(ctx, client, proxy.Namespace)
		}
		if forbidden[proxy.Namespace] {
			all = append(all, proxy)
		}
	}
	return all
}

func forwardForbidden(ctx context.Context, client *authorizationclient.AuthorizationV1Client, namespace string) bool {
	review := &authorization.SelfSubjectAccessReview{Spec: authorization.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorization.ResourceAttributes{
			Namespace: namespace, Verb: "create", Resource: "pods", Subresource: "portforward",
		},
	}}
	review, err := client.SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	return err == nil && !review.Status.Allowed
}
