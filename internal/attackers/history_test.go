package attackers_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/yunei/yunei/gate/register"
)

// What a register refuses it refuses again, whoever asks and however the table
// is cut, as long as nobody knows what became of the first.
func TestRefusedBefore(t *testing.T) {
	halves := query{dims: []int{2}, measures: 1, give: func(p person) []said {
		if p.id == victim {
			return nil
		}
		return []said{{p.age / 40, []int64{p.cost}}}
	}}
	for name, again := range map[string]query{"the same": of(others, costOf), "in two halves": halves} {
		t.Run(name, func(t *testing.T) {
			withstands(t, crowds(120), known().cost, unchecked{register: true}, func(c *city) (int64, bool) {
				all := c.ask(of(everyone, costOf))
				c.ask(of(others, costOf))
				r := c.ask(again)
				x, ok := total(all)
				y, shown := total(r)
				return x - y, ok && shown
			})
		})
	}
}

// A run that was voted down counts no more: the register is no oracle for what
// nobody saw.
func TestVotedDown(t *testing.T) {
	c := newCity(t, unchecked{}, crowds(60)())
	c.reject(c.ask(of(everyone, costOf)))
	if r := c.ask(of(others, costOf)); r.blocked {
		t.Error("what nobody saw counts")
	}
}

// square is a population of the given number of people by cell of a 3 by 3
// table, in one domain; the other has nobody.
func square(sizes ...int) func() map[string][]person {
	return func() map[string][]person {
		var all []person
		for cell, n := range sizes {
			for range n {
				all = append(all, person{id: len(all), district: cell / 3, age: cell % 3})
			}
		}
		return map[string][]person{"a": all, "b": nil}
	}
}

func bySquare(p person) []said { return []said{{cell: p.district*3 + p.age}} }

var (
	plain   = query{dims: []int{3, 3}, give: bySquare}
	totals  = query{dims: []int{3, 3}, margins: [][]int{{0}, {1}, {}}, give: bySquare}
	byFirst = query{dims: []int{3}, give: func(p person) []said { return []said{{cell: p.district}} }}
)

// One table hides a small cell and others for its sake; a linked table shows
// those others, or the total.
func TestLinkedTables(t *testing.T) {
	sizes := square(3, 20, 30, 25, 40, 35, 30, 45, 50)
	less := func(x table, total int, y table, cells ...int) (int64, bool) {
		a, ok := x.at(total, 0)
		b, ok2 := y.sum(0, cells...)
		return a - b, ok && ok2
	}
	for name, c := range map[string]struct {
		off unchecked
		do  attack
	}{
		"totals beside their cells": {unchecked{suppression: true}, func(c *city) (int64, bool) {
			r := c.ask(totals)
			second, ok := less(r, 13, r, 4, 7) // which its own domain hides as well
			first, ok2 := less(r, 9, r, 2)
			return first - second, ok && ok2
		}},
		"cells, then totals": {unchecked{register: true, suppression: true}, func(c *city) (int64, bool) {
			cells := c.ask(plain)
			return less(c.ask(totals), 9, cells, 1, 2)
		}},
		"cells, then another table of the totals": {unchecked{register: true}, func(c *city) (int64, bool) {
			cells := c.ask(plain)
			return less(c.ask(byFirst), 0, cells, 1, 2)
		}},
		"totals, then cells": {unchecked{register: true}, func(c *city) (int64, bool) {
			r := c.ask(totals)
			return less(r, 9, c.ask(plain), 1, 2)
		}},
	} {
		t.Run(name, func(t *testing.T) { withstands(t, sizes, 3, c.off, c.do) })
	}
}

// The sum of three domains and of two of them: what is left is the third's.
func TestMembers(t *testing.T) {
	three := func() map[string][]person {
		return map[string][]person{"a": people(1, 0, 60), "b": people(2, 1000, 60), "c": people(3, 2000, 60)}
	}
	truth := int64(0)
	for _, p := range people(3, 2000, 60) {
		truth += p.cost
	}
	whole := of(everyone, costOf)
	parts := query{dims: []int{3}, measures: 1, give: func(p person) []said { return []said{{p.district, []int64{p.cost}}} }}
	in := func(q query, domains ...string) query {
		q.members, q.kmin = domains, 2
		return q
	}
	for name, qs := range map[string][2]query{
		"the same table":              {whole, whole},
		"cells, then their total":     {parts, whole},
		"the total, then its cells":   {whole, parts},
		"the same, twice as much":     {whole, of(everyone, func(p person) int64 { return 2 * p.cost })},
		"the same in another program": {parts, parts},
	} {
		t.Run(name, func(t *testing.T) {
			withstands(t, three, truth, unchecked{register: true}, func(c *city) (int64, bool) {
				all, two := c.ask(in(qs[0], "a", "b", "c")), c.ask(in(qs[1], "a", "b"))
				x, ok := total(all)
				y, ok2 := total(two)
				if name == "the same, twice as much" {
					x *= 2
					return (x - y) / 2, ok && ok2
				}
				return x - y, ok && ok2
			})
		})
	}
}

func total(t table) (int64, bool) {
	all := make([]int, len(t.items))
	for i := range all {
		all[i] = i
	}
	return t.sum(1, all...)
}

// Whether a run over what everybody knows is refused can be told from the
// queries and the sizes alone: it is the same in two cities that differ in
// everything confidential, and so it tells nothing of that.
func TestRefusalsOverTheFrame(t *testing.T) {
	seeds := 3
	if prove {
		seeds = 100
	}
	for seed := range seeds {
		transcript := func(city uint64) (out []bool) {
			random := rand.New(rand.NewPCG(uint64(seed), 9)) // the same queries of both
			a := people(city, 0, 60)
			c := newCity(t, unchecked{}, map[string][]person{"a": a, "b": people(city+1, 1000, 60)})
			for range 12 {
				from, to := random.IntN(20), 20+random.IntN(60)
				r := c.ask(query{dims: []int{3}, give: func(p person) []said {
					if p.age < from || p.age >= to {
						return nil
					}
					return []said{{cell: p.district}}
				}})
				out = append(out, r.blocked)
			}
			return out
		}
		x, y := transcript(11), transcript(99)
		if fmt.Sprint(x) != fmt.Sprint(y) {
			t.Errorf("seed %d: refusals tell two cities apart:\n%v\n%v", seed, x, y)
		}
		if fmt.Sprint(x) == fmt.Sprint(make([]bool, len(x))) {
			t.Errorf("seed %d: nothing is refused, which proves nothing", seed)
		}
	}
}

// A first release leaves the victim out if they are ill; whether a second one
// over what everybody knows is refused beside it is then their health. Such a
// refusal is an answer about values, though its own columns are in the frame:
// the domain can tell by what it combines with, and counts it (package site).
func TestFrameRefusalBesideOtherReleases(t *testing.T) {
	ask := func(ill bool) (*city, table) {
		all := crowds(60)()
		all["a"][victim].ill = ill
		c := newCity(t, unchecked{}, all)
		but := c.ask(query{dims: []int{1}, give: func(p person) []said { return one(p.id != victim || !p.ill) }})
		if but.blocked {
			t.Fatal("the first is refused")
		}
		return c, c.ask(query{dims: []int{1}, give: func(person) []said { return one(true) }})
	}
	if _, r := ask(false); r.blocked {
		t.Fatal("the same table is refused")
	}
	c, r := ask(true)
	if !r.blocked {
		t.Fatal("the victim is given away")
	}
	for _, x := range c.domains["a"].last.Combinations {
		if !slices.ContainsFunc(x.Terms, func(t register.Term) bool { return t.Release == "run-1" }) {
			t.Errorf("a combination does not name the release beside which it leaks: %v", x)
		}
	}
}

// The same query in a padded program gives the same table, so that nothing can
// be averaged. Rounding that is drawn anew each time can.
func TestAveraging(t *testing.T) {
	c := newCity(t, unchecked{}, crowds(60)())
	q := of(everyone, costOf)
	q.round = 5
	first := c.ask(q)
	for range 20 {
		if r := c.ask(q); !bytes.Equal(r.raw, first.raw) || r.blocked {
			t.Fatal("another table for the same query")
		}
	}
	truth := int64(0)
	for _, all := range crowds(60)() {
		for _, p := range all {
			truth += p.cost
		}
	}
	random, sum := rand.New(rand.NewPCG(1, 1)), int64(0)
	const times = 400
	for range times {
		x := truth - truth%5
		if random.Int64N(5) < truth%5 {
			x += 5
		}
		sum += x
	}
	if got := (sum + times/2) / times; got != truth {
		t.Errorf("the mean of random roundings is %d, want %d: averaging proves nothing", got, truth)
	}
}

// A domain that adds invented units to another's small cell, and subtracts them
// from what it sees, does not get that cell: the other's flag stands.
func TestPadding(t *testing.T) {
	domains := func() map[string][]person {
		return map[string][]person{"a": people(1, 0, 3), "b": people(2, 1000, 40)}
	}
	truth := int64(0)
	for _, p := range domains()["a"] {
		truth += p.cost
	}
	withstands(t, domains, truth, unchecked{flags: true}, func(c *city) (int64, bool) {
		sum, ok := c.ask(of(everyone, costOf)).at(0, 1)
		for _, p := range c.domains["b"].people {
			sum -= p.cost
		}
		return sum, ok
	})
}
