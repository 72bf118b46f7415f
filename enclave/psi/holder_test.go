package psi

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/yunei/yunei/fault"
)

func summed(t *testing.T, kMin int) (w *world, a, b []bundle) {
	t.Helper()
	p := plan{
		a: records(A, 1, 2, 50, span(0, 8)...), slotsA: 2, clip: 50,
		b: records(B, 1, 1, 50, span(3, 11)...), slotsB: 1, kMin: kMin,
	}
	w = newWorld(t, p)
	a, b = w.lists(t)
	return w, a, b
}

func TestHolders(t *testing.T) {
	w, a, b := summed(t, 5)
	m := must(w.match(t, a, b))(t)
	gate, first, second := w.holders[0], w.holders[1], w.holders[2]
	other, _, _ := summed(t, 5)
	stranger := must(NewHolder("join-1", "trustee-1"))(t)
	refused := func(what string, h *Holder, j *Join, m Matched, kind fault.Kind) {
		t.Helper()
		if answer, err := h.Answer(j, m); !errors.Is(err, kind) || answer.Bytes != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("nothing matched", first, w.join, Matched{}, fault.Invalid)
	refused("another join's", first, other.join, m, fault.Invalid)
	refused("a holder of another share", stranger, w.join, m, fault.Invalid)
	one, two := must(first.Answer(w.join, m))(t), must(second.Answer(w.join, m))(t)
	refused("a second answer", first, w.join, m, fault.Conflict)

	bad := map[string][]Answer{
		"none":        nil,
		"one":         {one},
		"one twice":   {one, one},
		"under names": {{one.Name, two.Bytes}, {two.Name, one.Bytes}},
		"a third":     {one, two, {"gate", one.Bytes}},
		"short":       {one, {two.Name, two.Bytes[1:]}},
		"long":        {one, {two.Name, append(bytes.Clone(two.Bytes), 0)}},
		"empty":       {one, {two.Name, nil}},
	}
	for at := range two.Bytes {
		b := bytes.Clone(two.Bytes)
		b[at] ^= 4
		bad["byte "+string(rune('0'+at))] = []Answer{one, {two.Name, b}}
	}
	swapped := bytes.Clone(two.Bytes)
	copy(swapped, two.Bytes[pointSize:2*pointSize])
	copy(swapped[pointSize:], two.Bytes[:pointSize])
	bad["parts swapped"] = []Answer{one, {two.Name, swapped}}
	for name, answers := range bad {
		if r, err := gate.Open(w.join, m, answers); !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
	got := must(gate.Open(w.join, m, []Answer{two, one}))(t)
	if want := w.plain(); !slices.Equal(got.Slots(), want.Slots()) {
		t.Errorf("%v, want %v", got, want)
	}
	if r, err := gate.Open(w.join, m, []Answer{one, two}); !errors.Is(err, fault.Conflict) {
		t.Errorf("opening twice: %v, %v", r, err)
	}
}

func TestTooFew(t *testing.T) {
	w, a, b := summed(t, 6) // five are in both
	m := must(w.match(t, a, b))(t)
	if _, err := w.holders[1].Answer(w.join, m); !errors.Is(err, fault.Denied) {
		t.Errorf("answering: %v", err)
	}
	if r, err := w.open(t, a, b); !errors.Is(err, fault.Denied) {
		t.Errorf("opening: %v, %v", r, err)
	}
	if _, err := w.join.Counted(m); !errors.Is(err, fault.Invalid) {
		t.Errorf("counting a join that has sums: %v", err)
	}
	counted := newWorld(t, plan{a: records(A, 1, 0, 1, 1, 2, 3), b: records(B, 1, 0, 1, 3, 4, 5), kMin: 2})
	ya, yb := counted.lists(t)
	if r, err := counted.open(t, ya, yb); !errors.Is(err, fault.Denied) {
		t.Errorf("counting: %v, %v", r, err)
	}
}

// A holder cannot choose its share by the others'.
func TestRogueShare(t *testing.T) {
	honest, rogue := must(NewHolder("join-1", "trustee-1"))(t), must(NewHolder("join-1", "trustee-2"))(t)
	theirs := must(parsePoint(honest.Share().Bytes[:pointSize]))(t)
	mine := must(parsePoint(rogue.Share().Bytes[:pointSize]))(t)
	cancel := rogue.Share()
	putPoint(cancel.Bytes, mine.Add(mine, theirs.Neg(theirs))) // so that the sum is its own point
	if key, err := jointKey("join-1", []Share{honest.Share(), cancel}); !errors.Is(err, fault.Tampered) {
		t.Errorf("%v, %v", key, err)
	}
	for at := range ShareSize {
		s := rogue.Share()
		s.Bytes[at] ^= 2
		if _, err := jointKey("join-1", []Share{honest.Share(), s}); err == nil {
			t.Fatalf("byte %d of a share flipped", at)
		}
	}
	for _, s := range []Share{{}, {Name: "trustee-2"}, {Name: "Trustee 2", Bytes: rogue.Share().Bytes}} {
		if _, err := jointKey("join-1", []Share{honest.Share(), s}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", s.Name, err)
		}
	}
}

// A total that its people cannot have is refused and the gate learns nothing of
// it: B multiplies A's ciphertexts.
func TestTotalsBeyondTheClip(t *testing.T) {
	w, a, b := summed(t, 1)
	f := w.join.form(kindAnswered, A, 0)
	rows := split(f, a[0].b)
	for _, row := range rows {
		c := must(parseCiphertext(row[pointSize : pointSize+ciphertextSize]))(t)
		k := scalar(1000)
		c.c1.Mul(c.c1, k)
		c.c2.Mul(c.c2, k)
		c.put(row[pointSize:])
	}
	if r, err := w.open(t, []bundle{listOf(f, rows...)}, b); !errors.Is(err, fault.Tampered) || r.Counts != nil {
		t.Errorf("%v, %v", r, err)
	}
}

// Rerandomised ciphertexts share no bytes and decrypt alike.
func TestRerandomise(t *testing.T) {
	s := curve.RandomNonZeroScalar(nil)
	key := curve.NewElement().MulGen(s)
	for _, v := range []int64{0, 1, -1, 50, -50, MaxTotal, -MaxTotal, math.MaxInt64, math.MinInt64} {
		c := encrypt(key, v)
		before := make([]byte, ciphertextSize)
		c.put(before)
		c.rerandomise(key)
		after := make([]byte, ciphertextSize)
		c.put(after)
		if bytes.Equal(before[:pointSize], after[:pointSize]) || bytes.Equal(before[pointSize:], after[pointSize:]) {
			t.Errorf("%d: a half stays", v)
		}
		mask := curve.NewElement().Mul(c.c1, s)
		got := curve.NewElement().Add(c.c2, mask.Neg(mask))
		if want := curve.NewElement().MulGen(scalar(v)); !got.IsEqual(want) {
			t.Errorf("%d does not decrypt", v)
		}
	}
}

func TestLogs(t *testing.T) {
	for _, bound := range []int64{1, 2, 7, 1000} {
		l := newLogs(bound, 3)
		for v := -bound - 3; v <= bound+3; v++ {
			got, ok := l.find(curve.NewElement().MulGen(scalar(v)), bound)
			if in := v >= -bound && v <= bound; ok != in || in && got != v {
				t.Fatalf("%d within %d: %d, %v", v, bound, got, ok)
			}
		}
	}
	l := newLogs(1<<20, 1)
	for _, v := range []int64{-1 << 20, 1 << 20, 0, 12345, -999999} {
		if got, ok := l.find(curve.NewElement().MulGen(scalar(v)), 1<<20); !ok || got != v {
			t.Errorf("%d: %d, %v", v, got, ok)
		}
	}
	far := curve.NewElement().MulGen(curve.RandomNonZeroScalar(nil))
	if v, ok := l.find(far, 1<<20); ok {
		t.Errorf("a random point has the logarithm %d", v)
	}
}
