package sandbox

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestIstiodsObjectsGetTheRevisionsPorts(t *testing.T) {
	given, err := os.ReadFile("testdata/ports/given.yaml")
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/ports/want.yaml")
	require.NoError(t, err)
	objs, err := parseYAML(given)
	require.NoError(t, err)
	for _, obj := range objs {
		require.NoError(t, usePorts(obj, istiodPorts{http: 101, grpc: 102, secureGRPC: 103, webhook: 104, monitoring: 105}))
	}
	wanted, err := parseYAML(want)
	require.NoError(t, err)
	require.Len(t, objs, 3)
	for i := range objs {
		got, err := objs[i].MarshalJSON()
		require.NoError(t, err)
		wantJSON, err := wanted[i].MarshalJSON()
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(string(wantJSON), string(got)))
	}
}

func TestTheLastOfSeveralValuesCounts(t *testing.T) {
	sets := []string{"profile=minimal", "revision=a", "revision=b"}
	require.Equal(t, "b", lastSet(sets, "revision", "default"))
	require.Equal(t, "default", lastSet(sets, "hub", "default"))
}
