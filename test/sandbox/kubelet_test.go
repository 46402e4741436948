package sandbox

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func readyPod(uid types.UID) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{UID: uid},
		Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
}

func TestWhichPodsStayReadyWhileAProcessStarts(t *testing.T) {
	older, newer := readyPod("older"), readyPod("newer")
	was := podState{ready: true}
	for situation, c := range map[string]struct {
		slot    slot
		written map[types.UID]podState
		pod     *corev1.Pod
		want    bool
	}{
		"rolling update, the older pod":        {slot{owner: newer}, map[types.UID]podState{"older": was}, older, true},
		"rolling update, the newer pod":        {slot{owner: newer}, map[types.UID]podState{"newer": was}, newer, false},
		"a saved cluster starts":               {slot{owner: newer}, nil, newer, true},
		"a new pod that was never ready":       {slot{owner: newer}, nil, &corev1.Pod{ObjectMeta: newer.ObjectMeta}, false},
		"the process answers":                  {slot{owner: newer, ready: true}, map[types.UID]podState{"older": was}, older, false},
		"the process crashed":                  {slot{owner: newer, waiting: "CrashLoopBackOff"}, map[types.UID]podState{"older": was}, older, false},
		"a test has made it fail its probe":    {slot{owner: newer, unready: true}, map[types.UID]podState{"older": was}, older, false},
		"the older pod had not been ready yet": {slot{owner: newer}, map[types.UID]podState{"older": {}}, older, false},
	} {
		k := &kubelet{written: c.written}
		require.Equal(t, c.want, k.keepsReady(&c.slot, c.pod), situation)
	}
}

func TestAProcessIsReadyAfterOneGoodProbeAndNotAfterThreeBadOnes(t *testing.T) {
	s := slot{}
	var got []bool
	for _, ok := range []bool{false, true, false, false, true, false, false, false, true} {
		s.probed(ok)
		got = append(got, s.ready)
	}
	require.Equal(t, []bool{false, true, true, true, true, true, true, false, true}, got)
}
