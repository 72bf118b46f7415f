package suppress

import "slices"

// intervals asks for each flagged item and each measure but the units whether
// an attacker who knows only that no value is negative must allow for p% more
// and p% less than the truth (the handbook's protection levels, taken of the
// whole value, which is at least what the p% rule asks).
func (s *system) intervals(v *view, hidden, primary []bool, d Data) Finding {
	var f Finding
	for m := 1; m < len(d.Values); m++ {
		x, ok := s.base(v, d.Values[m])
		var part *puzzle
		var q *question
		left := s.o.Work
		for i := range hidden {
			if !primary[i] || int(s.twin[i]) != i {
				continue
			}
			f.Items++
			need := percent(d.Values[m][i], s.o.Percent)
			switch {
			case d.signed(m):
				// Nothing bounds it but what follows exactly.
				if c := v.coord[i]; c < 0 || v.count[c] == 0 {
					f.Failed++
				}
				continue
			case v.coord[i] < 0:
				f.Failed++
				continue
			case ok && v.reach(x, v.coord[i], need) && v.reach(x, v.coord[i], -need):
				continue
			}
			if slices.Max(d.Values[m]) > maxValue/4 {
				f.Unknown++
				continue
			}
			if q == nil {
				q = s.ask(hidden, d.Values[m])
				part = newPuzzle(q.lo, q.hi, q.sums)
				part.work = left
				if part.narrow() == unknown {
					part.work = 0
				}
			}
			of, known := q.unknowns(s.t.Items[i])
			f.tally(part, of, d.Values[m][i]-known, need)
		}
	}
	return f.judged()
}

// tally adds to a finding whether the sum of unknowns can be need above and
// below its value.
func (f *Finding) tally(p *puzzle, of []int32, value, need int64) {
	worst := solved
	for i, t := range []sum{{of, value + need, 2 * maxValue}, {of, 0, value - need}} {
		switch p.solve(&t, i == 0, p.work/8+1) {
		case impossible:
			worst = impossible
		case unknown:
			if worst == solved {
				worst = unknown
			}
		case solved:
		}
	}
	switch worst {
	case impossible:
		f.Failed++
	case unknown:
		f.Unknown++
	case solved:
	}
}

// percent is p% of a value that is not negative, rounded up.
func percent(value, p int64) int64 { return value/100*p + (value%100*p+99)/100 }

// base is the value of each unknown base cell; false if the release does not
// hold one of them.
func (s *system) base(v *view, values []int64) ([]int64, bool) {
	x := make([]int64, len(v.cells))
	for i := range x {
		if v.item[i] < 0 {
			return nil, false
		}
		x[i] = values[v.item[i]]
	}
	return x, true
}

// reach climbs from the true table over moves, none of which lets a cell fall
// below 0, until coordinate c has changed by need (downwards if it is below
// 0). The tables that it passes prove the interval.
func (v *view) reach(truth []int64, c int32, need int64) bool {
	sign := int64(1)
	if need < 0 {
		sign, need = -1, -need
	}
	x := truth
	for got := int64(0); got < need; {
		var best []entry
		var times, gain int64
		for _, i := range v.column(c) {
			by := v.get(i, c) * sign
			dir := int64(1)
			if by < 0 {
				by, dir = -by, -1
			}
			if n := v.room(x, v.moves[i], dir, need-got); n*by > gain {
				best, times, gain = v.moves[i], n*dir, n*by
			}
		}
		if gain == 0 {
			return false
		}
		if got == 0 {
			x = append([]int64(nil), truth...)
		}
		for _, e := range best {
			if int(e.at) < len(x) {
				x[e.at] += times * e.by
			}
		}
		got += gain
	}
	return true
}

// room is how often, up to most, a move can be made.
func (v *view) room(x []int64, move []entry, dir, most int64) int64 {
	for _, e := range move {
		if by := e.by * dir; int(e.at) < len(x) && by < 0 {
			most = min(most, x[e.at]/-by)
		}
	}
	return most
}
