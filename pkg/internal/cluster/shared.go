package cluster

import (
	"maps"
	"slices"
	"strings"
	"sync"

	core "k8s.io/api/core/v1"
)

// shared keeps one copy of what most pods of a mesh have in common, which is
// nearly all of the sidecar. Snapshots are not changed, so that objects may
// have parts in common.
type shared struct {
	mu         sync.Mutex
	texts      map[string]string
	scrubbed   map[string]string            // by what was scrubbed
	maps       map[string]map[string]string // by their entries
	containers map[string]core.Container    // by their encoding
	lists      map[string][]core.Container  // by their containers' encodings
}

func newShared() shared {
	return shared{
		texts: map[string]string{}, scrubbed: map[string]string{}, maps: map[string]map[string]string{},
		containers: map[string]core.Container{}, lists: map[string][]core.Container{},
	}
}

// share returns the first string that was equal to this one.
func (r *shared) share(s string) string {
	if s == "" {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t, ok := r.texts[s]; ok {
		return t
	}
	r.texts[s] = s
	return s
}

func (r *shared) shareAll(list []string) []string {
	for i := range list {
		list[i] = r.share(list[i])
	}
	return list
}

// shareMap returns the first map that was equal to this one.
func (r *shared) shareMap(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	var key strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		key.WriteString(k)
		key.WriteByte(0)
		key.WriteString(m[k])
		key.WriteByte(0)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.maps[key.String()]; ok {
		return old
	}
	r.maps[key.String()] = m
	return m
}

// shareContainers returns the first list of containers that was equal to this
// one, or this one, with what its containers have in common with others.
func (r *shared) shareContainers(list []core.Container) []core.Container {
	if len(list) == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var all strings.Builder
	for i := range list {
		raw, err := list[i].Marshal()
		if err != nil {
			return list // then it is kept by itself
		}
		key := string(raw)
		if old, ok := r.containers[key]; ok {
			list[i] = old
		} else {
			r.containers[key] = list[i]
		}
		all.WriteString(key)
		all.WriteByte(0)
	}
	if old, ok := r.lists[all.String()]; ok {
		return old
	}
	r.lists[all.String()] = list
	return list
}

// scrub is scrubbedYAML, done once for each text.
func (r *shared) scrub(text string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t, ok := r.scrubbed[text]; ok {
		return t
	}
	t := scrubbedYAML(text)
	r.scrubbed[text] = t
	return t
}
