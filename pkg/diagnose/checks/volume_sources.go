package checks

import (
	"reflect"

	core "k8s.io/api/core/v1"
)

// sources counts the types that a volume is of; a valid one has one.
func sources(v core.VolumeSource) int {
	n := 0
	fields := reflect.ValueOf(v)
	for i := range fields.NumField() {
		if !fields.Field(i).IsNil() {
			n++
		}
	}
	return n
}
