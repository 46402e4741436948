package route

import (
	"maps"
	"slices"
	"strings"
)

// labelWords writes labels as kubectl takes them: "app=web,version=v2".
func labelWords(labels map[string]string) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, k+"="+labels[k])
	}
	return strings.Join(all, ",")
}

// kebab writes words as a name: small letters, digits and dashes, at most 60.
func kebab(words ...string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(strings.Join(words, "-")) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			dash = false
			continue
		}
		dash = true
	}
	name := b.String()
	return strings.TrimRight(name[:min(len(name), 60)], "-")
}
