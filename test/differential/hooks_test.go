//go:build sandbox

package differential

import (
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	admission "k8s.io/api/admission/v1"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/sandbox"
)

// hookServer is a webhook that lets everything pass and remembers for which
// pod each of its paths was called.
type hookServer struct {
	url string
	ca  []byte

	mu    sync.Mutex
	calls map[string][]string // generateName of the pod → paths
}

func startHooks(t *testing.T, s *sandbox.Sandbox) *hookServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h := &hookServer{url: "https://" + listener.Addr().String(), ca: s.CA(), calls: map[string][]string{}}
	server := &http.Server{Handler: h}
	cert, key := s.ServerCertificate()
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(listener, cert, key) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
	return h
}

func (h *hookServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review admission.AdmissionReview
	var pod core.Pod
	err := json.NewDecoder(r.Body).Decode(&review)
	if err == nil {
		err = json.Unmarshal(review.Request.Object.Raw, &pod)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	h.calls[pod.GenerateName] = append(h.calls[pod.GenerateName], r.URL.Path)
	h.mu.Unlock()
	review.Response = &admission.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	review.Request = nil
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(review) // a broken connection shows as a refused pod
}

func (h *hookServer) called(generateName, path string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Contains(h.calls[generateName], path)
}

// at is the client config of one of the server's paths.
func (h *hookServer) at(path string) admissionv1.WebhookClientConfig {
	url := h.url + path
	return admissionv1.WebhookClientConfig{URL: &url, CABundle: h.ca}
}
