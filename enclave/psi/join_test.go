package psi

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// Every pair of sets out of four people, and the plain intersection.
func TestEverySmallJoin(t *testing.T) {
	for a := 1; a < 16; a++ {
		for b := 1; b < 16; b++ {
			counted := plan{a: records(A, 2, 0, 1, subset(a)...), b: records(B, 2, 0, 1, subset(b)...), cells: 2}
			joined(t, counted, a&b)
			if prove || (a+b)%5 == 0 {
				summed := plan{
					a: records(A, 2, 2, 50, subset(a)...), slotsA: 2, clip: 50,
					b: records(B, 2, 1, 50, subset(b)...), slotsB: 1, cells: 2,
				}
				joined(t, summed, a&b)
			}
		}
	}
}

func joined(t *testing.T, p plan, both int) {
	t.Helper()
	w := newWorld(t, p)
	a, b := w.lists(t)
	got, err := w.open(t, a, b)
	if both == 0 {
		if !errors.Is(err, fault.Denied) {
			t.Fatalf("nobody is in both: %v, %v", got, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.plain(), got); diff != "" {
		t.Fatalf("%v and %v (-plain +joined):\n%s", ids(p.a), ids(p.b), diff)
	}
	if row := got.Slots(); len(row) != 2*(1+p.slotsA+p.slotsB) || row[0] != got.Counts[0] {
		t.Fatalf("slots %v of %v", row, got)
	}
}

// A cube of A's attributes over the intersection, larger than a chunk.
func TestCubeOverTheIntersection(t *testing.T) {
	const cells = 5
	n := 120
	if prove {
		n = 20000
	}
	p := plan{a: records(A, 1, 0, 1, span(0, n)...), b: records(B, 3, 0, 1, span(n/2, n/2+n)...), slotsA: cells, clip: 900, cells: 3, kMin: 10}
	for i := range p.a {
		p.a[i].Values = make([]int64, cells)
		p.a[i].Values[i%cells] = int64(i*31%1801 - 900)
	}
	w := newWorld(t, p)
	a, b := w.lists(t)
	got := must(w.open(t, a, b))(t)
	if diff := cmp.Diff(w.plain(), got); diff != "" {
		t.Fatalf("-plain +joined:\n%s", diff)
	}
}

// The root is RFC 6962's, over salted leaves.
func TestCommitment(t *testing.T) {
	salt := suite.Salt{9}
	leaf := func(id string) []byte {
		mac := hmac.New(sha256.New, salt[:])
		mac.Write([]byte("yunei psi leaf salt v1\nnatural-person\n" + id))
		sum := sha256.Sum256(slices.Concat([]byte("\x00yunei psi leaf v1\nnatural-person\n"), mac.Sum(nil), []byte(id)))
		return sum[:]
	}
	var mth func(list []string) []byte
	mth = func(list []string) []byte {
		if len(list) == 1 {
			return leaf(list[0])
		}
		k := 1
		for 2*k < len(list) {
			k *= 2
		}
		sum := sha256.Sum256(slices.Concat([]byte{1}, mth(list[:k]), mth(list[k:])))
		return sum[:]
	}
	seen := map[string]bool{}
	for n := 1; n < 40; n++ {
		list := people(span(0, n)...)
		c := must(Commit(jobs.NaturalPerson, salt, given(list)))(t)
		if c.Size != n || c.Root != hex.EncodeToString(mth(list)) {
			t.Fatalf("%d people: %+v", n, c)
		}
		other := must(Commit(jobs.NaturalPerson, suite.Salt{8}, given(list)))(t)
		if seen[c.Root] || seen[other.Root] || c.Root == other.Root {
			t.Fatalf("%d people: the root comes twice", n)
		}
		seen[c.Root], seen[other.Root] = true, true
	}
}

func TestSetsThatAreNone(t *testing.T) {
	bad := map[string][]string{
		"empty":             nil,
		"not rising":        people(2, 1),
		"twice":             people(1, 2, 2, 3),
		"not canonical":     {strings.ToLower("11010519491231002X")},
		"wrong check digit": {person(1)[:17] + "?"},
		"no number":         {""},
	}
	for name, list := range bad {
		if c, err := Commit(jobs.NaturalPerson, suite.Salt{1}, given(list)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if _, err := Commit(jobs.Row, suite.Salt{1}, given(people(1))); !errors.Is(err, fault.Invalid) {
		t.Errorf("rows: %v", err)
	}
	gone := errors.New("the disk is gone")
	broken := func(yield func(string, error) bool) { yield("", gone) }
	if _, err := Commit(jobs.NaturalPerson, suite.Salt{1}, broken); !errors.Is(err, gone) {
		t.Errorf("a reader's error: %v", err)
	}
}

// What is not the committed set leaves no byte and no line in the journal.
func TestOnlyTheCommittedSetLeaves(t *testing.T) {
	good := records(A, 1, 1, 50, 1, 3, 5)
	with := func(change func(rs []Record) []Record) []Record {
		return change(records(A, 1, 1, 50, 1, 3, 5))
	}
	cases := []struct {
		name string
		set  []Record
		salt suite.Salt
		kind fault.Kind
	}{
		{"superset", records(A, 1, 1, 50, 1, 3, 5, 7), salts[A], fault.Exhausted},
		{"superset that begins elsewhere", records(A, 1, 1, 50, 0, 1, 3, 5), salts[A], fault.Exhausted},
		{"subset", records(A, 1, 1, 50, 1, 3), salts[A], fault.Tampered},
		{"nobody", nil, salts[A], fault.Tampered},
		{"another person", records(A, 1, 1, 50, 1, 3, 6), salts[A], fault.Tampered},
		{"another salt", good, suite.Salt{7}, fault.Tampered},
		{"twice", records(A, 1, 1, 50, 1, 3, 3), salts[A], fault.Invalid},
		{"another order", records(A, 1, 1, 50, 3, 1, 5), salts[A], fault.Invalid},
		{"not canonical", with(func(rs []Record) []Record { rs[1].ID = " " + rs[1].ID; return rs }), salts[A], fault.Invalid},
		{"beyond the clip", with(func(rs []Record) []Record { rs[1].Values[0] = 51; return rs }), salts[A], fault.Invalid},
		{"below the clip", with(func(rs []Record) []Record { rs[1].Values[0] = -51; return rs }), salts[A], fault.Invalid},
		{"smallest number", with(func(rs []Record) []Record { rs[1].Values[0] = -1 << 63; return rs }), salts[A], fault.Invalid},
		{"a value more", with(func(rs []Record) []Record { rs[1].Values = []int64{1, 2}; return rs }), salts[A], fault.Invalid},
		{"a value less", with(func(rs []Record) []Record { rs[1].Values = nil; return rs }), salts[A], fault.Invalid},
		{"a cell in A", with(func(rs []Record) []Record { rs[1].Cell = 1; return rs }), salts[A], fault.Invalid},
	}
	p := plan{a: good, b: records(B, 2, 0, 1, 1, 2), slotsA: 1, clip: 50, cells: 2}
	w := newWorld(t, p)
	for _, c := range cases {
		var out discard
		_, err := w.sides[A].Blind(t.Context(), 0, c.salt, given(c.set), &memory{}, &out)
		if !errors.Is(err, c.kind) || out.n > 0 || len(w.logs[A].lines) > 0 {
			t.Errorf("%s: %v, %d bytes, journal %v", c.name, err, out.n, w.logs[A].lines)
		}
		if err != nil && strings.Contains(err.Error(), "110105") {
			t.Errorf("%s: a number is in the error: %v", c.name, err)
		}
	}
	for _, cell := range []int{-1, 2} {
		if _, err := w.sides[A].Blind(t.Context(), cell, salts[A], given(good), &memory{}, &discard{}); !errors.Is(err, fault.Invalid) {
			t.Errorf("list %d: %v", cell, err)
		}
	}
	b := records(B, 2, 0, 1, 1, 2)
	b[0].Cell = 2
	if _, err := w.sides[B].Blind(t.Context(), 0, salts[B], given(b), &memory{}, &discard{}); !errors.Is(err, fault.Invalid) {
		t.Errorf("a cell that is none: %v", err)
	}
	if _, err := w.sides[A].Blind(t.Context(), 0, salts[A], given(good), &memory{}, &discard{}); err != nil {
		t.Errorf("the committed set: %v", err)
	}
}

func TestOnce(t *testing.T) {
	p := plan{a: records(A, 1, 0, 1, 1, 2, 3), b: records(B, 1, 0, 1, 2, 3, 4)}
	w := newWorld(t, p)
	ctx := t.Context()
	blindA := func(s *Side, out *discard) error {
		_, err := s.Blind(ctx, 0, salts[A], given(p.a), &memory{}, out)
		return err
	}
	var xb bytes.Buffer
	db := must(w.sides[B].Blind(ctx, 0, salts[B], given(p.b), &memory{}, &xb))(t)
	answerA := func(s *Side, out *discard) error {
		_, err := s.Answer(ctx, 0, bytes.NewReader(xb.Bytes()), db, &memory{}, out)
		return err
	}
	conflict := func(what string, err error, out discard) {
		t.Helper()
		if !errors.Is(err, fault.Conflict) || out.n > 0 {
			t.Errorf("%s: %v, %d bytes", what, err, out.n)
		}
	}
	var out discard
	conflict("answering before its own set is out", answerA(w.sides[A], &out), out)

	full := errors.New("the disk is full")
	w.logs[A].fail = full
	if err := blindA(w.sides[A], &out); !errors.Is(err, full) || out.n > 0 {
		t.Errorf("no journal: %v, %d bytes", err, out.n)
	}
	w.logs[A].fail = nil
	if err := blindA(w.sides[A], &out); err != nil {
		t.Fatal(err)
	}
	out.n = 0
	conflict("blinding again", blindA(w.sides[A], &out), out)
	w.logs[A].fail = full
	if err := answerA(w.sides[A], &out); !errors.Is(err, full) || out.n > 0 {
		t.Errorf("no journal: %v, %d bytes", err, out.n)
	}
	w.logs[A].fail = nil
	if err := answerA(w.sides[A], &out); err != nil {
		t.Fatal(err)
	}
	out.n = 0
	conflict("answering again", answerA(w.sides[A], &out), out)
	if w.sides[A].key != nil {
		t.Error("the key outlives the job")
	}

	// A Side does not rely on the journal alone.
	forgetful := must(w.join.Side(A, func(context.Context, string) error { return nil }))(t)
	if err := blindA(forgetful, &out); err != nil {
		t.Fatal(err)
	}
	out.n = 0
	conflict("blinding again without a memory", blindA(forgetful, &out), out)

	// A process that starts anew draws another key, and finds its journal.
	again := must(w.join.Side(A, w.logs[A].once))(t)
	conflict("the same job again", blindA(again, &out), out)
	if w.sides[B].Erase(); w.sides[B].key != nil {
		t.Error("the key is not erased")
	}
	conflict("answering without a key", func() error {
		_, err := w.sides[B].Answer(ctx, 0, bytes.NewReader(nil), "", &memory{}, &out)
		return err
	}(), out)
	if want := []string{"psi/join-1/blind/A/0", "psi/join-1/answer/B/0"}; !slices.Equal(w.logs[A].lines, want) {
		t.Errorf("journal %v", w.logs[A].lines)
	}
}

// The journal has the line before the first byte is out.
func TestEvidenceBeforeEffect(t *testing.T) {
	p := plan{a: records(A, 1, 0, 1, 1, 2, 3), b: records(B, 1, 0, 1, 2, 3, 4)}
	w := newWorld(t, p)
	watch := writer(func() {
		if len(w.logs[A].lines) == 0 {
			t.Error("a byte is out before the journal knows")
		}
	})
	if _, err := w.sides[A].Blind(t.Context(), 0, salts[A], given(p.a), &memory{}, watch); err != nil {
		t.Fatal(err)
	}
}

type writer func()

func (w writer) Write(b []byte) (int, error) { w(); return len(b), nil }

func TestTermsThatAreNone(t *testing.T) {
	p := plan{a: records(A, 1, 1, 50, 1, 2, 3), b: records(B, 1, 0, 1, 2, 3, 4), slotsA: 1, clip: 50}
	good, _ := p.terms(t)
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	rogue := must(NewHolder("join-2", "trustee-1"))(t).Share()
	bad := map[string]func(*Terms){
		"zero":                func(t *Terms) { *t = Terms{} },
		"no job":              func(t *Terms) { t.Job = "" },
		"namespace":           func(t *Terms) { t.Namespace = jobs.Row },
		"one domain":          func(t *Terms) { t.B.Domain = t.A.Domain },
		"no domain":           func(t *Terms) { t.B.Domain = "" },
		"no cells":            func(t *Terms) { t.Cells = 0 },
		"many cells":          func(t *Terms) { t.Cells = MaxCells + 1 },
		"no least":            func(t *Terms) { t.KMin = 0 },
		"a least beyond both": func(t *Terms) { t.KMin = 4 },
		"no root":             func(t *Terms) { t.A.Set.Root = "" },
		"capital root":        func(t *Terms) { t.A.Set.Root = strings.Repeat("AB", 32) },
		"empty set":           func(t *Terms) { t.A.Set.Size = 0 },
		"huge set":            func(t *Terms) { t.A.Set.Size = MaxSet + 1 },
		"points":              func(t *Terms) { t.Cells, t.A.Set.Size, t.A.Slots, t.A.Clip, t.Holders = 64, 1<<20, 0, 0, nil },
		"ciphertexts":         func(t *Terms) { t.A.Set.Size, t.A.Slots = 1<<20, 5 },
		"slots":               func(t *Terms) { t.A.Slots = MaxSlots + 1 },
		"slots without clip":  func(t *Terms) { t.A.Clip = 0 },
		"clip without slots":  func(t *Terms) { t.B.Clip = 1 },
		"negative clip":       func(t *Terms) { t.A.Clip = -1 },
		"large total":         func(t *Terms) { t.A.Clip = MaxTotal/3 + 1 },
		"no holders":          func(t *Terms) { t.Holders = nil },
		"one holder":          func(t *Terms) { t.Holders = t.Holders[:1] },
		"a holder twice":      func(t *Terms) { t.Holders[1] = t.Holders[0] },
		"another job's share": func(t *Terms) { t.Holders[1] = rogue },
		"a copied share":      func(t *Terms) { t.Holders[1].Bytes = t.Holders[0].Bytes },
		"holders of nothing":  func(t *Terms) { t.A.Slots, t.A.Clip = 0, 0 },
	}
	for name, change := range bad {
		terms := good
		terms.Holders = slices.Clone(good.Holders)
		change(&terms)
		if _, err := New(terms); err == nil || fault.Of(err) == fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	j := must(New(good))(t)
	for _, r := range []Role{0, 3} {
		if _, err := j.Side(r, (&log{}).once); !errors.Is(err, fault.Invalid) {
			t.Errorf("joining as %v: %v", r, err)
		}
	}
	if _, err := j.Side(A, nil); !errors.Is(err, fault.Invalid) {
		t.Errorf("joining without a journal: %v", err)
	}
}

func TestNothingPrints(t *testing.T) {
	p := plan{a: records(A, 1, 1, 50, 1), b: records(B, 1, 0, 1, 1), slotsA: 1, clip: 50}
	w := newWorld(t, p)
	for _, v := range []any{w.sides[A], w.holders[0], &Discloser{}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
			if s := fmt.Sprintf(verb, v); len(s) > 16 {
				t.Errorf("%T with %s: %s", v, verb, s)
			}
		}
	}
}

func TestCancelled(t *testing.T) {
	p := plan{a: records(A, 1, 0, 1, 1, 2), b: records(B, 1, 0, 1, 1, 2)}
	w := newWorld(t, p)
	a, b := w.lists(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	fresh := newWorld(t, p)
	if _, err := fresh.sides[A].Blind(ctx, 0, salts[A], given(p.a), &memory{}, &discard{}); !errors.Is(err, context.Canceled) {
		t.Errorf("blinding: %v", err)
	}
	if _, err := w.join.Match(ctx, []Answered{a[0].answered()}, b[0].answered()); !errors.Is(err, context.Canceled) {
		t.Errorf("matching: %v", err)
	}
}
