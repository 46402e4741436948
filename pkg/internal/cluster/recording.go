package cluster

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

const (
	recordingKind    = "Recording"
	recordingGroup   = "mesh.kubectl"
	recordingVersion = "v1alpha1"
)

// Header is the first document of a recording: what the objects after it are
// all of.
type Header struct {
	APIVersion string        `json:"apiVersion"` // mesh.kubectl/v1alpha1
	Kind       string        `json:"kind"`       // Recording
	Time       time.Time     `json:"time,omitzero"`
	Source     string        `json:"source,omitempty"`
	Read       []mesh.Extent `json:"read,omitempty"`
	Gaps       []mesh.Gap    `json:"gaps,omitempty"`
	Facts      mesh.Facts    `json:"facts,omitzero"`
}

// covers reports whether the recording read this extent whole, as far as it
// says; gaps are told apart from it.
func (h Header) covers(e mesh.Extent) bool {
	return slices.ContainsFunc(h.Read, func(r mesh.Extent) bool {
		return (r.Kind == e.Kind || r.Kind == mesh.Everything) && (r.Namespace == "" || r.Namespace == e.Namespace)
	})
}

func (f *openFile) recording(raw []byte, gvk schema.GroupVersionKind) error {
	if gvk.Group != recordingGroup {
		return nil
	}
	if gvk.Version != recordingVersion {
		return fmt.Errorf("it is a recording in %s, and this program reads %s/%s: use the release that wrote it, or a newer one",
			gvk.GroupVersion(), recordingGroup, recordingVersion)
	}
	var h Header
	if err := json.Unmarshal(raw, &h); err != nil {
		return fmt.Errorf("the recording's header (document %d): %w", f.number, err)
	}
	h.Time, h.Facts.ServerTime = h.Time.UTC(), h.Facts.ServerTime.UTC()
	if f.header != nil { // files joined into one
		f.recordings = append(f.recordings, *f.header)
	}
	f.header = &h
	return nil
}

// describe says what the snapshot is of and how much of it was read.
func (f *fileReader) describe(s *mesh.Snapshot) {
	s.Files = true
	if len(f.recordings) == 0 {
		for _, i := range mesh.Kinds() {
			if f.plain[i.Kind] {
				s.Read = append(s.Read, mesh.Extent{Kind: i.Kind})
			} else {
				s.Gaps = append(s.Gaps, mesh.Gap{Kind: i.Kind, Reason: "not in the files"})
			}
		}
	}
	for _, h := range f.recordings {
		f.merge(s, h)
	}
	if len(f.recordings) == 1 && len(f.plain) == 0 {
		s.Source = f.recordings[0].Source
	}
	if len(f.recordings) > 0 {
		f.describePlain(s)
	}
	for _, g := range f.lost {
		if !slices.ContainsFunc(s.Gaps, func(o mesh.Gap) bool { return o.Kind == g.Kind && o.Namespace == "" }) {
			s.Gaps = append(s.Gaps, g)
		}
	}
}

// merge adds what a recording says. What one recording read and another did
// not is not known of both, so it does not count.
func (f *fileReader) merge(s *mesh.Snapshot, h Header) {
	for _, e := range h.Read {
		if slices.Contains(s.Read, e) {
			continue
		}
		if slices.ContainsFunc(f.recordings, func(o Header) bool { return !o.covers(e) }) {
			continue
		}
		s.Read = append(s.Read, e)
	}
	for _, g := range h.Gaps {
		if !slices.Contains(s.Gaps, g) {
			s.Gaps = append(s.Gaps, g)
		}
	}
	if h.Time.After(s.Time) {
		s.Time, s.Facts.ServerTime = h.Time, h.Facts.ServerTime // two clocks, read at one moment
	}
	if h.Facts.ServerVersion != "" {
		s.Facts.ServerVersion = h.Facts.ServerVersion
	}
	if h.Facts.APIGroups != nil {
		s.Facts.APIGroups = h.Facts.APIGroups
	}
	if h.Facts.Admission != nil {
		s.Facts.Admission = h.Facts.Admission
	}
}

// describePlain counts the kinds of plain files beside a recording as read,
// where the recording does not say that they could not be.
func (f *fileReader) describePlain(s *mesh.Snapshot) {
	for _, i := range mesh.Kinds() {
		if !f.plain[i.Kind] {
			continue
		}
		known := slices.ContainsFunc(s.Read, func(e mesh.Extent) bool { return e.Kind == i.Kind || e.Kind == mesh.Everything })
		gap := slices.ContainsFunc(s.Gaps, func(g mesh.Gap) bool { return g.Kind == i.Kind })
		if !known && !gap {
			s.Read = append(s.Read, mesh.Extent{Kind: i.Kind})
		}
	}
}
