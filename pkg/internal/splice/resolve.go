package splice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// yamlFloat is what go.yaml.in/yaml/v2 (resolve.go, v2.4.3) takes for a float.
var yamlFloat = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

// resolve gives the value that a plain scalar has for Kubernetes, which reads
// YAML with go.yaml.in/yaml/v2 (resolve.go, v2.4.3): booleans of YAML 1.1,
// dates as strings. Infinities and NaN, which JSON lacks, are returned as
// floats.
func resolve(s string) any {
	if s == "" {
		return nil
	}
	switch c := s[0]; {
	case c >= '0' && c <= '9', c == '+', c == '-':
		if f, ok := special(s); ok {
			return f
		}
		return resolveNumber(s)
	case c == '.':
		if f, ok := special(s); ok {
			return f
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
		return s
	}
	switch s {
	case "~", "null", "Null", "NULL":
		return nil
	case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return true
	case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return false
	}
	return s
}

func resolveNumber(s string) any {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && !strings.ContainsRune("abcdefABCDEFxXoOpP_.+-", rune(c)) {
			return s
		}
	}
	plain := strings.ReplaceAll(s, "_", "")
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(plain, 0, 64); err == nil {
		return u
	}
	if yamlFloat.MatchString(plain) {
		if f, err := strconv.ParseFloat(plain, 64); err == nil {
			return f
		}
	}
	return s
}

func special(s string) (float64, bool) {
	switch s {
	case ".nan", ".NaN", ".NAN":
		return math.NaN(), true
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return math.Inf(1), true
	case "-.inf", "-.Inf", "-.INF":
		return math.Inf(-1), true
	}
	return 0, false
}

// resolveTagged gives the value of a scalar that has a tag.
func resolveTagged(tag, text string) (any, error) {
	quoted, err := json.Marshal(text)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(tag, "!") {
		tag = "!<" + tag + ">"
	}
	return read([]byte(tag + " " + string(quoted)))
}

// read parses a document the way Kubernetes does.
func read(doc []byte) (any, error) {
	text, err := yaml.YAMLToJSON(doc)
	if err != nil {
		return nil, err
	}
	return readJSON(text)
}

func readJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// keyString gives the name that a key has in JSON, as sigs.k8s.io/yaml v1.6.0
// (convertToJSONableObject) makes it.
func keyString(v any) (string, error) {
	switch t := v.(type) {
	case string:
		return t, nil
	case bool:
		return strconv.FormatBool(t), nil
	case int:
		return strconv.Itoa(t), nil
	case int64:
		return strconv.FormatInt(t, 10), nil
	case json.Number:
		return string(t), nil
	case float64:
		switch {
		case math.IsNaN(t):
			return ".nan", nil
		case math.IsInf(t, 1):
			return ".inf", nil
		case math.IsInf(t, -1):
			return "-.inf", nil
		}
		return strconv.FormatFloat(t, 'g', -1, 32), nil
	case nil:
		return "", errors.New("a key is null")
	}
	return "", fmt.Errorf("%v cannot be a key", v)
}
