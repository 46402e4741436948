package route

import (
	"math/big"
	"slices"
)

// The totals that weights may have, the first that will do: weights are whole
// numbers, and Envoy takes shares relative to their sum (istio.io/istio 1.29.1,
// pilot/pkg/networking/core/route/route.go; validation asks only that they are
// not negative).
func totals() []int64 { return []int64{100, 1_000, 10_000, 100_000, 1_000_000} }

// weights are whole numbers in the proportion of shares, which total 1. Those
// that are exact must come out exactly; for the others the total is taken at
// which none that gets something vanishes, and none is off by more than a
// twentieth of what it should get.
func weights(shares []*big.Rat, exact []bool) []int64 {
	var ws []int64
	for _, total := range totals() {
		ws = apportion(shares, total)
		if closeEnough(ws, shares, exact, total) {
			break
		}
	}
	return ws
}

func closeEnough(ws []int64, shares []*big.Rat, exact []bool, total int64) bool {
	for i, share := range shares {
		quota := new(big.Rat).Mul(share, big.NewRat(total, 1))
		off := new(big.Rat).Sub(quota, big.NewRat(ws[i], 1))
		off.Abs(off)
		switch {
		case off.Sign() == 0:
		case exact[i], ws[i] == 0, off.Cmp(new(big.Rat).Quo(quota, big.NewRat(20, 1))) > 0:
			return false
		}
	}
	return true
}

// apportion gives each share its whole part of the total, and what is left to
// the largest remainders, the first of equal ones. Whole quotas stay whole.
func apportion(shares []*big.Rat, total int64) []int64 {
	ws := make([]int64, len(shares))
	rest := make([]*big.Rat, len(shares))
	order := make([]int, len(shares))
	left := total
	for i, share := range shares {
		quota := new(big.Rat).Mul(share, big.NewRat(total, 1))
		ws[i] = new(big.Int).Quo(quota.Num(), quota.Denom()).Int64()
		rest[i] = quota.Sub(quota, big.NewRat(ws[i], 1))
		left -= ws[i]
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return rest[b].Cmp(rest[a]) })
	for _, i := range order {
		if left == 0 || rest[i].Sign() == 0 {
			break
		}
		ws[i]++
		left--
	}
	return ws
}

// parts are weights as parts of one. One alone is everything, whatever its
// weight; of several the sum is the base (the same file of Istio). ok is false
// where the sum is zero.
func parts(ws []int64) (shares []*big.Rat, ok bool) {
	var sum int64
	for _, w := range ws {
		sum += w
	}
	shares = make([]*big.Rat, len(ws))
	if len(ws) == 1 {
		shares[0] = big.NewRat(1, 1)
		return shares, true
	}
	if sum == 0 {
		return nil, false
	}
	for i, w := range ws {
		shares[i] = big.NewRat(w, sum)
	}
	return shares, true
}
