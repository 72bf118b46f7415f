// Package sets tells whether the sets of domains behind several opened sums
// isolate too few of them. Each opened sum of one query is the indicator
// vector of its set of member domains; whoever holds the sums holds every
// linear combination of them, so {A,B,C} and {A,B} give C alone, and {A,B},
// {B,C}, {A,C} give each of the three. The rule is that no vector of the row
// space is supported on a non-empty set of fewer than k domains. The trustees
// and each domain apply it for themselves; it trusts nobody and knows nothing
// of values. It does not decide which sums belong to one query.
package sets

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// Bounds of one question. What lies beyond is an error, never a pass.
const (
	maxDomains = 512
	maxSets    = 1 << 16
	maxSubsets = 1 << 18
)

// ErrBound says that the question is larger than Isolates answers.
var ErrBound = errors.New("sets: more domains or sets than can be tested")

// A Leak is a combination of opened sets that is left with fewer than k
// domains. Coefficients runs along the sets as they were given.
type Leak struct {
	Domains      []string
	Coefficients []*big.Rat
}

// Isolates returns a combination of the sets whose support is a non-empty set
// of fewer than least domains, or nil if there is none. A support that
// consists of granted domains only (their providers agreed to be released
// alone) does not count. A set names each domain once. With least < 2 nothing
// can be isolated.
func Isolates(opened [][]string, least int, granted []string) (*Leak, error) {
	names, err := domains(opened)
	if err != nil || least < 2 {
		return nil, err
	}
	rows := basis(opened, names)
	size := min(least-1, len(names))
	if subsets(len(names), size) > maxSubsets {
		return nil, ErrBound
	}
	free := make([]bool, len(names))
	for i, n := range names {
		free[i] = slices.Contains(granted, n)
	}
	chosen := make([]int, size)
	return search(rows, names, free, chosen, 0, 0, len(opened)), nil
}

// domains lists the domains of all sets in order of their names.
func domains(opened [][]string) ([]string, error) {
	if len(opened) > maxSets {
		return nil, ErrBound
	}
	var all []string
	for i, s := range opened {
		u := slices.Clone(s)
		slices.Sort(u)
		if len(slices.Compact(u)) != len(s) {
			return nil, fmt.Errorf("sets: set %d names a domain twice", i)
		}
		all = append(all, u...)
		slices.Sort(all)
		all = slices.Compact(all)
		if len(all) > maxDomains {
			return nil, ErrBound
		}
	}
	return all, nil
}

// A row is a vector over the domains, and the combination of sets that it is.
type row struct {
	at   []*big.Rat
	made map[int]*big.Rat
}

// basis returns the reduced echelon form of the sets: each row's lead is zero
// in every other row.
func basis(opened [][]string, names []string) []row {
	var out []row
	seen := map[string]bool{}
	for i, s := range opened {
		u := slices.Clone(s)
		slices.Sort(u)
		key := fmt.Sprintf("%q", u)
		if seen[key] {
			continue
		}
		seen[key] = true
		v := row{at: make([]*big.Rat, len(names)), made: map[int]*big.Rat{i: big.NewRat(1, 1)}}
		for d, n := range names {
			v.at[d] = new(big.Rat)
			if slices.Contains(s, n) {
				v.at[d].SetInt64(1)
			}
		}
		for _, b := range out {
			v.cancel(b, b.lead())
		}
		if d := v.lead(); d >= 0 {
			for _, b := range out {
				b.cancel(v, d)
			}
			out = append(out, v)
		}
	}
	return out
}

// lead is the first domain at which the row is not zero, -1 if there is none.
func (v row) lead() int {
	return slices.IndexFunc(v.at, func(x *big.Rat) bool { return x.Sign() != 0 })
}

// cancel subtracts the multiple of b that makes v zero at d.
func (v row) cancel(b row, d int) {
	if v.at[d].Sign() == 0 {
		return
	}
	q := new(big.Rat).Quo(v.at[d], b.at[d])
	for i := range v.at {
		v.at[i].Sub(v.at[i], new(big.Rat).Mul(q, b.at[i]))
	}
	for i, c := range b.made {
		x := new(big.Rat).Mul(q, c)
		if v.made[i] == nil {
			v.made[i] = new(big.Rat)
		}
		v.made[i].Sub(v.made[i], x)
	}
}

func (v row) clone() row {
	w := row{at: make([]*big.Rat, len(v.at)), made: make(map[int]*big.Rat, len(v.made))}
	for i, x := range v.at {
		w.at[i] = new(big.Rat).Set(x)
	}
	for i, x := range v.made {
		w.made[i] = new(big.Rat).Set(x)
	}
	return w
}

// search goes through the subsets of exactly len(chosen) domains: a smaller
// support lies in one of them.
func search(rows []row, names []string, free []bool, chosen []int, at, from, sets int) *Leak {
	if at == len(chosen) {
		return within(rows, names, free, chosen, sets)
	}
	for d := from; d < len(names); d++ {
		chosen[at] = d
		if l := search(rows, names, free, chosen, at+1, d+1, sets); l != nil {
			return l
		}
	}
	return nil
}

// within looks for a vector of the row space that vanishes outside the chosen
// domains and touches one that did not agree to stand alone. A row takes part
// only if its lead is chosen, because no other row is there to cancel it.
func within(rows []row, names []string, free []bool, chosen []int, sets int) *Leak {
	var left []row
	for _, v := range rows {
		if slices.Contains(chosen, v.lead()) {
			left = append(left, v.clone())
		}
	}
	for d := range names {
		if len(left) == 0 {
			return nil
		}
		if slices.Contains(chosen, d) {
			continue
		}
		p := slices.IndexFunc(left, func(v row) bool { return v.at[d].Sign() != 0 })
		if p < 0 {
			continue
		}
		pivot := left[p]
		left = slices.Delete(left, p, p+1)
		for _, v := range left {
			v.cancel(pivot, d)
		}
	}
	for _, v := range left {
		touches := slices.ContainsFunc(chosen, func(d int) bool { return v.at[d].Sign() != 0 && !free[d] })
		if touches {
			return leak(v, names, sets)
		}
	}
	return nil
}

func leak(v row, names []string, sets int) *Leak {
	l := &Leak{Coefficients: make([]*big.Rat, sets)}
	for d, x := range v.at {
		if x.Sign() != 0 {
			l.Domains = append(l.Domains, names[d])
		}
	}
	for i := range l.Coefficients {
		l.Coefficients[i] = new(big.Rat)
		if x := v.made[i]; x != nil {
			l.Coefficients[i].Set(x)
		}
	}
	return l
}

// subsets is n over k, at most maxSubsets+1.
func subsets(n, k int) int {
	c := 1
	for i := range k {
		c = c * (n - i) / (i + 1)
		if c > maxSubsets {
			return maxSubsets + 1
		}
	}
	return c
}
