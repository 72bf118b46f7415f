package attackers_test

import "testing"

// victim is the person that an attacker is after.
const victim = 7

// crowds are two domains of n people each.
func crowds(n int) func() map[string][]person {
	return func() map[string][]person {
		return map[string][]person{"a": people(1, 0, n), "b": people(2, 1000, n)}
	}
}

// known is what is true of the victim.
func known() person { return people(1, 0, 60)[victim] }

// one points at the only cell, if at all.
func one(when bool, values ...int64) []said {
	if !when {
		return nil
	}
	return []said{{0, values}}
}

// of is a query for one total over whom it takes, of what it takes.
func of(who func(person) bool, value func(person) int64) query {
	return query{dims: []int{1}, measures: 1, give: func(p person) []said { return one(who(p), value(p)) }}
}

func everyone(person) bool  { return true }
func others(p person) bool  { return p.id != victim }
func costOf(p person) int64 { return p.cost }

// rank is a place in an order that everybody knows; the victim's is 30.
func rank(p person) int {
	switch {
	case p.id == victim:
		return 30
	case p.id%60 == 30:
		return 61
	}
	return p.id % 60
}

func isVictim(p person) int64 { return b2i(p.id == victim) }

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// combine adds up totals, each of one cell, with coefficients; ok is whether
// all are shown.
func combine(x []int64, all ...table) (sum int64, ok bool) {
	for i, t := range all {
		v, shown := t.at(0, 1)
		if !shown {
			return 0, false
		}
		sum += x[i] * v
	}
	return sum, true
}

// Differences of releases that each are safe: what the register is there for.
func TestDifferencing(t *testing.T) {
	// January's visits: the victim's only one is on the 31st.
	const late = 777
	district := func(d int) func(person) bool { return func(p person) bool { return p.district == d } }
	for name, c := range map[string]struct {
		truth int64
		do    attack
		also  bool // the flags are in the way as well
	}{
		"total minus one": {known().cost, func(c *city) (int64, bool) {
			return combine([]int64{1, -1}, c.ask(of(everyone, costOf)), c.ask(of(others, costOf)))
		}, false},
		// Denning, Denning and Schwartz (1979): v = (v or T) + (v or not T) - all.
		"general tracker": {known().cost, func(c *city) (int64, bool) {
			in := func(p person) bool { return p.age < 40 }
			both := c.ask(query{dims: []int{2}, measures: 1, give: func(p person) []said { return []said{{int(b2i(!in(p))), []int64{p.cost}}} }})
			all, ok := both.sum(1, 0, 1)
			v, ok2 := combine([]int64{1, 1},
				c.ask(of(func(p person) bool { return in(p) || p.id == victim }, costOf)),
				c.ask(of(func(p person) bool { return !in(p) || p.id == victim }, costOf)))
			return v - all, ok && ok2
		}, false},
		// A set and what is left of the next one without it, and without the victim.
		"individual tracker": {known().cost, func(c *city) (int64, bool) {
			mine := district(victim % 3)
			return combine([]int64{1, -1, -1},
				c.ask(of(mine, costOf)),
				c.ask(of(func(p person) bool { return mine(p) && p.age >= 40 }, costOf)),
				c.ask(of(func(p person) bool { return mine(p) && p.age < 40 && p.id != victim }, costOf)))
		}, false},
		// Bins of the frame whose edge moves by one person.
		"nested bins": {known().cost, func(c *city) (int64, bool) {
			bins := func(edge int) table {
				return c.ask(query{dims: []int{2}, measures: 1, give: func(p person) []said { return []said{{int(b2i(rank(p) >= edge)), []int64{p.cost}}} }})
			}
			x, ok := bins(30).at(0, 1)
			y, ok2 := bins(31).at(0, 1)
			return y - x, ok && ok2
		}, false},
		"30 and 31 January": {late, func(c *city) (int64, bool) {
			until31 := func(p person) int64 { return p.cost + late*isVictim(p) }
			return combine([]int64{-1, 1}, c.ask(of(everyone, costOf)), c.ask(of(everyone, until31)))
		}, false},
		"f and f + secret": {known().other, func(c *city) (int64, bool) {
			return combine([]int64{-1, 1}, c.ask(of(everyone, costOf)), c.ask(of(everyone, func(p person) int64 { return p.cost + p.other*isVictim(p) })))
		}, false},
		"c and c + secret, by the number of units": {known().other, func(c *city) (int64, bool) {
			r := c.ask(of(everyone, func(p person) int64 { return 10 + p.other*isVictim(p) }))
			units, ok := r.at(0, 0)
			sum, ok2 := r.at(0, 1)
			return sum - 10*units, ok && ok2
		}, true},
		"2f - f'": {known().other, func(c *city) (int64, bool) {
			return combine([]int64{-2, 1}, c.ask(of(everyone, costOf)), c.ask(of(everyone, func(p person) int64 { return 2*p.cost + p.other*isVictim(p) })))
		}, false},
		"f + g - h, in one table": {known().cost, func(c *city) (int64, bool) {
			r := c.ask(query{dims: []int{1}, measures: 3, give: func(p person) []said {
				return one(true, p.cost, p.other, p.cost+p.other+p.cost*isVictim(p))
			}})
			x, ok := r.sum(1, 0)
			y, ok2 := r.sum(2, 0)
			z, ok3 := r.sum(3, 0)
			return z - x - y, ok && ok2 && ok3
		}, false},
		"f + 1 - g": {known().other, func(c *city) (int64, bool) {
			f := c.ask(of(everyone, costOf))
			x, ok := combine([]int64{-1, 1}, f, c.ask(of(everyone, func(p person) int64 { return p.cost + 1 + p.other*isVictim(p) })))
			units, ok2 := f.at(0, 0)
			return x - units, ok && ok2
		}, false},
		"f + g - h": {known().cost, func(c *city) (int64, bool) {
			return combine([]int64{-1, -1, 1}, c.ask(of(everyone, costOf)), c.ask(of(everyone, func(p person) int64 { return p.other })),
				c.ask(of(everyone, func(p person) int64 { return p.cost + p.other + p.cost*isVictim(p) })))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			withstands(t, crowds(120), c.truth, unchecked{register: true, flags: c.also}, c.do)
		})
	}
}
