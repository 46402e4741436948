package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// slot is one set of istiod's ports and the process that listens there.
type slot struct {
	ports istiodPorts
	owner *corev1.Pod // whose process it is
	proc  *process

	ready     bool
	failures  int // probes failed in a row
	restarts  int32
	notBefore time.Time // no start before, after a crash
	waiting   string    // why there is no process
	message   string
	exitCode  int32     // of the last run that ended by itself
	ended     time.Time // when that was

	// What a test asked for; a new owner begins without.
	held, paused, unready bool
}

const (
	probeFailures   = 3
	restartBackoff  = time.Second
	restartBackoffs = 30 * time.Second
)

// state is what the slot's pods say of themselves.
func (s *slot) state() podState {
	return podState{
		waiting: s.waiting, message: s.message, ready: s.ready && !s.unready, restarts: s.restarts,
		exitCode: s.exitCode, ended: s.ended,
	}
}

// serving tells whether the process runs and has answered its last probe.
func (s *slot) serving() bool { return s.proc != nil && s.ready && s.failures == 0 }

// end stops the process, if there is one.
func (s *slot) end(grace time.Duration) {
	if s.proc == nil {
		return
	}
	if s.paused {
		grace = 0
	}
	s.proc.stop(grace)
	s.proc = nil
}

// sync makes the slot run owner's process, and probes it.
func (k *kubelet) sync(ctx context.Context, s *slot, owner *corev1.Pod, now time.Time) {
	if s.owner == nil || s.owner.UID != owner.UID {
		s.end(istiodGrace)
		*s = slot{ports: s.ports}
	}
	s.owner = owner
	if s.held {
		return
	}
	if s.proc != nil && s.proc.exited() != nil {
		s.crashed(s.proc.exited(), s.proc.exitCode(), now)
	}
	if s.proc == nil {
		if now.Before(s.notBefore) {
			return
		}
		k.launch(ctx, s, now)
	}
	if s.proc != nil && !s.paused {
		s.probed(k.healthy(ctx, s.ports))
	}
}

// crashed notes that the process ended by itself: kubelet's CrashLoopBackOff.
func (s *slot) crashed(err error, exitCode int32, now time.Time) {
	s.proc, s.ready = nil, false
	s.exitCode, s.ended = exitCode, now
	s.waiting, s.message = "CrashLoopBackOff", err.Error()
	s.notBefore = now.Add(min(restartBackoff<<min(s.restarts, 5), restartBackoffs))
	s.restarts++
}

// launch starts the process; what is in the way of that becomes the container's waiting reason, and it is tried again.
func (k *kubelet) launch(ctx context.Context, s *slot, now time.Time) {
	p, err := k.exec(ctx, s.owner)
	if err != nil {
		s.waiting, s.message = "CreateContainerConfigError", err.Error()
		s.notBefore = now.Add(restartBackoff)
		return
	}
	s.proc, s.failures = p, 0
	s.waiting, s.message = "", ""
}

// probed counts a probe: one success makes ready, three failures in a row make not ready, as in a pod's readinessProbe.
func (s *slot) probed(ok bool) {
	if ok {
		s.ready, s.failures = true, 0
		return
	}
	s.failures++
	if s.failures >= probeFailures {
		s.ready = false
	}
}

// healthy asks istiod's readiness endpoint.
func (k *kubelet) healthy(ctx context.Context, p istiodPorts) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/ready", p.http), nil)
	if err != nil {
		return false
	}
	resp, err := k.probe.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// hold kills the process and leaves the pod as it is.
func (s *slot) hold() {
	s.end(0)
	s.held, s.paused = true, false
}

// release lets the process be started again.
func (s *slot) release() {
	s.held, s.failures, s.notBefore = false, 0, time.Time{}
}

// pause stops the process from running without ending it: connections are accepted by the kernel and never answered.
func (s *slot) pause() error {
	if s.proc == nil {
		return fmt.Errorf("istiod of pod %s does not run", s.owner.Name)
	}
	s.paused = true
	return s.proc.signal(syscall.SIGSTOP)
}

func (s *slot) resume() error {
	if !s.paused {
		return nil
	}
	s.paused, s.failures = false, 0
	return s.proc.signal(syscall.SIGCONT)
}
