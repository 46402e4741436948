package cluster

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestReadGoesOnWhenOneKindFails(t *testing.T) {
	f := &fakeAPI{objects: demo(), answer: func(w http.ResponseWriter, _ *http.Request, k mesh.Kind, _ string) bool {
		if k != mesh.Services {
			return false
		}
		refuse(w, http.StatusInternalServerError, metav1.StatusReasonInternalError)
		return true
	}}
	s := read(t, f, Query{})
	assert.Equal(t, []mesh.Gap{{Kind: mesh.Services, Reason: "refused by the test"}}, s.Gaps)
	assert.True(t, s.Complete(mesh.Pods, ""))
}

func TestReadGoesOnWhenOneKindIsSlow(t *testing.T) {
	f := &fakeAPI{objects: demo(), answer: func(_ http.ResponseWriter, r *http.Request, k mesh.Kind, _ string) bool {
		return k == mesh.Events && hang(r)
	}}
	s := read(t, f, Query{Timeout: 300 * time.Millisecond})
	assert.Equal(t, []mesh.Gap{{Kind: mesh.Events, Reason: "timed out after 300ms"}}, s.Gaps)
	assert.True(t, s.Complete(mesh.Pods, ""))
}

func TestReadGivesUpAServerThatStopsAnswering(t *testing.T) {
	f := &fakeAPI{objects: demo(), answer: func(_ http.ResponseWriter, r *http.Request, k mesh.Kind, _ string) bool {
		return !strings.HasPrefix(string(k), "/") && hang(r)
	}}
	start := time.Now()
	_, err := Read(context.Background(), Query{Config: f.start(t), Timeout: 300 * time.Millisecond})
	require.ErrorContains(t, err, "failed every request: timed out after 300ms")
	assert.Less(t, time.Since(start), 3*time.Second)
	assert.False(t, f.asked("configmaps istio-system"), "calls that follow are not made")
}

func TestReadWhenTheServerDiesInTheMiddle(t *testing.T) {
	var served atomic.Int32
	f := &fakeAPI{objects: demo(), answer: func(w http.ResponseWriter, _ *http.Request, k mesh.Kind, _ string) bool {
		if strings.HasPrefix(string(k), "/") || k == mesh.Namespaces || k == mesh.Pods && served.Add(1) == 1 {
			return false
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			conn.Close()
		}
		return true
	}}
	s := read(t, f, Query{Kinds: []mesh.Kind{mesh.Namespaces, mesh.Services, mesh.Pods}, Namespaces: []string{"shop"}, Timeout: 5 * time.Second})
	assert.True(t, s.Complete(mesh.Namespaces, ""))
	require.NotEmpty(t, s.Missing(mesh.Services))
	assert.Equal(t, "the API server closed the connection", s.Missing(mesh.Services)[0].Reason)
}

func TestReadOfAnAbsentAPIServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	host := "http://" + l.Addr().String()
	require.NoError(t, l.Close())
	_, err = Read(context.Background(), Query{Config: &rest.Config{Host: host}})
	require.ErrorContains(t, err, "the API server at "+host+" cannot be reached: dial tcp")
	assert.ErrorContains(t, err, "connection refused")
	assert.NotContains(t, err.Error(), "\n")
}

func TestReadOfAServerThatNeverAnswers(t *testing.T) {
	f := &fakeAPI{answer: func(_ http.ResponseWriter, r *http.Request, _ mesh.Kind, _ string) bool { return hang(r) }}
	_, err := Read(context.Background(), Query{Config: f.start(t), Timeout: 200 * time.Millisecond})
	assert.ErrorContains(t, err, "cannot be reached: timed out after 200ms")
}

func TestReadWithWrongCredentials(t *testing.T) {
	f := &fakeAPI{answer: func(w http.ResponseWriter, _ *http.Request, _ mesh.Kind, _ string) bool {
		refuse(w, http.StatusUnauthorized, metav1.StatusReasonUnauthorized)
		return true
	}}
	_, err := Read(context.Background(), Query{Config: f.start(t)})
	assert.ErrorContains(t, err, "does not accept the credentials")
}

func TestReadOfSomethingElse(t *testing.T) {
	f := &fakeAPI{answer: func(w http.ResponseWriter, _ *http.Request, _ mesh.Kind, _ string) bool {
		fmt.Fprintln(w, "<html>hello</html>")
		return true
	}}
	_, err := Read(context.Background(), Query{Config: f.start(t)})
	assert.ErrorContains(t, err, "is no Kubernetes API server")
}

func TestReadEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &fakeAPI{answer: func(_ http.ResponseWriter, r *http.Request, k mesh.Kind, _ string) bool {
		if k != mesh.Pods {
			return false
		}
		cancel()
		return hang(r)
	}}
	start := time.Now()
	_, err := Read(ctx, Query{Config: f.start(t)})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Less(t, time.Since(start), time.Second)
}
