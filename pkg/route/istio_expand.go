package route

import (
	"fmt"
	"math/big"
	"slices"
)

// expand puts in the place of the service as a whole the versions that its
// ready endpoints are of, each with the share that it has of them: only so
// does a version that is given 20 % get 20 % and not a part of the rest too.
func (p *planner) expand(now []held, s Shift) ([]held, error) {
	at := slices.IndexFunc(now, func(h held) bool { return h.Version == "" && h.Share.Sign() > 0 })
	if at < 0 {
		return now, nil
	}
	groups, left := p.partition()
	rest := slices.DeleteFunc(slices.Clone(groups), func(g Version) bool { return len(s.Set) == 1 && g.Name == s.Set[0].Version })
	if len(rest) == 0 && len(s.Set) == 1 && s.Set[0].Percent < 100 {
		return nil, &RefusedError{
			Check:   "subset-missing",
			Why:     fmt.Sprintf("no version of service %s but %s has ready endpoints that rules can name, so nothing can get the rest", p.view.Service.Name, s.Set[0].Version),
			Instead: fmt.Sprintf("name the rest first: kubectl mesh route subset %s add NAME -l LABEL=VALUE", p.view.Service.Name),
		}
	}
	if left > 0 {
		p.note("%s of service %s belong to no version, and get no requests by this rule any more", plural(left, "ready endpoint"), p.view.Service.Name)
	}
	var total int64
	for _, g := range groups {
		total += int64(g.Ready)
	}
	next := slices.Delete(slices.Clone(now), at, at+1)
	for i, h := range next {
		next[i].Share = new(big.Rat).Set(h.Share)
	}
	for _, g := range groups {
		part := new(big.Rat).Mul(now[at].Share, big.NewRat(int64(g.Ready), total))
		next = give(next, g.Name, part.Add(part, shareOf(next, g.Name)))
	}
	return next, nil
}

// partition divides the ready endpoints into versions that do not overlap: the
// DestinationRule's subsets where they take every endpoint once, else by the
// label version. left counts the endpoints that are of none.
func (p *planner) partition() (groups []Version, left int) {
	var defined, labelled []Version
	for _, v := range p.view.Versions {
		if v.Ready <= 0 {
			continue
		}
		if v.defined() {
			defined = append(defined, v)
		}
		if v.Labels[podVersion] == v.Name {
			labelled = append(labelled, v)
		}
	}
	if readyOf(defined) == p.view.Ready && disjoint(defined) {
		return defined, 0
	}
	return labelled, max(p.view.Ready-readyOf(labelled), 0)
}

func readyOf(vs []Version) int {
	n := 0
	for _, v := range vs {
		n += v.Ready
	}
	return n
}

// disjoint reports whether no pod can be of two of these versions: each two
// ask for different values of one label.
func disjoint(vs []Version) bool {
	for i, a := range vs {
		for _, b := range vs[:i] {
			apart := false
			for k, v := range a.Labels {
				if other, ok := b.Labels[k]; ok && other != v {
					apart = true
				}
			}
			if !apart {
				return false
			}
		}
	}
	return true
}
