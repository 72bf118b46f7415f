package attackers_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// A guess says which of the hidden cells of a 4 by 4 table are primary: hidden
// for their own sake.
type guess func(t table, cell int) bool

const side = 4

// A pattern is a random table in which something is hidden for the sake of
// another, and which of its cells are primary.
type pattern struct {
	table
	primary []bool
}

// patterns makes some. One of the two domains may be empty, so that the other's
// small cells are small in the sum as well.
func patterns(t *testing.T, empty bool) (all []pattern) {
	t.Helper()
	random := rand.New(rand.NewPCG(4, 4))
	wanted := 40
	if prove {
		wanted = 600
	}
	for range wanted {
		domains := map[string][]person{"a": nil, "b": nil}
		primary := make([]bool, side*side)
		for _, name := range []string{"a", "b"} {
			for cell := range primary {
				n := 12 + random.IntN(40)
				if name == "b" && empty {
					n = 0
				} else if random.IntN(14) == 0 {
					n = 1 + random.IntN(9)
				}
				primary[cell] = primary[cell] || n > 0 && n < threshold
				for range n {
					domains[name] = append(domains[name], person{id: len(domains[name]), district: cell / side, age: cell % side})
				}
			}
		}
		c := newCity(t, unchecked{}, domains)
		r := c.ask(query{dims: []int{side, side}, round: 5, margins: [][]int{{0}, {1}, {}}, give: func(p person) []said {
			return []said{{cell: p.district*side + p.age}}
		}})
		if !r.blocked {
			all = append(all, pattern{r, primary})
		}
	}
	return all
}

// none is no better than the base rate: of the hidden cells, no more are told
// right than by always saying the commoner kind.
func none(t *testing.T, all []pattern, name string, g guess) {
	t.Helper()
	var hidden, primaries, hits int
	for _, p := range all {
		for cell, is := range p.primary {
			if p.items[cell] == nil {
				hidden++
				primaries += int(b2i(is))
				hits += int(b2i(g(p.table, cell) == is))
			}
		}
	}
	if primaries == 0 || primaries == hidden {
		t.Fatalf("%d hidden cells, %d of them primary: nothing to tell apart", hidden, primaries)
	}
	right, base := float64(hits)/float64(hidden), float64(max(primaries, hidden-primaries))/float64(hidden)
	if right > base+0.05 {
		t.Errorf("%s: %.3f are right, the base rate is %.3f", name, right, base)
	}
}

// Every hidden item is spelt by the same bytes, whatever hid it.
func TestOneSymbol(t *testing.T) {
	for _, p := range patterns(t, false)[:10] {
		for _, row := range bytes.Split(bytes.TrimSpace(p.raw), []byte("\n"))[1:] {
			last := row[bytes.LastIndexByte(row, ',')+1:]
			if string(last) != "*" && len(bytes.Trim(last, "0123456789")) > 0 {
				t.Fatalf("a cell is spelt %q", last)
			}
		}
	}
}

// Whether a hidden cell is primary follows neither from where it stands nor from
// how large the totals let it be, with the best of many bounds.
func TestPattern(t *testing.T) {
	for _, empty := range []bool{false, true} {
		all := patterns(t, empty)
		for name, g := range map[string]guess{
			"the first in its row": func(r table, cell int) bool {
				for c := cell - cell%side; c < cell; c++ {
					if r.items[c] == nil {
						return false
					}
				}
				return true
			},
			"alone in its row": func(r table, cell int) bool { return inLine(r, cell-cell%side, 1) == 1 },
			"where lines cross that hide the most": func(r table, cell int) bool {
				return inLine(r, cell-cell%side, 1)+inLine(r, cell%side, side) > 4
			},
			"what can be least of its row": least,
		} {
			none(t, all, name, g)
		}
		for bound := int64(5); bound < 80; bound += 5 {
			none(t, all, fmt.Sprint("what can be at most ", bound), func(r table, cell int) bool { return most(r, cell) < bound })
		}
	}
}

// inLine counts the hidden cells of a line.
func inLine(r table, first, step int) (n int) {
	for k := range side {
		n += int(b2i(r.items[first+k*step] == nil))
	}
	return n
}

// most is how large a hidden cell can be, by the totals of its row and column
// where they are shown.
func most(r table, cell int) int64 {
	at := int64(1 << 40)
	for _, line := range [][3]int{{side*side + cell/side, cell - cell%side, 1}, {side*side + side + cell%side, cell % side, side}} {
		sum, ok := r.at(line[0], 0)
		if !ok {
			continue
		}
		for k := range side {
			if x, shown := r.at(line[1]+k*line[2], 0); shown {
				sum -= x
			}
		}
		at = min(at, sum)
	}
	return at
}

// least says that no hidden cell of its row can only be smaller.
func least(r table, cell int) bool {
	for k := range side {
		c := cell - cell%side + k
		if c != cell && r.items[c] == nil && most(r, c) <= most(r, cell) {
			return false
		}
	}
	return true
}
