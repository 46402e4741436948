package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// mask is a field mask as a tree; a name without children keeps the whole field.
type mask map[string]mask

func newMask(paths []string) mask {
	root := mask{}
	for _, path := range paths {
		at := root
		for name := range strings.SplitSeq(path, ".") {
			if at[name] == nil {
				at[name] = mask{}
			}
			at = at[name]
		}
	}
	return root
}

// trim clears every field that the mask does not name. It goes into an Any.
func trim(m protoreflect.Message, keep mask) error {
	if len(keep) == 0 {
		return nil
	}
	if packed, ok := m.Interface().(*anypb.Any); ok {
		inner, err := packed.UnmarshalNew()
		if err != nil {
			return err
		}
		if err := trim(inner.ProtoReflect(), keep); err != nil {
			return err
		}
		return packed.MarshalFrom(inner)
	}
	for name, below := range keep {
		field := m.Descriptor().Fields().ByName(protoreflect.Name(name))
		switch {
		case field == nil:
			return fmt.Errorf("no field %q in %s", name, m.Descriptor().FullName())
		case len(below) > 0 && (field.IsList() || field.IsMap() || field.Message() == nil):
			return fmt.Errorf("field %q in %s has no fields that a mask can name", name, m.Descriptor().FullName())
		case len(below) > 0 && m.Has(field):
			if err := trim(m.Mutable(field).Message(), below); err != nil {
				return err
			}
		}
	}
	m.Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if _, ok := keep[string(field.Name())]; !ok {
			m.Clear(field)
		}
		return true
	})
	return nil
}

// trimSection trims a section of a dump when every path exists in it; paths do not go into an Any there.
func trimSection(m protoreflect.Message, paths []string) bool {
	for _, path := range paths {
		if !pathExists(m.Descriptor(), path) {
			return false
		}
	}
	return trim(m, newMask(paths)) == nil
}

func pathExists(d protoreflect.MessageDescriptor, path string) bool {
	name, rest, more := strings.Cut(path, ".")
	field := d.Fields().ByName(protoreflect.Name(name))
	if field == nil || !more {
		return field != nil
	}
	return !field.IsList() && !field.IsMap() && field.Message() != nil && pathExists(field.Message(), rest)
}
