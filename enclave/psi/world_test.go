package psi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/ident"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// prove is whether the long forms run.
var prove = os.Getenv("YUNEI_PROVE") == "1"

// person is the number of nobody, rising with i.
func person(i int) string {
	s := fmt.Sprintf("110105%04d%02d%02d%03d", 1900+i/(12*28*900), 1+i/(28*900)%12, 1+i/900%28, i%900)
	c, err := ident.PersonCheck(s)
	if err != nil {
		panic(err)
	}
	return s + string(c)
}

func people(n ...int) []string {
	var ids []string
	for _, i := range n {
		ids = append(ids, person(i))
	}
	return ids
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

func given[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func ids(rs []Record) []string {
	var list []string
	for _, r := range rs {
		list = append(list, r.ID)
	}
	return list
}

// A log is a journal in memory.
type log struct {
	mu    sync.Mutex
	lines []string
	fail  error
}

func (l *log) once(_ context.Context, what string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	if slices.Contains(l.lines, what) {
		return fault.Conflict
	}
	l.lines = append(l.lines, what)
	return nil
}

// A memory is a Scratch.
type memory struct{ b []byte }

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	if need := int(at) + len(p); need > len(m.b) {
		m.b = append(m.b, make([]byte, need-len(m.b))...)
	}
	return copy(m.b[at:], p), nil
}

func (m *memory) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(m.b).ReadAt(p, at)
}

var salts = [3]suite.Salt{A: {1}, B: {2}}

// A world is one join with all its parties.
type world struct {
	join    *Join
	sets    [3][]Record
	holders []*Holder // the gate's first
	logs    [3]*log
	sides   [3]*Side
}

// A plan says what to join.
type plan struct {
	a, b         []Record
	slotsA, clip int
	slotsB       int
	cells, kMin  int
}

func (p plan) terms(tb testing.TB) (Terms, []*Holder) {
	tb.Helper()
	t := Terms{Job: "join-1", Namespace: jobs.NaturalPerson, Cells: max(1, p.cells), KMin: max(1, p.kMin)}
	t.A = Party{Domain: "tax", Slots: p.slotsA, Set: must(Commit(t.Namespace, salts[A], given(ids(p.a))))(tb)}
	t.B = Party{Domain: "health", Slots: p.slotsB, Set: must(Commit(t.Namespace, salts[B], given(ids(p.b))))(tb)}
	for _, party := range []*Party{&t.A, &t.B} {
		if party.Slots > 0 {
			party.Clip = int64(p.clip)
		}
	}
	var holders []*Holder
	if p.slotsA+p.slotsB > 0 {
		for _, name := range []string{"gate", "trustee-1", "trustee-2"} {
			h := must(NewHolder(t.Job, name))(tb)
			holders, t.Holders = append(holders, h), append(t.Holders, h.Share())
		}
	}
	return t, holders
}

func newWorld(tb testing.TB, p plan) *world {
	tb.Helper()
	w := &world{sets: [3][]Record{A: p.a, B: p.b}}
	t, holders := p.terms(tb)
	w.holders, w.join = holders, must(New(t))(tb)
	if !prove {
		w.join.memory = 4 * (pointSize + ciphertextSize) // chunks of a few, so that small sets have several
	}
	for _, r := range []Role{A, B} {
		w.logs[r] = &log{}
		w.sides[r] = must(w.join.Side(r, w.logs[r].once))(tb)
	}
	return w
}

// A bundle is a list and its digest.
type bundle struct {
	b []byte
	d suite.Digest
}

func (b bundle) answered() Answered { return Answered{bytes.NewReader(b.b), b.d} }

func (w *world) blind(tb testing.TB, r Role) []bundle {
	tb.Helper()
	var lists []bundle
	for cell := range w.join.terms.lists(r) {
		var out bytes.Buffer
		d := must(w.sides[r].Blind(tb.Context(), cell, salts[r], given(w.sets[r]), &memory{}, &out))(tb)
		lists = append(lists, bundle{out.Bytes(), d})
	}
	return lists
}

func (w *world) answer(tb testing.TB, r Role, lists []bundle) []bundle {
	tb.Helper()
	var out []bundle
	for cell, l := range lists {
		var b bytes.Buffer
		d := must(w.sides[r].Answer(tb.Context(), cell, bytes.NewReader(l.b), l.d, &memory{}, &b))(tb)
		out = append(out, bundle{b.Bytes(), d})
	}
	return out
}

// lists runs both domains, and returns what is answered to A's and B's.
func (w *world) lists(tb testing.TB) (a, b []bundle) {
	tb.Helper()
	xa, xb := w.blind(tb, A), w.blind(tb, B)
	return w.answer(tb, B, xa), w.answer(tb, A, xb)
}

func (w *world) match(tb testing.TB, a, b []bundle) (Matched, error) {
	tb.Helper()
	var as []Answered
	for _, l := range a {
		as = append(as, l.answered())
	}
	return w.join.Match(tb.Context(), as, b[0].answered())
}

// open decrypts, each holder after matching for itself.
func (w *world) open(tb testing.TB, a, b []bundle) (Result, error) {
	tb.Helper()
	m, err := w.match(tb, a, b)
	if err != nil {
		return Result{}, err
	}
	if len(w.holders) == 0 {
		return w.join.Counted(m)
	}
	var answers []Answer
	for _, h := range w.holders[1:] {
		own := must(w.match(tb, a, b))(tb)
		answer, err := h.Answer(w.join, own)
		if err != nil {
			return Result{}, err
		}
		answers = append(answers, answer)
	}
	return w.holders[0].Open(w.join, m, answers)
}

// plain is what a join is to come to.
func (w *world) plain() Result {
	t := w.join.terms
	r := Result{Counts: make([]int64, t.Cells), A: make([][]int64, t.Cells), B: make([][]int64, t.Cells)}
	for c := range t.Cells {
		r.A[c], r.B[c] = make([]int64, t.A.Slots), make([]int64, t.B.Slots)
	}
	for _, a := range w.sets[A] {
		for _, b := range w.sets[B] {
			if a.ID != b.ID {
				continue
			}
			r.Counts[b.Cell]++
			for k, v := range a.Values {
				r.A[b.Cell][k] += v
			}
			for k, v := range b.Values {
				r.B[b.Cell][k] += v
			}
		}
	}
	return r
}

// records are people with values and cells that follow from their numbers.
func records(r Role, cells, slots, clip int, n ...int) []Record {
	var rs []Record
	for _, i := range n {
		rec := Record{ID: person(i)}
		if r == B {
			rec.Cell = i % cells
		}
		for k := range slots {
			rec.Values = append(rec.Values, int64((i*7+k*3)%(2*clip+1)-clip))
		}
		rs = append(rs, rec)
	}
	return rs
}

// subset lists the bits of mask.
func subset(mask int) []int {
	var n []int
	for i := 0; mask>>i > 0; i++ {
		if mask>>i&1 == 1 {
			n = append(n, i)
		}
	}
	return n
}

func span(from, to int) []int {
	var n []int
	for i := from; i < to; i++ {
		n = append(n, i)
	}
	return n
}

// discard counts what is written.
type discard struct{ n int }

func (d *discard) Write(b []byte) (int, error) { d.n += len(b); return len(b), nil }

var _ io.Writer = (*discard)(nil)
