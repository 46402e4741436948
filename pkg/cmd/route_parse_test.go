package cmd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/route"
)

func TestSharesAsTheyAreTyped(t *testing.T) {
	for name, c := range map[string]struct {
		args   []string
		signed bool
		want   []route.Share
		err    string
	}{
		"one":              {args: []string{"v2=20"}, want: []route.Share{{Version: "v2", Percent: 20}}},
		"with a sign":      {args: []string{"v1=99.9%", "v2=0.1%"}, want: []route.Share{{Version: "v1", Percent: 99.9}, {Version: "v2", Percent: 0.1}}},
		"more":             {args: []string{"v2=+10"}, signed: true, want: []route.Share{{Version: "v2", Percent: 10}}},
		"less":             {args: []string{"v2=-0.5"}, signed: true, want: []route.Share{{Version: "v2", Percent: -0.5}}},
		"negative":         {args: []string{"v2=-1"}, err: `"v2=-1": a share is a number from 0 to 100, with up to four decimals`},
		"too much":         {args: []string{"v2=101"}, err: `"v2=101": a share is a number from 0 to 100, with up to four decimals`},
		"no number":        {args: []string{"v2=NaN"}, err: `"v2=NaN": a share is a number from 0 to 100, with up to four decimals`},
		"five decimals":    {args: []string{"v2=0.00001"}, err: `"v2=0.00001": a share is a number from 0 to 100, with up to four decimals`},
		"no share":         {args: []string{"v2"}, err: `"v2": give a version its share as VERSION=PERCENT, for example v2=20`},
		"no version":       {args: []string{"=20"}, err: `"=20": give a version its share as VERSION=PERCENT, for example v2=20`},
		"twice":            {args: []string{"v2=20", "v2=80"}, err: "version v2 is named twice"},
		"by how much else": {args: []string{"v2=10"}, signed: true, err: `"v2=10": say by how many percent, for example v2=+10`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseShares(c.args, c.signed)
			if c.err != "" {
				assert.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestOneWayToShift(t *testing.T) {
	const many = "say how to share the requests in one way: VERSION=PERCENT ..., --to VERSION, --adjust VERSION=+N or --equal"
	_, err := shiftOf(nil, "", nil, false)
	assert.EqualError(t, err, many)
	_, err = shiftOf([]string{"v2=20"}, "v1", nil, false)
	assert.EqualError(t, err, many)
	s, err := shiftOf(nil, "", []string{"v2=+10"}, false)
	require.NoError(t, err)
	assert.Equal(t, &route.Shift{Adjust: []route.Share{{Version: "v2", Percent: 10}}}, s)
}

func TestConditionsAsTheyAreTyped(t *testing.T) {
	m := matchFlags{
		headers: []string{"end-user=jason", "x-test"}, headerRegexes: []string{"agent=.*Chrome.*"}, withoutHeaders: []string{"bot"},
		queries: []string{"a=b=c"}, cookies: []string{"user=j.n"}, sources: []string{"app=web"}, pathPrefix: "/beta", method: "GET",
	}
	got, err := m.conditions()
	require.NoError(t, err)
	assert.Equal(t, []route.Condition{
		{What: "header", Key: "end-user", How: "exact", Value: "jason"}, {What: "header", Key: "x-test", How: "present"},
		{What: "header", Key: "agent", How: "regex", Value: ".*Chrome.*"}, {What: "without-header", Key: "bot", How: "present"},
		{What: "query", Key: "a", How: "exact", Value: "b=c"}, {What: "source-label", Key: "app", How: "exact", Value: "web"},
		{What: "header", Key: "cookie", How: "regex", Value: `^(.*?;\s*)?user=j\.n(;.*)?$`},
		{What: "path", How: "prefix", Value: "/beta"}, {What: "method", How: "exact", Value: "GET"},
	}, got)
	for _, bad := range []matchFlags{{headers: []string{"=x"}}, {headers: []string{"x="}}, {sources: []string{"app"}}, {cookies: []string{"user"}}, {pathRegex: "("}} {
		_, err := bad.conditions()
		assert.Error(t, err, bad)
	}
}

func TestWhatMakesNoSense(t *testing.T) {
	only := func(names ...string) func(string) bool {
		return func(name string) bool {
			for _, n := range names {
				if n == name {
					return true
				}
			}
			return false
		}
	}
	fault := func(f faultFlags, set ...string) error {
		f.routeFlags = newRouteFlags(nil)
		_, err := f.intent(only(set...), time.Unix(0, 0))
		return err
	}
	jason := []route.Condition{{What: "header", Key: "end-user", How: "exact", Value: "jason"}}
	for want, err := range map[string]error{
		"say which requests, for example --header end-user=jason; for all others use route shift": matchMakesSense(route.SetMatch{To: "v2"}),
		"say where they go: --to VERSION":                                                              matchMakesSense(route.SetMatch{Conditions: jason}),
		"use --first or --before, not both":                                                            matchMakesSense(route.SetMatch{Conditions: jason, To: "v2", First: true, Before: "x"}),
		"--remove takes a rule away and stands alone":                                                  matchMakesSense(route.SetMatch{Remove: "x", To: "v2"}),
		"use one of --attempts N, --off and --clear":                                                   retryMakesSense(route.Retry{Off: true, Clear: true}, false),
		"--attempts: use 1 or more; --off never tries again":                                           retryMakesSense(route.Retry{}, true),
		"--per-try-timeout and --on go with --attempts":                                                retryMakesSense(route.Retry{Off: true, On: "5xx"}, false),
		"say what happens: --delay 7s, --abort 500, --abort grpc:UNAVAILABLE, or --clear":              fault(faultFlags{percent: 100}),
		"--percent 101: use a number from 0 to 100":                                                    fault(faultFlags{abort: "500", percent: 101}),
		"use --for or --review-after, not both":                                                        fault(faultFlags{abort: "500", length: 1, reviewAfter: 1}, "for", "review-after"),
		"--abort teapot: use an HTTP status such as 500, or grpc: and a code such as grpc:UNAVAILABLE": fault(faultFlags{abort: "teapot"}),
	} {
		assert.EqualError(t, err, want)
	}
}

func TestNamesOfServices(t *testing.T) {
	for arg, want := range map[string][2]string{"reviews": {"reviews", ""}, "svc/reviews": {"reviews", ""}, "reviews/v2": {"reviews", "v2"}, "service/reviews/v2": {"reviews", "v2"}} {
		service, version, err := serviceAndVersion(arg)
		require.NoError(t, err)
		assert.Equal(t, want, [2]string{service, version})
	}
	for _, bad := range []string{"", "a/b/c", "reviews/", "/v2"} {
		_, _, err := serviceAndVersion(bad)
		assert.Error(t, err, bad)
	}
	_, err := serviceName("deploy/reviews")
	assert.EqualError(t, err, `"deploy/reviews": name a service, for example reviews`)
}

func TestOnlyWhatADiffChangesCounts(t *testing.T) {
	before := "a: 1\nb: 1\n"
	one, err := diffText([]edited{{input: input{name: "x", text: []byte(before)}, after: whole([]byte("a: 2\nb: 1\n"))}})
	require.NoError(t, err)
	assert.Equal(t, "--- before/x\n+++ after/x\n@@ -1,2 +1,2 @@\n-a: 1\n+a: 2\n b: 1\n", one)
	other, err := diffText([]edited{{input: input{name: "x", text: []byte("a: 1\nb: 7\n")}, after: whole([]byte("a: 2\nb: 7\n"))}})
	require.NoError(t, err)
	assert.Equal(t, changedLines(one), changedLines(other))
	made, err := diffText([]edited{{input: input{name: "x"}, after: whole([]byte("a: 1\n"))}})
	require.NoError(t, err)
	assert.Equal(t, "--- before/x\n+++ after/x\n@@ -0,0 +1 @@\n+a: 1\n", made)
}
