package psi

import (
	"bytes"
	"context"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/yunei/yunei/suite"
)

func FuzzPoint(f *testing.F) {
	f.Add(point(curve.Generator()))
	for _, b := range badPoints() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePoint(b)
		if err == nil && (p.IsIdentity() || !bytes.Equal(point(p), b)) {
			t.Fatalf("%x is the identity, or a second spelling", b)
		}
	})
}

// FuzzBlinded answers whatever a peer may send, and nothing but its own form.
// What is tried is a list, and the records of one with the right header.
func FuzzBlinded(f *testing.F) {
	w := newWorld(f, plan{a: records(A, 1, 1, 50, 1, 2, 3), slotsA: 1, clip: 50, b: records(B, 1, 0, 1, 2, 3)})
	xa, _ := w.blind(f, A), w.blind(f, B)
	f.Add(xa[0].b)
	f.Add(xa[0].b[headerSize:])
	f.Add(xa[0].b[headerSize : len(xa[0].b)-1])
	header := w.join.form(kindBlinded, A, 0).header
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, l := range [][]byte{b, slices.Concat(header[:], b)} {
			side := &Side{join: w.join, role: B, once: (&log{}).once, key: curve.NewScalar().SetUint64(5), blinded: []bool{true}, replied: []bool{false}}
			var out discard
			_, err := side.Answer(t.Context(), 0, bytes.NewReader(l), suite.DigestOf(l), &memory{}, &out)
			if good := len(l) == len(xa[0].b) && bytes.HasPrefix(l, header[:]); err == nil && (!good || out.n != len(l)) || err != nil && out.n > 0 {
				t.Fatalf("%d bytes in, %d out: %v", len(l), out.n, err)
			}
		}
	})
}

func FuzzAnswered(f *testing.F) {
	w := newWorld(f, plan{a: records(A, 1, 1, 50, 1, 2, 3), slotsA: 1, clip: 50, b: records(B, 1, 0, 1, 2, 3)})
	a, b := w.lists(f)
	f.Add(a[0].b, b[0].b)
	f.Add(a[0].b[headerSize:], b[0].b[headerSize:])
	headers := [2][headerSize]byte{w.join.form(kindAnswered, A, 0).header, w.join.form(kindAnswered, B, 0).header}
	f.Fuzz(func(t *testing.T, x, y []byte) {
		for _, l := range [][2][]byte{{x, y}, {slices.Concat(headers[0][:], x), slices.Concat(headers[1][:], y)}} {
			m, err := w.match(t, []bundle{restated(l[0])}, []bundle{restated(l[1])})
			if err == nil && (len(l[0]) != len(a[0].b) || len(l[1]) != len(b[0].b) || m.Count() > 2) {
				t.Fatalf("%d and %d bytes match in %d", len(l[0]), len(l[1]), m.Count())
			}
		}
	})
}

// golden is a share that gate once made for join-1: its form does not change.
// It is written down because the processes of a fuzzer must agree on it.
const golden = "42a48acc8b8dfbd8d672d19a58754864aaf8eaa89f542449febb1806cc949442" +
	"c4a8c0478907b92b2ce86c121166b3212e9efe9dfe4f0e5dfec99f96d7a3e121" +
	"c9eebed40e0208c5fc4a493837c017209544f3135523b5b77ad4299822590201"

func FuzzShare(f *testing.F) {
	own := must(hex.DecodeString(golden))(f)
	must(parseShare("join-1", Share{"gate", own}))(f)
	f.Add("gate", own)
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		if _, err := parseShare("join-1", Share{name, b}); err == nil && (name != "gate" || !bytes.Equal(b, own)) {
			t.Fatalf("%s: a proof was found", name)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	w := newWorld(f, plan{a: records(A, 1, 1, 50, 1, 2, 3), slotsA: 1, clip: 50, b: records(B, 1, 0, 1, 2, 3)})
	a, b := w.lists(f)
	m := must(w.match(f, a, b))(f)
	right := must(w.holders[1].Answer(w.join, m))(f)
	bases := halves(m.ciphertexts())
	public := must(parsePoint(w.join.terms.Holders[1].Bytes[:pointSize]))(f)
	f.Add(right.Bytes)
	f.Add(right.Bytes[:pointSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := w.join.parseAnswer(Answer{right.Name, b}, public, bases); err == nil && !bytes.Equal(b, right.Bytes) {
			t.Fatal("a proof was found")
		}
	})
}

// FuzzEvaluation is what a discloser may answer.
func FuzzEvaluation(f *testing.F) {
	d := disclosure(f, people(1, 2), people(2))
	server := must(Disclose(d, (&log{}).once))(f)
	c := must(newClient(must(server.Key())(f)))(f)
	state, request, err := c.Blind([][]byte{[]byte("one"), []byte("two")})
	if err != nil {
		f.Fatal(err)
	}
	right := must(server.Evaluate(context.Background(), joinPoints(request.Elements)))(f)
	f.Add(right)
	f.Add(right[:64])
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := c.finish(state, b, 2); err == nil && !bytes.Equal(b, right) {
			t.Fatal("a proof was found")
		}
	})
}

func FuzzQuestion(f *testing.F) {
	f.Add(point(curve.Generator()))
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	d := disclosure(f, people(1, 2), people(2))
	f.Fuzz(func(t *testing.T, b []byte) {
		server := must(Disclose(d, (&log{}).once))(t)
		a, err := server.Evaluate(t.Context(), b)
		if err == nil && (len(b)%pointSize != 0 || len(b) > 2*pointSize || len(a) != len(b)+proofSize) {
			t.Fatalf("%d bytes are answered by %d", len(b), len(a))
		}
	})
}
