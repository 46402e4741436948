package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// render gives the objects of an Istio installation as istioctl generates them. It needs no cluster.
func (s *Sandbox) render(ctx context.Context, namespace string, sets []string) ([]*unstructured.Unstructured, error) {
	args := []string{"manifest", "generate", "-i", namespace}
	for _, set := range istioSets(namespace, sets) {
		args = append(args, "--set", set)
	}
	out, err := s.run(ctx, "istioctl", args...)
	if err != nil {
		return nil, err
	}
	return parseYAML([]byte(out))
}

// istioSets are the values of every installation, and then the caller's.
func istioSets(namespace string, sets []string) []string {
	return append([]string{"hub=" + istioHub, "tag=" + istioVersion, "values.global.istioNamespace=" + namespace}, sets...)
}

// parseYAML reads the objects of a YAML stream.
func parseYAML(stream []byte) ([]*unstructured.Unstructured, error) {
	var objs []*unstructured.Unstructured
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(stream)))
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objs, nil
		}
		if err != nil {
			return nil, err
		}
		obj := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(doc, &obj.Object); err != nil {
			return nil, fmt.Errorf("document %d: %w", len(objs)+1, err)
		}
		if len(bytes.TrimSpace(doc)) == 0 || obj.Object == nil || obj.GetKind() == "" {
			continue
		}
		objs = append(objs, obj)
	}
}

// usePorts rewrites istiod's Deployment and Services to the ports of one revision. Services keep their own ports.
func usePorts(obj *unstructured.Unstructured, p istiodPorts) error {
	switch {
	case obj.GetKind() == "Deployment" && obj.GetLabels()["app"] == "istiod":
		return deploymentPorts(obj, p)
	case obj.GetKind() == "Service" && obj.GetLabels()["app"] == "istiod":
		return servicePorts(obj, p)
	}
	return nil
}

func servicePorts(obj *unstructured.Unstructured, p istiodPorts) error {
	list, _, err := unstructured.NestedSlice(obj.Object, "spec", "ports")
	if err != nil {
		return err
	}
	real := p.to()
	for _, item := range list {
		port, ok := item.(map[string]any)
		if !ok {
			continue
		}
		target := intField(port, "targetPort")
		if target == 0 {
			target = intField(port, "port")
		}
		if n, ok := real[target]; ok {
			port["targetPort"] = int64(n)
		}
	}
	return unstructured.SetNestedSlice(obj.Object, list, "spec", "ports")
}

func deploymentPorts(obj *unstructured.Unstructured, p istiodPorts) error {
	annotations, _, err := unstructured.NestedStringMap(obj.Object, "spec", "template", "metadata", "annotations")
	if err != nil {
		return err
	}
	if _, ok := annotations["prometheus.io/port"]; ok {
		annotations["prometheus.io/port"] = strconv.Itoa(p.monitoring)
		if err := unstructured.SetNestedStringMap(obj.Object, annotations, "spec", "template", "metadata", "annotations"); err != nil {
			return err
		}
	}
	containers, _, err := unstructured.NestedSlice(obj.Object, "spec", "template", "spec", "containers")
	if err != nil {
		return err
	}
	for _, item := range containers {
		c, ok := item.(map[string]any)
		if !ok || c["name"] != "discovery" {
			continue
		}
		if err := containerPorts(c, p); err != nil {
			return err
		}
	}
	return unstructured.SetNestedSlice(obj.Object, containers, "spec", "template", "spec", "containers")
}

func containerPorts(c map[string]any, p istiodPorts) error {
	args, _, err := unstructured.NestedStringSlice(c, "args")
	if err != nil {
		return err
	}
	if i := slices.Index(args, "--monitoringAddr=:15014"); i >= 0 {
		args[i] = "--monitoringAddr=" + addr(p.monitoring)
	}
	if err := unstructured.SetNestedStringSlice(c, append(args, p.args()...), "args"); err != nil {
		return err
	}
	real := p.to()
	ports, _, err := unstructured.NestedSlice(c, "ports")
	if err != nil {
		return err
	}
	for _, item := range ports {
		port, ok := item.(map[string]any)
		if !ok {
			continue
		}
		if n, ok := real[intField(port, "containerPort")]; ok {
			port["containerPort"] = int64(n)
		}
	}
	if err := unstructured.SetNestedSlice(c, ports, "ports"); err != nil {
		return err
	}
	return unstructured.SetNestedField(c, int64(p.http), "readinessProbe", "httpGet", "port")
}

// intField is a number that YAML or JSON may have read as one of several types; 0 when it is none.
func intField(m map[string]any, name string) int {
	switch n := m[name].(type) {
	case int64:
		return int(n)
	case float64:
		return int(n)
	}
	return 0
}
