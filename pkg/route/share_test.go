package route

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// heldOf reads weights as what versions get.
func heldOf(t *testing.T, names []string, ws ...int64) []held {
	t.Helper()
	shares, ok := parts(ws)
	require.True(t, ok)
	var all []held
	for i, n := range names {
		all = append(all, held{Version: n, Share: shares[i]})
	}
	return all
}

func TestShiftArithmetic(t *testing.T) {
	three := []string{"v1", "v2", "v3"}
	for name, c := range map[string]struct {
		now        []held
		candidates []string
		shift      Shift
		want       map[string]int64
	}{
		"one value, the others keep their proportion": {
			heldOf(t, three, 60, 20, 20), nil, Shift{Set: []Share{{"v2", 20}}}, map[string]int64{"v1": 60, "v2": 20, "v3": 20},
		},
		"one value takes from the others in proportion": {
			heldOf(t, three, 60, 10, 30), nil, Shift{Set: []Share{{"v2", 40}}}, map[string]int64{"v1": 40, "v2": 40, "v3": 20},
		},
		"a version joins": {
			heldOf(t, []string{"v1"}, 0), nil, Shift{Set: []Share{{"v2", 20}}}, map[string]int64{"v1": 80, "v2": 20},
		},
		"several total 100, the unnamed get nothing": {
			heldOf(t, three, 34, 33, 33), nil, Shift{Set: []Share{{"v1", 50}, {"v3", 50}}}, map[string]int64{"v1": 50, "v2": 0, "v3": 50},
		},
		"a tenth of a percent": {
			heldOf(t, []string{"v1"}, 100), nil, Shift{Set: []Share{{"v2", 0.1}}}, map[string]int64{"v1": 999, "v2": 1},
		},
		"the finest share": {
			heldOf(t, []string{"v1"}, 100), nil, Shift{Set: []Share{{"v2", 0.0001}}}, map[string]int64{"v1": 999_999, "v2": 1},
		},
		"thirds are rounded": {
			heldOf(t, three, 1, 1, 1), nil, Shift{Set: []Share{{"v4", 20}}}, map[string]int64{"v1": 27, "v2": 27, "v3": 26, "v4": 20},
		},
		"who gets little does not vanish": {
			heldOf(t, three, 98, 1, 1), nil, Shift{Set: []Share{{"v4", 50}}}, map[string]int64{"v1": 490, "v2": 5, "v3": 5, "v4": 500},
		},
		"everything to one": {
			heldOf(t, three, 34, 33, 33), nil, Shift{To: "v3"}, map[string]int64{"v1": 0, "v2": 0, "v3": 100},
		},
		"what is left goes to the only other version that has endpoints": {
			heldOf(t, []string{"v2"}, 100), []string{"v1", "v2"}, Shift{Set: []Share{{"v2", 30}}}, map[string]int64{"v2": 30, "v1": 70},
		},
		"more": {
			heldOf(t, []string{"v1", "v2"}, 80, 20), nil, Shift{Adjust: []Share{{"v2", 10}}}, map[string]int64{"v1": 70, "v2": 30},
		},
		"less, to nothing": {
			heldOf(t, []string{"v1", "v2"}, 80, 20), nil, Shift{Adjust: []Share{{"v2", -20}}}, map[string]int64{"v1": 100, "v2": 0},
		},
		"two adjusted, the third makes up": {
			heldOf(t, three, 50, 25, 25), nil, Shift{Adjust: []Share{{"v2", 5}, {"v3", 5}}}, map[string]int64{"v1": 40, "v2": 30, "v3": 30},
		},
		"equal, with one that joins": {
			heldOf(t, []string{"v1", "v2"}, 90, 10), []string{"v1", "v3"}, Shift{Equal: true}, map[string]int64{"v1": 34, "v2": 33, "v3": 33},
		},
	} {
		t.Run(name, func(t *testing.T) {
			next, err := newShares(c.now, c.candidates, c.shift)
			require.NoError(t, err)
			var shares []*big.Rat
			exact := make([]bool, len(next))
			for i, h := range next {
				shares = append(shares, h.Share)
				for _, s := range c.shift.Set {
					exact[i] = exact[i] || s.Version == h.Version
				}
			}
			got := map[string]int64{}
			for i, w := range weights(shares, exact) {
				got[next[i].Version] = w
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestSharesThatMakeNoSense(t *testing.T) {
	two := []string{"v1", "v2"}
	for name, c := range map[string]struct {
		shift Shift
		want  string
	}{
		"negative":              {Shift{Set: []Share{{"v2", -1}}}, "v2=-1 is no share: it must be between 0 and 100 percent"},
		"above 100":             {Shift{Set: []Share{{"v2", 100.5}}}, "v2=100.5 is no share: it must be between 0 and 100 percent"},
		"not a number":          {Shift{Set: []Share{{"v2", math.NaN()}}}, "v2=NaN is no percentage"},
		"infinite":              {Shift{Adjust: []Share{{"v2", math.Inf(1)}}}, "v2=+Inf is no percentage"},
		"too fine":              {Shift{Set: []Share{{"v2", 0.00001}}}, "v2=0.00001 is too fine: at most four decimals count"},
		"totals 90":             {Shift{Set: []Share{{"v1", 40}, {"v2", 50}}}, "the shares total 90%: several must total 100%"},
		"totals 0":              {Shift{Set: []Share{{"v1", 0}, {"v2", 0}}}, "the shares total 0%: several must total 100%"},
		"named twice":           {Shift{Set: []Share{{"v1", 50}, {"v1", 50}}}, "version v1 is named twice"},
		"less than nothing":     {Shift{Adjust: []Share{{"v2", -30}}}, "v2 would get -10%: it has 20% now"},
		"more than everything":  {Shift{Adjust: []Share{{"v2", 90}}}, "v2 would get 110%: it has 20% now"},
		"together too much":     {Shift{Adjust: []Share{{"v1", 10}, {"v2", 10}}}, "the adjusted versions would get 120% together: that is more than 100%"},
		"together not all":      {Shift{Adjust: []Share{{"v1", -10}, {"v2", 0}}}, "10% are left, and it is not clear who gets them: name all versions that get something"},
		"adjusted twice":        {Shift{Adjust: []Share{{"v1", 1}, {"v1", 2}}}, "version v1 is named twice"},
		"nobody takes the rest": {Shift{Set: []Share{{"v9", 10}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newShares(heldOf(t, two, 80, 20), nil, c.shift)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.want)
		})
	}
	_, err := newShares(heldOf(t, []string{"v2"}, 1), []string{"v1", "v3"}, Shift{Set: []Share{{"v2", 10}}})
	require.EqualError(t, err, "90% are left, and it is not clear who gets them: name all versions that get something (there are v1, v3)")
}

func TestWeightsOfAnyShares(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n := 1 + r.IntN(6)
		ws := make([]int64, n)
		for i := range ws {
			ws[i] = r.Int64N(1000)
		}
		ws[r.IntN(n)]++
		shares, ok := parts(ws)
		require.True(t, ok)
		got := weights(shares, make([]bool, n))
		var sum int64
		for i, w := range got {
			sum += w
			assert.Equal(t, shares[i].Sign() == 0, w == 0, "%v of %v", got, ws)
		}
		assert.Contains(t, totals(), sum)
		if sum == 1_000_000 {
			continue
		}
		for i, share := range shares {
			want, _ := share.Float64()
			assert.InEpsilon(t, 1+want, 1+float64(got[i])/float64(sum), 0.05*want+1e-9, "%v of %v", got, ws)
		}
	}
}
