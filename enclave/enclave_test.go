package enclave

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/enclave/he"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// A shelf holds blobs by digest, as a board would.
type shelf map[suite.Digest][]byte

func (s shelf) put(parts [][][]byte) msg.Parts {
	for _, chunks := range parts {
		for _, b := range chunks {
			s[suite.DigestOf(b)] = b
		}
	}
	return Digests(parts)
}

func (s shelf) fetch(_ context.Context, d suite.Digest, limit int) ([]byte, error) {
	b, ok := s[d]
	switch {
	case !ok:
		return nil, fault.NotFound
	case len(b) > limit:
		return nil, fault.Exhausted
	}
	return b, nil
}

// A round is two trustees of two that have made a key, a gate, and a shelf.
type round struct {
	shelf
	members []*he.Member
	key     []byte
	opener  *Opener
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func newRound(tb testing.TB) *round {
	tb.Helper()
	r := &round{shelf: shelf{}, opener: must(NewOpener())(tb)}
	crs := [he.SeedSize]byte{7}
	var shares [][]byte
	var dealt []map[int][]byte
	for i := range 2 {
		m := must(he.NewMember(i+1, []int{1, 2}, 2))(tb)
		shares = append(shares, must(m.CKGShare(crs))(tb))
		dealt = append(dealt, must(m.ShamirShares())(tb))
		r.members = append(r.members, m)
	}
	for i, m := range r.members {
		if err := m.Receive(map[int][]byte{2 - i: dealt[1-i][i+1]}); err != nil {
			tb.Fatal(err)
		}
	}
	r.key = must(he.PublicKey(crs, shares))(tb)
	return r
}

func (r *round) seal(tb testing.TB, values []int64) msg.Parts {
	tb.Helper()
	return r.put(must(Seal(r.key, values))(tb))
}

func (r *round) answers(tb testing.TB, sum Sum) Answers {
	tb.Helper()
	a := Answers{Active: []int{1, 2}, Shares: map[int][][][]byte{}}
	for i, m := range r.members {
		a.Shares[i+1] = must(m.Answer(a.Active, r.opener.PublicKey(), sum.Ciphertexts()))(tb)
	}
	return a
}

// show is a gate that shows the vector to the test.
func show(to *[]int64) Gate {
	return func(_ context.Context, opened []int64) (candidate, record []byte, err error) {
		*to = slices.Clone(opened)
		return []byte("candidate"), []byte("record"), nil
	}
}

func (r *round) open(tb testing.TB, members []msg.Parts, slots int) []int64 {
	tb.Helper()
	sum := must(Add(tb.Context(), r.fetch, members, slots))(tb)
	var got []int64
	c, rec, err := r.opener.Open(tb.Context(), sum, r.answers(tb, sum), show(&got))
	if err != nil || string(c) != "candidate" || string(rec) != "record" {
		tb.Fatalf("Open = %q, %q, %v", c, rec, err)
	}
	return got
}

// Three sites' vectors of two chunks come out as their sum, whatever the order
// in which they are added, and the two who add have the same bytes.
func TestSum(t *testing.T) {
	const slots = he.Slots + 5
	vector := func(f func(i int64) int64) []int64 {
		v := make([]int64, slots)
		for i := range v {
			v[i] = f(int64(i))
		}
		return v
	}
	r := newRound(t)
	a := vector(func(i int64) int64 { return i })
	b := vector(func(i int64) int64 { return -(i << 40) })
	c := vector(func(i int64) int64 { return 1 << 60 * (i % 2) })
	lists := []msg.Parts{r.seal(t, a), r.seal(t, b), r.seal(t, c)}
	one := must(Add(t.Context(), r.fetch, lists, slots))(t)
	other := must(Add(t.Context(), r.fetch, []msg.Parts{lists[2], lists[0], lists[1]}, slots))(t)
	if !bytes.Equal(one.Parts().Bytes(), other.Parts().Bytes()) {
		t.Error("the order of addition is in the sum's bytes")
	}
	want := vector(func(i int64) int64 { return i - i<<40 + 1<<60*(i%2) })
	if diff := cmp.Diff(want, r.open(t, lists, slots)); diff != "" {
		t.Error(diff)
	}
}

// Why members commit before any reveals: whoever sees A's
// ciphertexts first can take A out of a sum, or be alone with it. Addition
// itself has no objection.
func TestNegatedCiphertextExposes(t *testing.T) {
	r := newRound(t)
	a, b := []int64{10, 20, 30}, []int64{7, 0, 9}
	ofA := must(Seal(r.key, a))(t)
	var minus [][][]byte
	for _, chunks := range ofA {
		minus = append(minus, [][]byte{negated(chunks[0])})
	}
	got := r.open(t, []msg.Parts{r.put(ofA), r.seal(t, b), r.put(minus)}, 3)
	if diff := cmp.Diff(b, got); diff != "" {
		t.Errorf("the attack is gone, and with it the reason to commit first: %s", diff)
	}
}

// negated takes every coefficient of a ciphertext from its prime.
func negated(ct []byte) []byte {
	primes := []uint64{9007199254429697, 9007199254364161, 9007199254331393}
	out := bytes.Clone(ct)
	for i := 0; i < len(out); i += 8 {
		q := primes[i/8/he.Slots%len(primes)]
		if w := binary.LittleEndian.Uint64(out[i:]); w != 0 {
			binary.LittleEndian.PutUint64(out[i:], q-w)
		}
	}
	return out
}

// What Add refuses: a list that is not whole is nobody's partial.
func TestAddRefusals(t *testing.T) {
	r := newRound(t)
	good := r.seal(t, []int64{1, 2})
	missing := suite.DigestOf([]byte("missing"))
	short, long, wild := []byte("x"), make([]byte, he.CiphertextSize+1), bytes.Repeat([]byte{0xff}, he.CiphertextSize)
	junk := func(b []byte) msg.Parts {
		return r.put([][][]byte{{b}, {b}})
	}
	for _, c := range []struct {
		name    string
		members []msg.Parts
		slots   int
		kind    fault.Kind
	}{
		{"no members", nil, 2, fault.Invalid},
		{"no slots", []msg.Parts{good}, 0, fault.Invalid},
		{"negative slots", []msg.Parts{good}, -1, fault.Invalid},
		{"too many slots", []msg.Parts{good}, he.MaxSlots + 1, fault.Invalid},
		{"no list", []msg.Parts{good, nil}, 2, fault.Tampered},
		{"one modulus", []msg.Parts{good, good[:1]}, 2, fault.Tampered},
		{"three moduli", []msg.Parts{good, append(slices.Clone(good), good[0])}, 2, fault.Tampered},
		{"no chunk", []msg.Parts{good, {good[0], nil}}, 2, fault.Tampered},
		{"a chunk too many", []msg.Parts{good, {good[0], append(slices.Clone(good[1]), good[1]...)}}, 2, fault.Tampered},
		{"a chunk too few", []msg.Parts{good}, he.Slots + 1, fault.Tampered},
		{"a ciphertext that is not there", []msg.Parts{good, {good[0], {missing}}}, 2, fault.NotFound},
		{"bytes that are none", []msg.Parts{good, junk(short)}, 2, fault.Invalid},
		{"too many bytes", []msg.Parts{good, junk(long)}, 2, fault.Exhausted},
		{"coefficients that are not reduced", []msg.Parts{good, junk(wild)}, 2, fault.Invalid},
	} {
		sum, err := Add(t.Context(), r.fetch, c.members, c.slots)
		if !errors.Is(err, c.kind) || sum.parts != nil {
			t.Errorf("%s: %v, want %s", c.name, err, c.kind)
		}
	}
}

// Open shows a vector to the gate once, and returns what the gate returns.
func TestOpenOnce(t *testing.T) {
	r := newRound(t)
	sum := must(Add(t.Context(), r.fetch, []msg.Parts{r.seal(t, []int64{5})}, 1))(t)
	answers := r.answers(t, sum)
	if _, _, err := r.opener.Open(t.Context(), sum, answers, nil); err == nil {
		t.Error("opened without a gate")
	}
	no := errors.New("no")
	var kept []int64
	c, rec, err := r.opener.Open(t.Context(), sum, answers, func(_ context.Context, opened []int64) ([]byte, []byte, error) {
		kept = opened
		return nil, nil, no
	})
	if !errors.Is(err, no) || c != nil || rec != nil {
		t.Errorf("a gate that says no: %q, %q, %v", c, rec, err)
	}
	if len(kept) != 1 || kept[0] != 0 {
		t.Errorf("the opened vector outlives the gate: %v", kept)
	}
	seen := false
	if _, _, err := r.opener.Open(t.Context(), sum, answers, func(context.Context, []int64) ([]byte, []byte, error) {
		seen = true
		return nil, nil, nil
	}); !errors.Is(err, fault.Conflict) || seen {
		t.Errorf("opened twice: %v", err)
	}
}

// A sum that the answers are not for opens as noise, which is out of range:
// nobody is shown anything.
func TestOpenIsOutOfRange(t *testing.T) {
	for name, spoil := range map[string]func(r *round, sum Sum, a Answers) Sum{
		"another sum": func(r *round, _ Sum, _ Answers) Sum {
			return must(Add(t.Context(), r.fetch, []msg.Parts{r.seal(t, []int64{5})}, 1))(t)
		},
		"swapped moduli": func(_ *round, sum Sum, _ Answers) Sum {
			return Sum{[][][]byte{sum.parts[1], sum.parts[0]}, 1}
		},
		"one share of another's": func(_ *round, sum Sum, a Answers) Sum {
			a.Shares[1] = a.Shares[2]
			return sum
		},
	} {
		r := newRound(t)
		sum := must(Add(t.Context(), r.fetch, []msg.Parts{r.seal(t, []int64{5})}, 1))(t)
		answers := r.answers(t, sum)
		sum = spoil(r, sum, answers)
		var seen []int64
		if _, _, err := r.opener.Open(t.Context(), sum, answers, show(&seen)); !errors.Is(err, fault.Tampered) || seen != nil {
			t.Errorf("%s: %v, shown %v", name, err, seen)
		}
	}
}
