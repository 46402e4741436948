package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// methods are those that a match can name (sigs.k8s.io/gateway-api v1.4.0,
// apis/v1: HTTPMethod).
func methods() []string {
	return []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
}

// sayable puts conditions into words that Gateway API has, where it can say
// exactly the same; regular expressions are of the whole value for Istio.
func (p *planner) sayable(conditions []Condition) ([]Condition, error) {
	grpc := slices.ContainsFunc(p.meshTargets(), target.grpc)
	var all []Condition
	for _, c := range conditions {
		switch {
		case c.What == "header" || c.What == "query" && !grpc:
			switch c.How {
			case "prefix":
				c.How, c.Value = "regex", regexp.QuoteMeta(c.Value)+".*"
			case "present":
				c.How, c.Value = "regex", ".*"
			}
		case c.What == "path" && grpc:
			if !grpcPath(c) {
				return nil, p.unsayable(c, "use --path /SERVICE/METHOD, or --path-prefix /SERVICE/")
			}
			if c.How == "prefix" {
				c.Value = "/" + strings.Trim(c.Value, "/") + "/"
			}
		case c.What == "path" && c.How == "prefix":
			if !strings.HasPrefix(c.Value, "/") {
				return nil, p.unsayable(c, "a path begins with /")
			}
			if c.Value = strings.TrimRight(c.Value, "/"); c.Value == "" {
				continue // every path
			}
			p.note("under Gateway API the prefix %s holds for whole parts of the path: %s/more, and not %smore", c.Value, c.Value, c.Value)
		case c.What == "path":
		case c.What == "method" && c.How == "exact" && !grpc:
			if !slices.Contains(methods(), c.Value) {
				return nil, p.unsayable(c, "it is one of "+inWords(methods(), "or"))
			}
		case c.What == "port" && c.Value == fmt.Sprint(p.only()):
		default:
			return nil, p.unsayable(c, "use --api istio, whose VirtualServices can")
		}
		all = append(all, c)
	}
	return all, nil
}

// unsayable refuses a condition.
func (p *planner) unsayable(c Condition, instead string) error {
	return &RefusedError{Why: fmt.Sprintf("Gateway API has no match for %q", c.String()), Instead: instead}
}

// grpcPath reports whether a path is a gRPC method, or all of a gRPC service.
func grpcPath(c Condition) bool {
	parts := strings.Split(strings.Trim(c.Value, "/"), "/")
	return strings.HasPrefix(c.Value, "/") && parts[0] != "" && (c.How == "exact" && len(parts) == 2 || c.How == "prefix" && len(parts) == 1)
}

// httpMatchOf writes conditions as an alternative of an HTTPRoute's rule.
func httpMatchOf(conditions []Condition) map[string]any {
	m := map[string]any{}
	for _, c := range conditions {
		switch c.What {
		case "path":
			m["path"] = map[string]any{"type": map[string]string{"exact": "Exact", "prefix": "PathPrefix", "regex": "RegularExpression"}[c.How], "value": c.Value}
		case "method":
			m["method"] = c.Value
		case "header":
			addMatch(m, "headers", c)
		case "query":
			addMatch(m, "queryParams", c)
		}
	}
	return m
}

// grpcMatchOf writes conditions as an alternative of a GRPCRoute's rule.
func grpcMatchOf(conditions []Condition) map[string]any {
	m := map[string]any{}
	for _, c := range conditions {
		switch c.What {
		case "path":
			parts := strings.Split(strings.Trim(c.Value, "/"), "/")
			method := map[string]any{"type": "Exact", "service": parts[0]}
			if len(parts) > 1 {
				method["method"] = parts[1]
			}
			m["method"] = method
		case "header":
			addMatch(m, "headers", c)
		}
	}
	return m
}

func addMatch(m map[string]any, field string, c Condition) {
	list, _ := m[field].([]any)
	how := "Exact"
	if c.How == "regex" {
		how = "RegularExpression"
	}
	m[field] = append(list, map[string]any{"type": how, "name": c.Key, "value": c.Value})
}
