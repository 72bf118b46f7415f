package suppress

import "slices"

// A union is the hidden part of an equation whose sum is shown: everybody
// knows its value.
type union struct {
	eq    int32
	parts []int32 // hidden ones
}

func (s *system) unions(hidden []bool) []union {
	var all []union
	for e, eq := range s.t.Equations {
		if hidden[eq.Sum] {
			continue
		}
		u := union{eq: int32(e)}
		for _, i := range eq.Parts {
			if hidden[i] {
				u.parts = append(u.parts, i)
			}
		}
		if len(u.parts) > 0 {
			all = append(all, u)
		}
	}
	return all
}

func (u union) value(v []int64) int64 {
	var sum int64
	for _, i := range u.parts {
		sum += v[i]
	}
	return sum
}

// cells are the base cells of a union.
func (s *system) cellsOf(u union) []int32 {
	var all []int32
	for _, i := range u.parts {
		all = append(all, s.t.Items[i]...)
	}
	slices.Sort(all)
	return all
}

// dominated reports whether, by measure m, the p% rule does not hold for a
// union. No contributor has more in it than the Domains largest peaks
// together, wherever its rows are, and no second contributor more than the
// first: X - x1 - x2 >= X - 2*M >= p/100*M >= p/100*x1.
func (s *system) dominated(u union, d Data, m int) bool {
	var peaks []int64
	for _, c := range s.cellsOf(u) {
		if p := d.Peaks[m][c]; p < 0 || p > 1<<44 {
			return true
		} else if p > 0 {
			peaks = append(peaks, p)
		}
	}
	slices.Sort(peaks)
	var most int64 // at most 2^10 * 2^44
	for _, p := range peaks[max(0, len(peaks)-s.o.Domains):] {
		most += p
	}
	return u.value(d.Values[m])-2*most < (s.o.Percent*most+99)/100
}

// repair lists the items to hide besides: for each union that is too small or
// dominated the shown part of its equation that is in most such equations, or
// the sum when no shown part has units. It looks at values for that only, so
// that it does the same for every table with the same zeros and the same
// failing unions.
func (s *system) repair(hidden []bool, d Data) []int32 {
	var bad []union
	in := map[int32]int{} // by item: failing equations
	for _, u := range s.unions(hidden) {
		if s.small(u, d) || s.anyDominated(u, d) {
			bad = append(bad, u)
			for _, i := range s.t.Equations[u.eq].Parts {
				in[i]++
			}
		}
	}
	var more []int32
	taken := map[int32]bool{}
	for _, u := range bad {
		eq := s.t.Equations[u.eq]
		best, done := int32(-1), taken[eq.Sum]
		for _, i := range eq.Parts {
			done = done || taken[i]
			if hidden[i] || d.Values[0][i] == 0 {
				continue
			}
			if best < 0 || in[i] > in[best] || (in[i] == in[best] && mix(uint64(i)) < mix(uint64(best))) { //nolint:gosec // not negative
				best = i
			}
		}
		if done {
			continue
		}
		if best < 0 {
			best = eq.Sum
		}
		taken[best] = true
		more = append(more, best)
	}
	return more
}

// small reports whether a union has fewer units than one domain needs. An
// empty union is small too: its parts would be known to be empty.
func (s *system) small(u union, d Data) bool { return u.value(d.Values[0]) < s.o.Union }

func (s *system) anyDominated(u union, d Data) bool {
	for m := 1; m < len(d.Values); m++ {
		if !d.signed(m) && s.dominated(u, d, m) {
			return true
		}
	}
	return false
}
