package prio

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
)

// forge makes a report of any field elements, with the best proof that there is.
func (w *world) forge(tb testing.TB, meas func(jr []*big.Int) []*big.Int, lie func([]byte) []byte) []byte {
	tb.Helper()
	random := make([]byte, idSize+4*seedSize)
	if _, err := rand.Read(random); err != nil {
		tb.Fatal(err)
	}
	rep := Report{Task: w.task.id, ID: ID(random[:idSize]), At: day.Unix()}
	var inputs [2][]byte
	rep.Public, inputs = circuitOf(w.task.p).shard(w.task.context(), rep.ID, meas, random[idSize:], lie)
	return w.sealed(tb, rep, inputs)
}

func (w *world) sealed(tb testing.TB, rep Report, inputs [2][]byte) []byte {
	tb.Helper()
	if err := rep.seal(w.task, inputs); err != nil {
		tb.Fatal(err)
	}
	return rep.Bytes()
}

func elements(f ring, n int, set map[int]*big.Int) []*big.Int {
	m := make([]*big.Int, n)
	for i := range m {
		m[i] = new(big.Int)
		if x, ok := set[i]; ok {
			m[i] = f.mod(new(big.Int).Set(x))
		}
	}
	return m
}

// Whatever a client puts into its shares, with an honest proof of it, counts
// only if it is one contribution in range.
func TestHostileContribution(t *testing.T) {
	n := big.NewInt
	half := map[bool]*big.Int{true: field128.inv(2), false: field64.inv(2)}
	for _, c := range []struct {
		name string
		kind Kind
		set  map[int]*big.Int
	}{
		{"two", Count, map[int]*big.Int{0: n(2)}},
		{"less than none", Count, map[int]*big.Int{0: n(-1)}},
		{"a half", Count, map[int]*big.Int{0: half[false]}},
		{"a million", Count, map[int]*big.Int{0: n(1_000_000)}},
		{"bits of 15, in range of another maximum", Sum, map[int]*big.Int{0: n(1), 1: n(1), 2: n(1), 3: n(1), 4: n(1), 5: n(1), 6: n(1), 7: n(1)}},
		{"a bit of 2, and the range right", Sum, map[int]*big.Int{0: n(2), 4: n(1), 5: n(1), 6: n(1)}},
		{"the range by a large bit", Sum, map[int]*big.Int{0: n(1), 1: n(1), 3: n(1), 4: n(16)}},
		{"no range", Sum, nil},
		{"an element of 2", SumVec, map[int]*big.Int{3: n(2)}},
		{"an element of -1", SumVec, map[int]*big.Int{19: n(-1)}},
		{"a half", SumVec, map[int]*big.Int{7: half[true]}},
		{"all of 5", SumVec, map[int]*big.Int{0: n(5), 4: n(5), 8: n(5), 12: n(5), 16: n(5)}},
		{"two buckets", Histogram, map[int]*big.Int{0: n(1), 9: n(1)}},
		{"all but one", Histogram, map[int]*big.Int{0: n(1), 1: n(1), 2: n(1), 3: n(1), 4: n(1), 5: n(1), 6: n(1), 7: n(1), 8: n(1)}},
		{"no bucket", Histogram, nil},
		{"twice one bucket", Histogram, map[int]*big.Int{4: n(2)}},
		{"two, and one taken away", Histogram, map[int]*big.Int{4: n(2), 5: n(-1)}},
		{"two halves", Histogram, map[int]*big.Int{4: half[true], 5: half[true]}},
		{"a million, and the rest taken away", Histogram, map[int]*big.Int{0: n(1_000_000), 1: n(-999_999)}},
	} {
		t.Run(fmt.Sprint(c.kind, " ", c.name), func(t *testing.T) {
			w := newWorld(t, shape(c.kind))
			circuit := circuitOf(w.task.p)
			meas := elements(circuit.ring, w.task.p.elements(), c.set)
			bad := w.forge(t, func([]*big.Int) []*big.Int { return meas }, nil)
			wantOnly(t, w, bad, Unproved)
		})
	}
}

// wantOnly brings bad through between two honest reports, and wants them alone
// to count.
func wantOnly(t *testing.T, w *world, bad []byte, reason Reason) {
	t.Helper()
	k := w.task.p.Kind
	good := [2][]byte{w.report(t, one(k)...), w.report(t, one(k)...)}
	if n := w.list(t, good[0], bad, good[1]); n != 2 {
		t.Errorf("%d reports count, want 2", n)
	}
	r := w.result(t)
	wantValues(t, r, wantOnes(k, 2))
	if r.Tally[reason] != 1 || r.Tally.Rejected() != 1 {
		t.Errorf("tally %v, want one %v", r.Tally, reason)
	}
}

// The prover of these tests makes reports that do count, if they are in range:
// it is the contribution that fails above, and not the forger.
func TestForgerCounts(t *testing.T) {
	for _, k := range kinds {
		w := newWorld(t, shape(k))
		meas := encoded(w.task.p, must(w.task.p.numbers(one(k)))(t))
		honest := func([]*big.Int) []*big.Int { return meas }
		if n := w.list(t, w.forge(t, honest, nil), w.forge(t, honest, nil)); n != 2 {
			t.Fatalf("%v: %d reports count, want 2", k, n)
		}
		wantValues(t, w.result(t), wantOnes(k, 2))
	}
}

// A client that chooses the joint randomness, by a public share that is not its
// shares', finds a contribution out of range that the circuit takes: with two
// elements under one call of the gadget, 2 and an x with x(x-1) = -2/r. That
// the aggregators hold the public share against their own parts is all that is
// in its way.
func TestHostileJointRandomness(t *testing.T) {
	w := newWorld(t, Params{Kind: SumVec, Length: 2, Bits: 1, Chunk: 2})
	c, ctx := circuitOf(w.task.p), w.task.context()
	root := func(jr []*big.Int) *big.Int {
		r := new(big.Int).ModInverse(jr[0], c.p)
		s := new(big.Int).ModSqrt(c.sub(big.NewInt(1), c.mul(big.NewInt(8), r)), c.p)
		if s == nil {
			return nil
		}
		return c.mul(c.add(big.NewInt(1), s), c.inv(2))
	}
	meas := func(jr []*big.Int) []*big.Int {
		x := new(big.Int)
		if jr != nil {
			x = root(jr)
		}
		return []*big.Int{big.NewInt(2), x}
	}
	lie := func(public []byte) []byte {
		for k := byte(1); ; k++ {
			public = bytes.Repeat([]byte{k}, len(public))
			jr := c.expand(ctx, useJoint, c.xof(ctx, useSeed, make([]byte, seedSize), public, seedSize), []byte{1}, c.jrs)
			if root(jr) != nil {
				return public
			}
		}
	}
	bad := w.forge(t, meas, lie)

	// Without the check, it passes.
	rep := must(ParseReport(w.task, bad))(t)
	verifier := elements(c.ring, c.arity+2, nil)
	for i := range w.boxes {
		input := must(w.boxes[i].Open(rep.info(rep.tag(), Role(i+1)), rep.Letters[i]))(t)
		for k, x := range c.answer(ctx, w.key, rep.ID, i, 2, rep.Public, input) {
			verifier[k] = c.add(verifier[k], x)
		}
	}
	if !c.decide(verifier) {
		t.Fatal("the attack does not even work without the check")
	}

	if n := w.list(t, w.report(t, 1, 0), bad, w.report(t, 1, 0)); n != 2 {
		t.Errorf("%d reports count, want 2", n)
	}
	if r := w.result(t); r.Tally[Unproved] != 1 {
		t.Errorf("tally %v", r.Tally)
	} else {
		wantValues(t, r, []int64{2, 0})
	}
}

// No byte of a report can be other than its client made it.
func TestEveryByte(t *testing.T) {
	for _, k := range kinds {
		w := newWorld(t, shape(k))
		good := w.report(t, one(k)...)
		var list [][]byte
		for i := 0; i < len(good); i += more(7, 1) {
			bad := slices.Clone(good)
			bad[i] ^= 1 << (i % 8)
			list = append(list, bad)
		}
		for len(list) > 0 {
			n := min(len(list), w.task.ListLimit())
			if counted := w.list(t, list[:n]...); counted != 0 {
				t.Errorf("%v: %d altered reports count", k, counted)
			}
			list = list[n:]
		}
		// Whoever can alter a report on its way can keep it out: the aggregator
		// whose letter was whole has answered for its number.
		if n := w.list(t, good); n != 0 || w.aggs[0].Batch().Tally[Replayed] == 0 {
			t.Errorf("%v: its number was answered for twice", k)
		}
	}
}

// Reports that are in the wrong place, at the wrong time, or there again.
func TestRejected(t *testing.T) {
	w, other := newWorld(t, shape(Histogram)), newWorld(t, shape(Histogram))
	parse := func(b []byte) Report { return must(ParseReport(w.task, b))(t) }
	open := func(b []byte) (r Report, in [2][]byte) {
		r = parse(b)
		for i := range in {
			in[i] = must(w.boxes[i].Open(r.info(r.tag(), Role(i+1)), r.Letters[i]))(t)
		}
		return r, in
	}
	twice := w.report(t, 3)
	for _, c := range []struct {
		name string
		want Reason
		bad  func() []byte
	}{
		{"noise", Malformed, func() []byte { return []byte("YPR\x01 and no report") }},
		{"nothing", Malformed, func() []byte { return nil }},
		{"a byte more", Malformed, func() []byte { return append(w.report(t, 1), 0) }},
		{"a byte less", Malformed, func() []byte { b := w.report(t, 1); return b[:len(b)-1] }},
		{"another task's", Foreign, func() []byte { return other.report(t, 1) }},
		{"another task's, under this one's name", Unopened, func() []byte {
			r := parse(other.report(t, 1))
			r.Task = w.task.id
			return r.Bytes()
		}},
		{"sealed here, shared for another task", Unproved, func() []byte {
			r := parse(other.report(t, 1))
			var in [2][]byte
			for i := range in {
				in[i] = must(other.boxes[i].Open(r.info(r.tag(), Role(i+1)), r.Letters[i]))(t)
			}
			r.Task = w.task.id
			return w.sealed(t, r, in)
		}},
		{"letters swapped", Unopened, func() []byte {
			r := parse(w.report(t, 1))
			r.Letters[0] = r.Letters[1]
			return r.Bytes()
		}},
		{"shares swapped", Unshaped, func() []byte {
			r, in := open(w.report(t, 1))
			return w.sealed(t, r, [2][]byte{in[1], in[0]})
		}},
		{"shares of two reports", Unproved, func() []byte {
			r, in := open(w.report(t, 1))
			_, other := open(w.report(t, 1))
			return w.sealed(t, r, [2][]byte{in[0], other[1]})
		}},
		{"an element that is not reduced", Unshaped, func() []byte {
			r, in := open(w.report(t, 1))
			copy(in[0], bytes.Repeat([]byte{0xff}, 16))
			return w.sealed(t, r, in)
		}},
		{"shares under another number", Unproved, func() []byte {
			r, in := open(w.report(t, 1))
			r.ID[0]++
			return w.sealed(t, r, in)
		}},
		{"before the time", Untimely, func() []byte {
			r, in := open(w.report(t, 1))
			r.At = day.Add(-time.Hour).Unix()
			return w.sealed(t, r, in)
		}},
		{"after the time", Untimely, func() []byte {
			r, in := open(w.report(t, 1))
			r.At = day.AddDate(0, 0, 7).Unix()
			return w.sealed(t, r, in)
		}},
		{"to come", Untimely, func() []byte {
			r, in := open(w.report(t, 1))
			r.At = noon.Add(2 * time.Hour).Unix()
			return w.sealed(t, r, in)
		}},
		{"of a minute", Untimely, func() []byte {
			r, in := open(w.report(t, 1))
			r.At += 60
			return w.sealed(t, r, in)
		}},
		{"once", 0, func() []byte { return twice }},
		{"and again", Replayed, func() []byte { return twice }},
		{"another under its number", Replayed, func() []byte {
			r, in := open(w.report(t, 1))
			r.ID = parse(twice).ID
			return w.sealed(t, r, in)
		}},
	} {
		before := w.aggs[0].Batch()
		n := w.list(t, c.bad())
		after := w.aggs[1].Batch()
		if after.Tally[c.want] != before.Tally[c.want]+1 && c.want != 0 || (c.want == 0) != (n == 1) {
			t.Errorf("%s: %d counted, tally %v, want %v", c.name, n, after.Tally, c.want)
		}
	}
	r := w.report(t, 2)
	if n := w.list(t, r, r, r); n != 1 {
		t.Errorf("a report counts %d times in a list", n)
	}
	wantValues(t, w.result(t), []int64{0, 0, 1, 1, 0, 0, 0, 0, 0, 0})
}

// Under two verify keys nothing passes.
func TestOtherKey(t *testing.T) {
	w := newWorld(t, shape(Count))
	own := w.own(1)
	own.Key, own.Journal = Key{1}, ledger{}
	w.aggs[1] = must(NewAggregator(w.task, own))(t)
	if n := w.list(t, w.report(t, 1), w.report(t, 0)); n != 0 {
		t.Errorf("%d reports count", n)
	}
}

// Only the other aggregator's answers to this list, all of them, finish it.
func TestAnswers(t *testing.T) {
	w, other := newWorld(t, shape(Histogram)), newWorld(t, shape(Histogram))
	first := w.report(t, 5)
	earlier := must(w.aggs[1].Prepare([][]byte{first}, noon))(t)
	mine := must(w.aggs[0].Prepare([][]byte{first}, noon))(t)
	must(w.aggs[0].Finish(earlier))(t)
	must(w.aggs[1].Finish(mine))(t)

	reports := [][]byte{w.report(t, 1), w.report(t, 2)}
	own := must(w.aggs[0].Prepare(reports, noon))(t)
	theirs := must(w.aggs[1].Prepare(reports, noon))(t)
	body, sig, _ := split(theirs)
	entries := must(parseList(w.task, Helper, 2, 2, body))(t)
	signed := func(entries []entry, by int) []byte {
		return must(sign(w.keys[by], encodeList(w.task, Helper, 2, entries)))(t)
	}
	missing := slices.Clone(entries)
	missing[1].answer = nil
	invented := slices.Clone(entries)
	invented[1].reason, invented[1].answer = Split, nil
	for name, msg := range map[string][]byte{
		"nothing":           nil,
		"its own":           own,
		"of an earlier":     earlier,
		"of another task":   must(other.aggs[1].Prepare([][]byte{other.report(t, 1), other.report(t, 1)}, noon))(t),
		"unsigned":          body,
		"a signature alone": sig,
		"of another signer": signed(entries, 0),
		"one too few":       signed(entries[:1], 1),
		"one too many":      signed(append(slices.Clone(entries), entries[0]), 1),
		"an answer missing": signed(missing, 1),
		"no such reason":    signed(invented, 1),
	} {
		if _, err := w.aggs[0].Finish(msg); err == nil {
			t.Errorf("answers %s finish a list", name)
		}
	}
	if _, err := w.aggs[0].Close(); err == nil {
		t.Error("closed over an open list")
	}
	if _, err := w.aggs[0].Prepare(reports, noon); err == nil {
		t.Error("a second list was begun over an open one")
	}
	if n := must(w.aggs[0].Finish(theirs))(t); n != 2 {
		t.Errorf("%d reports count, want 2", n)
	}
	if _, err := w.aggs[0].Finish(theirs); err == nil {
		t.Error("a list was finished twice")
	}
}

// A report that the two were not given alike does not count, and neither does
// one that is not at its place.
func TestSplit(t *testing.T) {
	w := newWorld(t, shape(Count))
	a, b, c := w.report(t, 1), w.report(t, 1), w.report(t, 1)
	leader := must(w.aggs[0].Prepare([][]byte{a, b, c}, noon))(t)
	helper := must(w.aggs[1].Prepare([][]byte{a, c, b}, noon))(t)
	for i, msg := range [][]byte{helper, leader} {
		if n := must(w.aggs[i].Finish(msg))(t); n != 1 || w.aggs[i].Batch().Tally[Split] != 2 {
			t.Errorf("%v: %d count, tally %v", Role(i+1), n, w.aggs[i].Batch().Tally)
		}
	}
}

// Lists have bounds, and so has a batch.
func TestBounds(t *testing.T) {
	p := shape(Count)
	p.MinBatch, p.MaxBatch = 2, 3
	w := newWorld(t, p)
	r := w.report(t, 1)
	_, err := w.aggs[0].Prepare(nil, noon)
	wantKind(t, err, fault.Exhausted)
	_, err = w.aggs[0].Prepare([][]byte{r, r, r, r}, noon)
	wantKind(t, err, fault.Exhausted)
	w.list(t, w.report(t, 1), w.report(t, 1), r)
	_, err = w.aggs[0].Prepare([][]byte{r}, noon)
	wantKind(t, err, fault.Exhausted)
	for _, p := range []Params{{Kind: Count}, {Kind: SumVec, Length: 4096, Bits: 32, Chunk: Chunk(4096 * 32)}, {Kind: Histogram, Length: MaxElements, Chunk: 1}} {
		task := Task{p: p, sizes: p.sizes()}
		if n := task.ListLimit(); n < 1 || n > 1024 || n > 1 && n*(task.input[0]+task.answer+task.output) > jobBytes {
			t.Errorf("%+v: lists of %d", p, n)
		}
	}
}

// A hostile aggregator that has seen the other's answer makes one that any
// report passes with: here the other's, taken away. The package says so.
func TestHostileAggregatorLetsIn(t *testing.T) {
	w := newWorld(t, shape(Count))
	two := w.forge(t, func([]*big.Int) []*big.Int { return []*big.Int{big.NewInt(2)} }, nil)
	reports := [][]byte{two, w.report(t, 1)}
	leader := must(w.aggs[0].Prepare(reports, noon))(t)
	helper := must(w.aggs[1].Prepare(reports, noon))(t)
	body, _, _ := split(leader)
	seen := must(parseList(w.task, Leader, 1, 2, body))(t)
	body, _, _ = split(helper)
	lies := must(parseList(w.task, Helper, 1, 2, body))(t)
	f := field64
	lies[0].answer = f.encode(f.less(elements(f, 4, nil), f.decode(seen[0].answer)))
	msg := must(sign(w.keys[1], encodeList(w.task, Helper, 1, lies)))(t)
	if n := must(w.aggs[0].Finish(msg))(t); n != 2 {
		t.Errorf("the leader counts %d: the package's account of a hostile aggregator is wrong", n)
	}
}

// What a hostile aggregator adds to its share is in the sum, unless no batch
// could have that sum; and a share over other reports, or of other numbers of
// them, is not added up. The package says so.
func TestHostileAggregatorAdds(t *testing.T) {
	for _, c := range []struct {
		name  string
		kind  Kind
		add   map[int]int64
		batch func(*Batch)
		want  []int64
		err   fault.Kind
	}{
		{name: "one more", kind: Count, add: map[int]int64{0: 1}, want: []int64{3}},
		{name: "more than there are reports", kind: Count, add: map[int]int64{0: 2}, err: fault.Tampered},
		{name: "less than none", kind: Count, add: map[int]int64{0: -3}, err: fault.Tampered},
		{name: "a bucket more", kind: Histogram, add: map[int]int64{3: 1}, err: fault.Tampered},
		{name: "a bucket for another", kind: Histogram, add: map[int]int64{0: -1, 3: 1}, want: []int64{1, 0, 0, 1, 0, 0, 0, 0, 0, 1}},
		{name: "another count", kind: Count, batch: func(b *Batch) { b.Accepted++ }, err: fault.Tampered},
		{name: "another set", kind: Count, batch: func(b *Batch) { b.Set[0]++ }, err: fault.Tampered},
		{name: "another tally", kind: Count, batch: func(b *Batch) { b.Tally[Unproved]++ }, err: fault.Tampered},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, shape(c.kind))
			last := []int64{0}
			if c.kind == Histogram {
				last[0] = 9
			}
			w.list(t, w.report(t, one(c.kind)...), w.report(t, one(c.kind)...), w.report(t, last...))
			claims := [2][]byte{must(w.aggs[0].Close())(t), must(w.aggs[1].Close())(t)}
			share := must(w.aggs[1].scheme.sum())(t)
			honest := must(w.aggs[0].Share(claims[1]))(t)
			f := circuitOf(w.task.p).ring
			elements := f.decode(share)
			for i, x := range c.add {
				elements[i] = f.add(elements[i], big.NewInt(x))
			}
			batch := w.aggs[1].Batch()
			if c.batch != nil {
				c.batch(&batch)
			}
			letter := must(w.gate.Public().Seal(w.task.shareInfo(Helper, batch), f.encode(elements)))(t)
			forged := must(sign(w.keys[1], appendLetter(encodeBatch(shareMark, w.task, Helper, batch), letter)))(t)
			r, err := Collect(w.task, w.gate, honest, forged)
			if c.err != "" {
				wantKind(t, err, c.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantValues(t, r, c.want)
		})
	}
}

// An aggregator shows nothing over what the other does not state, word for word.
func TestClaims(t *testing.T) {
	w, other := newWorld(t, shape(Count)), newWorld(t, shape(Count))
	for _, w := range []*world{w, other} {
		w.list(t, w.report(t, 1), w.report(t, 1))
	}
	claim, own := must(w.aggs[1].Close())(t), must(w.aggs[0].Close())(t)
	lie := func(change func(*Batch)) []byte {
		b := w.aggs[1].Batch()
		change(&b)
		return must(sign(w.keys[1], encodeBatch(claimMark, w.task, Helper, b)))(t)
	}
	for name, msg := range map[string][]byte{
		"nothing":         nil,
		"its own":         own,
		"another task's":  must(other.aggs[1].Close())(t),
		"fewer":           lie(func(b *Batch) { b.Accepted-- }),
		"others":          lie(func(b *Batch) { b.Set[31] ^= 1 }),
		"other lists":     lie(func(b *Batch) { b.Lists++ }),
		"other reasons":   lie(func(b *Batch) { b.Tally[Malformed]++ }),
		"a byte more":     must(sign(w.keys[1], append(encodeBatch(claimMark, w.task, Helper, w.aggs[1].Batch()), 0)))(t),
		"another signer":  must(sign(w.keys[0], encodeBatch(claimMark, w.task, Helper, w.aggs[1].Batch())))(t),
		"a share as such": must(sign(w.keys[1], encodeBatch(shareMark, w.task, Helper, w.aggs[1].Batch())))(t),
	} {
		if _, err := w.aggs[0].Share(msg); err == nil {
			t.Errorf("a share was given over %s", name)
		}
	}
	leader, helper := must(w.aggs[0].Share(claim))(t), must(w.aggs[1].Share(own))(t)
	for name, pair := range map[string][2][]byte{"one twice": {leader, leader}, "swapped": {helper, leader}, "one missing": {leader, nil}} {
		if _, err := Collect(w.task, w.gate, pair[0], pair[1]); err == nil {
			t.Errorf("%s: collected", name)
		}
	}
	_, err := Collect(w.task, w.boxes[0], leader, helper)
	wantKind(t, err, fault.Denied)
	wantValues(t, must(Collect(w.task, w.gate, leader, helper))(t), []int64{2})
}

// A part of the key is for one task, from one aggregator, to the other.
func TestParts(t *testing.T) {
	w, other := newWorld(t, shape(Count)), newWorld(t, shape(Count))
	part := Part{1}
	msg := must(SealPart(w.task, Leader, w.keys[0], part))(t)
	if _, err := OpenPart(w.task, Leader, w.boxes[0], msg); err == nil {
		t.Error("its sender opened a part")
	}
	if _, err := OpenPart(w.task, Helper, w.boxes[1], msg); err == nil {
		t.Error("a part was opened as the other's")
	}
	if _, err := OpenPart(other.task, Leader, w.boxes[1], msg); err == nil {
		t.Error("a part was opened for another task")
	}
	_, err := SealPart(w.task, Helper, w.keys[0], part)
	wantKind(t, err, fault.Denied)
	for _, pair := range [][2]Part{{{}, part}, {part, {}}, {part, part}} {
		if _, err := JoinKey(w.task, pair[0], pair[1]); err == nil {
			t.Errorf("a key was made of %x", [2][32]byte{pair[0], pair[1]})
		}
	}
	one, two := must(JoinKey(w.task, Part{1}, Part{2}))(t), must(JoinKey(w.task, Part{2}, Part{1}))(t)
	if three := must(JoinKey(other.task, Part{1}, Part{2}))(t); one == two || one == three || two == three {
		t.Error("two keys are the same")
	}
}
