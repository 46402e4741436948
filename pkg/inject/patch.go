package inject

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// operation is one of a JSON patch (RFC 6902). istiod's patches have no others
// than add, remove and replace (gomodules.xyz/jsonpatch/v2 v2.5.0, CreatePatch).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// patched is an object after a patch, with whole numbers as int64. The object
// stays as it is; what the patch does not touch is shared with it.
func patched(obj map[string]any, patch []byte) (map[string]any, error) {
	var operations []operation
	if err := utiljson.Unmarshal(patch, &operations); err != nil {
		return nil, err
	}
	var v any = obj
	for _, o := range operations {
		keys, err := pointer(o.Path)
		if err == nil {
			v, err = o.at(v, keys)
		}
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.Op, o.Path, err)
		}
	}
	out, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("it leaves no object")
	}
	return out, nil
}

// pointer takes a JSON pointer (RFC 6901) apart.
func pointer(path string) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil, errors.New("the path does not begin with a slash")
	}
	keys := strings.Split(rest, "/")
	for i := range keys {
		keys[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(keys[i])
	}
	return keys, nil
}

var errNothingThere = errors.New("there is nothing at this path") // never written to

// at is a value after the operation at a path in it.
func (o operation) at(v any, keys []string) (any, error) {
	if len(keys) == 0 {
		if o.Op == "add" || o.Op == "replace" {
			return o.Value, nil
		}
		return nil, fmt.Errorf("no operation for the whole of an object")
	}
	switch v := v.(type) {
	case map[string]any:
		return o.inMap(v, keys)
	case []any:
		return o.inList(v, keys)
	}
	return nil, errNothingThere
}

func (o operation) inMap(m map[string]any, keys []string) (any, error) {
	key := keys[0]
	before, found := m[key]
	out := maps.Clone(m)
	switch {
	case len(keys) > 1:
		after, err := o.at(before, keys[1:])
		out[key] = after
		return out, err
	case !found && o.Op != "add":
		return nil, errNothingThere
	case o.Op == "add", o.Op == "replace":
		out[key] = o.Value
		return out, nil
	case o.Op == "remove":
		delete(out, key)
		return out, nil
	}
	return nil, errors.New("istiod has no such operation")
}

func (o operation) inList(list []any, keys []string) (any, error) {
	i, err := strconv.Atoi(keys[0])
	last := len(keys) == 1
	switch {
	case keys[0] == "-" && last && o.Op == "add":
		i = len(list)
	case err != nil, i < 0, i > len(list), i == len(list) && !(last && o.Op == "add"):
		return nil, errNothingThere
	}
	out := slices.Clone(list)
	switch {
	case !last:
		out[i], err = o.at(list[i], keys[1:])
		return out, err
	case o.Op == "add":
		return slices.Insert(out, i, o.Value), nil
	case o.Op == "replace":
		out[i] = o.Value
		return out, nil
	case o.Op == "remove":
		return slices.Delete(out, i, i+1), nil
	}
	return nil, errors.New("istiod has no such operation")
}
