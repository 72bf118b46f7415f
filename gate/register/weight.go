package register

import (
	"cmp"
	"slices"
)

// The lightest vector of a block: is there a combination of its rests, not of
// the known ones alone, whose classes have fewer than t units in all? Minimum
// weight of a code is hard in general, so the search is bounded, but it is
// exact: it either finds one, or shows that there is none, or says that it was
// stopped.

// bounds of a block's dense form.
const (
	maxBlock = 1 << 22 // entries
	maxNodes = 20_000
)

// A block is a dense matrix: one row per rest, columns for the unknowns, then
// one column per rest that says how the row was combined.
type block struct {
	s      *space
	rests  []rest
	wide   int     // unknowns
	class  []int   // unknown -> class of the block
	weight []int64 // class -> units
	cols   [][]int // class -> unknowns
	nodes  int
	spent  bool
}

type matrix [][]uint64

// search looks at one block; false says that the bound of work is met.
func (s *space) search(rests []rest) bool {
	slices.SortStableFunc(rests, func(a, b rest) int {
		return cmp.Compare(b2i(!a.old), b2i(!b.old))
	})
	b, m := s.dense(rests)
	if m == nil {
		s.t.undecided("a block of small classes that is too large to search")
		return true
	}
	for _, part := range b.parts(m) {
		open := make([]bool, len(b.weight))
		for _, row := range part {
			for j, x := range row[:b.wide] {
				open[b.class[j]] = open[b.class[j]] || x != 0
			}
		}
		b.nodes = 0
		if hit := b.lightest(part, open, int64(s.t.p.T)-1); hit != nil {
			sum := map[int]uint64{}
			for i, x := range hit[b.wide:] {
				if x != 0 {
					rests[i].from.unroll(sum, rests[i].made, x)
				}
			}
			s.confirm(sum)
		} else if b.nodes > maxNodes {
			s.t.undecided("a block of small classes whose search was stopped")
		}
		if b.spent {
			return false
		}
	}
	return true
}

// parts brings a block into reduced echelon form, in which it shows the direct
// sum that it is, and takes that apart.
func (b *block) parts(m matrix) []matrix {
	every := make([]bool, len(b.weight))
	for i := range every {
		every[i] = true
	}
	m, _ = b.reduced(m, every)
	as := make([]rest, len(m))
	for i, row := range m {
		as[i].made = i
		for j, x := range row[:b.wide] {
			if x != 0 {
				as[i].vec.cols = append(as[i].vec.cols, int32(j))
			}
		}
	}
	var out []matrix
	for _, part := range blocks(as) {
		var rows matrix
		for _, x := range part {
			rows = append(rows, m[x.made])
		}
		if slices.ContainsFunc(rows, b.fresh) {
			out = append(out, rows)
		}
	}
	return out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// dense lays a block out, without rests that depend on others.
func (s *space) dense(rests []rest) (*block, matrix) {
	b := &block{s: s, rests: rests}
	at, classes := map[int32]int{}, map[int32]int{}
	for _, x := range rests {
		for _, c := range x.vec.cols {
			if _, ok := at[c]; ok {
				continue
			}
			at[c] = len(b.class)
			k, ok := classes[s.of(c)]
			if !ok {
				k = len(b.weight)
				classes[s.of(c)] = k
				b.weight = append(b.weight, s.weigh(c))
				b.cols = append(b.cols, nil)
			}
			b.cols[k] = append(b.cols[k], len(b.class))
			b.class = append(b.class, k)
		}
	}
	b.wide = len(b.class)
	if (b.wide+len(rests))*len(rests) > maxBlock {
		return b, nil
	}
	var m matrix
	for i, x := range rests {
		row := make([]uint64, b.wide+len(rests))
		for j, c := range x.vec.cols {
			row[at[c]] = x.vec.vals[j]
		}
		row[b.wide+i] = 1
		m = append(m, row)
	}
	return b, b.independent(m)
}

// independent drops rows that are combinations of rows before them.
func (b *block) independent(m matrix) matrix {
	var out, echelon matrix
	var lead []int
	for _, row := range m {
		x := slices.Clone(row)
		for k, e := range echelon {
			b.cancel(x, e, lead[k])
		}
		if j := slices.IndexFunc(x[:b.wide], func(v uint64) bool { return v != 0 }); j >= 0 {
			echelon, lead, out = append(echelon, x), append(lead, j), append(out, row)
		}
	}
	return out
}

// cancel makes x zero at column j by a multiple of e.
func (b *block) cancel(x, e []uint64, j int) {
	if x[j] == 0 {
		return
	}
	q := modMul(x[j], modInv(e[j]))
	for i, v := range e {
		if v != 0 {
			x[i] = modSub(x[i], modMul(q, v))
		}
	}
	if !b.s.t.spend(len(x)) {
		b.spent = true
	}
}

// vanish keeps the vectors that are zero on a class.
func (b *block) vanish(m matrix, class int) matrix {
	for _, j := range b.cols[class] {
		p := slices.IndexFunc(m, func(row []uint64) bool { return row[j] != 0 })
		if p < 0 {
			continue
		}
		e := m[p]
		m = slices.Delete(m, p, p+1)
		for _, row := range m {
			b.cancel(row, e, j)
		}
	}
	return m
}

func (m matrix) clone() matrix {
	out := make(matrix, len(m))
	for i := range m {
		out[i] = slices.Clone(m[i])
	}
	return out
}

// fresh says that a vector is not of the known ones alone.
func (b *block) fresh(row []uint64) bool {
	for i, x := range row[b.wide:] {
		if x != 0 && !b.rests[i].old {
			return true
		}
	}
	return false
}

// lightest returns a fresh vector whose open classes have at most budget units,
// nil if there is none (or the search was stopped). It owns m and open. A class
// that is not open was either charged, or is zero in all of m.
func (b *block) lightest(m matrix, open []bool, budget int64) []uint64 {
	b.nodes++
	for c, w := range b.weight {
		if open[c] && w > budget {
			m = b.vanish(m, c)
			open[c] = false
		}
	}
	if b.nodes > maxNodes || b.spent || !slices.ContainsFunc(m, b.fresh) {
		return nil
	}
	m, lead := b.reduced(m, open)
	rest := m[:0:0]
	for _, row := range m {
		w := b.units(row, open)
		if w <= budget && b.fresh(row) {
			return row
		}
		if w > 0 {
			rest = append(rest, row)
		}
	}
	if !slices.ContainsFunc(rest, b.fresh) || b.least(rest, open) > budget {
		return nil
	}
	// A vector that is not zero is not zero at a lead: take the first such.
	zero := rest
	for _, j := range lead {
		c := b.class[j]
		if !open[c] {
			continue
		}
		if !slices.ContainsFunc(zero, b.fresh) {
			return nil
		}
		child := slices.Clone(open)
		child[c] = false
		if hit := b.lightest(zero.clone(), child, budget-b.weight[c]); hit != nil {
			return hit
		}
		zero = b.vanish(zero.clone(), c)
		open[c] = false
	}
	return nil
}

// units is the weight of a vector on the open classes.
func (b *block) units(row []uint64, open []bool) int64 {
	var w int64
	for c, cols := range b.cols {
		if open[c] && slices.ContainsFunc(cols, func(j int) bool { return row[j] != 0 }) {
			w += b.weight[c]
		}
	}
	return w
}

// reduced brings m into reduced echelon form on the open classes, the heaviest
// first, and returns the leads.
func (b *block) reduced(m matrix, open []bool) (matrix, []int) {
	var lead []int
	done := 0
	for _, c := range b.heaviest(open) {
		for _, j := range b.cols[c] {
			p := slices.IndexFunc(m[done:], func(row []uint64) bool { return row[j] != 0 })
			if p < 0 {
				continue
			}
			m[done], m[done+p] = m[done+p], m[done]
			for i, row := range m {
				if i != done {
					b.cancel(row, m[done], j)
				}
			}
			lead = append(lead, j)
			if done++; done == len(m) {
				return m, lead
			}
		}
	}
	return m, lead
}

func (b *block) heaviest(open []bool) []int {
	var out []int
	for c := range b.weight {
		if open[c] {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(x, y int) int { return cmp.Compare(b.weight[y], b.weight[x]) })
	return out
}

// least is a lower bound for the weight of any vector but zero: it is not zero
// on each of several disjoint sets of classes that have full rank by
// themselves (Brouwer and Zimmermann's bound).
func (b *block) least(m matrix, open []bool) int64 {
	m, open = m.clone(), slices.Clone(open)
	var sum int64
	for {
		var lead []int
		m, lead = b.reduced(m, open)
		if len(lead) < len(m) || len(lead) == 0 {
			return sum
		}
		low := b.weight[b.class[lead[0]]]
		for _, j := range lead {
			low = min(low, b.weight[b.class[j]])
			open[b.class[j]] = false
		}
		sum += low
	}
}
