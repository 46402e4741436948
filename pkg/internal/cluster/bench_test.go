package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// injected is a pod as a real API server serves it, with a sidecar.
func injected(b *testing.B) *core.Pod {
	b.Helper()
	raw, err := os.ReadFile("testdata/bench/pod.json")
	require.NoError(b, err)
	info, _ := mesh.Lookup(mesh.Pods)
	o, err := typed(info, info.Object, raw)
	require.NoError(b, err)
	return o.(*core.Pod)
}

func BenchmarkReducePod(b *testing.B) {
	pod, r := injected(b), newReducer()
	b.ReportAllocs()
	for b.Loop() {
		// Reducing may change what it is given.
		b.StopTimer()
		p := pod.DeepCopy()
		b.StartTimer()
		r.reduce(p)
	}
}

// BenchmarkReadPods reads a mesh of 3,200 pods, and reports what stays of them
// in memory, in bytes a pod.
func BenchmarkReadPods(b *testing.B) {
	const n = 3200
	cfg := (&fakeAPI{objects: injectedPods(b, n)}).start(b)
	b.ReportAllocs()
	for b.Loop() {
		before := heap()
		s, err := Read(context.Background(), Query{Config: cfg, Kinds: []mesh.Kind{mesh.Pods}})
		require.NoError(b, err)
		require.Len(b, s.Pods, n)
		b.ReportMetric(float64(heap()-before)/n, "kept-B/pod")
		runtime.KeepAlive(s)
	}
}

func BenchmarkReadRecording(b *testing.B) {
	const n = 3200
	s := &mesh.Snapshot{Read: []mesh.Extent{{Kind: mesh.Pods}}}
	for _, o := range injectedPods(b, n) {
		s.Pods = append(s.Pods, o.(*core.Pod))
	}
	file := filepath.Join(b.TempDir(), "mesh.yaml")
	require.NoError(b, SaveFile(file, s))
	b.ReportAllocs()
	for b.Loop() {
		back, problems, err := ReadFiles(context.Background(), FileQuery{Paths: []string{file}})
		require.NoError(b, err)
		require.Empty(b, problems)
		require.Len(b, back.Pods, n)
	}
}

func injectedPods(b *testing.B, n int) []k8sruntime.Object {
	pod := injected(b)
	var objs []k8sruntime.Object
	for i := range n {
		p := pod.DeepCopy()
		p.Name, p.Namespace, p.Status.PodIP = fmt.Sprint("web-", i), fmt.Sprint("n", i%200), fmt.Sprint("10.0.0.", i)
		p.Labels["app"] = fmt.Sprint("app", i%800)
		objs = append(objs, p)
	}
	return objs
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
