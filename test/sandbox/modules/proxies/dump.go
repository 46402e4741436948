package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	admin "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// configDump answers /config_dump with the parameters resource, mask, name_regex and include_eds as Envoy does
// (source/server/admin/config_dump_handler.cc, 1.37).
func (p *proxy) configDump(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	_, eds := q["include_eds"]
	var names *regexp.Regexp
	if expression := q.Get("name_regex"); expression != "" {
		var err error
		if names, err = regexp.Compile("^(?:" + expression + ")$"); err != nil {
			http.Error(w, fmt.Sprintf("Error while parsing name_regex from %s", expression), http.StatusBadRequest)
			return
		}
	}
	sections, err := p.sections(eds || q.Get("resource") != "", names)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var masks []string
	if mask := q.Get("mask"); mask != "" {
		masks = strings.Split(mask, ",")
	}
	dump := &admin.ConfigDump{}
	if resource := q.Get("resource"); resource != "" {
		code, message := addResource(dump, sections, resource, masks)
		if code != http.StatusOK {
			http.Error(w, message, code)
			return
		}
	} else if err := addSections(dump, sections, masks); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeProto(w, dump)
}

// sections are the parts of a whole dump.
func (p *proxy) sections(eds bool, names *regexp.Regexp) ([]proto.Message, error) {
	v := p.store.view()
	clusters := clustersDump(v, names)
	listeners := listenersDump(v, names)
	routes, err := routesDump(v, names)
	if err != nil {
		return nil, err
	}
	all := []proto.Message{&admin.BootstrapConfigDump{Bootstrap: &bootstrap.Bootstrap{Node: p.node()}}, clusters}
	if eds {
		endpoints, err := endpointsDump(v, names)
		if err != nil {
			return nil, err
		}
		all = append(all, endpoints)
	}
	return append(all, listeners, &admin.ScopedRoutesConfigDump{}, routes, &admin.SecretsConfigDump{}), nil
}

// addSections adds the whole dump; with a mask those sections in which every path of it exists.
func addSections(dump *admin.ConfigDump, sections []proto.Message, masks []string) error {
	for _, section := range sections {
		if len(masks) > 0 && !trimSection(section.ProtoReflect(), masks) {
			continue
		}
		packed, err := anypb.New(section)
		if err != nil {
			return err
		}
		dump.Configs = append(dump.Configs, packed)
	}
	return nil
}

// addResource adds the elements of one repeated field.
func addResource(dump *admin.ConfigDump, sections []proto.Message, resource string, masks []string) (int, string) {
	for _, section := range sections {
		m := section.ProtoReflect()
		field := m.Descriptor().Fields().ByName(protoreflect.Name(resource))
		if field == nil {
			continue
		}
		if !field.IsList() {
			return http.StatusBadRequest, resource + " is not a repeated field. Use ?mask=" + resource + " to get only this field\n"
		}
		list := m.Get(field).List()
		for i := range list.Len() {
			element := list.Get(i).Message()
			if len(masks) > 0 {
				if err := trim(element, newMask(masks)); err != nil {
					return http.StatusBadRequest, fmt.Sprintf("FieldMask %s could not be successfully used: %v\n", strings.Join(masks, ","), err)
				}
			}
			packed, err := anypb.New(element.Interface())
			if err != nil {
				return http.StatusInternalServerError, err.Error()
			}
			dump.Configs = append(dump.Configs, packed)
		}
		return http.StatusOK, ""
	}
	return http.StatusNotFound, resource + " not found in config dump\n"
}
