package checks

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// version is a release of Istio: 1.29.1.
type version struct{ major, minor, patch int }

// parseVersion reads "1.29.1", "1.29" or "v1.29.1"; ok is false for a tag that
// is no version ("latest", a commit).
func parseVersion(s string) (v version, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(s, "v"), ".", 3)
	if len(parts) < 2 {
		return version{}, false
	}
	var err error
	if v.major, err = strconv.Atoi(parts[0]); err != nil {
		return version{}, false
	}
	if v.minor, err = strconv.Atoi(parts[1]); err != nil {
		return version{}, false
	}
	if len(parts) == 3 {
		v.patch, _ = strconv.Atoi(parts[2]) // 1.29.x of a private build is still 1.29
	}
	return v, true
}

func (v version) compare(o version) int {
	return cmp.Or(cmp.Compare(v.major, o.major), cmp.Compare(v.minor, o.minor), cmp.Compare(v.patch, o.patch))
}

// String is the minor version: "1.29".
func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }
