package inject

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testdata/stored.yaml is what kubectl get -o yaml prints of an injected
// Deployment: with all that the API server fills in.
func TestWhatTheAPIServerFilledInStays(t *testing.T) {
	stored, err := os.ReadFile("testdata/stored.yaml")
	require.NoError(t, err)
	e := builtin(t)
	inject := func(obj map[string]any) (map[string]any, []Outcome, error) { return e.Object(obj, "default") }
	for name, given := range map[string]string{
		"nothing changed":       string(stored),
		"an older proxy":        strings.ReplaceAll(string(stored), "proxyv2:1.29.1", "proxyv2:1.28.0"),
		"another default":       strings.ReplaceAll(string(stored), "expirationSeconds: 43200", "expirationSeconds: 3600"),
		"a variable of another": strings.Replace(string(stored), "fieldPath: spec.serviceAccountName", "fieldPath: metadata.name", 1),
	} {
		t.Run(name, func(t *testing.T) {
			after, outcomes, err := EditText([]byte(given), inject)
			require.NoError(t, err)
			require.Equal(t, string(stored), string(after))
			require.Equal(t, Injected, outcomes[0].Status)
		})
	}
}
