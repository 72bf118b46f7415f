package attackers_test

import (
	"math/bits"
	"math/rand/v2"
	"testing"
)

// A block is a small group of whom an attacker knows everybody, and asks many
// totals over parts of it (Dinur and Nissim 2003): so many equations in so few
// unknowns.
type block struct {
	rows [][]uint64 // who was in each total that was shown, and in the end the total
	n    int
}

// field is the prime of the equations: 2^61 - 1.
const field = 1<<61 - 1

func mul(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	_, rest := bits.Div64(hi, lo, field)
	return rest
}

func inverse(a uint64) uint64 {
	out := uint64(1)
	for e := uint64(field - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			out = mul(out, a)
		}
		a = mul(a, a)
	}
	return out
}

// reduce brings the equations into reduced echelon form, and returns the person
// at the head of each.
func (b *block) reduce() (lead []int) {
	for j := range b.n {
		at := len(lead)
		for at < len(b.rows) && b.rows[at][j] == 0 {
			at++
		}
		if at == len(b.rows) {
			continue
		}
		k := len(lead)
		b.rows[k], b.rows[at] = b.rows[at], b.rows[k]
		inv := inverse(b.rows[k][j])
		for i := range b.rows[k] {
			b.rows[k][i] = mul(b.rows[k][i], inv)
		}
		for r := range b.rows {
			if q := b.rows[r][j]; r != k && q != 0 {
				for i := range b.rows[r] {
					b.rows[r][i] = (b.rows[r][i] + field - mul(q, b.rows[k][i])) % field
				}
			}
		}
		lead = append(lead, j)
	}
	b.rows = b.rows[:len(lead)]
	return lead
}

// alone are the people whose value one equation gives.
func (b *block) alone() map[int]int64 {
	lead, out := b.reduce(), map[int]int64{}
	for k, j := range lead {
		single := true
		for i := range b.n {
			single = single && (i == j || b.rows[k][i] == 0)
		}
		if single {
			out[j] = int64(b.rows[k][b.n])
		}
	}
	return out
}

// besiege asks that many totals over random halves of a block of n people. What
// the register refuses, or leaves to people, is voted down.
func besiege(c *city, n, totals int) *block {
	random := rand.New(rand.NewPCG(5, 5))
	b := &block{n: n}
	for range totals {
		in := make([]uint64, n+1)
		for i := range n {
			in[i] = random.Uint64N(2)
		}
		r := c.ask(of(func(p person) bool { return in[p.id] == 1 }, func(p person) int64 { return p.other }))
		x, ok := r.at(0, 1)
		if !ok || r.review {
			c.reject(r)
			continue
		}
		in[n] = uint64(x)
		b.rows = append(b.rows, in)
	}
	return b
}

// With all totals a block is solved, person by person; beside the register no
// equation, and no combination of them, is about one of them.
func TestBlock(t *testing.T) {
	const size = 36
	asked := 9
	if prove {
		asked = 16
	}
	domains := map[string][]person{"a": people(3, 0, size), "b": nil}
	free := besiege(newCity(t, unchecked{register: true}, domains), size, 3*size)
	alone := free.alone()
	for j, v := range alone {
		if want := domains["a"][j].other; v != want {
			t.Fatalf("person %d has %d, want %d: the attack is wrong", j, v, want)
		}
	}
	if len(alone) != size {
		t.Errorf("without the register %d of %d people are known: it proves nothing", len(alone), size)
	}
	held := besiege(newCity(t, unchecked{}, domains), size, asked)
	if len(held.rows) < 3 {
		t.Errorf("%d totals are shown, which proves nothing", len(held.rows))
	}
	if known := held.alone(); len(known) > 0 {
		t.Errorf("the gate gives away %v", known)
	}
}
