package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StopIstiod kills the processes of a revision and leaves its pods as they are, Ready: calls to it are refused. A new
// pod gets a process again. An empty revision means every revision.
func (s *Sandbox) StopIstiod(ctx context.Context, revision string) error {
	return s.eachSlot(ctx, revision, func(sl *slot) error { sl.hold(); return nil })
}

// StartIstiod undoes StopIstiod and waits until istiod answers.
func (s *Sandbox) StartIstiod(ctx context.Context, revision string) error {
	if err := s.eachSlot(ctx, revision, func(sl *slot) error { sl.release(); return nil }); err != nil {
		return err
	}
	return s.WaitIstiod(ctx, revision)
}

// PauseIstiod stops the processes of a revision without ending them, the pods staying Ready: calls to it time out.
func (s *Sandbox) PauseIstiod(ctx context.Context, revision string) error {
	return s.eachSlot(ctx, revision, (*slot).pause)
}

// ResumeIstiod undoes PauseIstiod and waits until istiod answers.
func (s *Sandbox) ResumeIstiod(ctx context.Context, revision string) error {
	if err := s.eachSlot(ctx, revision, (*slot).resume); err != nil {
		return err
	}
	return s.WaitIstiod(ctx, revision)
}

// FailReadiness restarts the istiod of a revision and makes its pods not ready, as if their readiness probe failed
// from then on: the Service has no ready endpoint. The restart ends the connections of kube-apiserver, which would
// go on to use them. With fail false the probe counts again. It returns when the endpoints say so.
func (s *Sandbox) FailReadiness(ctx context.Context, revision string, fail bool) error {
	err := s.eachSlot(ctx, revision, func(sl *slot) error {
		if fail {
			sl.end(istiodGrace)
		}
		sl.unready = fail
		return nil
	})
	if err != nil {
		return err
	}
	return s.waitSlots(ctx, revision, !fail)
}

// WaitIstiod waits until every istiod of a revision answers and is a ready endpoint of its Service: after a command
// that restarted or scaled it. An empty revision means every revision. It is an error when there is none.
func (s *Sandbox) WaitIstiod(ctx context.Context, revision string) error {
	return s.waitSlots(ctx, revision, true)
}

// eachSlot runs f on every istiod of a revision; it is an error when there is none.
func (s *Sandbox) eachSlot(ctx context.Context, revision string, f func(*slot) error) error {
	var errs []error
	found := false
	err := s.kubelet.do(ctx, func() {
		for _, sl := range s.kubelet.slots {
			if sl.owner == nil || revision != "" && revisionOf(sl.owner) != revision {
				continue
			}
			found = true
			errs = append(errs, f(sl))
		}
	})
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("no istiod pod of revision %q runs", revision)
	}
	return errors.Join(errs...)
}

// waitSlots waits until there is a process of the revision, each of them answers, its pods have the wanted readiness
// and so has the Service.
func (s *Sandbox) waitSlots(ctx context.Context, revision string, ready bool) error {
	what := "istiod " + revision + " to answer"
	return s.wait(ctx, what, 60*time.Second, func(ctx context.Context) (bool, error) {
		var services []revisionKey
		settled := true
		err := s.kubelet.do(ctx, func() {
			for _, sl := range s.kubelet.slots {
				if sl.owner == nil || revision != "" && revisionOf(sl.owner) != revision {
					continue
				}
				services = append(services, revisionKey{namespace: sl.owner.Namespace, name: revisionOf(sl.owner)})
				settled = settled && sl.serving() && sl.state().ready == ready && s.kubelet.written[sl.owner.UID] == sl.state()
			}
		})
		if err != nil || len(services) == 0 || !settled {
			return false, err
		}
		for _, service := range services {
			if found, err := s.hasEndpoint(ctx, service); err != nil || found != ready {
				return false, err
			}
		}
		return true, nil
	})
}

// hasEndpoint tells whether a revision's Service has a ready endpoint.
func (s *Sandbox) hasEndpoint(ctx context.Context, key revisionKey) (bool, error) {
	slices, err := s.client.DiscoveryV1().EndpointSlices(key.namespace).List(ctx, metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + key.deploymentName(),
	})
	if err != nil {
		return false, err
	}
	for _, slice := range slices.Items {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready != nil && *e.Conditions.Ready {
				return true, nil
			}
		}
	}
	return false, nil
}
