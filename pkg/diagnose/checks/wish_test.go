package checks

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWishOfReadsValuesAsAPersonWould(t *testing.T) {
	for value, want := range map[string]wish{
		"true": wantsIn, "True": wantsIn, "TRUE": wantsIn, "yes": wantsIn, "1": wantsIn, "on": wantsIn,
		"enabled": wantsIn, "Enabled": wantsIn, "enalbed": wantsIn, "enable": wantsIn, "enabled ": wantsIn, `"true"`: wantsIn, "ture": unclear, "tru": wantsIn,
		"false": wantsOut, "False": wantsOut, "no": wantsOut, "0": wantsOut, "disabled": wantsOut, "disable": wantsOut,
		"Disabled": wantsOut, "disbaled": wantsOut, "fals": wantsOut,
		"": unclear, "maybe": unclear, "default": unclear, "1-29-1": unclear, "canary": unclear,
	} {
		assert.Equal(t, want, wishOf(value), "%q", value)
	}
}

func TestMeantKeyTellsMisspeltKeysFromOthers(t *testing.T) {
	for key, want := range map[string]string{
		"istio-injecton": "istio-injection", "istio_injection": "istio-injection", "Istio-Injection": "istio-injection",
		"istio-injections": "istio-injection", "istio.io/injection": "istio-injection", "istio-inject": "istio-injection",
		"sidecar.istio.io/inject": "istio-injection", "istio/injection": "istio-injection", "itsio-injection": "istio-injection",
		"istio.io/revision": "istio.io/rev", "istio.io/ref": "istio.io/rev", "istio-rev": "istio.io/rev", "istio.io.rev": "istio.io/rev",

		"istio-injection": "", "istio.io/rev": "", // right
		"istio.io/dataplane-mode": "", "istio.io/use-waypoint": "", "istio.io/tag": "", "istio.io/gateway-name": "",
		"topology.istio.io/network": "", "istio-operator-managed": "", "istio": "", "istio-injection-exempt": "",
		"kuma.io/sidecar-injection": "", "linkerd.io/inject": "", "knative-eventing-injection": "",
		"kubernetes.io/metadata.name": "", "app": "", "team": "", "env": "", "rev": "",
	} {
		assert.Equal(t, want, meantKey(key), "%q", key)
	}
}

func TestStrayKeysAreThoseThatAskForInjection(t *testing.T) {
	assert.Equal(t, []string{"istio.io/revision", "istio_injection"}, strayKeys(map[string]string{
		"istio_injection": "enabled", "istio.io/revision": "canary",
		"istio-inject": "disabled", "istio-rev": "", "istio-injection": "enabled", "team": "enabled",
	}))
	assert.Equal(t, []string{"istio-injection", "istio.io/rev"}, strayAnnotations(map[string]string{
		"istio-injection": "enabled", "istio.io/rev": "default", "sidecar.istio.io/inject": "false",
	}))
}

func TestDistanceCountsLetters(t *testing.T) {
	assert.Equal(t, 0, distance("enabled", "enabled"))
	assert.Equal(t, 2, distance("enalbed", "enabled"))
	assert.Equal(t, 7, distance("", "enabled"))
	assert.Equal(t, 3, distance("kitten", "sitting"))
}
