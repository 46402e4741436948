package inject

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	yamlv2 "go.yaml.in/yaml/v2"
	yamlv3 "go.yaml.in/yaml/v3"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// decode reads a document as Kubernetes does, whole numbers as int64. With an
// error comes its line, from 0.
func decode(text []byte) (v any, line int, err error) {
	raw, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		raw, line, err = again(text, err)
	}
	if err != nil {
		return nil, line, err
	}
	if err := utiljson.Unmarshal(raw, &v); err != nil {
		return nil, firstLine(text), err
	}
	if err := alone(text); err != nil {
		return nil, firstLine(text), err
	}
	return v, 0, nil
}

// again reads a document that the strict parser refuses. That takes a key
// beside << that the merged map has too for one that stands twice.
func again(text []byte, refused error) (raw []byte, line int, err error) {
	raw, err = yaml.YAMLToJSON(text)
	if err != nil {
		line, why := parseError(err)
		return nil, min(line, bytes.Count(bytes.TrimSpace(text), []byte("\n"))), errors.New(why)
	}
	var doc yamlv3.Node
	if err := yamlv3.Unmarshal(text, &doc); err != nil {
		line, why := parseError(refused)
		return nil, line, errors.New(why)
	}
	if key := twice(&doc); key != nil {
		return nil, key.Line - 1, fmt.Errorf("key %q stands twice in the same map", key.Value)
	}
	return raw, 0, nil
}

// twice is the first key that stands in a map for the second time.
func twice(n *yamlv3.Node) *yamlv3.Node {
	seen := map[string]bool{}
	for i, child := range n.Content {
		if n.Kind == yamlv3.MappingNode && i%2 == 0 {
			if seen[child.Value] && child.Kind == yamlv3.ScalarNode && child.Tag != "!!merge" {
				return child
			}
			seen[child.Value] = true
		}
		if key := twice(child); key != nil {
			return key
		}
	}
	return nil
}

// parseError takes the line, from 0, out of a YAML parser's error.
func parseError(err error) (line int, why string) {
	why = strings.ReplaceAll(err.Error(), "error converting YAML to JSON: ", "")
	m := regexp.MustCompile(`line (\d+): (?s:(.*))$`).FindStringSubmatch(why)
	if m == nil {
		return 0, strings.TrimPrefix(why, "yaml: ")
	}
	n, _ := strconv.Atoi(m[1])
	return max(n-1, 0), m[2]
}

// alone fails for a document in braces with something behind them, which
// YAMLToJSON passes over; all others end where their text ends.
func alone(text []byte) error {
	if begin := text[offset(text, firstLine(text)):]; !bytes.HasPrefix(bytes.TrimLeft(begin, " \t"), []byte("{")) {
		return nil
	}
	var v any
	dec := yamlv2.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&v); err != nil {
		return err
	}
	if err := dec.Decode(&v); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind its closing brace: separate documents with ---")
	}
	return nil
}
