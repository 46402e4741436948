package checks

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestQuoteLeavesNothingToTheShell(t *testing.T) {
	for word, want := range map[string]string{
		"deployment/web":       "deployment/web",
		"istio.io/rev=1-29":    "istio.io/rev=1-29",
		"":                     "''",
		"a b":                  "'a b'",
		"it's":                 `'it'\''s'`,
		"$(reboot)":            "'$(reboot)'",
		"a;b":                  "'a;b'",
		"~":                    "'~'",
		"*":                    "'*'",
		"a\nb":                 "'a\nb'",
		"é":                    "'é'",
		`{"a":"it's"}`:         `'{"a":"it'\''s"}'`,
		"--type=json":          "--type=json",
		"-p":                   "-p",
		"quay.io/a/b@sha256:1": "quay.io/a/b@sha256:1",
	} {
		assert.Equal(t, want, quote(word))
	}
}

func TestKubectlNamesTheNamespaceFirst(t *testing.T) {
	assert.Equal(t, "kubectl -n shop delete pod web-1", kubectl("shop", "delete", "pod", "web-1"))
	assert.Equal(t, "kubectl label namespace shop a=b", kubectl("", "label", "namespace", "shop", "a=b"))
}
