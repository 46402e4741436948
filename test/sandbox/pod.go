package sandbox

import (
	"net"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// discoveryContainer is the container that is istiod.
func discoveryContainer(pod *corev1.Pod) *corev1.Container {
	for i := range pod.Spec.Containers {
		if pod.Spec.Containers[i].Name == "discovery" {
			return &pod.Spec.Containers[i]
		}
	}
	return &pod.Spec.Containers[0]
}

// canPull tells whether the sandbox plays this image: a pilot with a release tag up to its own minor version. All
// of them are the one pilot-discovery that was built.
func canPull(image string) bool {
	if strings.Contains(image, "does-not-exist") {
		return false
	}
	m := regexp.MustCompile(`^pilot:1\.(\d+)\.\d+(-[a-z0-9.]+)?$`).FindStringSubmatch(path.Base(image))
	if m == nil {
		return false
	}
	minor, err := strconv.Atoi(m[1])
	return err == nil && minor <= istioMinor
}

// portsOf reads the ports from istiod's arguments; what they do not name has istiod's default.
func portsOf(c *corev1.Container) istiodPorts {
	p := defaultIstiodPorts()
	flags := map[string]*int{
		"httpAddr": &p.http, "grpcAddr": &p.grpc, "secureGRPCAddr": &p.secureGRPC, "httpsAddr": &p.webhook, "monitoringAddr": &p.monitoring,
	}
	for i, arg := range c.Args {
		name, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		field := flags[name]
		if field == nil {
			continue
		}
		if !joined && i+1 < len(c.Args) {
			value = c.Args[i+1]
		}
		_, port, err := net.SplitHostPort(value)
		if err != nil {
			continue
		}
		if n, err := strconv.Atoi(port); err == nil {
			*field = n
		}
	}
	return p
}

// isReady tells whether a pod's status says that it is ready.
func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
