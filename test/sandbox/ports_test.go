package sandbox

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTwoSandboxesGetDifferentPorts(t *testing.T) {
	a, err := takePorts()
	require.NoError(t, err)
	defer a.release()
	_, err = takeBlock(a.base)
	require.ErrorIs(t, err, errLocked)
	b, err := takePorts()
	require.NoError(t, err)
	defer b.release()
	require.NotEqual(t, a.base, b.base)
}

func TestABlockWithATakenPortIsNotUsed(t *testing.T) {
	free, err := takePorts()
	require.NoError(t, err)
	free.release()
	l, err := net.Listen("tcp", addr(free.apiServer()))
	require.NoError(t, err)
	defer l.Close()

	_, err = takeBlock(free.base)

	require.ErrorIs(t, err, errPortTaken)
	require.ErrorContains(t, err, addr(free.apiServer())[1:])
}

func TestEveryPortOfABlockHasOneUse(t *testing.T) {
	p := ports{base: portsFrom}
	used := []int{p.etcd(), p.etcdPeer(), p.apiServer(), p.controllerManager(), p.scheduler(), p.kwok(), p.kubelet()}
	for n := range maxRevisions {
		i := p.istiod(n)
		used = append(used, i.http, i.grpc, i.secureGRPC, i.webhook, i.monitoring)
	}
	seen := map[int]bool{}
	for _, port := range used {
		require.False(t, seen[port], "port %d", port)
		require.Less(t, port, portsFrom+portsBlock)
		require.GreaterOrEqual(t, port, portsFrom)
		seen[port] = true
	}
}
