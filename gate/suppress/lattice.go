package suppress

// A lattice walks among the integer tables that agree with what is shown: a
// step is a move, so that equations hold all the way, and only bounds must be
// watched. Where it starts depends on what is shown and told alone: the cells
// that are free in the basis (each in one move of its own) are set to the
// relaxed solution, and what is shown fixes the others. The true table serves
// to work those out, and leaves no trace.
type lattice struct {
	v      *view
	lo, hi []int64   // by coordinate: unknowns, then sums that are not fixed
	moves  [][]entry // by move of v: what it does to these
	cols   [][]int32
	free   []int32 // moves that are there; each is called by its free cell
	sums   [][]int32
	work   int
}

// lattice is nil if the free cells do not settle a table of natural numbers.
func (v *view) lattice(q *question, work int) *lattice {
	l := &lattice{v: v, moves: make([][]entry, len(v.moves)), work: work}
	l.lo, l.hi = append(l.lo, q.lo...), append(l.hi, q.hi...)
	in := make([][]int32, len(v.cells)) // by unknown: coordinates of sums
	for _, s := range q.sums {
		if s.lo < s.hi {
			at := int32(len(l.lo)) //nolint:gosec // below maxEntries
			l.lo, l.hi, l.sums = append(l.lo, s.lo), append(l.hi, s.hi), append(l.sums, s.of)
			for _, x := range s.of {
				in[x] = append(in[x], at)
			}
		}
	}
	l.cols = make([][]int32, len(l.lo))
	does := map[int32]int64{}
	for i, move := range v.moves {
		if move == nil {
			continue
		}
		id := int32(i)
		if c := v.get(id, id); c != 1 && c != -1 {
			return nil
		}
		clear(does)
		var on []int32
		for _, e := range move {
			if int(e.at) >= len(v.cells) {
				break
			}
			l.moves[i] = append(l.moves[i], e)
			for _, s := range in[e.at] {
				if _, had := does[s]; !had {
					on = append(on, s)
				}
				does[s] += e.by
			}
		}
		for _, s := range on {
			if does[s] != 0 {
				l.moves[i] = append(l.moves[i], entry{s, does[s]})
			}
		}
		for _, e := range l.moves[i] {
			l.cols[e.at] = append(l.cols[e.at], id)
		}
		l.free = append(l.free, id)
	}
	return l
}

// start is the table whose free cells are as near says, within its bounds or
// not.
func (l *lattice) start(truth, near []int64) []int64 {
	x := make([]int64, len(l.lo))
	copy(x, truth)
	for j, of := range l.sums {
		for _, c := range of {
			x[len(truth)+j] += truth[c]
		}
	}
	for _, i := range l.free {
		by := (near[i]+one/2)/one - x[i]
		l.step(x, i, by*l.v.get(i, i))
	}
	return x
}

func (l *lattice) step(x []int64, move int32, times int64) {
	for _, e := range l.moves[move] {
		x[e.at] += times * e.by
	}
}

// approach walks towards near, one move after the other, until none brings the
// table closer: a start whose cells are off by little each.
func (l *lattice) approach(x, near []int64) {
	for range sweeps {
		still := true
		for _, i := range l.free {
			var along, length int64
			for _, e := range l.moves[i] {
				if int(e.at) < len(near) {
					along += e.by * (x[e.at]*one - near[e.at])
					length += e.by * e.by * one
				}
			}
			if n := (2*max(along, -along) + length) / (2 * length); n != 0 {
				l.step(x, i, -n*sign(along))
				still = false
			}
			l.work -= len(l.moves[i])
		}
		if still || l.work < 0 {
			return
		}
	}
}

// out is how far y is out of the bounds of coordinate c.
func (l *lattice) out(c int32, y int64) int64 { return max(l.lo[c]-y, y-l.hi[c], 0) }

// settle walks until every coordinate is within its bounds. Where no step
// helps, what is out of bounds weighs more from then on.
func (l *lattice) settle(x []int64) bool {
	weight := make([]int64, len(x))
	for c := range weight {
		weight[c] = 1
	}
	for {
		worst := int32(-1)
		for c := range x {
			if id := int32(c); l.out(id, x[c]) > 0 && (worst < 0 || l.out(id, x[c])*weight[c] > l.out(worst, x[worst])*weight[worst]) {
				worst = id
			}
		}
		if worst < 0 {
			return true
		}
		if l.work -= len(x); l.work < 0 {
			return false
		}
		move, times := l.better(x, worst, weight)
		if move < 0 {
			for c := range x {
				if l.out(int32(c), x[c]) > 0 {
					weight[c] = min(weight[c]+1, 1<<10)
				}
			}
			continue
		}
		l.step(x, move, times)
	}
}

// better is the step on coordinate c that lessens what is out of bounds most,
// by weight; -1 if none does.
func (l *lattice) better(x []int64, c int32, weight []int64) (int32, int64) {
	best, times, least := int32(-1), int64(0), int64(0)
	for _, i := range l.cols[c] {
		by := l.by(i, c)
		whole := l.out(c, x[c])
		if (x[c] > l.hi[c]) == (by > 0) {
			whole = -whole
		}
		full := (whole + sign(whole)*(max(by, -by)-1)) / max(by, -by)
		l.work -= 2 * len(l.moves[i])
		for _, n := range []int64{full, sign(full)} {
			var change int64
			for _, e := range l.moves[i] {
				change += weight[e.at] * (l.out(e.at, x[e.at]+n*e.by) - l.out(e.at, x[e.at]))
			}
			if change < least {
				best, times, least = i, n, change
			}
		}
	}
	return best, times
}

// by is what a move does to coordinate c.
func (l *lattice) by(move, c int32) int64 {
	if int(c) < len(l.v.cells) {
		return l.v.get(move, c)
	}
	for _, e := range l.moves[move] {
		if e.at == c {
			return e.by
		}
	}
	return 0
}

func sign(n int64) int64 {
	if n < 0 {
		return -1
	}
	return 1
}

// climb walks within bounds from x until coordinate c of the view has changed
// by need, up or down; nil if it gets stuck.
func (l *lattice) climb(x []int64, c int32, need int64) []int64 {
	dir := sign(need)
	need *= dir
	x = append([]int64(nil), x...)
	for need > 0 {
		best, times, gain := int32(-1), int64(0), int64(0)
		for _, i := range l.v.column(c) {
			by := l.v.get(i, c) * dir
			n := l.room(x, i, sign(by), (need+max(by, -by)-1)/max(by, -by))
			if got := n * max(by, -by); got > gain {
				best, times, gain = i, n*sign(by), got
			}
		}
		if best < 0 || l.work < 0 {
			return nil
		}
		l.step(x, best, times)
		need -= gain
	}
	return x
}

// room is how often, up to most, a move can be made in direction dir.
func (l *lattice) room(x []int64, move int32, dir, most int64) int64 {
	l.work -= len(l.moves[move])
	for _, e := range l.moves[move] {
		switch by := e.by * dir; {
		case by < 0:
			most = min(most, (x[e.at]-l.lo[e.at])/-by)
		case by > 0:
			most = min(most, (l.hi[e.at]-x[e.at])/by)
		}
		if most <= 0 {
			return 0
		}
	}
	return most
}

// walk returns tables that agree with q, for values to look at: a first one,
// and for each hidden item ones with values up to wide away from it. It is
// empty if no first one was found.
func (s *system) walk(v *view, q *question, hidden []bool, units []int64, wide int64) [][]int64 {
	l := v.lattice(q, s.o.Work)
	whole := newPuzzle(append([]int64(nil), q.lo...), append([]int64(nil), q.hi...), q.sums)
	whole.work = s.o.Work
	if l == nil || len(q.lo) == 0 || whole.narrow() != solved {
		return nil
	}
	truth, ok := s.base(v, units)
	if !ok { // base cells that are no items: any solution will do
		if whole.solve(nil, false, s.o.Work/2) != solved {
			return nil
		}
		truth = whole.found
	}
	whole.relax(false)
	x := l.start(truth, whole.near)
	l.approach(x, whole.near)
	if !l.settle(x) {
		return nil
	}
	tables := [][]int64{x[:len(truth)]}
	if !q.agrees(tables[0]) {
		return nil
	}
	for i, h := range hidden {
		if c := v.coord[i]; h && int(s.twin[i]) == i && c >= 0 {
			for _, y := range l.from(x, c, wide) {
				if q.agrees(y) {
					tables = append(tables, y[:len(truth)])
				}
			}
		}
	}
	return tables
}

// from returns tables in which coordinate c of the view is wide away from x,
// or a little up and a little down if that is all.
func (l *lattice) from(x []int64, c int32, wide int64) [][]int64 {
	var found [][]int64
	for _, by := range []int64{wide, -wide, 1, -1} {
		y := l.climb(x, c, by)
		if y == nil {
			y = l.push(x, c, by)
		}
		if y == nil {
			continue
		}
		found = append(found, y)
		if by == wide || by == -wide {
			return found
		}
	}
	return found
}

// push asks for a table near x in which cell c is by more, whatever else must
// give way.
func (l *lattice) push(x []int64, c int32, by int64) []int64 {
	if int(c) >= len(l.v.cells) {
		return nil
	}
	to := x[c] + by
	if to < l.lo[c] || to > l.hi[c] {
		return nil
	}
	lo, hi, work := l.lo[c], l.hi[c], l.work
	if by > 0 {
		l.lo[c] = to
	} else {
		l.hi[c] = to
	}
	y := append([]int64(nil), x...)
	l.work = work / 64
	ok := l.settle(y)
	l.work += work - work/64
	l.lo[c], l.hi[c] = lo, hi
	if !ok {
		return nil
	}
	return y
}
