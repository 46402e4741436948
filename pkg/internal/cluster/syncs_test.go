package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatWasSentSinceIsToldFromWhatWasSentBefore(t *testing.T) {
	const routes, clusters = "routes", "clusters"
	before, err := parseSyncs([]byte(`[
		{"proxy": "web-1.shop", "resources": {"routes": {"sent": "a", "acked": "a"}, "clusters": {"sent": "p", "acked": "p"}}},
		{"proxy": "web-2.shop", "resources": {"routes": {"sent": "b", "acked": "b"}}},
		{"proxy": "web-3.shop", "resources": {"routes": {"sent": "c", "acked": "c"}}}]`))
	require.NoError(t, err)
	after, err := parseSyncs([]byte(`[
		{"proxy": "web-1.shop", "resources": {"routes": {"sent": "a2", "acked": "a2"}, "clusters": {"sent": "p2", "acked": "p"}}},
		{"proxy": "web-2.shop", "resources": {"routes": {"sent": "b2", "acked": "b", "lastError": "no such cluster"}}},
		{"proxy": "web-3.shop", "resources": {"routes": {"sent": "c", "acked": "c"}}},
		{"proxy": "new-4.shop", "resources": {"routes": {"sent": "d", "acked": "d"}}}]`))
	require.NoError(t, err)
	assert.Equal(t, Acks{Sent: 3, Acked: 2, Refused: map[string]string{"web-2.shop": "no such cluster"}}, after.Since(before, []string{routes}))
	assert.Equal(t, Acks{Sent: 3, Acked: 1, Refused: map[string]string{"web-2.shop": "no such cluster"}}, after.Since(before, []string{routes, clusters}))
	assert.Equal(t, Acks{Refused: map[string]string{}}, after.Since(after, []string{routes, clusters}))
	_, err = parseSyncs([]byte("<html>"))
	assert.ErrorContains(t, err, "its /debug/syncz cannot be understood")
}
