package diagnose

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestConnectionFlagsGoIntoCommandsAndNotIntoTheirWords(t *testing.T) {
	for run, want := range map[string]string{
		"":                         "",
		"kubectl -n shop get pods": "kubectl --context a$b -n shop get pods",
		"kubectl mesh doctor":      "kubectl mesh --context a$b doctor",
		"kubectl get cm x -o yaml | sed s/a/b/ | kubectl apply -f -": "kubectl --context a$b get cm x -o yaml | sed s/a/b/ | kubectl --context a$b apply -f -",
		`kubectl patch x -p "$(kubectl get y)" && istioctl tag list`: `kubectl --context a$b patch x -p "$(kubectl --context a$b get y)" && istioctl --context a$b tag list`,
		`kubectl annotate pod x note='use kubectl here'`:             `kubectl --context a$b annotate pod x note='use kubectl here'`,
	} {
		steps := []Step{{Run: run}}
		connect(steps, "--context a$b")
		assert.Equal(t, want, steps[0].Run)
	}
}
