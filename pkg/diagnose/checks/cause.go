package checks

import (
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// cause is why a pod was refused, told from the words of the refusal.
type cause string

// The causes.
const (
	causeTemplateVersion   cause = "template-version"   // the injection template is not of istiod's version
	causeTemplateUnknown   cause = "template-unknown"   // inject.istio.io/templates names no template
	causeAnnotation        cause = "annotation"         // istiod refuses the value of an annotation
	causePodSecurity       cause = "pod-security"       // the namespace's Pod Security level
	causeSCC               cause = "scc"                // OpenShift's security context constraints
	causeAutopilot         cause = "autopilot"          // GKE Autopilot
	causeQuota             cause = "quota"              // a ResourceQuota
	causeRestartPolicy     cause = "restart-policy"     // the native sidecar lost its restartPolicy
	causeProxyConnect      cause = "proxy-connect"      // the API server asked an HTTP proxy
	causeNoEndpoints       cause = "no-endpoints"       // the webhook's Service has no ready endpoint
	causeServiceNotFound   cause = "service-not-found"  // the webhook's Service, or its port, does not exist
	causeUnknownAuthority  cause = "unknown-authority"  // caBundle does not verify istiod's certificate
	causeExpired           cause = "expired"            // a certificate is out of its dates
	causeWrongName         cause = "wrong-name"         // the certificate is for other names
	causeNoRoute           cause = "no-route"           // the API server has no way to istiod's address
	causeNoSuchHost        cause = "no-such-host"       // the webhook's host does not resolve
	causeConnectionRefused cause = "connection-refused" // nothing listens
	causeWrongPort         cause = "wrong-port"         // something answers that is not the injector
	causeTimeout           cause = "timeout"            // no answer in time
	causeDenied            cause = "denied"             // Istio's webhook refuses for another reason
	causeOtherWebhook      cause = "other-webhook"      // a webhook that is not Istio's, called or not
	causeOther             cause = "other"              // none of these
)

// causeText is a text that tells a cause.
type causeText struct {
	cause cause
	text  string
}

// causeTexts are tried from the top: istiod's own refusals first, since they
// quote other errors, and an HTTP proxy before what befell the proxy.
//
// Sources: istio.io/istio 1.29.1, pkg/kube/inject/{inject,validate}.go;
// k8s.io/apiserver v0.35.0, pkg/util/proxy/proxy.go; k8s.io/kubernetes
// v1.35.4, plugin/pkg/admission/resourcequota; crypto/x509 and net of Go.
func causeTexts() []causeText {
	return []causeText{
		{causeTemplateVersion, "Mismatched_Check_Installation"},
		{causeTemplateVersion, "denied the request: template: inject"},
		{causeTemplateVersion, "denied the request: failed to run injection template: template: inject"},
		{causeTemplateUnknown, "requested template"},
		{causeAnnotation, "for annotation '"},
		{causePodSecurity, "violates PodSecurity"},
		{causeSCC, "security context constraint"},
		{causeAutopilot, "autogke-"},
		{causeQuota, "exceeded quota"},
		{causeQuota, "failed quota"},
		{causeRestartPolicy, "may not be set for init containers without restartPolicy"},
		{causeProxyConnect, "proxyconnect"},
		{causeNoEndpoints, "no endpoints available"},
		{causeServiceNotFound, "no service port"},
		{causeUnknownAuthority, "certificate signed by unknown authority"},
		{causeUnknownAuthority, "unable to load root certificates"},
		{causeExpired, "certificate has expired or is not yet valid"},
		{causeWrongName, "not valid for any names"},
		{causeWrongName, "certificate is valid for"},
		{causeWrongName, "doesn't contain any IP SANs"},
		{causeNoRoute, "Address is not allowed"},
		{causeNoRoute, "no route to host"},
		{causeNoRoute, "network is unreachable"},
		{causeNoSuchHost, "no such host"},
		{causeNoSuchHost, "server misbehaving"},
		{causeConnectionRefused, "connection refused"},
		{causeWrongPort, "server gave HTTP response to HTTPS client"},
		{causeWrongPort, "first record does not look like a TLS handshake"},
		{causeWrongPort, "malformed HTTP"},
		{causeWrongPort, "could not find the requested resource"},
		{causeTimeout, "i/o timeout"},
		{causeTimeout, "context deadline exceeded"},
		{causeTimeout, "Client.Timeout"},
		{causeTimeout, "handshake timeout"},
		{causeTimeout, "client connection lost"},
	}
}

// classify tells the cause from a refusal's words, and which webhook it names.
func classify(message string) (cause, string) {
	webhook := quotedAfter(message, `failed calling webhook "`)
	if webhook == "" {
		webhook = quotedAfter(message, `admission webhook "`)
	}
	if webhook != "" && !mesh.IsInjector(webhook) {
		return autopilotOr(causeOtherWebhook, message), webhook
	}
	for _, t := range causeTexts() {
		if strings.Contains(message, t.text) {
			return t.cause, webhook
		}
	}
	switch {
	case strings.Contains(message, `service "`) && strings.Contains(message, `" not found`) && webhook != "":
		return causeServiceNotFound, webhook
	case webhook == "":
		return causeOther, ""
	case strings.Contains(message, "Service Unavailable"):
		return causeProxyConnect, webhook
	}
	return causeDenied, webhook
}

// autopilotOr sorts out GKE's warden, whose refusals name its own webhook
// though the sidecar is what it refuses.
func autopilotOr(c cause, message string) cause {
	if strings.Contains(message, "autogke-") {
		return causeAutopilot
	}
	return c
}

// quotedAfter returns what stands between a text that ends in a quote and the
// next quote; empty when there is none.
func quotedAfter(s, before string) string {
	_, after, found := strings.Cut(s, before)
	name, _, closed := strings.Cut(after, `"`)
	if !found || !closed {
		return ""
	}
	return name
}
