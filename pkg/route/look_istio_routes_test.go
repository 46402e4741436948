package route

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// sentConfig is what is compared of Envoy's RouteConfiguration, in its JSON.
type sentConfig struct {
	Name         string
	VirtualHosts []struct {
		Name    string
		Domains []string
		Routes  []sentRoute
	}
}

type sentRoute struct {
	Redirect, DirectResponse map[string]any
	Route                    struct {
		Cluster          string
		WeightedClusters struct {
			Clusters []struct {
				Name   string
				Weight float64
			}
		}
		RequestMirrorPolicies []any
	}
}

// sentRoutes are the routes of a service's virtual host, each as its clusters
// with their shares.
func sentRoutes(t *testing.T, configs []proto.Message, hostname string, port int32) []string {
	t.Helper()
	for _, m := range configs {
		text, err := protojson.Marshal(m)
		require.NoError(t, err)
		var c sentConfig
		require.NoError(t, json.Unmarshal(text, &c))
		if c.Name != fmt.Sprint(port) && c.Name != fmt.Sprintf("%s:%d", hostname, port) {
			continue
		}
		for _, vh := range c.VirtualHosts {
			if !slices.Contains(vh.Domains, hostname) && !(strings.Contains(c.Name, ":") && vh.Name == c.Name) {
				continue
			}
			var all []string
			for _, r := range vh.Routes {
				all = append(all, r.String())
			}
			return all
		}
	}
	return nil
}

// String is the route as clusters with their shares.
func (r sentRoute) String() string {
	switch {
	case r.Redirect != nil:
		return "redirects"
	case r.DirectResponse != nil:
		return "answers"
	}
	to := map[string]float64{}
	if r.Route.Cluster != "" {
		to[r.Route.Cluster] = 100
	}
	sum := 0.0
	for _, w := range r.Route.WeightedClusters.Clusters {
		sum += w.Weight
	}
	for _, w := range r.Route.WeightedClusters.Clusters {
		to[w.Name] += 100 * w.Weight / sum
	}
	return sharesText(to) + fmt.Sprintf(" %d mirrors", len(r.Route.RequestMirrorPolicies))
}

func sharesText(to map[string]float64) string {
	var words []string
	for _, c := range slices.Sorted(maps.Keys(to)) {
		words = append(words, fmt.Sprintf("%s %.4f%%", c, to[c]))
	}
	return strings.Join(words, " ")
}

// tableRoutes are the routes that the view says clients get, without labels of
// their own, in the same words.
func tableRoutes(v *View, client string, p Port) []string {
	for _, table := range v.Tables {
		if table.Scope != meshGateway || !table.For(client) || len(table.Ports) > 0 && !slices.Contains(table.Ports, p.Number) {
			continue
		}
		if all := rulesSent(table, client, p); len(all) > 0 {
			return all
		}
	}
	return []string{fmt.Sprintf("outbound|%d||%s 100.0000%% 0 mirrors", p.Number, v.Host)}
}

func rulesSent(table Table, client string, p Port) []string {
	var all []string
	for _, r := range table.Rules {
		if kindOf(r.Protocol) != "http" {
			continue
		}
		matches := r.Matches
		if len(matches) == 0 {
			matches = []Match{{}}
		}
		for _, m := range matches {
			left, forThem := runtimeConditions(m, client, p)
			if !forThem {
				continue
			}
			all = append(all, ruleSent(table.API, r, p))
			if implies(nil, left) {
				return all
			}
		}
	}
	return all
}

// runtimeConditions leaves out what is decided when routes are built.
func runtimeConditions(m Match, client string, p Port) (left []Condition, ok bool) {
	for _, c := range m.Conditions {
		switch c.What {
		case "port":
			if c.Value != fmt.Sprint(p.Number) {
				return nil, false
			}
		case "source-namespace":
			if c.Value != client {
				return nil, false
			}
		case "source-label":
			return nil, false
		default:
			left = append(left, c)
		}
	}
	return left, true
}

func ruleSent(api API, r Rule, p Port) string {
	for _, o := range r.Other {
		if word := strings.Fields(o)[0]; word == "redirects" || word == "answers" {
			return word
		}
	}
	to := map[string]float64{}
	for _, d := range r.To {
		if d.Share == 0 {
			continue
		}
		if api == Gateway {
			d.Version = "" // a Service of its own
		}
		port := p.Number
		if d.Port != 0 {
			port = d.Port
		}
		to[fmt.Sprintf("outbound|%d|%s|%s", port, d.Version, d.Host)] += d.Share
	}
	return sharesText(to) + fmt.Sprintf(" %d mirrors", len(r.Mirrors))
}
