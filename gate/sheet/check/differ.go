package check

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/yunei/yunei/gate/sheet"
)

// A differ is what the table and the earlier ones come to together.
type differ struct {
	known   bool // who stands in what
	pairs   []Place
	near    []Place // sets that differ both ways by few
	span    []Place // atoms that follow from several rows
	spanned bool    // the test was made
	vintage []Place
	repeats []string // earlier tables that show the same, otherwise rounded
	same    []string // earlier tables that show the very same
}

// differs compares with the earlier tables, once.
func (s *state) differs() *differ {
	if s.differ == nil {
		d := &differ{}
		s.differ = d
		d.compare(s)
		queries, atoms, ok := s.c.Atoms()
		if d.known = ok; ok {
			d.pairwise(s, queries, atoms)
			d.rowSpace(s, queries, atoms)
		}
	}
	return s.differ
}

// maxPairs bounds the work of looking at pairs.
const maxPairs = 50_000_000

// pairwise looks at the sets of units of each row of the table and each row of
// an earlier one: where one holds the other, subtraction gives the difference.
func (d *differ) pairwise(s *state, queries []sheet.Query, atoms []sheet.Atom) {
	size := make([]int64, len(queries))
	common := map[[2]int32]int64{}
	steps := 0
	for _, a := range atoms {
		for _, q := range a.In {
			size[q] += a.Units
		}
		for _, q := range a.In {
			if queries[q].Table != 0 {
				break
			}
			for _, e := range a.In {
				if queries[e].Table != 0 {
					common[[2]int32{q, e}] += a.Units
				}
			}
			if steps += len(a.In); steps > maxPairs {
				d.known = false
				return
			}
		}
	}
	least := s.p.Difference
	for _, k := range sortedPairs(common) {
		more, less := size[k[0]]-common[k], size[k[1]]-common[k]
		row, other := queries[k[0]].Row, queries[k[1]]
		switch {
		case less == 0 && more > 0 && more < least, more == 0 && less > 0 && less < least:
			d.pairs = append(d.pairs, s.against(row, other, max(more, less)))
		case more > 0 && less > 0 && more+less < least:
			d.near = append(d.near, s.against(row, other, more+less))
		}
	}
}

func sortedPairs(m map[[2]int32]int64) [][2]int32 {
	var keys [][2]int32
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b [2]int32) int { return slices.Compare(a[:], b[:]) })
	return keys
}

func (s *state) against(row int, q sheet.Query, units int64) Place {
	old := s.c.Earlier[q.Table-1]
	codes := old.Grid.Label(old.Rows[q.Row].Item)
	return s.place(row, 0,
		fmt.Sprintf("与 %s 的 %v（第 %d 行）相差 %d 个单位", old.File, codes, old.Rows[q.Row].Line, units),
		fmt.Sprintf("differs from %v of %s (line %d) by %d units", codes, old.File, old.Rows[q.Row].Line, units))
}

// prime is 2^61-1: a row of the elimination over the integers vanishes modulo
// it by chance only.
const prime = 1<<61 - 1

func mul(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return reduce(lo&prime + (lo>>61 | hi<<3))
}

func reduce(x uint64) uint64 {
	if x = x&prime + x>>61; x >= prime {
		x -= prime
	}
	return x
}

func inverse(a uint64) uint64 {
	out := uint64(1)
	for e := uint64(prime - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			out = mul(out, a)
		}
		a = mul(a, a)
	}
	return out
}

// maxSpan bounds the work of an elimination: rows^2 * atoms.
const maxSpan = 2_000_000_000

// rowSpace finds the atoms of too few units whose sum is a combination of rows
// that are shown: in the reduced echelon form of the rows, exactly those that
// stand alone in a row.
func (d *differ) rowSpace(s *state, queries []sheet.Query, atoms []sheet.Atom) {
	if int64(len(atoms)) > s.p.Atoms || len(queries)*len(queries)*len(atoms) > maxSpan {
		return
	}
	d.spanned = true
	rows := make([][]uint64, len(queries))
	for i := range rows {
		rows[i] = make([]uint64, len(atoms))
	}
	for k, a := range atoms {
		for _, q := range a.In {
			rows[q][k] = 1
		}
	}
	for _, k := range alone(rows, len(atoms)) {
		if a := atoms[k]; a.Units < s.p.Difference {
			d.span = append(d.span, s.atom(queries, a))
		}
	}
}

// alone brings rows to reduced echelon form and lists the columns that are
// alone in a row.
func alone(rows [][]uint64, columns int) []int {
	rank := 0
	for c := 0; c < columns && rank < len(rows); c++ {
		p := rank
		for p < len(rows) && rows[p][c] == 0 {
			p++
		}
		if p == len(rows) {
			continue
		}
		rows[rank], rows[p] = rows[p], rows[rank]
		by := inverse(rows[rank][c])
		for k := c; k < columns; k++ {
			rows[rank][k] = mul(rows[rank][k], by)
		}
		for i := range rows {
			if f := rows[i][c]; i != rank && f != 0 {
				for k := c; k < columns; k++ {
					if rows[rank][k] != 0 {
						rows[i][k] = reduce(rows[i][k] + prime - mul(f, rows[rank][k]))
					}
				}
			}
		}
		rank++
	}
	var out []int
	for _, r := range rows[:rank] {
		at := -1
		for k, v := range r {
			if v != 0 && at >= 0 {
				at = -2
				break
			}
			if v != 0 {
				at = k
			}
		}
		if at >= 0 {
			out = append(out, at)
		}
	}
	slices.Sort(out)
	return out
}

// atom says where a class of units stands.
func (s *state) atom(queries []sheet.Query, a sheet.Atom) Place {
	zh := fmt.Sprintf("由各表所示数值的线性组合可得 %d 个单位的数值", a.Units)
	en := fmt.Sprintf("a combination of what the tables show gives the value of %d units", a.Units)
	for _, q := range a.In {
		if queries[q].Table == 0 {
			return s.place(queries[q].Row, 0, zh, en)
		}
	}
	q := queries[a.In[0]]
	old := s.c.Earlier[q.Table-1]
	p := Place{Row: -1, Column: 0, Codes: old.Grid.Label(old.Rows[q.Row].Item), Figure: old.Figures[0].Name, item: -1}
	p.Why.ZH, p.Why.EN = zh, en
	return p
}

// compare holds the values of earlier tables of the same dims against the
// table's.
func (d *differ) compare(s *state) {
	for _, old := range s.c.Earlier {
		if !sameDims(s.c.Table, old) {
			continue
		}
		rows := old.RowOf()
		shared, other, close := 0, 0, true
		for k, f := range s.c.Table.Figures {
			o := old.FigureIndex(f.Name)
			if o < 0 || !f.Kind.Adds() {
				continue
			}
			b := gapOf(old, o)
			for i, r := range s.c.Table.Rows {
				at := rows[r.Item]
				if at < 0 || !r.Values[k].Shown || !old.Rows[at].Values[o].Shown {
					continue
				}
				shared++
				gap := r.Values[k].N*power(max(old.Figures[o].Places-f.Places, 0)) - old.Rows[at].Values[o].N*power(max(f.Places-old.Figures[o].Places, 0))
				if gap == 0 {
					continue
				}
				other++
				gap = max(gap, -gap)
				mine := s.bases[k].base / power(max(s.c.Facts.Measures[f.Measure].Places-max(f.Places, old.Figures[o].Places), 0))
				close = close && gap <= b*power(max(f.Places-old.Figures[o].Places, 0))+mine
				if f.Kind == sheet.Count && gap < s.p.Difference {
					d.vintage = append(d.vintage, s.place(i, k,
						fmt.Sprintf("%s 中为 %d，相差 %d", old.File, old.Rows[at].Values[o].N, gap), fmt.Sprintf("%s shows %d, which differs by %d", old.File, old.Rows[at].Values[o].N, gap)))
				}
			}
		}
		switch {
		case shared == 0:
		case other == 0:
			d.same = append(d.same, old.File)
		case close:
			d.repeats = append(d.repeats, old.File)
		}
	}
}

// gapOf is the base that the values of a figure look rounded to.
func gapOf(t sheet.Table, figure int) int64 {
	b := int64(0)
	for _, r := range t.Rows {
		if v := r.Values[figure]; v.Shown {
			b = gcd(b, max(v.N, -v.N))
		}
	}
	return max(b, 1)
}

func sameDims(a, b sheet.Table) bool {
	return slices.EqualFunc(a.Grid.Dims, b.Grid.Dims, func(x, y sheet.Dim) bool { return x.Name == y.Name })
}
