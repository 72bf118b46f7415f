package he

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

// small returns the coefficients of a polynomial of small ones.
func small(t *testing.T, p poly) []int64 {
	t.Helper()
	if err := check(encode(p), 1); err != nil {
		t.Fatal(err)
	}
	out := make([]int64, Slots)
	for j, x := range centred(p) {
		out[j] = x.Int64()
	}
	return out
}

// What is drawn comes to the coefficient that it should, at the ends and between.
func TestDrawn(t *testing.T) {
	for _, c := range []struct {
		word            uint64
		third, binomial int64
	}{
		{0, -1, 0},
		{1<<64 - 1, 1, 0},
		{1 << 63, 0, 0},
		{math.MaxUint64 / 3, -1, 11 - 10}, // 0x5555...: every other coin
		{math.MaxUint64/3 + 1, 0, 11 - 10},
		{1<<21 - 1, -1, 21},
		{(1<<21 - 1) << 21, -1, -21},
		{0b101, -1, 2},
		{1 << 42, -1, 0}, // no coin
	} {
		drawn, p := make([]byte, 8*Slots), newPoly()
		for _, j := range []int{0, 5, Slots - 1} {
			binary.LittleEndian.PutUint64(drawn[8*j:], c.word)
		}
		ternary(p, drawn)
		if got := small(t, p); got[0] != c.third || got[5] != c.third || got[Slots-1] != c.third || got[1] != -1 {
			t.Errorf("%#x is %d, want %d", c.word, got[5], c.third)
		}
		p.Zero()
		addError(p, drawn)
		addError(p, drawn)
		if got := small(t, p); got[0] != 2*c.binomial || got[5] != 2*c.binomial || got[Slots-1] != 2*c.binomial || got[1] != 0 {
			t.Errorf("%#x is twice %d, want %d", c.word, got[5]/2, c.binomial)
		}
	}
}

// The mask is ternary and fair, and the error binomial of variance 21/2: each of
// its values as often as it should be.
func TestDistributions(t *testing.T) {
	s, err := newStream()
	if err != nil {
		t.Fatal(err)
	}
	const polys, n = 32, 32 * Slots
	thirds, errs := map[int64]float64{}, map[int64]float64{}
	drawn := make([]byte, 8*Slots)
	for range polys {
		p := newPoly()
		if _, err := s.Read(drawn); err != nil {
			t.Fatal(err)
		}
		ternary(p, drawn)
		for _, v := range small(t, p) {
			thirds[v]++
		}
		if _, err := s.Read(drawn); err != nil {
			t.Fatal(err)
		}
		p.Zero()
		addError(p, drawn)
		for _, v := range small(t, p) {
			errs[v]++
		}
	}
	near := func(what string, got, of float64) {
		if sd := math.Sqrt(n * of * (1 - of)); math.Abs(got-n*of) > 6*sd+1 {
			t.Errorf("%s: %.0f times, want %.0f +- %.0f", what, got, n*of, sd)
		}
	}
	for v := int64(-1); v <= 1; v++ {
		near("a third", thirds[v], 1./3)
	}
	sum := 0.
	for v := int64(-half); v <= half; v++ {
		of := math.Exp2(-2 * half) // C(42, 21+v) / 2^42
		for i := range half + v {
			of *= float64(2*half-i) / float64(i+1)
		}
		near("an error", errs[v], of)
		sum += errs[v] * float64(v) * float64(v)
	}
	if v := sum / n; math.Abs(v-10.5) > 0.3 {
		t.Errorf("variance %.2f", v)
	}
	if len(thirds) != 3 || len(errs) > 2*half+1 {
		t.Errorf("%d and %d values", len(thirds), len(errs))
	}
}

// No two streams, and no two parts of one, have a block in common; two
// encryptions of one vector have no coefficient row.
func TestStreamsAreNew(t *testing.T) {
	seen := map[[16]byte]bool{}
	for range 4 {
		s, err := newStream()
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			b := bytes.Repeat([]byte{0xaa}, 1<<14)
			if n, err := s.Read(b); n != len(b) || err != nil {
				t.Fatal(n, err)
			}
			for block := range slices.Chunk(b, 16) {
				if seen[[16]byte(block)] {
					t.Fatal("a block is there twice")
				}
				seen[[16]byte(block)] = true
			}
		}
	}
	r := newRound(t, 2, 2)
	v := make([]int64, 2*Slots)
	rows := map[string]bool{}
	for range 2 {
		for _, chunks := range must(encrypt(r.key, v))(t) {
			for _, ct := range chunks {
				for row := range slices.Chunk(ct, 8*Slots) {
					if rows[string(row)] {
						t.Fatal("two rows are the same")
					}
					rows[string(row)] = true
				}
			}
		}
	}
}
