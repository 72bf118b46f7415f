package evidence

import (
	"bytes"
	"errors"
	"math/bits"
	"reflect"
	"slices"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/params"
)

// vectors are all contributions of so many people from lo to hi.
func vectors(people int, lo, hi int64) [][]int64 {
	all := [][]int64{{}}
	for range people {
		var next [][]int64
		for _, v := range all {
			for x := lo; x <= hi; x++ {
				next = append(next, append(slices.Clone(v), x))
			}
		}
		all = next
	}
	return all
}

// A rule is a rule of concentration on a vector of contributions, by absolute
// size.
type rule struct {
	name   string
	unsafe func(total int64, top []int64) bool
}

func (r rule) breaks(v []int64) bool {
	total, top := int64(0), make([]int64, len(v))
	for i, x := range v {
		top[i] = max(x, -x)
		total += top[i]
	}
	slices.SortFunc(top, func(a, b int64) int { return int(b - a) })
	return r.unsafe(total, top)
}

func percent(p, coalition int64) rule {
	return rule{"p%", func(total int64, top []int64) bool { return Close(total, top, p, coalition) }}
}

func dominance(n, k int64) rule {
	return rule{"(n,k)", func(total int64, top []int64) bool { return Dominated(total, top, n, k) }}
}

func (r rule) safe(all [][]int64) [][]int64 {
	return slices.DeleteFunc(slices.Clone(all), r.breaks)
}

func plus(a, b []int64) []int64 {
	out := slices.Clone(a)
	for i, x := range b {
		out[i] += x
	}
	return out
}

// Four people in two domains, values 0 to 5, overlap included: where each
// domain is safe so is the union, for p = 10, 30, 60 and (2,90), and for (1,50).
func TestUnionIsSafe(t *testing.T) {
	all := vectors(4, 0, 5)
	for _, r := range []rule{percent(10, 1), percent(30, 1), percent(60, 1), dominance(2, 90), dominance(1, 50)} {
		safe := r.safe(all)
		broken := 0
		for _, a := range safe {
			for _, b := range safe {
				if r.breaks(plus(a, b)) {
					broken++
				}
			}
		}
		if broken > 0 || len(safe) < 10 || len(safe) == len(all) {
			t.Errorf("%s: %d violations of %d safe pairs", r.name, broken, len(safe)*len(safe))
		}
	}
}

// Coalitions of two and (3,k) for five people, and three domains.
func TestUnionIsSafeForMore(t *testing.T) {
	for _, r := range []rule{percent(30, 2), dominance(3, 90)} {
		safe := r.safe(vectors(5, 0, 2))
		for _, a := range safe {
			for _, b := range safe {
				if r.breaks(plus(a, b)) {
					t.Fatalf("%s: %v + %v", r.name, a, b)
				}
			}
		}
	}
	r := percent(30, 1)
	safe := r.safe(vectors(4, 0, 2))
	for _, a := range safe {
		for _, b := range safe {
			for _, c := range safe {
				if r.breaks(plus(plus(a, b), c)) {
					t.Fatalf("three domains: %v + %v + %v", a, b, c)
				}
			}
		}
	}
}

// What the exhaustive search goes by is what Judge does.
func TestJudgeIsTheRule(t *testing.T) {
	for _, p := range []int64{10, 30, 60} {
		q := house(t)
		q.PPercent = p
		for _, v := range vectors(4, 0, 5) {
			tab := one(t, v...)
			if got, _ := hits(tab, q, C07); got != percent(p, 1).breaks(v) {
				t.Fatalf("p = %d of %v: flagged %v", p, v, got)
			}
			if got, _ := hits(tab, q, C08); got != dominance(2, 90).breaks(v) {
				t.Fatalf("(2,90) of %v: flagged %v", v, got)
			}
		}
	}
}

// violation finds two vectors that their domains let out and whose union the
// last rule does not.
func violation(first, second [][]int64, unsafe func(a, b []int64) bool) (a, b []int64, found bool) {
	for _, a := range first {
		for _, b := range second {
			if unsafe(a, b) {
				return a, b, true
			}
		}
	}
	return nil, nil, false
}

// The argument needs each of its premises: without one of them a search finds a
// union that is not safe.
func TestUnionNeedsItsPremises(t *testing.T) {
	r := percent(30, 1)
	sum := func(a, b []int64) bool { return r.breaks(plus(a, b)) }
	some := func(all [][]int64) [][]int64 { // no domain is empty
		return slices.DeleteFunc(all, func(v []int64) bool { return slices.Max(v) == 0 && slices.Min(v) == 0 })
	}
	plain := some(vectors(4, 0, 5))

	signed := r.safe(some(vectors(4, -2, 2)))
	if a, b, found := violation(signed, signed, sum); !found {
		t.Error("signed values judged by absolute size: no violation")
	} else {
		t.Logf("signed: %v + %v = %v", a, b, plus(a, b))
	}

	// People 0 and 1 are one holding. The first domain knows, the second does not.
	group := func(v []int64) []int64 { return append([]int64{v[0] + v[1]}, v[2:]...) }
	grouped := slices.DeleteFunc(slices.Clone(plain), func(v []int64) bool { return r.breaks(group(v)) })
	holding := func(a, b []int64) bool { return r.breaks(group(plus(a, b))) }
	if a, b, found := violation(grouped, r.safe(plain), holding); !found {
		t.Error("holdings grouped differently: no violation")
	} else {
		t.Logf("holdings: %v + %v = %v", a, b, group(plus(a, b)))
	}
	if _, _, found := violation(grouped, grouped, holding); found {
		t.Error("holdings grouped alike: a violation")
	}

	if a, b, found := violation(r.safe(plain), plain, sum); !found {
		t.Error("a domain left out of the rule: no violation")
	} else {
		t.Logf("left out: %v + %v = %v", a, b, plus(a, b))
	}

	if _, _, found := violation(r.safe(plain), percent(10, 1).safe(plain), sum); !found {
		t.Error("a smaller p in one domain: no violation")
	}
}

// Every pair of sets of 6 people, t = 3: each 0 or at least t makes the union
// so; the sum of the counts does not.
func TestUnionOfCounts(t *testing.T) {
	const least = 3
	short := func(n int) bool { return n > 0 && n < least }
	fooled := 0
	for a := range uint(1 << 6) {
		for b := range uint(1 << 6) {
			na, nb, union := bits.OnesCount(a), bits.OnesCount(b), bits.OnesCount(a|b)
			if !short(na) && !short(nb) && short(union) {
				t.Fatalf("%06b and %06b are safe, and their union is not", a, b)
			}
			if !short(na+nb) && short(union) {
				fooled++
			}
		}
	}
	if fooled == 0 {
		t.Error("the sum of counts is never wrong: the rule is not needed")
	}
}

func TestRederive(t *testing.T) {
	p := house(t)
	items := grid(2, 2)
	one, two := counts(t, items, 20, 30, 40, 9), counts(t, items, 3, 50, 60, 70)
	flags, hidden, err := Rederive([][]byte{one.Bytes(), two.Bytes()}, p)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(flags, [][]Flag{Judge(one, p), Judge(two, p)}) {
		t.Error("the flags are not those of the first judgement")
	}
	a, b := Flags(flags[0], len(items)), Flags(flags[1], len(items))
	for i := range hidden {
		if hidden[i] != a[i]|b[i] {
			t.Errorf("item %d: %d, want %d", i, hidden[i], a[i]|b[i])
		}
	}
	other := counts(t, base(4), 20, 30, 40, 9)
	broken := bytes.Replace(one.Bytes(), []byte("v1"), []byte("v2"), 1)
	for _, c := range []struct {
		name   string
		sealed [][]byte
		p      params.Parameters
		kind   fault.Kind
	}{
		{"no evidence", nil, p, fault.Invalid},
		{"no parameters", [][]byte{one.Bytes()}, params.Parameters{}, fault.Invalid},
		{"another format", [][]byte{one.Bytes(), broken}, p, fault.Invalid},
		{"another shape", [][]byte{one.Bytes(), other.Bytes()}, p, fault.Tampered},
	} {
		if flags, hidden, err := Rederive(c.sealed, c.p); !errors.Is(err, c.kind) || flags != nil || hidden != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
