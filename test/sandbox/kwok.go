package sandbox

import (
	_ "embed"
	"fmt"
	"os"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

//go:embed kwok.yaml
var kwokStages string

// slotNamespace is the namespace by which kwok's configuration knows a set of istiod's ports. kwok reads its
// configuration once and knows pods by name, so the sandbox's kubelet port, which stands before kwok, puts
// this name in the place of the pod's.
func slotNamespace(p istiodPorts) string { return fmt.Sprintf("istiod-%d", p.webhook) }

// kwokConfig is kwok's configuration: the stages, and where a port-forward to an istiod pod goes. Both the ports
// in the pod and istiod's default ones are answered: istioctl asks for port 15012 whatever the pod says.
func kwokConfig(block ports) ([]byte, error) {
	sets := []istiodPorts{defaultIstiodPorts()}
	for n := range maxRevisions {
		sets = append(sets, block.istiod(n))
	}
	type m = map[string]any
	docs := []string{kwokStages}
	for _, set := range sets {
		var forwards []any
		for standard, real := range set.to() {
			from := slices.Compact([]int{standard, real})
			forwards = append(forwards, m{"ports": from, "target": m{"address": "127.0.0.1", "port": real}})
		}
		doc, err := yaml.Marshal(m{
			"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterPortForward",
			"metadata": m{"name": slotNamespace(set)},
			"spec":     m{"selector": m{"matchNamespaces": []string{slotNamespace(set)}}, "forwards": forwards},
		})
		if err != nil {
			return nil, err
		}
		docs = append(docs, string(doc))
	}
	return []byte(strings.Join(docs, "---\n")), nil
}

func (s *Sandbox) writeKwokConfig() error {
	config, err := kwokConfig(s.ports)
	if err != nil {
		return err
	}
	return os.WriteFile(s.file("kwok.yaml"), config, 0o644)
}
