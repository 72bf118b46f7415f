package psi

import (
	"bytes"
	"slices"
	"testing"

	"github.com/cloudflare/circl/group"
)

func point(p group.Element) []byte {
	b := make([]byte, pointSize)
	putPoint(b, p)
	return b
}

// keyOf is a side's key, which a test may look at.
func keyOf(w *world, r Role) group.Scalar {
	w.sides[r].mu.Lock()
	defer w.sides[r].mu.Unlock()
	return w.sides[r].key.Copy()
}

// A transcript is all that ever is in domain A's memory and on its disk: what
// it got, what it sent, its scratch files, its journal, its key and its set.
type transcript struct {
	key      group.Scalar
	sent     []bundle // its own, blinded
	got      []bundle // B's, blinded
	answered []bundle // B's, answered by A
	scratch  [][]byte
	journal  []string
}

// watched runs A's part with everything kept, and B's with b.
func watched(t *testing.T, a, b []Record, x group.Scalar) (*world, transcript) {
	t.Helper()
	w := newWorld(t, plan{a: a, b: b})
	w.join.memory = 4 * pointSize
	w.sides[A].key = x.Copy()
	tr := transcript{key: x}
	tmp := [2]*memory{{}, {}}
	var out bytes.Buffer
	d := must(w.sides[A].Blind(t.Context(), 0, salts[A], given(a), tmp[0], &out))(t)
	tr.sent = []bundle{{bytes.Clone(out.Bytes()), d}}
	tr.got = w.blind(t, B)
	out.Reset()
	d = must(w.sides[A].Answer(t.Context(), 0, bytes.NewReader(tr.got[0].b), tr.got[0].d, tmp[1], &out))(t)
	tr.answered = []bundle{{bytes.Clone(out.Bytes()), d}}
	tr.scratch, tr.journal = [][]byte{tmp[0].b, tmp[1].b}, w.logs[A].lines
	return w, tr
}

// points are those among what A holds, and what its key makes of them.
func (tr transcript) points(t *testing.T, w *world) [][]byte {
	t.Helper()
	inverse := curve.NewScalar().Inv(tr.key)
	var all [][]byte
	for _, b := range split(w.join.form(kindBlinded, B, 0), tr.got[0].b) {
		all = append(all, b, point(curve.NewElement().Mul(must(parsePoint(b))(t), tr.key)), point(curve.NewElement().Mul(must(parsePoint(b))(t), inverse)))
	}
	return append(all, split(w.join.form(kindAnswered, B, 0), tr.answered[0].b)...)
}

// known are what A can make of one of its people: that A finds one of them
// among what it got would tell that the person is in B.
func known(w *world, x group.Scalar, id string) [][]byte {
	inverse := curve.NewScalar().Inv(x)
	p := w.join.hashPoint(id, 0)
	var all [][]byte
	for _, q := range []group.Element{p, curve.NewElement().Mul(p, x), curve.NewElement().Mul(p, inverse)} {
		tag := w.join.tag(q)
		all = append(all, point(q), tag[:])
	}
	return all
}

// Whether one of its people is in B or not, A holds as many bytes in the same
// order of events, the same of its own to the byte, and of B's what has nothing
// in common with any person of A's under any key that A has. The control: in a
// two-party join, where B's answer comes back to A, the same search finds the
// person.
func TestTranscript(t *testing.T) {
	a := records(A, 1, 0, 1, span(0, 20)...)
	x := curve.RandomNonZeroScalar(nil)
	with, without := records(B, 1, 0, 1, span(10, 30)...), records(B, 1, 0, 1, append(span(10, 19), span(20, 31)...)...)
	w1, in := watched(t, a, with, x)
	w2, out := watched(t, a, without, x)
	if len(in.scratch[0]) == 0 || len(in.scratch[1]) == 0 {
		t.Fatal("nothing was on disk: the test shows less than it says")
	}

	for name, pair := range map[string][2][]byte{
		"sent":       {in.sent[0].b[headerSize:], out.sent[0].b[headerSize:]},
		"own":        {in.scratch[0], out.scratch[0]},
		"journal":    {[]byte(in.journal[1]), []byte(out.journal[1])},
		"sizes of B": {make([]byte, len(in.got[0].b)), make([]byte, len(out.got[0].b))},
		"answered":   {make([]byte, len(in.answered[0].b)), make([]byte, len(out.answered[0].b))},
		"scratch":    {make([]byte, len(in.scratch[1])), make([]byte, len(out.scratch[1]))},
	} {
		if !bytes.Equal(pair[0], pair[1]) {
			t.Errorf("%s differs", name)
		}
	}
	for i, tr := range []transcript{in, out} {
		w := []*world{w1, w2}[i]
		points := tr.points(t, w)
		for _, r := range a {
			for _, k := range known(w, x, r.ID) {
				if slices.ContainsFunc(points, func(p []byte) bool { return bytes.Equal(p, k) }) {
					t.Fatalf("A finds one of its people")
				}
			}
		}
	}

	// The control, with B's key handing A's points back in A's order.
	y := keyOf(w1, B)
	for i, b := range [][]Record{with, without} {
		tags := map[string]bool{}
		for _, r := range b {
			p := w1.join.hashPoint(r.ID, 0)
			tags[string(point(p.Mul(p.Mul(p, y), x)))] = true
		}
		p := w1.join.hashPoint(person(19), 0)
		if found := tags[string(point(p.Mul(p.Mul(p, x), y)))]; found != (i == 0) {
			t.Errorf("control %d: %v", i, found)
		}
	}
}

// The order of a list is that of what is in it, so it does not depend on the
// order of the set; and two jobs order the same set otherwise.
func TestOrder(t *testing.T) {
	a := records(A, 1, 0, 1, span(0, 64)...)
	w := newWorld(t, plan{a: a, b: records(B, 1, 0, 1, 1)})
	key := keyOf(w, A)
	rows := split(w.join.form(kindBlinded, A, 0), w.blind(t, A)[0].b)
	if !slices.IsSortedFunc(rows, bytes.Compare) {
		t.Fatal("the list does not rise")
	}
	place := map[string]int{}
	for i, row := range rows {
		place[string(row)] = i
	}
	rising := 0
	last := -1
	for _, r := range a {
		p := w.join.hashPoint(r.ID, 0)
		at, ok := place[string(point(p.Mul(p, key)))]
		if !ok {
			t.Fatal("somebody is missing")
		}
		if at > last {
			rising++
		}
		last = at
	}
	if rising < 16 || rising > 48 { // of 64, half by chance; 10^-4 either way
		t.Errorf("%d of 64 neighbours stay in order", rising)
	}
}
