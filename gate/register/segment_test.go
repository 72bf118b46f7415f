package register

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
)

// chain is a short history with every kind of step.
func chain(tb testing.TB) (*Register, [][]byte) {
	tb.Helper()
	r := New()
	var out [][]byte
	keep := func(b []byte, err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, b)
	}
	keep(r.Add(cube("a", 3, 1, []int32{0, 1}), join(giveAll(0, 20, 0, amount), giveAll(20, 40, 1, amount), giveAll(40, 60, 2, amount))))
	keep(r.Add(cube("b", 2, 1), join(giveAll(10, 40, 0, constant(3)), giveAll(40, 75, 1, amount))))
	keep(r.Add(cube("c", 2, 1), join(giveAll(10, 40, 0, constant(3)), giveAll(40, 75, 1, amount))))
	keep(r.Hide("a", []int32{1, 3}))
	keep(r.Withdraw("b"))
	rel, given := cube("d", 4, 0), []Contribution(nil)
	for u := range 30 {
		given = append(given, give(u, u%4), give(u, (u+1)%4))
	}
	keep(r.Add(rel, given))
	return r, out
}

func TestParse(t *testing.T) {
	r, segments := chain(t)
	got, err := Parse(segments, r.Head())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(snapshot(r), snapshot(got)); d != "" {
		t.Errorf("what was read is not what was written: %s", d)
	}
	cand := run{cube("e", 2, 1), join(giveAll(0, 20, 0, amount), giveAll(20, 45, 1, amount))}
	if d := cmp.Diff(show(test(t, r, cand, params)), show(test(t, got, cand, params))); d != "" {
		t.Errorf("another finding: %s", d)
	}
	if _, err := Parse(nil, New().Head()); err != nil {
		t.Errorf("no history: %v", err)
	}
}

// TestNeverShorter: a history that is cut, reordered or altered is no history.
func TestNeverShorter(t *testing.T) {
	r, segments := chain(t)
	head := r.Head()
	refused := func(name string, s [][]byte) {
		t.Helper()
		if _, err := Parse(s, head); !errors.Is(err, fault.Tampered) && !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range segments {
		refused("cut", segments[:i])
		refused("one missing", slices.Delete(slices.Clone(segments), i, i+1))
		refused("one twice", slices.Insert(slices.Clone(segments), i, segments[i]))
	}
	rng := rand.New(rand.NewPCG(5, 5))
	for range rounds(200) {
		i := rng.IntN(len(segments))
		b := bytes.Clone(segments[i])
		b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		s := slices.Clone(segments)
		s[i] = b
		refused("a bit", s)
		s[i] = segments[i][:rng.IntN(len(segments[i]))]
		refused("half a segment", s)
	}
}

// TestRepeatsAreSmall: a release over old units and an old table adds little.
func TestRepeatsAreSmall(t *testing.T) {
	r := New()
	given := join(giveAll(0, 2000, 0, amount), giveAll(2000, 4000, 1, amount))
	one, err := r.Add(cube("a", 2, 1), given)
	if err != nil {
		t.Fatal(err)
	}
	two, err := r.Add(cube("b", 2, 1), given)
	if err != nil {
		t.Fatal(err)
	}
	if len(one) < 16*4000 || len(two) > 200 {
		t.Errorf("segments of %d and %d bytes", len(one), len(two))
	}
}

func inflate(tb testing.TB, b []byte) []byte {
	tb.Helper()
	raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(b)))
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// FuzzTake feeds the step inside a segment, past the chain of digests.
func FuzzTake(f *testing.F) {
	_, segments := chain(f)
	for i, b := range segments {
		p := reader{b: b[len(magic):]}
		p.number()
		p.bytes(32)
		n := p.count(16)
		p.bytes(16 * n)
		f.Add(inflate(f, p.b), n > 0, i)
	}
	f.Fuzz(func(t *testing.T, raw []byte, fresh bool, at int) {
		r, err := Parse(segments[:0], New().Head())
		for i := 0; i < min(max(at, 0), len(segments)) && err == nil; i++ {
			err = r.replay(segments[i])
		}
		if err != nil {
			t.Fatal(err)
		}
		var units [][16]byte
		if fresh {
			units = [][16]byte{unit(1000), unit(1001)}
		}
		if err := r.take(raw, units); err != nil {
			if k := fault.Of(err); k != fault.Tampered && k != fault.Invalid {
				t.Fatalf("kind %s: %v", k, err)
			}
			return
		}
		if _, err := r.Test(cube("fuzz", 1, 0), giveAll(0, 30, 0, nil), params); err != nil && fault.Of(err) == fault.Internal {
			t.Fatal(err)
		}
	})
}

// FuzzSegment feeds whole segments.
func FuzzSegment(f *testing.F) {
	_, segments := chain(f)
	for _, b := range segments {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := New().replay(b); err != nil && fault.Of(err) != fault.Tampered && fault.Of(err) != fault.Invalid {
			t.Fatalf("kind %s: %v", fault.Of(err), err)
		}
	})
}
