package route

import (
	"encoding/json"
	"runtime"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// into reads an object's spec into a type of its API. What it does not know is
// passed over.
func into(u *unstructured.Unstructured, spec any) error {
	text, err := json.Marshal(u.Object["spec"])
	if err != nil {
		return err
	}
	// Istio's types take more than protobuf's JSON allows, durations such as 1m
	// among it; where that is not used, this way takes a third of the time.
	if m, ok := spec.(proto.Message); ok && (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, m) == nil {
		return nil
	} else if ok {
		proto.Reset(m)
	}
	return json.Unmarshal(text, spec)
}

// decoded are the specs of objects as a type, on all cores: nearly all the time
// that a look at a mesh takes goes there. Where an object cannot be understood
// its error stands in errs.
func decoded[T any](list []*unstructured.Unstructured) (specs []*T, errs []error) {
	specs, errs = make([]*T, len(list)), make([]error, len(list))
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(list)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(list); i = int(next.Add(1)) - 1 {
				specs[i] = new(T)
				errs[i] = into(list[i], specs[i])
			}
		})
	}
	all.Wait()
	return specs, errs
}
