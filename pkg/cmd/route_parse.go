package cmd

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

// parseShares reads VERSION=PERCENT; signed also takes +10 and -10.
func parseShares(args []string, signed bool) ([]route.Share, error) {
	pattern := regexp.MustCompile(`^\d{1,3}(\.\d{1,4})?$`)
	if signed {
		pattern = regexp.MustCompile(`^[+-]\d{1,3}(\.\d{1,4})?$`)
	}
	var all []route.Share
	seen := map[string]bool{}
	for _, arg := range args {
		version, value, ok := strings.Cut(arg, "=")
		value = strings.TrimSuffix(value, "%")
		switch {
		case !ok || version == "":
			return nil, fmt.Errorf("%q: give a version its share as VERSION=PERCENT, for example v2=20", arg)
		case signed && !pattern.MatchString(value):
			return nil, fmt.Errorf("%q: say by how many percent, for example %s=+10", arg, version)
		case !pattern.MatchString(value):
			return nil, fmt.Errorf("%q: a share is a number from 0 to 100, with up to four decimals", arg)
		case seen[version]:
			return nil, fmt.Errorf("version %s is named twice", version)
		}
		seen[version] = true
		percent, err := strconv.ParseFloat(value, 64)
		if err != nil || percent > 100 || percent < -100 {
			return nil, fmt.Errorf("%q: a share is a number from 0 to 100, with up to four decimals", arg)
		}
		all = append(all, route.Share{Version: version, Percent: percent})
	}
	return all, nil
}

// matchFlags say which requests are meant.
type matchFlags struct {
	headers, withoutHeaders, queries, cookies, sources []string
	path, method                                       string
	pathPrefix, pathRegex                              string
	headerPrefixes, headerRegexes                      []string
}

func (m *matchFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&m.headers, "header", nil, "Requests with this header: NAME=VALUE, or NAME for any value")
	flags.StringArrayVar(&m.headerPrefixes, "header-prefix", nil, "Requests with a header that begins so: NAME=VALUE")
	flags.StringArrayVar(&m.headerRegexes, "header-regex", nil, "Requests with a header that the expression (RE2) fits whole: NAME=EXPRESSION")
	flags.StringArrayVar(&m.withoutHeaders, "without-header", nil, "Requests without this header: NAME, or NAME=VALUE for without this value")
	flags.StringVar(&m.path, "path", "", "Requests for this path")
	flags.StringVar(&m.pathPrefix, "path-prefix", "", "Requests for paths that begin so")
	flags.StringVar(&m.pathRegex, "path-regex", "", "Requests for paths that the expression (RE2) fits whole")
	flags.StringVar(&m.method, "method", "", "Requests of this method")
	flags.StringArrayVar(&m.queries, "query", nil, "Requests with this query parameter: NAME=VALUE, or NAME for any value")
	flags.StringArrayVar(&m.cookies, "cookie", nil, "Requests with this cookie: NAME=VALUE")
	flags.StringArrayVar(&m.sources, "source-labels", nil, "Requests of client pods with this label: KEY=VALUE")
}

// conditions are what the flags say; none where nothing was said.
func (m *matchFlags) conditions() ([]route.Condition, error) {
	var all []route.Condition
	for _, k := range []struct {
		flag, what, how string
		values          []string
		bare            bool // may be without a value
	}{
		{"header", "header", "exact", m.headers, true},
		{"header-prefix", "header", "prefix", m.headerPrefixes, false},
		{"header-regex", "header", "regex", m.headerRegexes, false},
		{"without-header", "without-header", "exact", m.withoutHeaders, true},
		{"query", "query", "exact", m.queries, true},
		{"source-labels", "source-label", "exact", m.sources, false},
	} {
		for _, v := range k.values {
			key, value, ok := strings.Cut(v, "=")
			if key == "" || !ok && !k.bare || ok && value == "" {
				return nil, fmt.Errorf("--%s %q: use NAME=VALUE", k.flag, v)
			}
			c := route.Condition{What: k.what, Key: key, How: k.how, Value: value}
			if !ok {
				c.How = "present"
			}
			all = append(all, c)
		}
	}
	for _, v := range m.cookies {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" || value == "" {
			return nil, fmt.Errorf("--cookie %q: use NAME=VALUE", v)
		}
		// A cookie is one of several in one header.
		all = append(all, route.Condition{What: "header", Key: "cookie", How: "regex", Value: `^(.*?;\s*)?` + regexp.QuoteMeta(name+"="+value) + `(;.*)?$`})
	}
	for _, k := range []struct{ what, how, value string }{
		{"path", "exact", m.path}, {"path", "prefix", m.pathPrefix}, {"path", "regex", m.pathRegex}, {"method", "exact", m.method},
	} {
		if k.value != "" {
			all = append(all, route.Condition{What: k.what, How: k.how, Value: k.value})
		}
	}
	for _, c := range all {
		if _, err := regexp.Compile(c.Value); c.How == "regex" && err != nil {
			return nil, fmt.Errorf("%q is no regular expression (RE2)", c.Value)
		}
	}
	return all, nil
}

// parseLength reads a duration, for flags and arguments alike.
func parseLength(what, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s %q: use a duration such as 0.5s or 3m", what, text)
	}
	return d, nil
}

// percentage checks a share of requests.
func percentage(flag string, p float64) error {
	if !(p >= 0 && p <= 100) {
		return fmt.Errorf("%s %v: use a number from 0 to 100", flag, p)
	}
	return nil
}
