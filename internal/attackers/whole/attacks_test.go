package whole

import (
	"math/big"
	"slices"
)

// ranks are the people of some places in the order, from and to before.
func ranks(from, to int) span { return span{rank, from, to} }

var him = ranks(victim, victim+1)

// others is the cost of everyone but the victim.
func others() question { return costs(ranks(0, victim)).and(cost, ranks(victim+1, nobody+1)) }

func attacks() []attack {
	return slices.Concat(differences(), vintages(), oracles(), besiegers(), linkers(), outsiders())
}

// Releases that are safe one by one, put together: what the register is there
// for.
func differences() []attack {
	his := func(d data, column int) int64 { return total(d["a"], column, isVictim) }
	one, two, three, four, five := crowds(1), crowds(2), crowds(3), crowds(4), crowds(5)
	f := costs()
	return []attack{
		{
			name: "total minus one", people: one, truth: his(one, cost), off: unregistered, want: []string{shown, "rejected"},
			do: func(a ask) (int64, bool) { return combine([]int64{1, -1}, a(f), a(others())) },
		},
		// Denning, Denning and Schwartz (1979): v = (v or T) + (v or not T) - all.
		{
			name: "tracker", people: two, truth: his(two, cost), off: unregistered, want: []string{shown, shown, "rejected"},
			do: func(a ask) (int64, bool) {
				both := a(costs(ranks(0, 40)).and(cost, ranks(40, nobody+1)).into())
				x, ok := both.at(0, 1)
				y, ok2 := both.at(1, 1)
				v, ok3 := combine([]int64{1, 1}, a(costs(ranks(0, 40))), a(costs(ranks(40, nobody+1)).and(cost, him)))
				return v - x - y, ok && ok2 && ok3
			},
		},
		// Bins whose edge moves by one person.
		{
			name: "nested bins", people: three, truth: his(three, cost), off: unregistered, want: []string{shown, "rejected"},
			do: func(a ask) (int64, bool) {
				bins := func(edge int) answer {
					return a(costs(ranks(edge, nobody+1)).and(cost, ranks(0, edge)).into())
				}
				return combine([]int64{1, -1}, bins(victim), bins(victim+1))
			},
		},
		{
			name: "f and f plus secret", short: true, people: four, truth: secret, off: unregistered, want: []string{shown, "rejected"},
			do: func(a ask) (int64, bool) { return combine([]int64{-1, 1}, a(f), a(f.and(other, him))) },
		},
		{
			name: "2f minus f'", people: five, truth: secret, off: unregistered, want: []string{shown, "rejected"},
			do: func(a ask) (int64, bool) {
				return combine([]int64{-2, 1}, a(f), a(costs().and(cost).and(other, him)))
			},
		},
	}
}

// The same people and other rows: of a later version, or of one day more.
func vintages() []attack {
	now, then, days := crowds(6), crowds(6), crowds(7)
	const more = 432
	then["a"][victim].rows = append(then["a"][victim].rows, visit{28, more, 0})
	f := costs()
	return []attack{
		{
			name: "vintages", people: now, next: then, truth: more, off: unregistered, want: []string{shown, "rejected"},
			do: func(a ask) (int64, bool) {
				again := f
				again.version = "v2"
				return combine([]int64{-1, 1}, a(f), a(again))
			},
		},
		{
			name: "30 and 31 January", people: days, truth: late, off: unregistered, want: []string{shown, "rejected"},
			do: func(a ask) (int64, bool) { // the code of the 31st is 30
				return combine([]int64{-1, 1}, a(costs(span{day, 0, 30})), a(costs(span{day, 0, 31})))
			},
		},
	}
}

// Refusals as an oracle: the victim is left out of a second table if their value
// is m or more, and whether that one is turned down is the answer. A search by
// halves has it in ten. Five are turned down in a year; from then on everything
// is, whatever the value.
func oracles() []attack {
	return []attack{{
		name: "refusals as an oracle", people: crowds(8), truth: secret, off: unregistered, uncapped: true,
		want: []string{shown, "rejected", "rejected", "rejected", "rejected", "rejected", "withheld-spent"},
		do: func(a ask) (int64, bool) {
			a(costs())
			lo, hi := 0, 1024
			for lo+1 < hi {
				m := (lo + hi) / 2
				switch r := a(others().and(cost, him, span{other, 0, m})); {
				case r.word == "rejected":
					lo = m
				case r.table != nil:
					hi = m
				default:
					return 0, false
				}
			}
			return int64(lo), true
		},
	}}
}

// A small block is asked for many totals over parts of it (Dinur and Nissim
// 2003): over all twenty, and over the tens of a Paley design, any two of which
// differ in ten, so that no two totals give anything away. What is solved is the
// value of one person.
func besiegers() []attack {
	const size = 20
	residues := []int{1, 4, 5, 6, 7, 9, 11, 16, 17} // the squares modulo 19
	everyone := []int{size - 1}
	design := [][]int{nil}
	for k := range size - 1 {
		ten := []int{size - 1}
		for _, r := range residues {
			ten = append(ten, (r+k)%(size-1))
		}
		everyone, design = append(everyone, k), append(design, ten)
	}
	design[0] = everyone
	d := crowds(9)
	for i := range d["b"] {
		d["b"][i].rank = nobody
	}
	return []attack{{
		name: "reconstruction of a block", people: d, off: unregistered,
		want:  []string{shown, shown, shown, shown, shown, shown, "rejected", "rejected", "rejected", "rejected", "rejected", "withheld-spent"},
		truth: total(d["a"], other, func(p person, _ visit) bool { return p.rank == 0 }),
		do: func(a ask) (int64, bool) {
			var rows [][]*big.Rat
			for _, set := range design {
				q, row := question{measures: 1}, make([]*big.Rat, size+1)
				for i := range row {
					row[i] = new(big.Rat)
				}
				for _, i := range set {
					q, row[i] = q.and(other, ranks(i, i+1)), big.NewRat(1, 1)
				}
				r := a(q)
				if r.word == "withheld-spent" {
					break
				}
				if x, ok := r.at(0, 1); ok {
					row[size].SetInt64(x)
					rows = append(rows, row)
				}
			}
			return solve(rows)
		},
	}}
}

// solve is the first unknown of linear equations, if they tell it.
func solve(rows [][]*big.Rat) (int64, bool) {
	done := 0
	for j := 1; len(rows) > 0 && j < len(rows[0])-1; j++ { // all but the first unknown
		p := slices.IndexFunc(rows[done:], func(r []*big.Rat) bool { return r[j].Sign() != 0 })
		if p < 0 {
			continue
		}
		rows[done], rows[done+p] = rows[done+p], rows[done]
		for _, r := range rows[done+1:] {
			q := new(big.Rat).Quo(r[j], rows[done][j])
			for i := range r {
				r[i] = new(big.Rat).Sub(r[i], new(big.Rat).Mul(q, rows[done][i]))
			}
		}
		done++
	}
	for _, r := range rows[done:] { // what is left is of the first alone
		if r[0].Sign() != 0 {
			x := new(big.Rat).Quo(r[len(r)-1], r[0])
			return x.Num().Int64(), x.IsInt()
		}
	}
	return 0, false
}

// One table hides a small cell, or others for its sake; another shows the total.
func linkers() []attack {
	plain := question{dims: []int{3, 3}}
	for k := range 9 {
		plain.rules = append(plain.rules, rule{cell: k, column: one, times: 1, when: []span{{square, k, k + 1}}})
	}
	totals := plain
	totals.margins = [][]string{{"x"}, {"y"}, {}}
	rows := question{dims: []int{3}}
	for k := range 3 {
		rows.rules = append(rows.rules, rule{cell: k, column: one, times: 1, when: []span{{square, 3 * k, 3*k + 3}}})
	}
	sizes := []int{3, 20, 30, 25, 40, 35, 30, 45, 50}
	less := func(total answer, item int, from answer, cells ...int) (int64, bool) {
		x, ok := total.at(item, 0)
		for _, cell := range cells {
			y, shown := from.at(cell, 0)
			x, ok = x-y, ok && shown
		}
		return x, ok
	}
	return []attack{
		{
			name: "linked tables, cells first", people: squares(sizes...), truth: 3, off: unregistered, want: []string{hidden, "rejected"},
			do: func(a ask) (int64, bool) {
				cells := a(plain)
				return less(a(rows), 0, cells, 1, 2)
			},
		},
		// Items 9 to 11 are the rows' totals, 12 to 14 the columns'.
		{
			name: "linked tables, totals first", people: squares(sizes...), truth: 3, off: unregistered, want: []string{hidden, "rejected"},
			do: func(a ask) (int64, bool) {
				r := a(totals)
				return less(r, 9, a(plain), 1, 2)
			},
		},
		{
			name: "totals beside their cells", people: squares(sizes...), truth: 3, off: unsuppressed, want: []string{hidden},
			do: func(a ask) (int64, bool) {
				r := a(totals)
				second, ok := less(r, 13, r, 4, 7) // its own domain hides it as well
				both, ok2 := less(r, 9, r, 2)
				return both - second, ok && ok2
			},
		},
	}
}

// What domains learn of each other.
func outsiders() []attack {
	few := crowds(12)
	few["a"] = few["a"][:3]
	invented := total(few["b"], cost, each)
	return []attack{
		// The sum of three domains and of two of them is the third's. The trustees
		// see that of tables of the same codes and bounds, the domains of any.
		member("membership of domains", 10, 1, "set"),
		member("membership in another shape", 11, 2, "rejected"),
		// A provider adds invented people to another's few, and takes them away
		// again: it knows them all.
		{
			name: "another's count padded", short: true, people: few, truth: total(few["a"], cost, each), off: unflagged, want: []string{hidden},
			do: func(a ask) (int64, bool) {
				v, ok := a(costs()).at(0, 1)
				return v - invented, ok
			},
		},
	}
}

// member asks three domains for a sum, and then two of them for so many times
// that, with bounds to match.
func member(name string, seed uint64, times int64, word string) attack {
	d := crowds(seed, "c")
	all, two := costs(), costs()
	all.members = []string{"a", "b", "c"}
	all.hi = int64(seed) << 21 // as no other attack has, for the trustees never forget
	two.hi = times * all.hi
	for range times - 1 {
		two = two.and(cost)
	}
	return attack{
		name: name, short: times == 1, people: d, truth: total(d["c"], cost, each), off: unregistered, want: []string{shown, word},
		do: func(a ask) (int64, bool) {
			v, ok := combine([]int64{times, -1}, a(all), a(two))
			return v / times, ok
		},
	}
}
