package admission_test

import (
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/admission"
)

func BenchmarkDecide(b *testing.B) {
	d := admission.New(snapshot(b, "testdata/decide/helm-two-revisions/cluster.yaml"))
	ns := namespace("shop", map[string]string{"istio-injection": "enabled"})
	b.ReportAllocs()
	for b.Loop() {
		d.Decide(ns, admission.Template{Labels: map[string]string{"app": "web"}})
	}
}

func BenchmarkNew(b *testing.B) {
	s := snapshot(b, "testdata/decide/match-conditions/cluster.yaml")
	b.ReportAllocs()
	for b.Loop() {
		admission.New(s)
	}
}
