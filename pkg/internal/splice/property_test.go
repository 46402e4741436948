package splice

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// edit changes something in v at random, and marks what it changed.
func (m *maker) edit(v *model) {
	switch {
	case v.kind != scalar && m.oneIn(12):
		for _, k := range v.kids {
			k.gone()
		}
		v.kind, v.keys, v.kids = scalar, nil, nil
		m.replaceScalar(v)
	case v.kind == scalar:
		m.replaceScalar(v)
	case len(v.kids) == 0 || m.oneIn(4):
		m.insert(v)
	case m.oneIn(4):
		m.delete(v)
	case v.kind == sequence && m.oneIn(4):
		m.move(v)
	default:
		i := m.IntN(len(v.kids))
		kid := v.kids[i]
		m.edit(kid)
		// An item is found again by its name alone.
		if v.kind == sequence && !(len(kid.keys) > 0 && kid.keys[0] == "name" && !kid.kids[0].touched) || v.keys[i] == "name" {
			kid.gone()
		}
	}
}

func (m *maker) replaceScalar(v *model) {
	v.touched = true
	if !m.oneIn(4) {
		v.scalar = m.leaf()
		return
	}
	kind := m.value(2)
	v.kind, v.scalar, v.keys, v.kids = kind.kind, kind.scalar, kind.keys, kind.kids
}

func (m *maker) insert(v *model) {
	if len(v.kids) == 0 || v.flow {
		v.touched = true
	}
	if v.kind == mapping {
		v.keys = append(v.keys, m.name("new"))
		v.kids = append(v.kids, m.value(2))
		v.kids[len(v.kids)-1].added = true
		return
	}
	kid := m.value(2)
	if len(v.kids) > 0 && len(v.kids[0].keys) > 0 && v.kids[0].keys[0] == "name" {
		kid = m.item(2, true)
	}
	if v.has(kid) {
		return
	}
	kid.added = true
	i := m.IntN(len(v.kids) + 1)
	v.first = v.first || i == 0
	v.keys = slices.Insert(v.keys, i, "")
	v.kids = slices.Insert(v.kids, i, kid)
}

func (m *maker) delete(v *model) {
	i := m.IntN(len(v.kids))
	v.kids[i].gone()
	if i == 0 || v.flow {
		v.first = true
	}
	if len(v.kids) == 1 {
		v.touched = true
	}
	v.keys = slices.Delete(slices.Clone(v.keys), i, i+1)
	v.kids = slices.Delete(slices.Clone(v.kids), i, i+1)
}

// move puts an item elsewhere; its lines are kept.
func (m *maker) move(v *model) {
	i, j := m.IntN(len(v.kids)), m.IntN(len(v.kids))
	if i == j {
		return
	}
	v.first = true
	if v.flow {
		v.touched = true
	}
	kids := slices.Clone(v.kids)
	kids[i], kids[j] = kids[j], kids[i]
	v.kids = kids
}

// TestProperty edits random documents at random. What comes out has the
// wanted value, and all lines are left but those of what was edited. More
// documents are tried with SPLICE_RUNS, from the seed SPLICE_FIRST on.
func TestProperty(t *testing.T) {
	runs := 3000
	if n, err := strconv.Atoi(os.Getenv("SPLICE_RUNS")); err == nil {
		runs = n
	}
	first, _ := strconv.Atoi(os.Getenv("SPLICE_FIRST"))
	for seed := first; seed < first+runs; seed++ {
		property(t, uint64(seed))
		if t.Failed() {
			return
		}
	}
}

func property(t *testing.T, seed uint64) {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 1))}
	v := m.value(5)
	for v.kind != mapping || len(v.kids) == 0 || v.flow {
		v = m.value(5)
	}
	v.head, v.line = "", ""
	p := &printed{maker: m, eol: []string{"\n", "\n", "\r\n"}[m.IntN(3)]}
	in := p.document(v)
	if !strings.Contains(in, p.eol) {
		p.eol = "\n"
	}
	before, err := read([]byte(in))
	require.NoError(t, err, "seed %d:\n%s", seed, in)
	require.True(t, equal(before, v.any()), "seed %d: the generator writes something else at %v\n%s", seed, differences(before, v.any(), nil, nil), in)
	same, err := Apply([]byte(in), before)
	require.NoError(t, err, "seed %d:\n%s", seed, in)
	require.Equal(t, in, string(same), "seed %d: nothing differs", seed)
	for range 1 + m.IntN(3) {
		m.edit(v)
	}
	out, err := Apply([]byte(in), v.any())
	require.NoError(t, err, "seed %d:\n%s", seed, in)
	p.requireLeft(t, seed, in, string(out))
}

// requireLeft checks that the lines and comments of everything that was not
// edited are in out.
func (p *printed) requireLeft(t *testing.T, seed uint64, in, out string) {
	t.Helper()
	left := map[string]int{}
	for _, l := range strings.Split(out, p.eol) {
		left[l]++
	}
	for i, l := range p.lines {
		if l != "" && !slices.ContainsFunc(p.owners[i], func(f func() bool) bool { return f() }) {
			left[l]--
			require.GreaterOrEqual(t, left[l], 0, "seed %d: line %d is lost: %s\n%s\n-----\n%s", seed, i+1, l, in, out)
		}
	}
	for _, v := range p.notes {
		require.True(t, v.removed || strings.Contains(out, v.line), "seed %d: the comment is lost:%s\n%s\n-----\n%s", seed, v.line, in, out)
	}
}
