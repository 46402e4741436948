package route

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// tcpServer is a server of a Gateway that listens for TCP at a port.
func tcpServer(port int32) map[string]any {
	return map[string]any{
		"port":  map[string]any{"number": int64(port), "name": fmt.Sprintf("tcp-%d", port), "protocol": "TCP"},
		"hosts": []any{"*"},
	}
}

// gatewayYAML is a Gateway that listens at the port.
func gatewayYAML(namespace, name string, port int32) string {
	return yamlOf(map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": "Gateway",
		"metadata": map[string]any{"name": name, "namespace": namespace},
		"spec": map[string]any{
			"selector": map[string]any{"istio": "ingressgateway"},
			"servers":  []any{tcpServer(port)},
		},
	})
}

func yamlOf(v any) string {
	text, err := yaml.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
