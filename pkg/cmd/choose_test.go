package cmd

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/diagnose"
)

func TestChoosingChecks(t *testing.T) {
	all := []diagnose.Check{{Name: "istiod-dead"}, {Name: "istiod-slow"}, {Name: "ca-expired"}}
	cases := map[string]struct {
		only, skip []string
		want       []string
		err        string
	}{
		"all when nothing is said": {want: []string{"istiod-dead", "istiod-slow", "ca-expired"}},
		"by name":                  {only: []string{"ca-expired"}, want: []string{"ca-expired"}},
		"by pattern, but for one":  {only: []string{"istiod-*"}, skip: []string{"istiod-slow"}, want: []string{"istiod-dead"}},
		"a misspelt name":          {only: []string{"ca-expird"}, err: `no check is called "ca-expird"; see 'doctor explain' for the list`},
		"a misspelt name to skip":  {skip: []string{"x*"}, err: `no check is called "x*"; see 'doctor explain' for the list`},
		"a broken pattern":         {only: []string{"["}, err: `no check is called "["; see 'doctor explain' for the list`},
		"nothing left":             {skip: []string{"*"}, err: "--checks and --skip leave no check to run"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := choose(all, c.only, c.skip)
			if c.err != "" {
				assert.EqualError(t, err, c.err)
				return
			}
			assert.NoError(t, err)
			var names []string
			for _, g := range got {
				names = append(names, g.Name)
			}
			assert.Equal(t, c.want, names)
		})
	}
}
