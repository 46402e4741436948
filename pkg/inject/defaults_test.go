package inject

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// podDefaulted is what every spec gets.
const podDefaulted = `
dnsPolicy: ClusterFirst
restartPolicy: Always
schedulerName: default-scheduler
securityContext: {}
terminationGracePeriodSeconds: 30
enableServiceLinks: true
serviceAccountName: default
serviceAccount: default
`

// containerDefaulted is what every container gets whose image has a tag.
const containerDefaulted = `
imagePullPolicy: IfNotPresent
terminationMessagePath: /dev/termination-log
terminationMessagePolicy: File
`

func parse[T any](t *testing.T, texts ...string) T {
	t.Helper()
	var out T
	for _, text := range texts {
		require.NoError(t, yaml.UnmarshalStrict([]byte(text), &out))
	}
	return out
}

func TestDefaultsOfAPodsSpec(t *testing.T) {
	const said = `
dnsPolicy: None
restartPolicy: Never
schedulerName: mine
securityContext: {runAsUser: 7}
terminationGracePeriodSeconds: 0
enableServiceLinks: false
serviceAccountName: web
`
	for name, c := range map[string]struct{ given, want string }{
		"nothing said":    {"{}", "{}"},
		"everything said": {said, said + "serviceAccount: web"},
		"the old name of the service account": {
			"serviceAccount: old", "{serviceAccount: old, serviceAccountName: old}",
		},
		"both names, which differ": {
			"{serviceAccount: old, serviceAccountName: new}", "{serviceAccount: new, serviceAccountName: new}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			given := &core.Pod{Spec: parse[core.PodSpec](t, c.given)}
			before := given.DeepCopy()
			want := &core.Pod{Spec: parse[core.PodSpec](t, podDefaulted, c.want)}
			require.Empty(t, cmp.Diff(want, withDefaults(given)))
			require.Equal(t, before, given, "the pod that was given has changed")
		})
	}
}

func TestDefaultsOfAContainer(t *testing.T) {
	for name, c := range map[string]struct{ given, want string }{
		"nothing said": {"image: shop:1", "image: shop:1"},
		"everything said": {
			"{image: shop:1, imagePullPolicy: Never, terminationMessagePath: /x, terminationMessagePolicy: FallbackToLogsOnError}",
			"{image: shop:1, imagePullPolicy: Never, terminationMessagePath: /x, terminationMessagePolicy: FallbackToLogsOnError}",
		},
		"image without a tag":                     {"image: shop", "{image: shop, imagePullPolicy: Always}"},
		"image that istiod replaces":              {"image: auto", "{image: auto, imagePullPolicy: Always}"},
		"no image":                                {"name: istio-proxy", "name: istio-proxy"},
		"tag latest":                              {"image: r.example/shop:latest", "{image: 'r.example/shop:latest', imagePullPolicy: Always}"},
		"registry with a port and no tag":         {"image: r.example:5000/shop", "{image: 'r.example:5000/shop', imagePullPolicy: Always}"},
		"registry with a port and a tag":          {"image: r.example:5000/shop:1", "image: r.example:5000/shop:1"},
		"image by digest":                         {"image: shop@sha256:" + digest, "image: shop@sha256:" + digest},
		"image by digest with a tag":              {"image: shop:1@sha256:" + digest, "image: shop:1@sha256:" + digest},
		"image by digest with the tag latest":     {"image: shop:latest@sha256:" + digest, "{image: 'shop:latest@sha256:" + digest + "', imagePullPolicy: Always}"},
		"port without a protocol":                 {"{image: a:1, ports: [{containerPort: 80}]}", "{image: a:1, ports: [{containerPort: 80, protocol: TCP}]}"},
		"port with one":                           {"{image: a:1, ports: [{containerPort: 80, protocol: UDP}]}", "{image: a:1, ports: [{containerPort: 80, protocol: UDP}]}"},
		"environment of a field":                  {"{image: a:1, env: [{name: A, valueFrom: {fieldRef: {fieldPath: p}}}]}", "{image: a:1, env: [{name: A, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: p}}}]}"},
		"environment of a file":                   {"{image: a:1, env: [{name: A, valueFrom: {fileKeyRef: {key: k}}}]}", "{image: a:1, env: [{name: A, valueFrom: {fileKeyRef: {key: k, optional: false}}}]}"},
		"environment of a value":                  {"{image: a:1, env: [{name: A, value: b}]}", "{image: a:1, env: [{name: A, value: b}]}"},
		"limit without a request":                 {"{image: a:1, resources: {limits: {cpu: 1}}}", "{image: a:1, resources: {limits: {cpu: 1}, requests: {cpu: 1}}}"},
		"limit with a request of another kind":    {"{image: a:1, resources: {limits: {cpu: 1}, requests: {memory: 1Gi}}}", "{image: a:1, resources: {limits: {cpu: 1}, requests: {cpu: 1, memory: 1Gi}}}"},
		"limit above the request":                 {"{image: a:1, resources: {limits: {cpu: 1}, requests: {cpu: 100m}}}", "{image: a:1, resources: {limits: {cpu: 1}, requests: {cpu: 100m}}}"},
		"request finer than a thousandth":         {"{image: a:1, resources: {requests: {cpu: 100u}}}", "{image: a:1, resources: {requests: {cpu: 1m}}}"},
		"probe of a command":                      {"{image: a:1, livenessProbe: {exec: {command: [x]}}}", "{image: a:1, livenessProbe: {exec: {command: [x]}, " + probeDefaulted + "}}"},
		"probe by HTTP":                           {"{image: a:1, readinessProbe: {httpGet: {port: 80}}}", "{image: a:1, readinessProbe: {httpGet: {port: 80, path: /, scheme: HTTP}, " + probeDefaulted + "}}"},
		"probe by HTTPS":                          {"{image: a:1, startupProbe: {httpGet: {port: web, path: /x, scheme: HTTPS}}}", "{image: a:1, startupProbe: {httpGet: {port: web, path: /x, scheme: HTTPS}, " + probeDefaulted + "}}"},
		"probe by TCP":                            {"{image: a:1, livenessProbe: {tcpSocket: {port: 80}}}", "{image: a:1, livenessProbe: {tcpSocket: {port: 80}, " + probeDefaulted + "}}"},
		"probe by gRPC":                           {"{image: a:1, livenessProbe: {grpc: {port: 80}}}", "{image: a:1, livenessProbe: {grpc: {port: 80, service: ''}, " + probeDefaulted + "}}"},
		"probe by gRPC of a service":              {"{image: a:1, livenessProbe: {grpc: {port: 80, service: s}}}", "{image: a:1, livenessProbe: {grpc: {port: 80, service: s}, " + probeDefaulted + "}}"},
		"probe with its own times":                {"{image: a:1, livenessProbe: {timeoutSeconds: 2, periodSeconds: 3, successThreshold: 4, failureThreshold: 5}}", "{image: a:1, livenessProbe: {timeoutSeconds: 2, periodSeconds: 3, successThreshold: 4, failureThreshold: 5}}"},
		"hook after the start":                    {"{image: a:1, lifecycle: {postStart: {httpGet: {port: 80}}}}", "{image: a:1, lifecycle: {postStart: {httpGet: {port: 80, path: /, scheme: HTTP}}}}"},
		"hook before the stop":                    {"{image: a:1, lifecycle: {preStop: {httpGet: {port: 80}}}}", "{image: a:1, lifecycle: {preStop: {httpGet: {port: 80, path: /, scheme: HTTP}}}}"},
		"hooks that ask nobody":                   {"{image: a:1, lifecycle: {preStop: {exec: {command: [x]}}}}", "{image: a:1, lifecycle: {preStop: {exec: {command: [x]}}}}"},
		"a lifecycle that names just a signal":    {"{image: a:1, lifecycle: {stopSignal: SIGTERM}}", "{image: a:1, lifecycle: {stopSignal: SIGTERM}}"},
		"resources in which nothing is asked for": {"{image: a:1, resources: {limits: {}}}", "{image: a:1, resources: {limits: {}}}"},
	} {
		t.Run(name, func(t *testing.T) {
			given, want := parse[core.Container](t, c.given), parse[core.Container](t, containerDefaulted, c.want)
			in := &core.Pod{Spec: core.PodSpec{Containers: []core.Container{given}, InitContainers: []core.Container{given}}}
			before := in.DeepCopy()
			out := withDefaults(in)
			require.Equal(t, before, in, "the pod that was given has changed")
			require.Empty(t, cmp.Diff([]core.Container{want}, out.Spec.Containers))
			require.Empty(t, cmp.Diff([]core.Container{want}, out.Spec.InitContainers))
		})
	}
}

const (
	digest         = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	probeDefaulted = "timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3"
)
