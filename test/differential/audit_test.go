//go:build sandbox

package differential

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// auditLog is the API server's log of which webhooks it called for a request
// (k8s.io/apiserver v0.35.0, pkg/admission/plugin/webhook/mutating/dispatcher.go:
// MutationAuditAnnotationPrefix).
type auditLog struct{ file string }

const mutationPrefix = "mutation.webhook.admission.k8s.io/round_0_index_"

type auditEvent struct {
	AuditID     string            `json:"auditID"`
	Annotations map[string]string `json:"annotations"`
}

// called waits until the log holds all these requests, and returns the
// injection webhooks that were called for each, in order.
func (l *auditLog) called(ctx context.Context, ids []string) (map[string][]string, error) {
	found := map[string][]string{}
	err := eventually(ctx, func(context.Context) (bool, error) {
		events, err := l.read()
		if err != nil {
			return false, err
		}
		for _, id := range ids {
			e, ok := events[id]
			if !ok {
				return false, nil
			}
			if found[id], err = e.injectors(); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	return found, err
}

func (l *auditLog) read() (map[string]auditEvent, error) {
	f, err := os.Open(l.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	events := map[string]auditEvent{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e auditEvent
		if json.Unmarshal(lines.Bytes(), &e) == nil { // the last line may still be half written
			events[e.AuditID] = e
		}
	}
	return events, lines.Err()
}

func (e auditEvent) injectors() ([]string, error) {
	type call struct {
		index int
		name  string
	}
	var calls []call
	for key, value := range e.Annotations {
		number, ok := strings.CutPrefix(key, mutationPrefix)
		if !ok {
			continue
		}
		index, err := strconv.Atoi(number)
		if err != nil {
			return nil, err
		}
		var v struct{ Configuration, Webhook string }
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			return nil, err
		}
		if mesh.IsInjector(v.Webhook) {
			calls = append(calls, call{index, v.Configuration + "/" + v.Webhook})
		}
	}
	slices.SortFunc(calls, func(a, b call) int { return a.index - b.index })
	var names []string
	for _, c := range calls {
		names = append(names, c.name)
	}
	return names, nil
}
