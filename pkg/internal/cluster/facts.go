package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// version asks for the server's version, which opens the connection that the
// other calls share. Its error means that the server cannot be reached.
func (r *reading) version(ctx context.Context, s *mesh.Snapshot, now func() time.Time) error {
	if now == nil {
		now = time.Now
	}
	s.Time = now().UTC().Truncate(time.Second)
	call, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(call, http.MethodGet, r.rest.Get().AbsPath("version").URL().String(), nil)
	if err != nil {
		return err
	}
	res, err := r.http.Do(req)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return r.unreachable(err)
	}
	defer res.Body.Close()
	// The two clocks are read at one moment, to be compared.
	s.Time = now().UTC().Truncate(time.Second)
	if res.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("the API server at %s does not accept the credentials (401 Unauthorized); log in again, or check the context", r.host)
	}
	if res.StatusCode == http.StatusNotFound {
		return fmt.Errorf("what answers at %s is no Kubernetes API server: it has no /version; check KUBECONFIG and the context", r.host)
	}
	if res.StatusCode != http.StatusOK {
		if r.wants(mesh.ServerVersion) {
			r.missed(mesh.ServerVersion, "", statusError(res.StatusCode, "/version"))
		}
		return nil
	}
	var v version.Info
	if err := json.NewDecoder(http.MaxBytesReader(nil, res.Body, 1<<20)).Decode(&v); err != nil {
		if call.Err() != nil && ctx.Err() == nil {
			return r.unreachable(call.Err())
		}
		return fmt.Errorf("what answers at %s is no Kubernetes API server: %w", r.host, err)
	}
	if !r.wants(mesh.ServerVersion) {
		return nil
	}
	s.Facts.ServerVersion = v.GitVersion
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		s.Facts.ServerTime = date.UTC()
	}
	r.read(mesh.ServerVersion, "")
	return nil
}

func statusError(code int, path string) error {
	return apierrors.NewGenericServerResponse(code, "get", schema.GroupResource{}, path, "", 0, true)
}

// apiGroups asks which group versions the server has, which also tells in
// which version to ask for custom resources.
func (r *reading) apiGroups(ctx context.Context, s *mesh.Snapshot) {
	var groups metav1.APIGroupList
	var legacy metav1.APIVersions
	err := r.get(ctx, "/apis", &groups)
	if err == nil {
		err = r.get(ctx, "/api", &legacy)
	}
	if err != nil {
		if r.wants(mesh.APIGroups) {
			r.missed(mesh.APIGroups, "", err)
		}
		return
	}
	served := map[string][]string{}
	all := legacy.Versions
	for _, g := range groups.Groups {
		served[g.Name] = []string{g.PreferredVersion.Version}
		for _, v := range g.Versions {
			served[g.Name] = append(served[g.Name], v.Version)
			all = append(all, v.GroupVersion)
		}
	}
	r.mu.Lock()
	r.versions = served
	r.mu.Unlock()
	if r.wants(mesh.APIGroups) {
		s.Facts.APIGroups = all
		r.read(mesh.APIGroups, "")
	}
}

// served returns the versions of a group, the preferred first.
func (r *reading) served(group string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.versions[group]
}

func (r *reading) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	res := r.rest.Get().AbsPath(path).MaxRetries(maxRetries).SetHeader("Accept", runtime.ContentTypeJSON).Do(ctx)
	err := res.Error()
	r.answered(ctx, err)
	if err != nil {
		return err
	}
	raw, err := res.Raw()
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}
