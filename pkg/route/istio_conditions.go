package route

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	networking "istio.io/api/networking/v1alpha3"
)

// conditions are those given, without what every request meets: the port, where
// the service has one.
func (p *planner) conditions(given []Condition) ([]Condition, error) {
	all, err := normal(given)
	if err == nil && p.api == Gateway {
		all, err = p.sayable(all)
	}
	return slices.DeleteFunc(all, func(c Condition) bool {
		return c.What == "port" && c.Value == fmt.Sprint(p.only())
	}), err
}

// normal puts conditions into the words that rules are written in: a cookie is
// a part of the header cookie.
func normal(conditions []Condition) ([]Condition, error) {
	var all []Condition
	for _, c := range conditions {
		if c.How == "" {
			c.How = "exact"
		}
		if c.What == "cookie" {
			value := regexp.QuoteMeta(c.Value)
			switch c.How {
			case "regex":
				value = c.Value
			case "prefix":
				value += "[^;]*"
			case "present":
				value = "[^;]*"
			}
			c = Condition{What: "header", Key: "cookie", How: "regex", Value: `^(.*;\s*)?` + regexp.QuoteMeta(c.Key) + "=" + value + `(\s*;.*)?$`}
		}
		for _, o := range all {
			if o.What == c.What && o.Key == c.Key {
				return nil, fmt.Errorf("there are two conditions for %s: a rule has one for each", conditionName(c))
			}
		}
		if err := c.check(); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func conditionName(c Condition) string {
	if c.Key == "" {
		return c.What
	}
	return c.What + " " + c.Key
}

// keyed are the conditions that are about one of several things of a kind.
func (c Condition) keyed() bool {
	return slices.Contains([]string{"header", "without-header", "query", "source-label"}, c.What)
}

// check makes sure that a condition can be written as one of a VirtualService.
func (c Condition) check() error {
	switch c.What {
	case "header", "without-header", "query", "path", "method", "authority", "scheme":
		if !slices.Contains([]string{"exact", "prefix", "regex", "present"}, c.How) {
			return fmt.Errorf("%s: %q is no way to compare (exact, prefix, regex, present)", conditionName(c), c.How)
		}
		if c.How == "present" && !c.keyed() {
			return fmt.Errorf("every request has a %s: say which", c.What)
		}
		if c.How == "regex" {
			if _, err := regexp.Compile(c.Value); err != nil {
				return fmt.Errorf("%s: %q is no regular expression (RE2): %w", conditionName(c), c.Value, err)
			}
		}
	case "source-label", "source-namespace", "port":
		if c.How != "exact" {
			return fmt.Errorf("%s can only be compared exactly", c.What)
		}
		if _, err := strconv.ParseUint(c.Value, 10, 16); c.What == "port" && err != nil {
			return fmt.Errorf("%q is no port", c.Value)
		}
	default:
		return fmt.Errorf("%q is no condition that a rule can have", c.What)
	}
	if c.keyed() && c.Key == "" {
		return fmt.Errorf("the condition for a %s does not say which", c.What)
	}
	return nil
}

// matchOf writes conditions as an alternative of spec.http[].match.
func matchOf(conditions []Condition) map[string]any {
	m := map[string]any{}
	for _, c := range conditions {
		compare := map[string]any{c.How: c.Value}
		if c.How == "present" {
			compare = map[string]any{}
		}
		switch c.What {
		case "header":
			child(m, "headers")[c.Key] = compare
		case "without-header":
			child(m, "withoutHeaders")[c.Key] = compare
		case "query":
			child(m, "queryParams")[c.Key] = compare
		case "path":
			m["uri"] = compare
		case "method", "authority", "scheme":
			m[c.What] = compare
		case "source-label":
			child(m, "sourceLabels")[c.Key] = c.Value
		case "source-namespace":
			m["sourceNamespace"] = c.Value
		case "port":
			n, _ := strconv.ParseInt(c.Value, 10, 64)
			m["port"] = n
		}
	}
	return m
}

// nameOf makes a rule's name of its conditions.
func nameOf(conditions []Condition) string {
	var words []string
	for _, c := range conditions {
		switch c.What {
		case "header":
			words = append(words, c.Key)
		case "source-label":
			words = append(words, "from", c.Key)
		case "source-namespace":
			words = append(words, "from")
		case "without-header":
			words = append(words, "without", c.Key)
		default:
			words = append(words, c.What, c.Key)
		}
		if c.How == "exact" || c.How == "prefix" || c.Key == "" {
			words = append(words, c.Value)
		}
	}
	if name := kebab(words...); name != "" {
		return name
	}
	return "rule"
}

// takes reports whether every request that meets the conditions meets the
// rule's.
func (r ruleAt) takes(conditions []Condition) bool {
	if len(r.view.Matches) == 0 {
		return true
	}
	return slices.ContainsFunc(r.view.Matches, func(m Match) bool { return implies(conditions, m.Conditions) })
}

// understood is what a rule of spec.http says of its conditions, in a scope.
func understood(raw map[string]any, scope, namespace string, only int32) []Match {
	var all []Match
	for _, item := range itemsOf(raw, "match") {
		m := &networking.HTTPMatchRequest{}
		if err := unmarshal(item, m); err != nil {
			continue
		}
		if conditions, ok := httpMatch(m, namespace).in(scope, only); ok {
			all = append(all, Match{Conditions: conditions})
		}
	}
	return all
}
