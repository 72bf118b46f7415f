package prio

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"github.com/yunei/yunei/fault"
)

// What is read is written the same, and a list of any bytes is answered.
func FuzzReport(f *testing.F) {
	w := newWorld(f, shape(Histogram))
	f.Add(w.report(f, 3))
	f.Add([]byte("YPR\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReport(w.task, b)
		if err != nil {
			wantKind(t, err, fault.Invalid)
		} else if !bytes.Equal(r.Bytes(), b) {
			t.Error("a report has two encodings")
		}
		a := must(NewAggregator(w.task, w.own(0)))(t)
		must(a.Prepare([][]byte{b}, noon))(t)
	})
}

// A client may seal anything, and the other aggregator sign anything.
func FuzzScheme(f *testing.F) {
	for _, k := range kinds {
		p := shape(k)
		s := must(newScheme(p, nil))(f)
		random := make([]byte, p.sizes().random)
		_, _ = rand.Read(random)
		public, in, err := s.shard(must(p.numbers(one(k)))(f), ID{}, random)
		if err != nil {
			f.Fatal(err)
		}
		for i := range in {
			_, answer, err := s.prepare(Key{}, ID{}, Role(2-i), public, in[1-i])
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(k), i == 0, public, in[i], answer)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, leader bool, public, in, answer []byte) {
		p, role := shape(kinds[int(kind)%len(kinds)]), Helper
		if leader {
			role = Leader
		}
		s := must(newScheme(p, nil))(t)
		state, mine, err := s.prepare(Key{}, ID{}, role, public, in)
		if err != nil {
			if _, ok := errors.AsType[Reason](err); !ok {
				t.Fatalf("%v: %v", p.Kind, err)
			}
			return
		}
		before := must(s.sum())(t)
		if len(mine) != p.sizes().answer {
			t.Errorf("an answer of %d bytes", len(mine))
		}
		if err := s.finish(state, answer); err != nil && !bytes.Equal(before, must(s.sum())(t)) {
			t.Error("a report that does not count was added")
		}
	})
}

// The messages of an aggregator, under its own signature.
func FuzzMessages(f *testing.F) {
	w := newWorld(f, shape(Histogram))
	reports := [][]byte{w.report(f, 1), w.report(f, 2)}
	answers := [2][]byte{must(w.aggs[0].Prepare(reports, noon))(f), must(w.aggs[1].Prepare(reports, noon))(f)}
	must(w.aggs[0].Finish(answers[1]))(f)
	must(w.aggs[1].Finish(answers[0]))(f)
	claims := [2][]byte{must(w.aggs[0].Close())(f), must(w.aggs[1].Close())(f)}
	shares := [2][]byte{must(w.aggs[0].Share(claims[1]))(f), must(w.aggs[1].Share(claims[0]))(f)}
	part := must(SealPart(w.task, Helper, w.keys[1], Part{1}))(f)
	for _, msg := range [][]byte{answers[1], claims[1], shares[1], part} {
		body, _, _ := split(msg)
		f.Add(body)
		f.Add(msg)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _, _ = split(body)
		if entries, err := parseList(w.task, Helper, 1, 2, body); err == nil && !bytes.Equal(encodeList(w.task, Helper, 1, entries), body) {
			t.Error("answers have two encodings")
		}
		if c, err := parseClaim(w.task, Helper, body); err == nil && !bytes.Equal(encodeBatch(claimMark, w.task, Helper, c), body) {
			t.Error("a claim has two encodings")
		}
		if c, letter, err := parseShare(w.task, Helper, body); err == nil && !bytes.Equal(appendLetter(encodeBatch(shareMark, w.task, Helper, c), letter), body) {
			t.Error("a share has two encodings")
		}
		if letter, err := parsePart(w.task, Helper, body); err == nil && !bytes.Contains(body, letter) {
			t.Error("a letter is not of its message")
		}
		msg := must(sign(w.keys[1], slices.Clone(body)))(t)
		if _, err := Collect(w.task, w.gate, shares[0], msg); err == nil && !bytes.Equal(msg, shares[1]) {
			t.Error("another share was collected")
		}
	})
}

// Aggregate shares that both sealed, of any bytes.
func FuzzUnshard(f *testing.F) {
	for _, k := range kinds {
		p := shape(k)
		f.Add(uint8(k), 3, make([]byte, p.sizes().output), bytes.Repeat([]byte{1}, p.sizes().output))
	}
	f.Fuzz(func(t *testing.T, kind uint8, n int, a, b []byte) {
		p := shape(kinds[int(kind)%len(kinds)])
		n &= 0xffff
		s := must(newScheme(p, nil))(t)
		numbers, err := s.unshard([2][]byte{a, b}, n)
		if err != nil {
			return
		}
		values, err := p.values(numbers, n)
		for i, v := range values {
			if low := -int64(p.Offset) * int64(n); v < low || v > low+int64(p.largest())*int64(n) {
				t.Errorf("entry %d of %d reports is %d: %v", i, n, v, err)
			}
		}
	})
}
