package psi

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// listOf makes a list of records as a party that is not honest would.
func listOf(f form, records ...[]byte) bundle {
	b := slices.Concat(append([][]byte{f.header[:]}, records...)...)
	return bundle{b, suite.DigestOf(b)}
}

// split takes a list apart.
func split(f form, b []byte) [][]byte {
	return slices.Collect(slices.Chunk(bytes.Clone(b[headerSize:]), f.record))
}

// restated gives a list the digest that its sender would state for it.
func restated(b []byte) bundle { return bundle{b, suite.DigestOf(b)} }

// mangled are lists that no honest party sends, from one that it did.
func mangled(f form, l bundle) map[string]bundle {
	rows := split(f, l.b)
	bad := map[string]bundle{
		"nothing":       restated(nil),
		"no record":     listOf(f),
		"a record less": listOf(f, rows[1:]...),
		"a record more": listOf(f, append(slices.Clone(rows), bytes.Repeat([]byte{0xff}, f.record))...),
		"a byte less":   restated(l.b[:len(l.b)-1]),
		"a byte more":   restated(append(bytes.Clone(l.b), 0)),
		"another's":     {l.b, suite.DigestOf([]byte("another list"))},
		"unstated":      {l.b, ""},
	}
	for at := range headerSize {
		b := bytes.Clone(l.b)
		b[at] ^= 1
		bad["header"+hex.EncodeToString([]byte{byte(at)})] = restated(b)
	}
	swapped, twice := slices.Clone(rows), slices.Clone(rows)
	half := len(rows) / 2
	copy(swapped, rows[half:])
	copy(swapped[len(rows)-half:], rows[:half])
	bad["halves swapped"] = listOf(f, swapped...)
	twice[1] = twice[0]
	bad["a record twice"] = listOf(f, twice...)
	return bad
}

// ordered puts records in the order of a list.
func ordered(rows [][]byte) [][]byte {
	slices.SortFunc(rows, func(a, b []byte) int { return bytes.Compare(a[:pointSize], b[:pointSize]) })
	return rows
}

// spoilt are records with a field that is no point.
func spoilt(f form, l bundle) map[string]bundle {
	bad := map[string]bundle{}
	for name, b := range badPoints() {
		for at := 0; at < f.record; at += pointSize {
			rows := split(f, l.b)
			copy(rows[2][at:], b)
			bad[name+" at "+hex.EncodeToString([]byte{byte(at)})] = listOf(f, ordered(rows)...)
		}
	}
	return bad
}

func badPoints() map[string][]byte {
	raw, err := os.ReadFile("testdata/rfc9496-points.txt")
	if err != nil {
		panic(err)
	}
	bad := map[string][]byte{"identity": make([]byte, pointSize)}
	for line := range strings.Lines(string(raw)) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "bad "); ok {
			b, err := hex.DecodeString(text)
			if err != nil {
				panic(err)
			}
			bad[text] = b
		}
	}
	return bad
}

// A list that is not what its sender may send is answered by nothing, leaves
// no line in the journal, and does not keep the right one from being answered.
func TestHostileLists(t *testing.T) {
	p := plan{a: records(A, 1, 1, 50, span(0, 8)...), b: records(B, 1, 0, 1, span(4, 12)...), slotsA: 1, clip: 50}
	w := newWorld(t, p)
	xa, xb := w.blind(t, A), w.blind(t, B)
	f := w.join.form(kindBlinded, A, 0)
	bad := mangled(f, xa[0])
	maps.Copy(bad, spoilt(f, xa[0]))
	bad["B's own"] = xb[0]
	before := slices.Clone(w.logs[B].lines)
	for name, l := range bad {
		var out discard
		_, err := w.sides[B].Answer(t.Context(), 0, bytes.NewReader(l.b), l.d, &memory{}, &out)
		if !errors.Is(err, fault.Tampered) && !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		if out.n > 0 || !slices.Equal(w.logs[B].lines, before) {
			t.Errorf("%s: %d bytes, journal %v", name, out.n, w.logs[B].lines)
		}
	}
	ya, yb := w.answer(t, B, xa), w.answer(t, A, xb)
	bad = mangled(w.join.form(kindAnswered, A, 0), ya[0])
	bad["blinded once"] = xa[0]
	bad["B's"] = yb[0]
	for name, l := range bad {
		if m, err := w.match(t, []bundle{l}, yb); !errors.Is(err, fault.Tampered) {
			t.Errorf("matching %s: %v, %v", name, m, err)
		}
		if m, err := w.match(t, yb, []bundle{l}); !errors.Is(err, fault.Tampered) {
			t.Errorf("matching %s as B's: %v, %v", name, m, err)
		}
	}
	if m, err := w.match(t, nil, yb); !errors.Is(err, fault.Invalid) {
		t.Errorf("without A: %v, %v", m, err)
	}
	if _, err := w.join.Match(t.Context(), []Answered{{}}, yb[0].answered()); !errors.Is(err, fault.Invalid) {
		t.Errorf("without a reader: %v", err)
	}
	must(w.open(t, ya, yb))(t)
}

// A list cut off anywhere is refused, and so is one whose reader fails.
func TestTruncated(t *testing.T) {
	p := plan{a: records(A, 1, 0, 1, span(0, 8)...), b: records(B, 1, 0, 1, span(4, 12)...)}
	w := newWorld(t, p)
	xa, _ := w.blind(t, A), w.blind(t, B)
	gone := errors.New("the line is dead")
	for n := range xa[0].b {
		cut := restated(xa[0].b[:n])
		if _, err := w.sides[B].Answer(t.Context(), 0, bytes.NewReader(cut.b), cut.d, &memory{}, &discard{}); !errors.Is(err, fault.Tampered) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		dead := io.MultiReader(bytes.NewReader(cut.b), failing{gone})
		if _, err := w.sides[B].Answer(t.Context(), 0, dead, xa[0].d, &memory{}, &discard{}); !errors.Is(err, gone) {
			t.Fatalf("%d bytes, then an error: %v", n, err)
		}
	}
	if _, err := w.sides[B].Answer(t.Context(), 0, bytes.NewReader(xa[0].b), xa[0].d, &memory{}, failing{gone}); !errors.Is(err, gone) {
		t.Fatalf("writing: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Whether a malformed ciphertext or a tag in two lists is refused does not
// depend on who matches: else a refusal would tell a cheat who is there.
func TestRefusalsTellNothing(t *testing.T) {
	for _, there := range []int{1, 9} { // person 1 is in B, or is not
		p := plan{
			a: records(A, 1, 1, 50, 1, 2, 3), slotsA: 1, clip: 50,
			b: records(B, 2, 0, 1, slices.Sorted(slices.Values([]int{there, 2, 3}))...), cells: 2,
		}
		w := newWorld(t, p)
		xa, xb := w.blind(t, A), w.blind(t, B)

		// The cheat knows which of its points is person 1's, in the list of B's
		// cell 1, where that person is if at all, and sends it in the other too.
		x := blindedPoint(w, A, person(1), 1)
		f0, f1 := w.join.form(kindBlinded, A, 0), w.join.form(kindBlinded, A, 1)
		rows := split(f0, xa[0].b)
		for _, row := range split(f1, xa[1].b) {
			if bytes.Equal(row[:pointSize], x) {
				rows[0] = row
			}
		}
		cheat := []bundle{listOf(f0, ordered(rows)...), xa[1]}
		ya, yb := w.answer(t, B, cheat), w.answer(t, A, xb)
		if m, err := w.match(t, ya, yb); !errors.Is(err, fault.Tampered) {
			t.Errorf("person %d is in B, person 1's point in two lists: %v, %v", there, m, err)
		}

		// B spoils a ciphertext in A's list, of each record in turn.
		w = newWorld(t, p)
		ya, yb = w.lists(t)
		must(w.match(t, ya, yb))(t)
		for i := range p.a {
			g := w.join.form(kindAnswered, A, 1)
			rows := split(g, ya[1].b)
			clear(rows[i][pointSize : 2*pointSize])
			if m, err := w.match(t, []bundle{ya[0], listOf(g, rows...)}, yb); !errors.Is(err, fault.Invalid) {
				t.Errorf("person %d is in B, record %d spoilt: %v, %v", there, i, m, err)
			}
		}
	}
}

// Nothing of a record that comes in is in a record that goes out, so that who
// sent the list does not know its records again.
func TestUnlinkable(t *testing.T) {
	p := plan{a: records(A, 1, 2, 50, span(0, 9)...), slotsA: 2, clip: 50, b: records(B, 1, 0, 1, 1)}
	w := newWorld(t, p)
	in, _ := w.blind(t, A), w.blind(t, B)
	seen := map[string]bool{}
	for _, l := range append(in, w.answer(t, B, in)...) {
		for half := range slices.Chunk(l.b[headerSize:], pointSize) {
			if seen[string(half)] {
				t.Fatal("a half comes twice")
			}
			seen[string(half)] = true
		}
	}
}

// blindedPoint is what a side's key makes of a number.
func blindedPoint(w *world, r Role, id string, cell int) []byte {
	p := w.join.hashPoint(id, cell)
	p.Mul(p, keyOf(w, r))
	return point(p)
}

// A relation that a cheat builds into its points is found again among points
// that were blinded once more, and not among tags.
func TestTagsHideRelations(t *testing.T) {
	p := plan{a: records(A, 1, 0, 1, 1, 2, 3), b: records(B, 1, 0, 1, 1, 2, 3)}
	w := newWorld(t, p)
	w.blind(t, B)
	c := curve.NewScalar().SetUint64(7)
	first := curve.NewElement().MulGen(curve.RandomNonZeroScalar(nil))
	second, third := curve.NewElement().Mul(first, c), curve.NewElement().Mul(w.join.hashPoint(person(3), 0), c)
	f := w.join.form(kindBlinded, A, 0)
	cheat := listOf(f, ordered([][]byte{point(first), point(second), point(third)})...)

	found := func(answers [][]byte) bool {
		for _, a := range answers {
			e, err := parsePoint(a)
			if err != nil {
				continue
			}
			e.Mul(e, c)
			if slices.ContainsFunc(answers, func(b []byte) bool { return bytes.Equal(b, point(e)) }) {
				return true
			}
		}
		return false
	}
	var undefended [][]byte
	for _, row := range split(f, cheat.b) {
		e := must(parsePoint(row))(t)
		undefended = append(undefended, point(e.Mul(e, keyOf(w, B))))
	}
	if !found(undefended) {
		t.Error("the attack does not work where it should: the test shows nothing")
	}
	answered := w.answer(t, B, []bundle{cheat})
	if found(split(w.join.form(kindAnswered, A, 0), answered[0].b)) {
		t.Error("the relation is found among tags")
	}
}

// What nothing shows, as the package says: B can pass one record's ciphertexts
// on for all.
func TestOneRecordForAll(t *testing.T) {
	p := plan{a: records(A, 1, 1, 50, 1, 2, 3), slotsA: 1, clip: 50, b: records(B, 1, 0, 1, 1, 2, 3), kMin: 3}
	w := newWorld(t, p)
	ya, yb := w.lists(t)
	f := w.join.form(kindAnswered, A, 0)
	rows := split(f, ya[0].b)
	for _, row := range rows[1:] {
		copy(row[pointSize:], rows[0][pointSize:])
	}
	got := must(w.open(t, []bundle{listOf(f, rows...)}, yb))(t)
	if v := got.A[0][0]; got.Counts[0] != 3 || v%3 != 0 || !slices.ContainsFunc(p.a, func(r Record) bool { return r.Values[0] == v/3 }) {
		t.Errorf("%v", got)
	}
}
