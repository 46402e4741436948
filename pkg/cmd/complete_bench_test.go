package cmd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// BenchmarkCompletionOfASilentServer is how long TAB takes where an API server
// takes connections and never answers: completionPatience, and little more.
func BenchmarkCompletionOfASilentServer(b *testing.B) {
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}))
	b.Cleanup(func() { close(over); s.CloseClientConnections(); s.Close() })
	b.Setenv("KUBECONFIG", "/dev/null")
	for b.Loop() {
		var out strings.Builder
		code := Main([]string{"kubectl_complete-mesh", "enable", "--server", s.URL, ""}, genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: io.Discard})
		require.Zero(b, code)
		require.Equal(b, ":4\n", out.String())
	}
}
