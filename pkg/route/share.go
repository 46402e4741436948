package route

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// held is what a version gets of a rule's requests, as a fraction of one.
type held struct {
	Version string // empty: all endpoints; with otherHost before it: of another host
	Share   *big.Rat
}

// otherHost begins what stands for destinations that are not the service. No
// version is called so.
const otherHost = "host "

// newShares says what each version gets once a shift is done. now lists what
// each gets, in the order of the rule; candidates are versions that have
// endpoints and may join. The shares it returns total 1, in the order of now,
// with what joins behind.
//
// An error is the user's: a share that is no percentage, or a total that leaves
// requests over or has none.
func newShares(now []held, candidates []string, s Shift) ([]held, error) {
	next := make([]held, len(now))
	for i, h := range now {
		next[i] = held{Version: h.Version, Share: new(big.Rat).Set(h.Share)}
	}
	switch {
	case s.To != "":
		return setShares(next, []Share{{Version: s.To, Percent: 100}}, candidates)
	case s.Equal:
		return evenShares(next, candidates)
	case len(s.Set) > 0:
		return setShares(next, s.Set, candidates)
	}
	return adjustShares(next, s.Adjust, candidates)
}

// setShares gives named versions what they shall have. One alone leaves the
// rest to the others, in their proportion; several total 100.
func setShares(all []held, set []Share, candidates []string) ([]held, error) {
	total := new(big.Rat)
	named := map[string]bool{}
	for _, s := range set {
		part, err := fraction(s)
		if err != nil {
			return nil, err
		}
		if named[s.Version] {
			return nil, fmt.Errorf("version %s is named twice", s.Version)
		}
		named[s.Version] = true
		all = give(all, s.Version, part)
		total.Add(total, part)
	}
	one := big.NewRat(1, 1)
	if len(set) > 1 && total.Cmp(one) != 0 {
		return nil, fmt.Errorf("the shares total %s%%: several must total 100%%", percent(total))
	}
	return spread(all, named, new(big.Rat).Sub(one, total), candidates)
}

// adjustShares gives named versions more or less; the others make up for it in
// their proportion.
func adjustShares(all []held, adjust []Share, candidates []string) ([]held, error) {
	one := big.NewRat(1, 1)
	total := new(big.Rat)
	named := map[string]bool{}
	for _, s := range adjust {
		by, err := exactPercent(s)
		if err != nil {
			return nil, err
		}
		if named[s.Version] {
			return nil, fmt.Errorf("version %s is named twice", s.Version)
		}
		named[s.Version] = true
		part := new(big.Rat).Add(shareOf(all, s.Version), by)
		if part.Sign() < 0 || part.Cmp(one) > 0 {
			return nil, fmt.Errorf("%s would get %s%%: it has %s%% now", s.Version, percent(part), percent(shareOf(all, s.Version)))
		}
		all = give(all, s.Version, part)
		total.Add(total, part)
	}
	rest := new(big.Rat).Sub(one, total)
	if rest.Sign() < 0 {
		return nil, fmt.Errorf("the adjusted versions would get %s%% together: that is more than 100%%", percent(total))
	}
	return spread(all, named, rest, candidates)
}

// evenShares gives the same to every version that is listed or may join. What
// goes to other hosts stays; all endpoints taken together are no version.
func evenShares(all []held, candidates []string) ([]held, error) {
	for _, c := range candidates {
		if !slices.ContainsFunc(all, func(h held) bool { return h.Version == c }) {
			all = append(all, held{Version: c})
		}
	}
	rest, versions := big.NewRat(1, 1), int64(0)
	for _, h := range all {
		switch {
		case strings.HasPrefix(h.Version, otherHost):
			rest.Sub(rest, h.Share)
		case h.Version != "":
			versions++
		}
	}
	if versions == 0 {
		return nil, errors.New("there is no version to share the requests between")
	}
	for i, h := range all {
		switch {
		case h.Version == "":
			all[i].Share = new(big.Rat)
		case !strings.HasPrefix(h.Version, otherHost):
			all[i].Share = new(big.Rat).Quo(rest, big.NewRat(versions, 1))
		}
	}
	return all, nil
}

// spread leaves the rest to the versions that are not named, in the proportion
// in which they stand. Where they have nothing, only one that has endpoints can
// be meant.
func spread(all []held, named map[string]bool, rest *big.Rat, candidates []string) ([]held, error) {
	others := new(big.Rat)
	for _, h := range all {
		if !named[h.Version] {
			others.Add(others, h.Share)
		}
	}
	if others.Sign() == 0 && rest.Sign() > 0 {
		var can []string
		for _, c := range candidates {
			if !named[c] {
				can = append(can, c)
			}
		}
		if len(can) != 1 {
			return nil, fmt.Errorf("%s%% are left, and it is not clear who gets them: name all versions that get something%s", percent(rest), among(can))
		}
		return give(all, can[0], rest), nil
	}
	for i, h := range all {
		if named[h.Version] {
			continue
		}
		if others.Sign() == 0 {
			continue
		}
		all[i].Share = new(big.Rat).Mul(h.Share, new(big.Rat).Quo(rest, others))
	}
	return all, nil
}

func among(versions []string) string {
	if len(versions) == 0 {
		return ""
	}
	return " (there are " + strings.Join(versions, ", ") + ")"
}

// give sets one version's share; it joins where it is not listed.
func give(all []held, version string, share *big.Rat) []held {
	for i := range all {
		if all[i].Version == version {
			all[i].Share = share
			return all
		}
	}
	return append(all, held{Version: version, Share: share})
}

func shareOf(all []held, version string) *big.Rat {
	for _, h := range all {
		if h.Version == version {
			return h.Share
		}
	}
	return new(big.Rat)
}

// fraction is a share as a part of one, between 0 and 1.
func fraction(s Share) (*big.Rat, error) {
	part, err := exactPercent(s)
	if err != nil {
		return nil, err
	}
	if part.Sign() < 0 || part.Cmp(big.NewRat(1, 1)) > 0 {
		return nil, fmt.Errorf("%s=%s is no share: it must be between 0 and 100 percent", s.Version, number(s.Percent))
	}
	return part, nil
}

// exactPercent reads a percentage by its decimals, so that 0.1 is a tenth and
// not what a float64 makes of it.
func exactPercent(s Share) (*big.Rat, error) {
	r, ok := new(big.Rat).SetString(number(s.Percent))
	if !ok {
		return nil, fmt.Errorf("%s=%s is no percentage", s.Version, number(s.Percent))
	}
	if !new(big.Rat).Mul(r, big.NewRat(10_000, 1)).IsInt() {
		return nil, fmt.Errorf("%s=%s is too fine: at most four decimals count", s.Version, number(s.Percent))
	}
	return r.Quo(r, big.NewRat(100, 1)), nil
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// percent writes a part of one as a percentage with at most four decimals.
func percent(r *big.Rat) string {
	text := new(big.Rat).Mul(r, big.NewRat(100, 1)).FloatString(4)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
