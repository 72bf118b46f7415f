package suppress

import (
	"slices"
	"sort"
)

// limit bounds the entries of a move: products of two stay within 62 bits.
const limit = 1 << 30

// An entry is what a move does to one coordinate: a hidden base cell, or the
// sum of a hidden item.
type entry struct {
	at int32
	by int64
}

// A kernel is a basis of the moves: the integer vectors over the hidden base
// cells that change no shown item, each carried on to the hidden items, and
// none with an entry of limit or more. Coordinates without a move are known to
// whoever sees what is shown. Two coordinates whose columns are proportional
// are known as soon as one of them is.
type kernel struct {
	moves [][]entry // rising by coordinate; nil once it is gone
	cols  [][]int32 // by coordinate: moves that may change it; each that does is there
	count []int     // by coordinate: moves that do change it

	sums    []int64 // scratch, by move
	touched []int32
}

// newKernel is the kernel when nothing is shown: each base cell moves alone,
// with all the coordinates that contain it.
func newKernel(coords int, units [][]int32) *kernel {
	k := &kernel{
		moves: make([][]entry, len(units)), cols: make([][]int32, coords), count: make([]int, coords),
		sums: make([]int64, len(units)),
	}
	for i, on := range units {
		move := make([]entry, len(on))
		for j, c := range on {
			move[j] = entry{c, 1}
		}
		k.set(int32(i), move)
	}
	return k
}

// get is what move i does to coordinate c.
func (k *kernel) get(i, c int32) int64 {
	move := k.moves[i]
	j := sort.Search(len(move), func(j int) bool { return move[j].at >= c })
	if j < len(move) && move[j].at == c {
		return move[j].by
	}
	return 0
}

// set replaces move i, and keeps the columns right.
func (k *kernel) set(i int32, move []entry) {
	old := k.moves[i]
	for _, e := range old {
		k.count[e.at]--
	}
	j := 0
	for _, e := range move {
		k.count[e.at]++
		for j < len(old) && old[j].at < e.at {
			j++
		}
		if j == len(old) || old[j].at != e.at {
			k.cols[e.at] = append(k.cols[e.at], i)
		}
	}
	k.moves[i] = move
}

// column returns the moves that change coordinate c, and forgets stale and
// repeated ones.
func (k *kernel) column(c int32) []int32 {
	if len(k.cols[c]) > k.count[c] {
		col := slices.DeleteFunc(k.cols[c], func(i int32) bool { return k.get(i, c) == 0 })
		slices.Sort(col)
		k.cols[c] = slices.Compact(col)
	}
	return k.cols[c]
}

// An undo holds the moves as they were before a show.
type undo struct {
	moves []int32
	old   [][]entry
}

func (k *kernel) restore(u undo) {
	for j, i := range u.moves {
		k.set(i, u.old[j])
	}
}

// show takes away what changes the sum of the coordinates on, which is now
// known, and returns the way back and the move that is gone (nil if the sum
// was known before). It reports false, and does nothing, if a number would
// leave its bounds.
func (k *kernel) show(on []int32) (undo, []entry, bool) {
	pivot := k.measure(on)
	defer k.clear()
	if pivot < 0 {
		return undo{}, nil, true
	}
	gone := k.moves[pivot]
	u := undo{moves: []int32{pivot}, old: [][]entry{gone}}
	var fresh [][]entry
	for _, i := range k.touched {
		if i == pivot || k.sums[i] == 0 {
			continue
		}
		move, ok := combine(k.moves[i], k.sums[pivot], gone, -k.sums[i])
		if !ok {
			return undo{}, nil, false
		}
		u.moves, u.old, fresh = append(u.moves, i), append(u.old, k.moves[i]), append(fresh, move)
	}
	k.set(pivot, nil)
	for j, move := range fresh {
		k.set(u.moves[j+1], move)
	}
	return u, gone, true
}

// measure leaves in sums what each of the touched moves does to the sum of the
// coordinates on, and returns the shortest move that does something, or -1.
func (k *kernel) measure(on []int32) int32 {
	for _, c := range on {
		for _, i := range k.column(c) {
			if k.sums[i] == 0 {
				k.touched = append(k.touched, i)
			}
			k.sums[i] += k.get(i, c)
		}
	}
	slices.Sort(k.touched) // a move may be there twice, when its sum went through 0
	k.touched = slices.Compact(k.touched)
	pivot := int32(-1)
	for _, i := range k.touched {
		if k.sums[i] != 0 && (pivot < 0 || len(k.moves[i]) < len(k.moves[pivot])) {
			pivot = i
		}
	}
	return pivot
}

func (k *kernel) clear() {
	for _, i := range k.touched {
		k.sums[i] = 0
	}
	k.touched = k.touched[:0]
}

// combine is a*x + b*y without common factors; false if it is too large.
func combine(x []entry, a int64, y []entry, b int64) ([]entry, bool) {
	if g := gcd(a, b); g > 1 {
		a, b = a/g, b/g
	}
	if a >= limit || a <= -limit || b >= limit || b <= -limit {
		return nil, false
	}
	out := make([]entry, 0, len(x)+len(y))
	var common int64
	for i, j := 0, 0; i < len(x) || j < len(y); {
		var e entry
		switch {
		case j == len(y) || (i < len(x) && x[i].at < y[j].at):
			e = entry{x[i].at, a * x[i].by}
			i++
		case i == len(x) || y[j].at < x[i].at:
			e = entry{y[j].at, b * y[j].by}
			j++
		default:
			e = entry{x[i].at, a*x[i].by + b*y[j].by}
			i, j = i+1, j+1
		}
		if e.by != 0 {
			out = append(out, e)
			common = gcd(common, e.by)
		}
	}
	for i := range out {
		out[i].by /= common
		if out[i].by >= limit || out[i].by <= -limit {
			return nil, false
		}
	}
	return out, true
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, -a)
}

// parallel reports whether what is shown and either of the coordinates a, b
// together give the other: their columns are proportional.
func (k *kernel) parallel(a, b int32) bool {
	if k.count[a] != k.count[b] {
		return false
	}
	col := k.column(a)
	if len(col) == 0 {
		return true
	}
	a0, b0 := k.get(col[0], a), k.get(col[0], b)
	if b0 == 0 {
		return false
	}
	for _, i := range col[1:] {
		if k.get(i, a)*b0 != k.get(i, b)*a0 {
			return false
		}
	}
	return true
}
