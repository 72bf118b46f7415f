package register

import (
	"container/heap"
	"slices"
)

// A sparse vector modulo the prime; cols ascend.
type sparse struct {
	cols []int32
	vals []uint64
}

// An elimination brings lines, one after the other, into echelon form on the
// unknowns of large classes, and what has nothing left there into echelon form
// on those of small ones. A pivot on a small class has no entry on a large one,
// so that it is of use after all others only.
type elimination struct {
	order  []int    // step -> line
	pivots []pivot  // in order of making
	at     []int32  // unknown -> pivot + 1
	steps  [][]step // step -> what was subtracted
	left   []made   // independent lines that have nothing left on large classes
	dense  []uint64
}

type pivot struct {
	vec  sparse
	col  int32
	inv  uint64 // of the entry at col
	made int    // the step that made it
}

// step says that x times a pivot was subtracted.
type step struct {
	pivot int
	x     uint64
}

type made struct {
	vec  sparse
	made int
}

// eliminate reduces the lines of the list, in its order. False says that the
// bound of work is met.
func (s *space) eliminate(list []int) (*elimination, bool) {
	e := &elimination{order: list, at: make([]int32, s.cols), dense: make([]uint64, s.cols), steps: make([][]step, len(list))}
	often := make([]int32, s.cols)
	for _, i := range list {
		for _, c := range s.lines[i].cols {
			often[c]++
		}
	}
	for k, i := range list {
		ones := sparse{cols: s.lines[i].cols, vals: slices.Repeat([]uint64{1}, len(s.lines[i].cols))}
		vec, work := e.reduce(k, ones, s.large)
		best := pick(vec, often, s.large)
		if best < 0 {
			var more int
			vec, more = e.reduce(k, vec, func(int32) bool { return true })
			work += more
			if best = pick(vec, often, func(int32) bool { return true }); best >= 0 {
				e.left = append(e.left, made{vec, k})
			}
		}
		if !s.t.spend(work) {
			return nil, false
		}
		if best < 0 {
			continue
		}
		e.pivots = append(e.pivots, pivot{vec: vec, col: vec.cols[best], inv: modInv(vec.vals[best]), made: k})
		e.at[vec.cols[best]] = narrow[int32](len(e.pivots))
	}
	return e, true
}

// next takes out the least.
func (q *queue) next() int {
	least := (*q)[0]
	heap.Pop(q)
	return least
}

// pick chooses the rarest unknown of those that will do, -1 if there is none.
func pick(vec sparse, often []int32, will func(int32) bool) int {
	best := -1
	for j, c := range vec.cols {
		if will(c) && (best < 0 || often[c] < often[vec.cols[best]]) {
			best = j
		}
	}
	return best
}

// queue is a heap of pivots that have to be subtracted yet.
type queue []int

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i] < q[j] }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any) {
	if j, ok := x.(int); ok {
		*q = append(*q, j)
	}
}

func (q *queue) Pop() any {
	x := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return x
}

// reduce subtracts the pivots that stand where they may from a vector, in the
// order of their making, since a pivot may have entries where a later one
// stands.
func (e *elimination) reduce(k int, v sparse, may func(int32) bool) (sparse, int) {
	var q queue
	touched := slices.Clone(v.cols)
	for i, c := range v.cols {
		e.dense[c] = v.vals[i]
		if e.at[c] > 0 && may(c) {
			q = append(q, int(e.at[c]-1))
		}
	}
	heap.Init(&q)
	work := len(v.cols)
	for len(q) > 0 {
		j := q.next()
		p := &e.pivots[j]
		if e.dense[p.col] == 0 {
			continue
		}
		x := modMul(e.dense[p.col], p.inv)
		e.steps[k] = append(e.steps[k], step{j, x})
		for i, c := range p.vec.cols {
			was := e.dense[c]
			e.dense[c] = modSub(was, modMul(x, p.vec.vals[i]))
			if was == 0 {
				touched = append(touched, c)
				if e.at[c] > 0 && may(c) {
					heap.Push(&q, int(e.at[c]-1))
				}
			}
		}
		work += len(p.vec.cols) + 4
	}
	slices.Sort(touched)
	touched = slices.Compact(touched)
	var out sparse
	for _, c := range touched {
		if e.dense[c] != 0 {
			out.cols = append(out.cols, c)
			out.vals = append(out.vals, e.dense[c])
			e.dense[c] = 0
		}
	}
	return out, work
}

// unroll adds to sum the combination of lines that the reduced line of a step
// is, x times.
func (e *elimination) unroll(sum map[int]uint64, k int, x uint64) {
	need := map[int]uint64{}
	var q queue
	take := func(k int, x uint64) {
		sum[e.order[k]] = modAdd(sum[e.order[k]], x)
		for _, s := range e.steps[k] {
			if _, ok := need[s.pivot]; !ok {
				heap.Push(&q, -s.pivot)
			}
			need[s.pivot] = modSub(need[s.pivot], modMul(x, s.x))
		}
	}
	take(k, x)
	for len(q) > 0 {
		j := -q.next()
		y := need[j]
		delete(need, j)
		if y != 0 {
			take(e.pivots[j].made, y)
		}
	}
}
