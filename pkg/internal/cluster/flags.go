package cluster

import (
	"encoding/json"
	"strings"
)

// apiServerFlags keeps the program's name and the flags that decide about
// admission, each as --name=value.
func apiServerFlags(args []string) []string {
	var kept []string
	for i, a := range args {
		name, _, joined := strings.Cut(strings.TrimLeft(a, "-"), "=")
		switch {
		case !strings.HasPrefix(a, "-"):
			if i == 0 {
				kept = append(kept, a)
			}
		case !keepAPIServerFlag(name):
		case !joined && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-"):
			kept = append(kept, a+"="+args[i+1])
		default:
			kept = append(kept, a)
		}
	}
	return kept
}

// withoutSecrets leaves out flags whose names tell that they hold secrets, and
// their values.
func withoutSecrets(args []string) []string {
	var kept []string
	secret := false
	for _, a := range args {
		if flag := strings.HasPrefix(a, "-"); !flag && secret {
			secret = false
			continue
		} else if flag {
			name, _, joined := strings.Cut(a, "=")
			if secret = secretName(name) && !joined; secretName(name) {
				continue
			}
		}
		kept = append(kept, a)
	}
	return kept
}

// nodeArgs keeps what k3s says about its API server: "server", and the
// --kube-apiserver-arg flags that decide about admission
// (github.com/k3s-io/k3s, pkg/nodeconfig: the annotation holds a JSON list).
func nodeArgs(value string) string {
	var args []string
	if err := json.Unmarshal([]byte(value), &args); err != nil {
		return "[]"
	}
	kept := []string{}
	for i, a := range args {
		flag, v, joined := strings.Cut(a, "=")
		switch {
		case i == 0 && !strings.HasPrefix(a, "-"):
			kept = append(kept, a)
			continue
		case flag != "--kube-apiserver-arg":
			continue
		case !joined && i+1 < len(args):
			v = args[i+1]
		}
		if name, _, _ := strings.Cut(strings.TrimLeft(v, "-"), "="); keepAPIServerFlag(name) {
			kept = append(kept, flag+"="+v)
		}
	}
	out, err := json.Marshal(kept)
	if err != nil {
		return "[]"
	}
	return string(out)
}
