package sandbox

// binary is one program of the sandbox: what to compile, in which nested module.
type binary struct {
	name    string
	module  string // folder below modules
	pkg     string
	ldflags []string // -X values
	cold    string   // how long it takes on two cores when Go's build cache is empty
}

const (
	kubeVersion  = "v1.35.4"
	istioVersion = "1.29.1"
	istioHub     = "docker.io/istio"
	istioMinor   = 29
)

// binaries are the programs in the order in which they are built. Those of Kubernetes carry their version, or
// version checks of clients and controllers misfire.
func binaries() []binary {
	kube := []string{
		"k8s.io/component-base/version.gitVersion=" + kubeVersion,
		"k8s.io/component-base/version.gitMajor=1",
		"k8s.io/component-base/version.gitMinor=35",
		"k8s.io/component-base/version.gitTreeState=clean",
	}
	istio := []string{
		"istio.io/istio/pkg/version.buildVersion=" + istioVersion,
		"istio.io/istio/pkg/version.buildTag=" + istioVersion,
		"istio.io/istio/pkg/version.buildHub=" + istioHub,
		"istio.io/istio/pkg/version.buildStatus=Clean",
	}
	return []binary{
		{"etcd", "kube", "go.etcd.io/etcd/server/v3", nil, "1 minute"},
		{"kube-apiserver", "kube", "k8s.io/kubernetes/cmd/kube-apiserver", kube, "4 minutes"},
		{"kube-controller-manager", "kube", "k8s.io/kubernetes/cmd/kube-controller-manager", kube, "2 minutes"},
		{"kube-scheduler", "kube", "k8s.io/kubernetes/cmd/kube-scheduler", kube, "30 seconds"},
		{"kubectl", "kube", "k8s.io/kubernetes/cmd/kubectl", kube, "1 minute"},
		{"kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", nil, "3 minutes"},
		{"pilot-discovery", "istio", "istio.io/istio/pilot/cmd/pilot-discovery", istio, "4 minutes"},
		{"istioctl", "istio", "istio.io/istio/istioctl/cmd/istioctl", istio, "1 minute"},
	}
}
