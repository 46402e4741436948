package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

func TestWhatIsDoneBetweenTwoWrites(t *testing.T) {
	for name, c := range map[string]struct {
		refuse int // the write that fails; 0 for none
		stop   int // the place before which something else ends it; 0 for none
		want   []string
		err    string
	}{
		"all goes well": {want: []string{"before 1", "before 2"}},
		"the proxies do not have it": {
			stop: 2, want: []string{"before 1", "before 2", "undone 1"},
			err: "no proxy has it; what had been written (2 changes) was undone",
		},
		"the last write fails": {
			refuse: 3, want: []string{"before 1", "before 2", "undone 1"},
			err: "cannot patch Deployment shop/cart: refused by the test; what had been written (2 changes) was undone",
		},
		"the first write fails": {
			refuse: 1, err: "cannot patch Namespace shop: refused by the test; nothing was written",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := shop()
			was := s.state()
			if c.refuse > 0 {
				s.before = refuseNth(c.refuse, http.StatusInternalServerError, metav1.StatusReasonForbidden)
			}
			p, err := Prepare(t.Context(), s.start(t), three(), ApplyOptions{})
			require.NoError(t, err)
			var did []string
			err = p.CommitBetween(t.Context(), Between{
				Write: func(_ context.Context, next int) error {
					did = append(did, fmt.Sprintf("before %d", next))
					s.mu.Lock()
					defer s.mu.Unlock()
					assert.Len(t, s.writes, next)
					if next == c.stop {
						return errors.New("no proxy has it")
					}
					return nil
				},
				Undone: func(_ context.Context, change int) { did = append(did, fmt.Sprintf("undone %d", change)) },
			})
			assert.Equal(t, c.want, did)
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			assert.EqualError(t, err, c.err)
			assert.Equal(t, was, s.state())
		})
	}
}

func TestChangesOfOthersAreToldFromFailures(t *testing.T) {
	c := three()[1]
	c.Fields["metadata"] = map[string]any{"resourceVersion": "1"}
	s := shop()
	s.touch(webPath, func(o map[string]any) { o["status"] = map[string]any{} })
	_, err := Prepare(t.Context(), s.start(t), three()[1:2], ApplyOptions{})
	require.NoError(t, err)
	assert.False(t, Outdated(err))
	q := s.start(t)
	p, err := Prepare(t.Context(), q, three(), ApplyOptions{})
	require.NoError(t, err)
	s.mu.Lock()
	s.touch(webPath, func(o map[string]any) { mesh.ApplyMergePatch(o, restarted("theirs")) })
	s.mu.Unlock()
	err = p.Commit(t.Context())
	assert.True(t, Outdated(err), err)
	s.before = refuseNth(len(s.writes)+1, http.StatusInternalServerError, metav1.StatusReasonInternalError)
	p, err = Prepare(t.Context(), q, three(), ApplyOptions{})
	require.NoError(t, err)
	err = p.Commit(t.Context())
	require.Error(t, err)
	assert.False(t, Outdated(err))
}

func TestTheSampleOfProxiesIsSpreadOverWorkloads(t *testing.T) {
	var pods []*core.Pod
	for _, w := range []string{"a", "b", "c"} {
		for n := range 40 {
			pods = append(pods, &core.Pod{ObjectMeta: metav1.ObjectMeta{
				Namespace: "shop", Name: fmt.Sprintf("%s-%02d", w, n), OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: w}},
			}})
		}
	}
	count := map[byte]int{}
	all := sample(pods, 50)
	for _, p := range all {
		count[p.Pod[0]]++
	}
	assert.Equal(t, map[byte]int{'a': 17, 'b': 17, 'c': 16}, count)
	assert.Equal(t, all, sample(pods, 50))
	assert.Len(t, sample(pods[:7], 50), 7)
	assert.Equal(t, "50 of 120 proxies sampled", (&Proxies{All: all, Total: 120}).Sampled())
}
