package route

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// validate asks Istio's own validation about what will be written (istio.io/istio
// 1.29.1, pkg/config/validation), as its webhook does. Warnings that are new
// come back as notes; the error is what the webhook would refuse.
func validate(drafts []*draft) (notes []string, err error) {
	for _, d := range drafts {
		if d.after == nil {
			continue
		}
		if err := d.withinLimits(); err != nil {
			return nil, fmt.Errorf("%s would not be valid: %w", d.ref, err)
		}
		var old []string
		if d.before != nil {
			old, _ = validateOne(d.kind, d.before)
		}
		warnings, err := validateOne(d.kind, d.after)
		if err != nil {
			return nil, fmt.Errorf("%s would not be valid: %w", d.ref, err)
		}
		for _, w := range warnings {
			if !slices.Contains(old, w) {
				notes = append(notes, fmt.Sprintf("%s: %s", d.ref, w))
			}
		}
	}
	return notes, nil
}

func validateOne(kind mesh.Kind, u *unstructured.Unstructured) (warnings []string, err error) {
	var spec json.Unmarshaler
	var check validation.ValidateFunc
	cfg := config.Config{Meta: config.Meta{Name: u.GetName(), Namespace: u.GetNamespace(), Domain: domain}}
	switch kind {
	case mesh.VirtualServices:
		spec, check = &networking.VirtualService{}, validation.ValidateVirtualService
	case mesh.DestinationRules:
		spec, check = &networking.DestinationRule{}, validation.ValidateDestinationRule
	default:
		return nil, nil
	}
	if err := unmarshal(u.Object["spec"], spec); err != nil {
		return nil, err
	}
	cfg.Spec = spec
	warning, err := check(cfg)
	if warning != nil {
		warnings = sentences(warning)
	}
	if err != nil {
		err = errors.New(strings.Join(sentences(err), "; "))
	}
	return warnings, err
}

// sentences takes the errors apart that Istio puts together in a list of lines.
func sentences(err error) []string {
	var all []string
	for _, line := range strings.Split(err.Error(), "\n") {
		line = strings.TrimSpace(line)
		if item, ok := strings.CutPrefix(line, "* "); ok {
			all = append(all, item)
		}
	}
	if all == nil {
		all = []string{strings.TrimSpace(err.Error())}
	}
	return all
}
