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
	"github.com/yunei/yunei/enclave/he/hetest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage/spool"
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
	return hetest.Digests(parts)
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
	return r.put(must(hetest.Encrypt(r.key, values))(tb))
}

// add adds lists, and leaves the sum to the test to close.
func (r *round) add(tb testing.TB, slots int, members ...msg.Parts) *Sum {
	tb.Helper()
	sum := must(Add(tb.Context(), r.fetch, members, slots, tb.TempDir()))(tb)
	tb.Cleanup(sum.Close)
	return sum
}

// answers has both members answer, and the answers put on the shelf.
func (r *round) answers(tb testing.TB, sum *Sum) Answers {
	tb.Helper()
	a := Answers{Active: []int{1, 2}}
	for _, m := range r.members {
		answer := must(Reply(m, a.Active, r.opener.PublicKey(), sum, tb.TempDir()))(tb)
		defer answer.Close()
		if err := answer.Each(func(b []byte) error { r.shelf[suite.DigestOf(b)] = b; return nil }); err != nil {
			tb.Fatal(err)
		}
		a.Parts = append(a.Parts, answer.Parts())
	}
	return a
}

func (r *round) switched(tb testing.TB, sum *Sum, answers Answers) *Switched {
	tb.Helper()
	s := must(Switch(tb.Context(), r.fetch, sum, answers, tb.TempDir()))(tb)
	tb.Cleanup(s.Close)
	return s
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
	sum := r.add(tb, slots, members...)
	var got []int64
	c, rec, err := r.opener.Open(tb.Context(), r.switched(tb, sum, r.answers(tb, sum)), show(&got))
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
	one := r.add(t, slots, lists...)
	other := r.add(t, slots, lists[2], lists[0], lists[1])
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
	ofA := must(hetest.Encrypt(r.key, a))(t)
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
		sum, err := Add(t.Context(), r.fetch, c.members, c.slots, t.TempDir())
		if !errors.Is(err, c.kind) || sum != nil {
			t.Errorf("%s: %v, want %s", c.name, err, c.kind)
		}
	}
}

// Open shows a vector to the gate once, and returns what the gate returns.
func TestOpenOnce(t *testing.T) {
	r := newRound(t)
	sum := r.add(t, 1, r.seal(t, []int64{5}))
	answers := r.switched(t, sum, r.answers(t, sum))
	if _, _, err := r.opener.Open(t.Context(), answers, nil); err == nil {
		t.Error("opened without a gate")
	}
	no := errors.New("no")
	var kept []int64
	c, rec, err := r.opener.Open(t.Context(), answers, func(_ context.Context, opened []int64) ([]byte, []byte, error) {
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
	if _, _, err := r.opener.Open(t.Context(), answers, func(context.Context, []int64) ([]byte, []byte, error) {
		seen = true
		return nil, nil, nil
	}); !errors.Is(err, fault.Conflict) || seen {
		t.Errorf("opened twice: %v", err)
	}
}

// A sum that the answers are not for opens as noise, which is out of range:
// nobody is shown anything.
func TestOpenIsOutOfRange(t *testing.T) {
	for name, spoil := range map[string]func(r *round, sum *Sum, a *Answers) *Sum{
		"another sum": func(r *round, _ *Sum, _ *Answers) *Sum { return r.add(t, 1, r.seal(t, []int64{5})) },
		"swapped moduli": func(r *round, sum *Sum, _ *Answers) *Sum {
			parts := sum.Parts()
			if err := sum.Each(func(b []byte) error { r.shelf[suite.DigestOf(b)] = b; return nil }); err != nil {
				t.Fatal(err)
			}
			return r.add(t, 1, msg.Parts{parts[1], parts[0]})
		},
		"one share of another's": func(_ *round, sum *Sum, a *Answers) *Sum {
			a.Parts[0] = a.Parts[1]
			return sum
		},
	} {
		r := newRound(t)
		sum := r.add(t, 1, r.seal(t, []int64{5}))
		answers := r.answers(t, sum)
		sum = spoil(r, sum, &answers)
		var seen []int64
		if _, _, err := r.opener.Open(t.Context(), r.switched(t, sum, answers), show(&seen)); !errors.Is(err, fault.Tampered) || seen != nil {
			t.Errorf("%s: %v, shown %v", name, err, seen)
		}
	}
}

// What Switch refuses, before there is anything to open: an answer is fetched
// and looked at whole.
func TestSwitchRefusals(t *testing.T) {
	r := newRound(t)
	sum := r.add(t, 1, r.seal(t, []int64{5}))
	good := r.answers(t, sum)
	other := func(p msg.Parts) Answers { return Answers{good.Active, []msg.Parts{good.Parts[0], p}} }
	for _, c := range []struct {
		name    string
		answers Answers
		kind    fault.Kind
	}{
		{"none", Answers{}, fault.Invalid},
		{"one", Answers{[]int{1}, good.Parts[:1]}, fault.Invalid},
		{"one of two", Answers{[]int{1, 2}, good.Parts[:1]}, fault.Invalid},
		{"out of order", Answers{[]int{2, 1}, good.Parts}, fault.Invalid},
		{"one twice", Answers{[]int{1, 1}, good.Parts}, fault.Invalid},
		{"no list", other(nil), fault.Tampered},
		{"one modulus", other(good.Parts[1][:1]), fault.Tampered},
		{"a chunk too many", other(msg.Parts{slices.Repeat(good.Parts[1][0], 2), slices.Repeat(good.Parts[1][1], 2)}), fault.Tampered},
		{"not there", other(msg.Parts{{suite.DigestOf(nil)}, good.Parts[1][1]}), fault.NotFound},
		{"too long", other(r.put([][][]byte{{make([]byte, he.ShareSize+1)}, {make([]byte, he.ShareSize)}})), fault.Exhausted},
		{"too short", other(r.put([][][]byte{{make([]byte, he.ShareSize)}, {make([]byte, he.ShareSize-8)}})), fault.Tampered},
		{"not reduced", other(r.put([][][]byte{{bytes.Repeat([]byte{0xff}, he.ShareSize)}, {make([]byte, he.ShareSize)}})), fault.Tampered},
	} {
		if s, err := Switch(t.Context(), r.fetch, sum, c.answers, t.TempDir()); !errors.Is(err, c.kind) || s != nil {
			t.Errorf("%s: %v, want %s", c.name, err, c.kind)
		}
	}
	var got []int64
	if _, _, err := r.opener.Open(t.Context(), r.switched(t, sum, good), show(&got)); err != nil || !slices.Equal(got, []int64{5}) {
		t.Errorf("a refusal changed something: %v, %v", got, err)
	}
}

// An answer that fails is none: nothing of it is left to be shown, and the member
// answers no other.
func TestReplyOnce(t *testing.T) {
	r := newRound(t)
	sum := r.add(t, 1, r.seal(t, []int64{5}))
	full := must(spool.New(t.TempDir()))(t)
	if err := full.Close(); err != nil {
		t.Fatal(err)
	}
	gone := &Sum{list{full, sum.parts, sum.slots}}
	if a, err := Reply(r.members[0], []int{1, 2}, r.opener.PublicKey(), gone, t.TempDir()); err == nil || a != nil {
		t.Errorf("an answer to what is not there: %v", err)
	}
	if a, err := Reply(r.members[0], []int{1, 2}, r.opener.PublicKey(), sum, t.TempDir()); !errors.Is(err, fault.Conflict) || a != nil {
		t.Errorf("a second answer: %v", err)
	}
}
