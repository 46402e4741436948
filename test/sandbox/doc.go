// Package sandbox runs a real control plane on this machine, as plain processes: etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler, kwok in the place of kubelet, and istiod. Nothing is downloaded
// as a binary and no container engine is needed: everything is compiled from Go modules (folder modules).
//
// What is real: every API call, admission, RBAC, scheduling, controllers, and the calls of kube-apiserver to
// istiod's webhooks. What is played: containers. kwok says that pods run; only pods with the label app=istiod
// get a process, see the kubelet in this package. On demand (Sandbox.Proxies) one program stands in for the Envoys of all
// pods: it is connected to the real istiod as each of them and serves what it received in the format of Envoy's admin
// port, but carries no traffic. A pod whose image has "does-not-exist" in its name stays
// in ImagePullBackOff.
//
// The package needs Linux or macOS with one IPv4 address beside the loopback one.
package sandbox
