package suppress

import (
	"slices"
)

// A goal is one hidden item, as far as it lies in one part of the puzzle.
type goal struct {
	item   int32
	of     []int32 // unknowns
	values []int64 // different values that it was seen to have, rising
	closed bool    // no value is outside of those seen
}

func (g *goal) see(found []int64) {
	var v int64
	for _, x := range g.of {
		v += found[x]
	}
	if i, had := slices.BinarySearch(g.values, v); !had {
		g.values = slices.Insert(g.values, i, v)
		if len(g.values) > 1<<10+2 { // enough; keep both ends
			g.values = slices.Delete(g.values, 1, 2)
		}
	}
}

func (g *goal) width() int64 {
	if len(g.values) == 0 {
		return 0
	}
	return g.values[len(g.values)-1] - g.values[0]
}

// A question is what an attacker knows of the base table, in unknowns: the
// base cells that are not shown.
type question struct {
	at     []int32 // by base cell: its unknown, or -1
	fixed  []int64 // by base cell: its value if it is shown
	lo, hi []int64
	sums   []sum
	seen   map[uint64][]int // sums by their unknowns
}

// ask is what is shown of one measure, for an attacker who knows no more than
// that nothing is below 0, and nothing above cap.
func (s *system) ask(hidden []bool, v []int64) *question {
	q := &question{at: make([]int32, s.t.Cells), fixed: make([]int64, s.t.Cells), seen: map[uint64][]int{}}
	top := int64(1)
	for i, x := range v {
		if !hidden[i] {
			top = max(top, x)
		}
	}
	top = min(2*top+8*s.o.Union+8*s.o.Width, maxValue)
	for c := range q.at {
		q.at[c] = -1
		if i := s.single[c]; i >= 0 && !hidden[i] {
			q.fixed[c] = v[i]
			continue
		}
		q.at[c] = int32(len(q.lo)) //nolint:gosec // below maxCells
		q.lo, q.hi = append(q.lo, 0), append(q.hi, top)
	}
	implied := s.implied(hidden)
	for i, item := range s.t.Items {
		if !hidden[i] && int(s.twin[i]) == i && len(item) > 1 && !implied[i] {
			q.bound(item, v[i], v[i])
		}
	}
	for _, u := range s.unions(hidden) {
		x := u.value(v)
		q.bound(s.cellsOf(u), x, x)
	}
	return q
}

// implied marks the shown items that are sums of shown items which say more.
func (s *system) implied(hidden []bool) []bool {
	is := make([]bool, len(hidden))
	for _, eq := range s.t.Equations {
		whole := !hidden[eq.Sum]
		for _, i := range eq.Parts {
			whole = whole && !hidden[i]
		}
		if whole && len(eq.Parts) > 1 {
			is[s.twin[eq.Sum]] = true
		}
	}
	return is
}

// maxValue bounds an unknown: sums of maxCells of them stay within 62 bits.
const maxValue = 1 << 45

// bound adds that the sum of cells is from lo to hi; any lo at or below 0 is
// no bound.
func (q *question) bound(cells []int32, lo, hi int64) {
	of, known := q.unknowns(cells)
	if len(of) == 0 {
		return
	}
	lo, hi = lo-known, hi-known
	if len(of) == 1 {
		x := of[0]
		q.lo[x], q.hi[x] = max(q.lo[x], lo), min(q.hi[x], hi)
		return
	}
	if (lo <= 0 && hi >= maxValue) || q.knows(of, lo, hi) {
		return
	}
	q.sums = append(q.sums, sum{of, lo, hi})
}

// knows reports whether a sum over the same unknowns says as much already.
func (q *question) knows(of []int32, lo, hi int64) bool {
	key := mix(uint64(len(of)))
	for _, x := range of {
		key = mix(key ^ uint64(x)) //nolint:gosec // not negative
	}
	for _, i := range q.seen[key] {
		if s := q.sums[i]; slices.Equal(s.of, of) && s.lo >= lo && s.hi <= hi {
			return true
		}
	}
	q.seen[key] = append(q.seen[key], len(q.sums))
	return false
}

// agrees checks a table against all that q says, whoever made it.
func (q *question) agrees(table []int64) bool {
	for x := range q.lo {
		if table[x] < q.lo[x] || table[x] > q.hi[x] {
			return false
		}
	}
	for _, s := range q.sums {
		var is int64
		for _, x := range s.of {
			is += table[x]
		}
		if is < s.lo || is > s.hi {
			return false
		}
	}
	return true
}

func (q *question) unknowns(cells []int32) ([]int32, int64) {
	var of []int32
	var known int64
	for _, c := range cells {
		if x := q.at[c]; x >= 0 {
			of = append(of, x)
		} else {
			known += q.fixed[c]
		}
	}
	return of, known
}

// tell adds what an attacker knows who is told which items are flagged, which
// are empty, and which unions were too small in each round.
func (s *system) tell(q *question, rounds [][]bool, primary []bool, d Data) {
	units := d.Values[0]
	last := rounds[len(rounds)-1]
	for i, item := range s.t.Items {
		if last[i] && int(s.twin[i]) == i {
			lo, hi := s.class(s.primaryTwin(int32(i), primary), units[i])
			q.bound(item, lo, hi)
		}
	}
	for _, hidden := range rounds[:len(rounds)-1] {
		for _, u := range s.unions(hidden) {
			if s.small(u, d) {
				q.bound(s.cellsOf(u), 0, s.o.Union-1)
			} else {
				q.bound(s.cellsOf(u), s.o.Union, 2*maxValue)
			}
		}
	}
}

func (s *system) primaryTwin(i int32, primary []bool) bool {
	for _, twin := range s.twins[s.twin[i]] {
		if primary[twin] {
			return true
		}
	}
	return false
}

// class is what the rule for flags says of the units of an item.
func (s *system) class(primary bool, units int64) (lo, hi int64) {
	switch {
	case units == 0:
		return 0, 0
	case !primary:
		return s.o.Threshold, 2 * maxValue
	case s.o.OtherFlags:
		return 1, 2 * maxValue
	}
	return 1, s.o.Threshold - 1
}

// lawful reports whether the flags are as the rule says.
func (s *system) lawful(primary []bool, units []int64) bool {
	for i, x := range units {
		few := x > 0 && x < s.o.Threshold
		if few && !primary[i] || primary[i] && !few && (!s.o.OtherFlags || x <= 0) {
			return false
		}
	}
	return true
}

// values finds, for each hidden item, values that it can have: until there are
// many of them, and the outermost are wide apart. Parts of the puzzle that
// share no sum are solved one by one, for every choice in one goes with every
// choice in another.
//
// Tables are some that are known to agree with q.
func (s *system) values(q *question, hidden []bool, many int, wide int64, tables [][]int64) Finding {
	parts, where := q.split()
	goals := make([][]*goal, len(parts)) // by part
	byItem := map[int32][]*goal{}
	f := Finding{}
	for i, h := range hidden {
		id := int32(i)
		if !h || s.twin[i] != id {
			continue
		}
		f.Items++
		of, _ := q.unknowns(s.t.Items[i])
		in := map[int32]*goal{}
		for _, x := range of {
			p := where[x].part
			if in[p] == nil {
				in[p] = &goal{item: id}
				goals[p] = append(goals[p], in[p])
				byItem[id] = append(byItem[id], in[p])
			}
			in[p].of = append(in[p].of, where[x].at)
		}
	}
	for _, table := range tables {
		seed(parts, goals, where, table)
	}
	work := s.o.Work
	for p, part := range parts {
		part.work = work
		explore(part, goals[p], many, wide, s.o.Work)
		work = part.work
	}
	for i, h := range hidden {
		if h && int(s.twin[i]) == i {
			f.count(byItem[int32(i)], many, wide)
		}
	}
	return f.judged()
}

// seed shows a table to all goals.
func seed(parts []*puzzle, goals [][]*goal, where []place, table []int64) {
	for x, w := range where {
		parts[w.part].found[w.at] = table[x]
		parts[w.part].any = true
	}
	for p, part := range parts {
		for _, g := range goals[p] {
			g.see(part.found)
		}
	}
}

// count adds one item to a finding: values add up over independent parts.
func (f *Finding) count(goals []*goal, many int, wide int64) {
	n, width, closed := 1, int64(0), true
	for _, g := range goals {
		n += len(g.values) - 1
		width += g.width()
		closed = closed && g.closed
		if len(g.values) == 0 {
			n, closed = nowhere, false
			break
		}
	}
	switch {
	case n != nowhere && n >= many && width >= wide:
	case closed:
		f.Failed++
	default:
		f.Unknown++
	}
}

// nowhere stands for a part in which no solution was found.
const nowhere = -1 << 31

// A place is where an unknown went.
type place struct{ part, at int32 }

// split divides a question into the puzzles that share no sum.
func (q *question) split() ([]*puzzle, []place) {
	root := make([]int32, len(q.lo))
	for x := range root {
		root[x] = int32(x)
	}
	find := func(x int32) int32 {
		for root[x] != x {
			root[x] = root[root[x]]
			x = root[x]
		}
		return x
	}
	for _, s := range q.sums {
		for _, x := range s.of[1:] {
			root[find(x)] = find(s.of[0])
		}
	}
	part := map[int32]int32{}
	where := make([]place, len(q.lo))
	var lo, hi [][]int64
	for x := range where {
		r := find(int32(x))
		p, ok := part[r]
		if !ok {
			p = int32(len(lo)) //nolint:gosec // below maxCells
			part[r] = p
			lo, hi = append(lo, nil), append(hi, nil)
		}
		where[x] = place{p, int32(len(lo[p]))} //nolint:gosec // below maxCells
		lo[p], hi[p] = append(lo[p], q.lo[x]), append(hi[p], q.hi[x])
	}
	sums := make([][]sum, len(lo))
	for _, s := range q.sums {
		of := make([]int32, len(s.of))
		for i, x := range s.of {
			of[i] = where[x].at
		}
		p := where[s.of[0]].part
		sums[p] = append(sums[p], sum{of, s.lo, s.hi})
	}
	puzzles := make([]*puzzle, len(lo))
	for p := range puzzles {
		puzzles[p] = newPuzzle(lo[p], hi[p], sums[p])
	}
	return puzzles, where
}

// explore solves one puzzle from both ends, then aims at each goal that still
// has too few values.
func explore(p *puzzle, goals []*goal, many int, wide int64, work int) {
	if p.narrow() != solved {
		return
	}
	each := work/4 + 1
	for _, high := range []bool{false, true} {
		if !p.any && p.solve(nil, high, each) == solved {
			for _, g := range goals {
				g.see(p.found)
			}
		}
	}
	for _, g := range goals {
		if len(g.values) == 0 {
			return
		}
		for !g.closed && (len(g.values) < many || g.width() < wide) {
			if !aim(p, g, goals, wide, each) {
				break
			}
		}
	}
}

// aim looks for a value of a goal outside of those seen, at the wanted
// distance first. It reports false if it ran out of work.
func aim(p *puzzle, g *goal, goals []*goal, wide int64, work int) bool {
	first, last := g.values[0], g.values[len(g.values)-1]
	tries := []sum{{g.of, last + 1, 2 * maxValue}, {g.of, 0, first - 1}}
	if wide > last-first+1 {
		tries = append([]sum{{g.of, first + wide, 2 * maxValue}, {g.of, 0, last - wide}}, tries...)
	}
	sure := true
	for i, t := range tries {
		if t.hi < 0 {
			continue
		}
		switch p.solve(&tries[i], i%2 == 1, work) {
		case solved:
			for _, other := range goals {
				other.see(p.found)
			}
			return true
		case unknown:
			sure = false
		case impossible:
		}
	}
	g.closed = sure
	return sure
}
