package route

import "strings"

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
