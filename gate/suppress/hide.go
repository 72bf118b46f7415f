package suppress

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
)

// A system is a table made ready for the search.
type system struct {
	t      Table
	o      Options
	single []int32   // by base cell: the first item that is just this cell, or -1
	twin   []int32   // by item: the first item with the same cells
	twins  [][]int32 // by first item: all with the same cells
	near   [][]int32 // by item: equations that are not far
}

func prepare(t Table, o Options) *system {
	s := &system{
		t: t, o: o, single: make([]int32, t.Cells), twin: make([]int32, len(t.Items)),
		twins: make([][]int32, len(t.Items)), near: make([][]int32, len(t.Items)),
	}
	for c := range s.single {
		s.single[c] = -1
	}
	seen := map[uint64][]int32{}
	for i, item := range t.Items {
		id, sum := int32(i), uint64(len(item))
		for _, c := range item {
			sum = mix(sum ^ uint64(c)) //nolint:gosec // not negative
		}
		s.twin[i] = id
		for _, other := range seen[sum] {
			if slices.Equal(t.Items[other], item) {
				s.twin[i] = other
			}
		}
		if s.twin[i] == id {
			seen[sum] = append(seen[sum], id)
			if len(item) == 1 {
				s.single[item[0]] = id
			}
		}
		s.twins[s.twin[i]] = append(s.twins[s.twin[i]], id)
	}
	for e, eq := range t.Equations {
		for _, i := range eq.all() {
			if !eq.Far {
				s.near[i] = append(s.near[i], int32(e))
			}
		}
	}
	return s
}

func (e Equation) all() []int32 { return append(slices.Clip(e.Parts), e.Sum) }

// mix is the finalizer of splitmix64: a fixed order that favours no code.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Hide returns which items of a release to hide: those that are primary, and
// what must be hidden for their sake. Values are of the opened release; an
// item's own value moves the pattern only by being zero (zeros are hidden
// last, for they protect nothing), and by the unions that it is part of: while
// the hidden part of a shown sum has fewer units than one domain needs, or is
// dominated, more of that equation is hidden. An error is of kind Invalid,
// Tampered (equations that do not hold), Denied (no parameters) or Exhausted.
func Hide(t Table, primary []bool, d Data, o Options) ([]bool, error) {
	rounds, _, err := hide(t, primary, d, o)
	if err != nil {
		return nil, err
	}
	return rounds[len(rounds)-1], nil
}

// hide returns the pattern of each round; the last one stands.
func hide(t Table, primary []bool, d Data, o Options) ([][]bool, *system, error) {
	if err := checkAll(t, primary, d, o); err != nil {
		return nil, nil, err
	}
	s := prepare(t, o)
	rounds, err := s.rounds(primary, d)
	return rounds, s, err
}

func checkAll(t Table, primary []bool, d Data, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := t.Check(); err != nil {
		return err
	}
	if len(primary) != len(t.Items) {
		return fmt.Errorf("suppressing: %d flags for %d items: %w", len(primary), len(t.Items), fault.Invalid)
	}
	return d.check(t)
}

func (s *system) rounds(primary []bool, d Data) ([][]bool, error) {
	forced := make([]bool, len(primary))
	var rounds [][]bool
	for {
		g := s.search(primary, forced, d.Values[0])
		hidden, err := g.pattern()
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, hidden)
		more := s.repair(hidden, d)
		if len(more) == 0 {
			return rounds, nil
		}
		for _, i := range more {
			for _, twin := range s.twins[s.twin[i]] {
				forced[twin] = true
			}
		}
	}
}

// A search looks for one pattern: of the primary items, the forced ones
// (safe, but hidden so that a union is large enough) and the zeros alone.
type search struct {
	*system
	primary, forced []bool
	units           []int64
	hidden          []bool
	count, flagged  []int32 // by equation: hidden items, primary ones
	empty           []bool  // by base cell: known to have no units
}

func (s *system) search(primary, forced []bool, units []int64) *search {
	g := &search{
		system: s, primary: slices.Clone(primary), forced: slices.Clone(forced), units: units,
		hidden: make([]bool, len(primary)), empty: make([]bool, s.t.Cells),
		count: make([]int32, len(s.t.Equations)), flagged: make([]int32, len(s.t.Equations)),
	}
	for i, item := range s.t.Items {
		if units[i] == 0 {
			for _, c := range item {
				g.empty[c] = true
			}
		}
		if primary[i] { // one that is flagged flags its twins: they are one number
			for _, twin := range s.twins[s.twin[i]] {
				g.primary[twin] = true
			}
		}
	}
	return g
}

func (g *search) protected(i int32) bool { return g.primary[i] || g.forced[i] }

// pattern covers every equation, asks the kernel what still follows, covers
// more until nothing does, and then shows again what need not be hidden.
func (g *search) pattern() ([]bool, error) {
	for i := range g.hidden {
		if g.protected(int32(i)) {
			g.conceal(int32(i))
		}
	}
	all := make([]int32, len(g.t.Equations))
	for e := range all {
		all[e] = int32(e)
	}
	g.cover(all)
	for {
		k, err := g.view(g.hidden)
		if err != nil {
			return nil, err
		}
		k.protect(g)
		exposed := k.exposed()
		if len(exposed) == 0 {
			g.trim(k)
			return g.hidden, nil
		}
		if !g.enlarge(exposed) {
			for i := range g.hidden {
				g.conceal(int32(i))
			}
		}
	}
}

// conceal hides an item and its twins.
func (g *search) conceal(i int32) {
	for _, twin := range g.twins[g.twin[i]] {
		if g.hidden[twin] {
			continue
		}
		g.hidden[twin] = true
		for _, e := range g.near[twin] {
			g.count[e]++
			if g.primary[twin] {
				g.flagged[e]++
			}
		}
	}
}

// open reports whether an equation gives a hidden item away by itself: the
// only one, or one of two flagged ones to whoever knows the other.
func (g *search) open(e int32) bool {
	eq := g.t.Equations[e]
	if eq.Far || g.count[e] == 0 || g.count[e] > 2 {
		return false
	}
	if g.count[e] == 1 {
		return true
	}
	if g.flagged[e] < 2 {
		return false
	}
	var pair []int32
	for _, i := range eq.all() {
		if g.hidden[i] {
			pair = append(pair, i)
		}
	}
	return !g.alike(pair[0], pair[1])
}

// alike reports whether two items have the same units: they differ by cells
// that are known to be empty. Then knowing both is knowing one.
func (g *search) alike(a, b int32) bool {
	x, y := g.t.Items[a], g.t.Items[b]
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || (len(x) > 0 && x[0] < y[0]):
			if !g.empty[x[0]] {
				return false
			}
			x = x[1:]
		case len(x) == 0 || y[0] < x[0]:
			if !g.empty[y[0]] {
				return false
			}
			y = y[1:]
		default:
			x, y = x[1:], y[1:]
		}
	}
	return true
}

// cover hides more until no equation is open.
func (g *search) cover(queue []int32) {
	for len(queue) > 0 {
		e := queue[0]
		queue = queue[1:]
		for g.open(e) {
			i := g.best(e)
			if i < 0 {
				break
			}
			g.conceal(i)
			for _, twin := range g.twins[g.twin[i]] {
				queue = append(queue, g.near[twin]...)
			}
		}
	}
}

// best is the shown item of an equation that is hidden next, or -1: one with
// units before an empty one, a part before the sum, then what closes most open
// equations and opens fewest, then a fixed order.
func (g *search) best(e int32) int32 {
	best, least := int32(-1), [3]int64{}
	eq := g.t.Equations[e]
	for _, i := range eq.all() {
		if g.hidden[i] {
			continue
		}
		var key [3]int64
		if i == eq.Sum {
			key[0]++
		}
		if g.units[i] == 0 {
			key[0] += 2
		}
		for _, near := range g.near[i] {
			switch {
			case g.count[near] == 0:
				key[1]++
			case g.open(near):
				key[1]--
			}
		}
		key[2] = int64(mix(uint64(i)) >> 1) //nolint:gosec // 63 bits; not negative
		if best < 0 || slices.Compare(key[:], least[:]) < 0 {
			best, least = i, key
		}
	}
	return best
}

// enlarge hides one more item in the nearest equations of each exposed item
// that have one, and covers. It reports false if there was none.
func (g *search) enlarge(exposed []int32) bool {
	grown := false
	for _, i := range exposed {
		if more := g.nearest(i); len(more) > 0 {
			grown = true
			var queue []int32
			for _, j := range more {
				g.conceal(j)
				for _, twin := range g.twins[g.twin[j]] {
					queue = append(queue, g.near[twin]...)
				}
			}
			g.cover(queue)
		}
	}
	return grown
}

// nearest walks from an item over equations to hidden items, and returns one
// shown item of each equation of the first step that has any.
func (g *search) nearest(from int32) []int32 {
	layer, seen := []int32{from}, map[int32]bool{from: true}
	done := map[int32]bool{}
	for len(layer) > 0 {
		var found, next []int32
		for _, i := range layer {
			for _, e := range g.near[i] {
				if done[e] {
					continue
				}
				done[e] = true
				if j := g.best(e); j >= 0 && !slices.Contains(found, j) {
					found = append(found, j)
				}
				for _, j := range g.t.Equations[e].all() {
					if g.hidden[j] && !seen[j] {
						seen[j] = true
						next = append(next, j)
					}
				}
			}
		}
		if len(found) > 0 {
			return found
		}
		layer = next
	}
	return nil
}

// trim shows again, coarse items first and empty ones before others, what no
// protected item needs.
func (g *search) trim(k *view) {
	var spare []int32
	for i, hidden := range g.hidden {
		if id := int32(i); hidden && g.twin[i] == id && !g.protected(id) {
			spare = append(spare, id)
		}
	}
	slices.SortFunc(spare, func(a, b int32) int {
		if d := len(g.t.Items[b]) - len(g.t.Items[a]); d != 0 {
			return d
		}
		if za, zb := g.units[a] == 0, g.units[b] == 0; za != zb {
			if za {
				return -1
			}
			return 1
		}
		if mix(uint64(a)) < mix(uint64(b)) { //nolint:gosec // not negative
			return -1
		}
		return 1
	})
	for _, i := range spare {
		if !g.needed(i) && k.spare(i) {
			for _, twin := range g.twins[g.twin[i]] {
				g.reveal(twin)
			}
		}
	}
}

// needed reports whether an equation alone would give a protected item away
// if item i were shown. It saves most of the asking.
func (g *search) needed(i int32) bool {
	for _, e := range g.near[i] {
		if g.count[e] != 2 {
			continue
		}
		for _, j := range g.t.Equations[e].all() {
			if j != i && g.hidden[j] && g.protected(j) && g.twin[j] != g.twin[i] {
				return true
			}
		}
	}
	return false
}

func (g *search) reveal(i int32) {
	g.hidden[i] = false
	for _, e := range g.near[i] {
		g.count[e]--
	}
}
