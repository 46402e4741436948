package splice

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// check returns an error when v holds what JSON has no form for.
func check(v any) error {
	switch t := v.(type) {
	case nil, bool:
		return nil
	case string:
		if !utf8.ValidString(t) {
			return fmt.Errorf("the string %q is not UTF-8", t)
		}
		return nil
	case map[string]any:
		for k, e := range t {
			if !utf8.ValidString(k) {
				return fmt.Errorf("the key %q is not UTF-8", k)
			}
			if err := check(e); err != nil {
				return err
			}
		}
		return nil
	case []any:
		for _, e := range t {
			if err := check(e); err != nil {
				return err
			}
		}
		return nil
	}
	n, ok := toNumber(v)
	if !ok {
		return fmt.Errorf("a value of type %T has no form in JSON", v)
	}
	if math.IsNaN(n.float) || math.IsInf(n.float, 0) {
		return fmt.Errorf("the number %v has no form in JSON", v)
	}
	return nil
}

// number is a JSON number: exact where it is an integer of 64 bits.
type number struct {
	exact bool
	int   int64
	float float64
}

func toNumber(v any) (number, bool) {
	switch t := v.(type) {
	case int:
		return integer(int64(t)), true
	case int32:
		return integer(int64(t)), true
	case int64:
		return integer(t), true
	case uint64:
		if t <= math.MaxInt64 {
			return integer(int64(t)), true
		}
		return number{float: float64(t)}, true
	case float64:
		return number{float: t}, true
	case json.Number:
		if i, err := strconv.ParseInt(string(t), 10, 64); err == nil {
			return integer(i), true
		}
		f, err := strconv.ParseFloat(string(t), 64)
		return number{float: f}, err == nil
	}
	return number{}, false
}

func integer(i int64) number { return number{exact: true, int: i, float: float64(i)} }

func (n number) equal(o number) bool {
	if n.exact && o.exact {
		return n.int == o.int
	}
	return n.float == o.float
}

// equal compares two values; numbers are equal by value, whatever their type.
func equal(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case string:
		y, ok := b.(string)
		return ok && x == y
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, e := range y {
			o, ok := x[k]
			if !ok || !equal(o, e) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equal(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	x, ok := toNumber(a)
	if !ok {
		return false
	}
	y, ok := toNumber(b)
	return ok && x.equal(y)
}

// isCollection reports whether v is a map or a list.
func isCollection(v any) bool {
	return isMap(v) || isList(v)
}

func isMap(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

func isList(v any) bool {
	_, ok := v.([]any)
	return ok
}

// size is the number of elements of a map or a list, 0 for anything else.
func size(v any) int {
	switch t := v.(type) {
	case map[string]any:
		return len(t)
	case []any:
		return len(t)
	}
	return 0
}
