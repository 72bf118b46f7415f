package he

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
)

var crs = [SeedSize]byte{7}

// A round is one committee that has made its key, and a gate.
type round struct {
	members map[int]*Member
	key     []byte
	gate    *Receiver
}

func newRound(tb testing.TB, k, threshold int) round {
	tb.Helper()
	points := make([]int, k)
	for i := range points {
		points[i] = i + 1
	}
	r := round{members: map[int]*Member{}}
	var ckg [][]byte
	dealt := map[int]map[int][]byte{}
	for _, p := range points {
		m := must(NewMember(p, points, threshold))(tb)
		ckg = append(ckg, must(m.CKGShare(crs))(tb))
		for to, s := range must(m.ShamirShares())(tb) {
			if dealt[to] == nil {
				dealt[to] = map[int][]byte{}
			}
			dealt[to][p] = s
		}
		r.members[p] = m
	}
	for p, m := range r.members {
		if err := m.Receive(dealt[p]); err != nil {
			tb.Fatal(err)
		}
	}
	r.key = must(PublicKey(crs, ckg))(tb)
	r.gate = must(NewReceiver())(tb)
	return r
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

// A list is whole in memory here, by modulus and chunk.
type list = [][][]byte

func from(l list) Source {
	return func(m, c int) ([]byte, error) {
		if m >= len(l) || c >= len(l[m]) {
			return nil, fmt.Errorf("the list ends: %w", fault.Invalid)
		}
		return l[m][c], nil
	}
}

func keep() (list, Sink) {
	l := make(list, Moduli)
	return l, func(m, _ int, b []byte) error { l[m] = append(l[m], slices.Clone(b)); return nil }
}

func encrypt(key []byte, values []int64) (list, error) {
	l, to := keep()
	return l, Encrypt(key, values, to)
}

func answer(m *Member, active []int, receiver []byte, sum list) (list, error) {
	chunks := 0
	if len(sum) > 0 {
		chunks = len(sum[0])
	}
	l, to := keep()
	if err := m.Answer(active, receiver, chunks, from(sum), to); err != nil {
		return nil, err
	}
	return l, nil
}

// switched is a sum with all answers to it.
func switched(sum list, shares map[int]list) Source {
	return func(m, c int) ([]byte, error) {
		var all [][]byte
		for _, s := range shares {
			b, err := from(s)(m, c)
			if err != nil {
				return nil, err
			}
			all = append(all, b)
		}
		ct, err := from(sum)(m, c)
		if err != nil {
			return nil, err
		}
		return Switch(ct, all...)
	}
}

func (r round) open(sum list, shares map[int]list, slots int, bound int64) ([]int64, error) {
	return r.gate.Open(switched(sum, shares), slots, bound)
}

func residues(v int64) [Moduli]uint64 { return [Moduli]uint64{residue(v, t1), residue(v, t2)} }

// sum encrypts each vector and adds them up.
func (r round) sum(tb testing.TB, vectors ...[]int64) [][][]byte {
	tb.Helper()
	chunks := Chunks(len(vectors[0]))
	adders := make([]Adder, Moduli*chunks)
	for _, v := range vectors {
		for m, row := range must(encrypt(r.key, v))(tb) {
			for c, ct := range row {
				if err := adders[m*chunks+c].Add(ct); err != nil {
					tb.Fatal(err)
				}
			}
		}
	}
	out := make([][][]byte, Moduli)
	for i := range adders {
		out[i/chunks] = append(out[i/chunks], must(adders[i].Sum())(tb))
	}
	return out
}

func (r round) answers(tb testing.TB, active []int, sum [][][]byte) map[int][][][]byte {
	tb.Helper()
	out := map[int][][][]byte{}
	for _, p := range active {
		out[p] = must(answer(r.members[p], active, r.gate.PublicKey(), sum))(tb)
	}
	return out
}

func total(vectors ...[]int64) []int64 {
	out := make([]int64, len(vectors[0]))
	for _, v := range vectors {
		for i := range v {
			out[i] += v[i]
		}
	}
	return out
}

func draw(n int, size int64) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = rand.Int64N(2*size+1) - size
	}
	return out
}

func wantKind(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("err = %v, want %v", err, kind)
	}
}

func TestRoundTrip(t *testing.T) {
	const big = math.MaxInt64 / 4
	for _, c := range []struct {
		name    string
		k, t    int
		active  []int
		vectors [][]int64
	}{
		{"2 of 3, one slot", 3, 2, []int{1, 3}, [][]int64{{-7}, {7}, {-1}}},
		{"2 of 3, one site", 3, 2, []int{1, 2}, [][]int64{draw(320, 1e6)}},
		{"3 of 5, negative", 5, 3, []int{2, 4, 5}, [][]int64{draw(320, 1e12), draw(320, 1e12), draw(320, 1e12)}},
		{"3 of 5, chunks", 5, 3, []int{1, 2, 3}, [][]int64{draw(3*Slots+5, big), draw(3*Slots+5, big)}},
		{"7 of 7, a full chunk", 7, 7, []int{1, 2, 3, 4, 5, 6, 7}, [][]int64{draw(Slots, big), draw(Slots, big)}},
		{"bounds", 3, 2, []int{2, 3}, [][]int64{{math.MaxInt64, math.MinInt64, t1, -t1, t2, -t2}, {0, 1, 0, 0, 0, 0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRound(t, c.k, c.t)
			sum := r.sum(t, c.vectors...)
			n := len(c.vectors[0])
			got := must(r.open(sum, r.answers(t, c.active, sum), n, math.MaxInt64))(t)
			if diff := cmp.Diff(total(c.vectors...), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A sum may pass an int64 on the way, as 50 sites each at the end of the range
// do, but not at the end: what opens past the bound is refused, either sign.
func TestBound(t *testing.T) {
	for _, c := range []struct {
		name    string
		vectors [][]int64
		bound   int64
		ok      bool
	}{
		{"at it", [][]int64{{60}, {40}}, 100, true},
		{"past it", [][]int64{{60}, {41}}, 100, false},
		{"below minus it", [][]int64{{-60}, {-41}}, 100, false},
		{"2^64, and back", [][]int64{{math.MaxInt64}, {math.MaxInt64}, {-math.MaxInt64}}, math.MaxInt64, true},
		{"2^64", [][]int64{{math.MaxInt64}, {math.MaxInt64}}, math.MaxInt64, false},
		{"past the last slot", [][]int64{{1, 1}, {1, 0}}, 100, false}, // one site sends two slots where one is agreed
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRound(t, 3, 2)
			sum := r.sum(t, c.vectors...)
			_, err := r.open(sum, r.answers(t, []int{1, 2}, sum), 1, c.bound)
			if c.ok && err != nil {
				t.Error(err)
			}
			if !c.ok {
				wantKind(t, err, fault.Tampered)
			}
		})
	}
}

// What a trustee, a site or a relay gets wrong opens out of range, in the one
// modulus that it was in as well, and never panics.
func TestSpoilt(t *testing.T) {
	flip := func(b []byte, at int) {
		if b[at*8] ^= 1; check(b, 2) != nil {
			b[at*8] ^= 1
			b[at*8+1] ^= 1
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(r round, sum [][][]byte, shares map[int][][][]byte)
	}{
		{"a coefficient of an answer's first polynomial", func(_ round, _ [][][]byte, s map[int][][][]byte) { flip(s[1][0][0], 5) }},
		{"a coefficient of an answer's second polynomial", func(_ round, _ [][][]byte, s map[int][][][]byte) { flip(s[2][1][0], 3*Slots+5) }},
		{"the last coefficient of the sum", func(_ round, sum [][][]byte, _ map[int][][][]byte) { flip(sum[1][0], 3*Slots-1) }},
		{"moduli swapped in an answer", func(_ round, _ [][][]byte, s map[int][][][]byte) { s[1][0], s[1][1] = s[1][1], s[1][0] }},
		{"chunks swapped in an answer", func(_ round, _ [][][]byte, s map[int][][][]byte) { s[1][0][0], s[1][0][1] = s[1][0][1], s[1][0][0] }},
		{"an answer of another set", func(r round, sum [][][]byte, s map[int][][][]byte) {
			s[1] = must(answer(r.members[3], []int{2, 3}, r.gate.PublicKey(), sum))(t)
		}},
		{"an answer to another gate", func(r round, sum [][][]byte, s map[int][][][]byte) {
			other := must(NewReceiver())(t)
			s[1] = must(answer(r.members[3], []int{1, 3}, other.PublicKey(), sum))(t)
		}},
		{"a sum with one more", func(r round, sum [][][]byte, _ map[int][][][]byte) {
			sum[0][0] = must(Add(sum[0][0], r.sum(t, []int64{1})[0][0]))(t)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRound(t, 3, 2)
			n := Slots + 3
			sum := r.sum(t, draw(n, 1000), draw(n, 1000))
			shares := r.answers(t, []int{1, 2}, sum)
			c.spoil(r, sum, shares)
			_, err := r.open(sum, shares, n, 2000)
			wantKind(t, err, fault.Tampered)
			_, err = r.open(sum, shares, n, 2000)
			wantKind(t, err, fault.Conflict)
		})
	}
}

func TestMemberRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		point  int
		points []int
		t      int
	}{
		{"no committee", 1, nil, 2},
		{"one opens alone", 1, []int{1, 2, 3}, 1},
		{"more than all", 1, []int{1, 2, 3}, 4},
		{"a point twice", 1, []int{1, 1, 2}, 2},
		{"point 0, the secret itself", 1, []int{0, 1, 2}, 2},
		{"a large point", 1, []int{1, 2, 1 << 40}, 2},
		{"too many", 1, []int{1, 2, 3, 4, 5, 6, 7, 8}, 2},
		{"a stranger", 4, []int{1, 2, 3}, 2},
	} {
		if _, err := NewMember(c.point, c.points, c.t); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: err = %v", c.name, err)
		}
	}
	m := must(NewMember(1, []int{1, 2, 3}, 2))(t)
	_, err := m.CKGShare([SeedSize]byte{})
	wantKind(t, err, fault.Invalid)
	_, err = answer(m, []int{1, 2}, nil, nil)
	wantKind(t, err, fault.Conflict)
	wantKind(t, m.Receive(nil), fault.Conflict)
	must(m.CKGShare(crs))(t)
	_, err = m.CKGShare([SeedSize]byte{8})
	wantKind(t, err, fault.Conflict)
	dealt := must(m.ShamirShares())(t)
	_, err = m.ShamirShares()
	wantKind(t, err, fault.Conflict)
	wantKind(t, m.Receive(map[int][]byte{2: dealt[2]}), fault.Invalid)
	wantKind(t, m.Receive(map[int][]byte{2: dealt[2], 1: dealt[3]}), fault.Invalid)
	wantKind(t, m.Receive(map[int][]byte{2: dealt[2], 3: dealt[3][1:]}), fault.Invalid)
	if err := m.Receive(dealt); err != nil { // well-formed, so a refusal changed nothing
		t.Error(err)
	}
	wantKind(t, m.Receive(dealt), fault.Conflict)
	m.Erase()
	_, err = answer(m, []int{1, 2}, nil, nil)
	wantKind(t, err, fault.Conflict)
	var zero Member
	_, err = zero.CKGShare(crs)
	wantKind(t, err, fault.Conflict)
}

// The retry regression: a second answer would give the secret away (eprint
// 2026/031), whatever became of the first and however many ask at once.
func TestAnswersOnce(t *testing.T) {
	sum := newRound(t, 3, 2).sum(t, []int64{1})
	twice := [][][]byte{sum[0], sum[0]}
	for _, c := range []struct {
		name   string
		active []int
		sum    [][][]byte
		key    func(round) []byte
		kind   error
	}{
		{"the first is good", []int{1, 2}, sum, nil, nil},
		{"not in the set", []int{2, 3}, sum, nil, fault.Invalid},
		{"a set of one", []int{1}, sum, nil, fault.Invalid},
		{"a set of all", []int{1, 2, 3}, sum, nil, fault.Invalid},
		{"a set out of order", []int{2, 1}, sum, nil, fault.Invalid},
		{"a stranger in the set", []int{1, 5}, sum, nil, fault.Invalid},
		{"one modulus", []int{1, 2}, sum[:1], nil, fault.Invalid},
		{"no chunk", []int{1, 2}, [][][]byte{{}, {}}, nil, fault.Invalid},
		{"uneven", []int{1, 2}, [][][]byte{sum[0], {}}, nil, fault.Invalid},
		{"too many chunks", []int{1, 2}, [][][]byte{make([][]byte, MaxChunks+1), make([][]byte, MaxChunks+1)}, nil, fault.Invalid},
		{"a truncated ciphertext", []int{1, 2}, [][][]byte{{sum[0][0][8:]}, sum[1]}, nil, fault.Invalid},
		{"one polynomial twice", []int{1, 2}, twice, nil, fault.Tampered},
		{"no receiver", []int{1, 2}, sum, func(round) []byte { return nil }, fault.Invalid},
		{"a receiver without a seed", []int{1, 2}, sum, func(r round) []byte {
			return append(make([]byte, SeedSize), r.gate.PublicKey()[SeedSize:]...)
		}, fault.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRound(t, 3, 2)
			key := r.gate.PublicKey()
			if c.key != nil {
				key = c.key(r)
			}
			out, err := answer(r.members[1], c.active, key, c.sum)
			if !errors.Is(err, c.kind) || (err == nil) != (out != nil) {
				t.Errorf("first: %v", err)
			}
			if r.members[1].share.Coeffs != nil {
				t.Error("a secret is left")
			}
			out, err = answer(r.members[1], []int{1, 3}, r.gate.PublicKey(), sum)
			wantKind(t, err, fault.Conflict)
			if out != nil {
				t.Error("a second answer")
			}
		})
	}
}

func TestAnswersOnceAtOnce(t *testing.T) {
	r := newRound(t, 3, 2)
	sum := r.sum(t, []int64{1})
	var wg sync.WaitGroup
	got := make([]error, 8)
	for i := range got {
		wg.Go(func() { _, got[i] = answer(r.members[1], []int{1, 2}, r.gate.PublicKey(), sum) })
	}
	wg.Wait()
	n := 0
	for _, err := range got {
		if err == nil {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d answers", n)
	}
}

// Switch refuses what is not well-formed, each of its arguments.
func TestSwitchRefuses(t *testing.T) {
	r := newRound(t, 3, 2)
	sum := r.sum(t, draw(10, 50))
	shares := r.answers(t, []int{1, 2}, sum)
	ct, one, two := sum[0][0], shares[1][0][0], shares[2][0][0]
	wild := bytes.Repeat([]byte{0xff}, ShareSize)
	for name, args := range map[string][][]byte{
		"no sum":               {nil, one, two},
		"a truncated sum":      {ct[8:], one, two},
		"half a sum":           {ct[:polySize], one, two},
		"a sum not reduced":    {wild, one, two},
		"no answers":           {ct},
		"one answer":           {ct, one},
		"too many answers":     append([][]byte{ct}, slices.Repeat([][]byte{one}, MaxMembers+1)...),
		"an empty answer":      {ct, one, nil},
		"a truncated answer":   {ct, one, two[:ShareSize-8]},
		"an unreduced answer":  {ct, one, wild},
		"a first that is none": {ct, one[8:], two},
	} {
		if b, err := Switch(args[0], args[1:]...); !errors.Is(err, fault.Invalid) || b != nil {
			t.Errorf("%s: err = %v", name, err)
		}
	}
	kept := slices.Clone(ct)
	a, b := must(Switch(ct, one, two))(t), must(Switch(ct, two, one))(t)
	if !bytes.Equal(a, b) || !bytes.Equal(ct, kept) {
		t.Error("the order of the answers is in the bytes, or the sum was changed")
	}
}

// Open refuses what there cannot be, and stays open for what is; what it has
// begun to read spends it.
func TestOpenRefuses(t *testing.T) {
	r := newRound(t, 3, 2)
	v := draw(10, 50)
	sum := r.sum(t, v)
	shares := r.answers(t, []int{1, 2}, sum)
	for _, c := range []struct {
		name  string
		slots int
		bound int64
	}{{"no slots", 0, 50}, {"too many slots", MaxSlots + 1, 50}, {"a negative bound", 10, -1}} {
		if _, err := r.open(sum, shares, c.slots, c.bound); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: err = %v", c.name, err)
		}
	}
	if got := must(r.open(sum, shares, 10, 50))(t); !slices.Equal(got, v) {
		t.Errorf("got %v, want %v", got, v)
	}
	_, err := r.open(sum, shares, 10, 50)
	wantKind(t, err, fault.Conflict)
	_, err = new(Receiver).Open(switched(sum, shares), 10, 50)
	wantKind(t, err, fault.Conflict)
	for name, c := range map[string]struct {
		list  Source
		slots int
		kind  fault.Kind
	}{
		"erased":           {nil, 10, fault.Conflict},
		"another round's":  {switched(sum, shares), 10, fault.Tampered},
		"a list that ends": {from(nil), 10, fault.Invalid},
		"nothing there":    {func(int, int) ([]byte, error) { return nil, fault.NotFound }, 10, fault.NotFound},
		"not a ciphertext": {func(int, int) ([]byte, error) { return make([]byte, 8), nil }, 10, fault.Invalid},
	} {
		r = newRound(t, 3, 2)
		if c.list == nil {
			r.gate.Erase()
		}
		got, err := r.gate.Open(c.list, c.slots, 50)
		wantKind(t, err, c.kind)
		_, again := r.open(sum, shares, 10, 50)
		wantKind(t, again, fault.Conflict)
		if got != nil {
			t.Errorf("%s: opened", name)
		}
	}
}

// A list that is another when it is read again is not answered, and neither is
// one that nobody takes.
func TestAnswerReadsTwice(t *testing.T) {
	sum, other := newRound(t, 3, 2).sum(t, []int64{1}), newRound(t, 3, 2).sum(t, []int64{1})
	for name, c := range map[string]struct {
		swap  func(read int) list
		sink  error
		kind  error
		given int
	}{
		"the same":            {func(int) list { return sum }, nil, nil, 2},
		"another":             {func(n int) list { return []list{sum, other}[n/2] }, nil, fault.Tampered, 0},
		"another second":      {func(n int) list { return []list{sum, sum, sum, other}[n] }, nil, fault.Tampered, 1},
		"the first ones gone": {func(n int) list { return []list{sum, sum, nil, nil}[n] }, nil, fault.Invalid, 0},
		"nobody takes it":     {func(int) list { return sum }, fault.Exhausted, fault.Exhausted, 1},
	} {
		r, n, given := newRound(t, 3, 2), 0, 0
		err := r.members[1].Answer([]int{1, 2}, r.gate.PublicKey(), 1, func(m, chunk int) ([]byte, error) {
			defer func() { n++ }()
			return from(c.swap(n))(m, chunk)
		}, func(int, int, []byte) error { given++; return c.sink })
		if !errors.Is(err, c.kind) || given != c.given || r.members[1].share.Coeffs != nil {
			t.Errorf("%s: %v, %d given", name, err, given)
		}
	}
}

func TestSumRefuses(t *testing.T) {
	r := newRound(t, 3, 2)
	for _, values := range [][]int64{nil, make([]int64, MaxSlots+1)} {
		_, err := encrypt(r.key, values)
		wantKind(t, err, fault.Invalid)
	}
	for _, key := range [][]byte{nil, r.key[1:], append(slices.Clone(r.key), 0), append(slices.Clone(r.key[:PublicKeySize-8]), bytes.Repeat([]byte{255}, 8)...)} {
		_, err := encrypt(key, []int64{1})
		wantKind(t, err, fault.Invalid)
	}
	_, err := Add()
	wantKind(t, err, fault.Invalid)
	ct := r.sum(t, []int64{1})[0][0]
	_, err = Add(ct, ct[8:])
	wantKind(t, err, fault.Invalid)
	_, err = PublicKey(crs, nil)
	wantKind(t, err, fault.Invalid)
	share := must(must(NewMember(1, []int{1, 2}, 2))(t).CKGShare(crs))(t)
	_, err = PublicKey([SeedSize]byte{}, [][]byte{share, share})
	wantKind(t, err, fault.Invalid)
	_, err = PublicKey(crs, [][]byte{share, share[8:]})
	wantKind(t, err, fault.Invalid)
}

// Whoever recomputes a sum gets the same bytes, whatever the order.
func TestAddIsCommutative(t *testing.T) {
	r := newRound(t, 3, 2)
	a, b, c := r.sum(t, []int64{1})[0][0], r.sum(t, []int64{2})[0][0], r.sum(t, []int64{3})[0][0]
	if !bytes.Equal(must(Add(a, b, c))(t), must(Add(c, a, b))(t)) {
		t.Error("two orders, two sums")
	}
	kept := slices.Clone(a)
	var s Adder
	if err := errors.Join(s.Add(a), s.Add(b)); err != nil || s.N() != 2 {
		t.Errorf("n = %d: %v", s.N(), err)
	}
	if !bytes.Equal(a, kept) {
		t.Error("Add changed its argument")
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	r := newRound(t, 2, 2)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		if s := fmt.Sprintf(verb+verb, r.members[1], r.gate); strings.ContainsAny(s, "0123456789[{") {
			t.Errorf("%s prints %.80s", verb, s)
		}
	}
}

func TestJoin(t *testing.T) {
	m := new(big.Int).Mul(big.NewInt(t1), big.NewInt(t2))
	values := []*big.Int{new(big.Int).Rsh(m, 1), new(big.Int).Rsh(m, 2), new(big.Int).Lsh(big.NewInt(1), 64)}
	for _, v := range []int64{0, 1, 2, t1, t2, t1 - 1, 1 << 50, math.MaxInt64 - 1, math.MaxInt64} {
		values = append(values, big.NewInt(v))
	}
	for range 1000 {
		values = append(values, big.NewInt(rand.Int64()))
	}
	for _, size := range values {
		for _, v := range []*big.Int{size, new(big.Int).Neg(size)} {
			for _, bound := range []int64{0, 5, math.MaxInt64} {
				r1 := new(big.Int).Mod(v, big.NewInt(t1)).Uint64()
				r2 := new(big.Int).Mod(v, big.NewInt(t2)).Uint64()
				want := size.Cmp(big.NewInt(bound)) <= 0
				got, ok := join(r1, r2, bound)
				if ok != want || ok && got != v.Int64() {
					t.Fatalf("join of %v, bound %d = %d, %v", v, bound, got, ok)
				}
				if v.IsInt64() && residues(v.Int64()) != [Moduli]uint64{r1, r2} {
					t.Fatalf("residues(%v)", v)
				}
			}
		}
	}
}
