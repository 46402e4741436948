package route

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
)

// unmarshal reads a part of an object into a type of its API. What the type
// does not know is passed over.
func unmarshal(raw any, into any) error {
	text, err := json.Marshal(raw)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// sameMeaning compares two parts of objects by what Istio reads of them; a and
// b are where they are read into.
func sameMeaning(x, y any, a, b json.Unmarshaler) bool {
	if x == nil || y == nil {
		return x == nil && y == nil
	}
	if unmarshal(x, a) != nil || unmarshal(y, b) != nil {
		return false
	}
	return sameValue(a, b)
}

// sameValue compares what two values are in JSON: 1 is 1.0.
func sameValue(a, b any) bool {
	var x, y any
	if unmarshal(a, &x) != nil || unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

// deepCopy copies a part of an object.
func deepCopy(v any) any { return runtime.DeepCopyJSONValue(v) }

// jsonNumber is a number as objects hold it: whole ones as whole.
func jsonNumber(f float64) any {
	if f == math.Trunc(f) {
		return int64(f)
	}
	return f
}

// seconds writes a duration as protobuf's JSON does: "0.5s".
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
}

// sameDuration reports whether a field holds this duration, however written.
func sameDuration(v any, d time.Duration) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	got, err := time.ParseDuration(s)
	return err == nil && got == d
}
