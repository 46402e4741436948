package cluster

import (
	"bufio"
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// fill sets everything that a value has, every number and text another.
func fill(v reflect.Value, n *int, depth int) {
	*n++
	switch x := v.Addr().Interface().(type) {
	case *resource.Quantity:
		*x = resource.MustParse(fmt.Sprintf("%dMi", *n))
		return
	case *metav1.Time:
		*x = metav1.Unix(int64(*n), 0)
		return
	case *metav1.MicroTime:
		*x = metav1.MicroTime(metav1.Unix(int64(*n), 0))
		return
	case *metav1.FieldsV1:
		x.Raw = fmt.Appendf(nil, `{"f:metadata":{"f:labels":{"f:l%d":{}}},"f:spec":{}}`, *n)
		return
	}
	if depth > 12 {
		return // schemas that hold themselves
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text-%d", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n % 1000))
	case reflect.Uint8:
		v.SetUint(uint64(*n % 200))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n, depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n, depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, n, depth+1)
			fill(value, n, depth+1)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), n, depth+1)
			}
		}
	}
}

// filled is an object with every field set, that owner controls.
func filled(t testing.TB, i mesh.Info, owner string) k8sruntime.Object {
	t.Helper()
	o, err := scheme.Scheme.New(i.Object)
	require.NoError(t, err)
	n := 0
	fill(reflect.ValueOf(o).Elem(), &n, 0)
	o.GetObjectKind().SetGroupVersionKind(i.Object)
	m, err := meta.Accessor(o)
	require.NoError(t, err)
	m.SetAnnotations(map[string]string{
		"sidecar.istio.io/status": `{"revision":"default"}`, "example.com/other": "x",
		"kubectl.kubernetes.io/last-applied-configuration": "{}",
	})
	yes, no := true, false
	m.SetOwnerReferences([]metav1.OwnerReference{{Kind: "Other", Name: "a", Controller: &no}})
	if owner != "" {
		m.SetOwnerReferences(append(m.GetOwnerReferences(), metav1.OwnerReference{Kind: owner, Name: "b", Controller: &yes}))
	}
	switch o := o.(type) {
	case *core.Event:
		o.Type, o.Reason = core.EventTypeWarning, "FailedCreate"
	case *core.ConfigMap:
		o.Name = "istio"
		o.Data["mesh"] = "a: b"
	case *core.Pod:
		o.Spec.Containers[0].Name, o.Spec.InitContainers[1].Name = mesh.ProxyContainer, apiServerContainer
		o.Spec.Containers[0].Env = []core.EnvVar{{Name: "CA_ADDR", Value: "x"}, {Name: "SECRET", Value: "y"}, {Name: "ISTIO_META_NETWORK", ValueFrom: &core.EnvVarSource{}}}
		o.Spec.Containers[0].Args = []string{"proxy", "--token", "x"}
		o.Spec.InitContainers[1].Command = []string{"kube-apiserver", "--feature-gates=A=true", "--other"}
	}
	return o
}

// encoded is a list of these objects as an API server sends it.
func encoded(t testing.TB, i mesh.Info, token string, objs ...k8sruntime.Object) []byte {
	t.Helper()
	list, err := scheme.Scheme.New(i.Object.GroupVersion().WithKind(i.Object.Kind + "List"))
	require.NoError(t, err)
	require.NoError(t, meta.SetList(list, objs))
	m, err := meta.ListAccessor(list)
	require.NoError(t, err)
	m.SetContinue(token)
	list.GetObjectKind().SetGroupVersionKind(i.Object.GroupVersion().WithKind(i.Object.Kind + "List"))
	var b bytes.Buffer
	require.NoError(t, protobuf.NewSerializer(scheme.Scheme, scheme.Scheme).Encode(list, &b))
	return b.Bytes()
}

func testReading() *reading { return newReading(&connection{}, Query{}) }

// What is cut before an object is decoded is only what reduce drops.
func TestNothingIsCutThatIsKept(t *testing.T) {
	for _, i := range mesh.Kinds() {
		if !i.Typed {
			continue
		}
		for _, owner := range []string{"", "Node", "ReplicaSet", "Deployment", "CronJob"} {
			t.Run(i.Object.Kind+" of "+owner, func(t *testing.T) {
				raw := encoded(t, i, "more", filled(t, i, owner), filled(t, i, ""))
				r, token := testReading(), ""
				got, err := r.unpack(bytes.NewReader(raw), i, func(m metav1.ListMeta) { token = m.Continue })
				require.NoError(t, err)
				require.Equal(t, "more", token)

				list, _, err := scheme.Codecs.UniversalDeserializer().Decode(raw, nil, nil)
				require.NoError(t, err)
				var want []k8sruntime.Object
				require.NoError(t, meta.EachListItem(list, func(o k8sruntime.Object) error {
					want = append(want, newReducer().reduce(o))
					return nil
				}))
				require.Len(t, want, 2)
				require.Empty(t, cmp.Diff(want, got))
			})
		}
	}
}

func TestAnswersThatEndTooEarlyAreErrors(t *testing.T) {
	i, _ := mesh.Lookup(mesh.Pods)
	raw := encoded(t, i, "", filled(t, i, "ReplicaSet"))
	for n := 0; n < len(raw)-4; n += 61 { // what wraps the list ends with two empty fields
		_, err := testReading().unpack(bytes.NewReader(raw[:n]), i, func(metav1.ListMeta) {})
		require.Error(t, err, "%d of %d bytes", n, len(raw))
	}
}

func TestAListOfAnotherKindIsAnError(t *testing.T) {
	pods, _ := mesh.Lookup(mesh.Pods)
	services, _ := mesh.Lookup(mesh.Services)
	raw := encoded(t, services, "", filled(t, services, ""))
	_, err := testReading().unpack(bytes.NewReader(raw), pods, func(metav1.ListMeta) {})
	require.ErrorContains(t, err, `it is a "ServiceList" and no PodList`)
}

func FuzzStreamList(f *testing.F) {
	i, _ := mesh.Lookup(mesh.Pods)
	raw := encoded(f, i, "more", filled(f, i, "ReplicaSet"))
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Add([]byte(protobufMagic + "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := bufio.NewReader(bytes.NewReader(raw))
		if !isProtobuf(in) {
			return
		}
		w, err := newWorkspace(i)
		require.NoError(t, err)
		r := testReading()
		_ = streamList(in, "PodList", func(metav1.ListMeta) {}, func(raw []byte) error {
			_, err := r.unpacker.object(w, raw)
			return err
		})
	})
}

// BenchmarkUnpackPods tells what a pod of a mesh takes to read and to keep.
func BenchmarkUnpackPods(b *testing.B) {
	i, _ := mesh.Lookup(mesh.Pods)
	var pods []k8sruntime.Object
	for n := range chunk {
		p := filled(b, i, "ReplicaSet").(*core.Pod)
		p.Name, p.Labels["app"] = fmt.Sprintf("web-%d", n), fmt.Sprintf("web-%d", n/2)
		p.Spec.Containers[0].Env = append(p.Spec.Containers[0].Env, core.EnvVar{Name: "POD", Value: strings.Repeat("x", 1000)})
		pods = append(pods, p)
	}
	raw := encoded(b, i, "", pods...)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := testReading()
	var kept []k8sruntime.Object
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		kept, err = r.unpack(bytes.NewReader(raw), i, func(metav1.ListMeta) {})
		require.NoError(b, err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/float64(len(kept)), "kept-B/pod")
	runtime.KeepAlive(kept)
	runtime.KeepAlive(pods)
	runtime.KeepAlive(raw)
}
