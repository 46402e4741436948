//go:build sandbox

package differential

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
)

const (
	perSetting = 300 // combinations tried in each setting
	perShape   = 3   // verdicts tried of each webhook and set of deciding expressions
	atOnce     = 4
)

// TestDecisions compares, in every setting, what Decide says of generated
// pods with what the API server and istiod do with them, and then changes what
// Decide named as the reason.
func TestDecisions(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	c := startCluster(ctx, t)
	all := namespaces()
	c.makeNamespaces(ctx, t, all)
	c.makeProbes(ctx, t)
	seen := tally{rules: map[admission.Rule]int{}, gates: map[admission.Gate]int{}, revisions: map[string]int{}}
	for i, s := range settings() {
		t.Run(s.name, func(t *testing.T) {
			c.apply(ctx, t, s, i)
			snapshot := c.snapshot(ctx, t)
			decider := admission.New(snapshot)
			asked := combos(uint64(i), perSetting, all)
			decisions := make([]admission.Decision, len(asked))
			for n, q := range asked {
				decisions[n] = decider.Decide(q.ns, admission.ForPod(q.pod))
				seen.add(decisions[n])
			}
			outcomes := c.tryAll(ctx, t, asked)
			for n, q := range asked {
				if diff := cmp.Diff(outcomes[n], predicted(decisions[n])); diff != "" {
					t.Errorf("%s\n%s\n(-cluster +Decide)\n%s", q, decisions[n].Reason, diff)
				}
			}
			t.Run("reasons", func(t *testing.T) { c.flip(ctx, t, snapshot, asked, decisions) })
		})
	}
	seen.check(t)
}

// predicted is what a decision says the outcome will be.
func predicted(d admission.Decision) outcome {
	o := outcome{Refused: d.Refused, Injected: d.Inject}
	for _, v := range d.Webhooks {
		if v.Refusal != "" {
			break // nothing after it is called
		}
		if v.Matches {
			o.Called = append(o.Called, v.Config+"/"+v.Webhook)
		}
	}
	if d.Inject {
		o.Revision = d.Revision()
	}
	return o
}

// tryAll has the API server answer all questions, and reads from its audit
// log which webhooks it called.
func (c *cluster) tryAll(ctx context.Context, t *testing.T, asked []combo) []outcome {
	t.Helper()
	pods := make([]*core.Pod, len(asked))
	for i, q := range asked {
		pods[i] = q.pod
	}
	replies := c.createAll(ctx, t, pods)
	ids := make([]string, len(replies))
	for i, r := range replies {
		ids[i] = r.auditID
	}
	called, err := c.audit.called(ctx, ids)
	require.NoError(t, err, "the audit log")
	outcomes := make([]outcome, len(replies))
	for i, r := range replies {
		outcomes[i] = r.outcome
		outcomes[i].Called = called[r.auditID]
	}
	return outcomes
}

func (c *cluster) createAll(ctx context.Context, t *testing.T, pods []*core.Pod) []reply {
	t.Helper()
	replies := make([]reply, len(pods))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, pod := range pods {
		id := c.nextID()
		g.Go(func() error {
			var err error
			replies[i], err = c.create(ctx, pod, id)
			return err
		})
	}
	require.NoError(t, g.Wait())
	return replies
}

// tally counts what was decided, so that the test cannot pass by trying
// nothing of interest.
type tally struct {
	total, injected, refused, overlaps int
	rules                              map[admission.Rule]int
	gates                              map[admission.Gate]int
	revisions                          map[string]int
}

func (s *tally) add(d admission.Decision) {
	s.total++
	s.rules[d.Istiod.Rule]++
	s.gates[d.Gate]++
	s.revisions[d.Revision()]++
	if d.Inject {
		s.injected++
	}
	if d.Refused {
		s.refused++
	}
	if n := len(slices.DeleteFunc(slices.Clone(d.Webhooks), func(v admission.Verdict) bool { return !v.Matches })); n > 1 {
		s.overlaps++
	}
}

func (s *tally) check(t *testing.T) {
	t.Helper()
	t.Logf("%d combinations, %d injected, %d refused, %d with more than one webhook; rules %v, gates %v, revisions %v",
		s.total, s.injected, s.refused, s.overlaps, s.rules, s.gates, s.revisions)
	require.GreaterOrEqual(t, s.total, 300)
	for _, rule := range []admission.Rule{admission.NotAsked, admission.HostNetwork, admission.IgnoredNamespace, admission.PodValue, admission.NeverInject, admission.AlwaysInject, admission.Policy} {
		require.Positive(t, s.rules[rule], "no combination was decided by rule %q", rule)
	}
	for _, gate := range []admission.Gate{admission.Open, admission.ByAPIServer, admission.ByIstiod} {
		require.Positive(t, s.gates[gate], "no combination ended at gate %q", gate)
	}
	for _, revision := range []string{"default", "canary"} {
		require.Positive(t, s.revisions[revision], "no combination reached revision %s", revision)
	}
	require.Positive(t, s.refused)
	require.Positive(t, s.overlaps)
}
