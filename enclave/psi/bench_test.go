package psi

import (
	"crypto/ecdh"
	"crypto/rand"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/yunei/yunei/suite"
)

// size is how many people a side has in the benchmarks.
func size() int {
	if prove {
		return 100_000
	}
	return 2_000
}

// cpu is the processor time of this process.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// crowd gives n records from the first, half of whom the other side has too.
func crowd(first, n, slots int, look func()) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for i := range n {
			if i%10_000 == 0 {
				look()
			}
			if !yield(Record{ID: person(first + i), Values: make([]int64, slots)}, nil) {
				return
			}
		}
	}
}

func names(records iter.Seq2[Record, error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for r, err := range records {
			if !yield(r.ID, err) {
				return
			}
		}
	}
}

// A file is made, read from its start, and counted.
func file(tb testing.TB) *os.File {
	tb.Helper()
	f := must(os.Create(filepath.Join(tb.TempDir(), "list")))(tb)
	tb.Cleanup(func() { _ = f.Close() })
	return f
}

func rewound(tb testing.TB, f *os.File) io.Reader {
	tb.Helper()
	must(f.Seek(0, io.SeekStart))(tb)
	return f
}

// Both parties' work for each of the people of one set: its two point
// operations, and all that is around them, files included: us-cpu/person is for
// one element and both parties together, in the best of the rounds, since other
// processes can only make it more. x25519/person is how many multiplications of
// the standard library's X25519 the machine does in that time, beside each
// round: the figure to compare on a machine that is not idle. The heap is what
// is live above what was before, looked at every 10,000 records of A's set.
func BenchmarkJoin(b *testing.B) {
	for _, slots := range []int{0, 1} {
		n := size()
		if slots > 0 {
			n /= 10
		}
		b.Run(fmt.Sprintf("%dx%d/slots=%d", n, n, slots), func(b *testing.B) { benchJoin(b, n, slots) })
	}
}

func benchJoin(b *testing.B, n, slots int) { //nolint:thelper // a benchmark, whose own lines are to be named
	quiet := func() {}
	t := Terms{Job: "join-1", Namespace: "natural-person", Cells: 1, KMin: 1}
	for r, p := range map[Role]*Party{A: &t.A, B: &t.B} {
		first := int(r-A) * n / 2
		*p = Party{Domain: []string{"tax", "health"}[r-A], Set: must(Commit(t.Namespace, salts[r], names(crowd(first, n, 0, quiet))))(b)}
	}
	if t.A.Slots = slots; slots > 0 {
		t.A.Clip = 1
		for _, name := range []string{"gate", "trustee"} {
			t.Holders = append(t.Holders, must(NewHolder(t.Job, name))(b).Share())
		}
	}
	j := must(New(t))(b)
	best, unit, matching := time.Duration(math.MaxInt64), time.Duration(0), time.Duration(0)
	heap := heapWatch()
	for b.Loop() {
		spent := time.Duration(0)
		around := x25519(b)
		var lists [3]*os.File
		var digests [3]suite.Digest
		sides := [3]*Side{A: must(j.Side(A, (&log{}).once))(b), B: must(j.Side(B, (&log{}).once))(b)}
		for _, r := range []Role{A, B} {
			lists[r] = file(b)
			before := cpu(b)
			digests[r] = must(sides[r].Blind(b.Context(), 0, salts[r], crowd(int(r-A)*n/2, n, j.terms.party(r).Slots, quiet), file(b), lists[r]))(b)
			spent += cpu(b) - before
		}
		var answered [3]Answered
		for _, r := range []Role{A, B} {
			out, in := file(b), rewound(b, lists[other(r)])
			before := cpu(b)
			d := must(sides[r].Answer(b.Context(), 0, in, digests[other(r)], file(b), out))(b)
			spent += cpu(b) - before
			answered[other(r)] = Answered{rewound(b, out), d}
		}
		before := cpu(b)
		m := must(j.Match(b.Context(), []Answered{answered[A]}, answered[B]))(b)
		took := cpu(b) - before
		if around = (around + x25519(b)) / 2; spent < best {
			best, unit, matching = spent, around, took
		}
		if m.Count() != int64(n-n/2) {
			b.Fatalf("%d of %d match", m.Count(), n)
		}
	}
	b.ReportMetric(float64(best.Microseconds())/float64(2*n), "us-cpu/person")
	b.ReportMetric(float64(best)/float64(2*n)/float64(unit), "x25519/person")
	b.ReportMetric(float64(matching.Microseconds())/float64(2*n), "us-cpu-match/person")

	// Once more, apart from the clock, for the heap.
	side := must(j.Side(A, (&log{}).once))(b)
	must(side.Blind(b.Context(), 0, salts[A], crowd(0, n, slots, heap.look), file(b), io.Discard))(b)
	heap.look()
	b.ReportMetric(float64(heap.most), "B-heap")
}

// x25519 is what one multiplication of the standard library's takes now.
func x25519(tb testing.TB) time.Duration {
	tb.Helper()
	const times = 500
	key := must(ecdh.X25519().GenerateKey(rand.Reader))(tb)
	before := cpu(tb)
	for range times {
		must(key.ECDH(key.PublicKey()))(tb)
	}
	return (cpu(tb) - before) / times
}

func BenchmarkPoint(b *testing.B) {
	other := must(ecdh.X25519().GenerateKey(rand.Reader))(b)
	j := &Join{terms: Terms{Job: "join-1"}}
	x := curve.RandomNonZeroScalar(nil)
	p := j.hashPoint(person(1), 0)
	key := curve.NewElement().MulGen(x)
	buf := point(p)
	for name, f := range map[string]func(){
		"x25519":      func() { must(other.ECDH(other.PublicKey()))(b) },
		"hash":        func() { j.hashPoint("110105194912310021", 0) },
		"multiply":    func() { p.Mul(p, x) },
		"decode":      func() { must(parsePoint(buf))(b) },
		"encode":      func() { putPoint(buf, p) },
		"encrypt":     func() { encrypt(key, 12345) },
		"rerandomise": func() { ciphertext{p, key.Copy()}.rerandomise(key) },
	} {
		b.Run(name, func(b *testing.B) {
			before, n := cpu(b), 0
			for b.Loop() {
				f()
				n++
			}
			b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/1000/float64(n), "us-cpu")
		})
	}
}

func BenchmarkLogs(b *testing.B) {
	for _, bound := range []int64{1 << 20, 1 << 32} {
		b.Run(fmt.Sprint(bound), func(b *testing.B) {
			l := newLogs(bound, 1)
			p := curve.NewElement().MulGen(scalar(bound))
			for b.Loop() {
				if v, ok := l.find(p, bound); !ok || v != bound {
					b.Fatal(v)
				}
			}
		})
	}
}

func BenchmarkDisclosure(b *testing.B) {
	as := people(span(0, MaxQuestion)...)
	for b.Loop() {
		before := cpu(b)
		d, server, stated, members := disclosed(b, as, as)
		in := must(Ask(b.Context(), d, stated, salts[A], given(as), server.Evaluate, readerOf(members), nil))(b)
		if !in[0] {
			b.Fatal("nobody is there")
		}
		b.ReportMetric(float64((cpu(b)-before).Microseconds())/MaxQuestion, "us-cpu/person")
	}
}

func readerOf(l bundle) io.Reader { return l.answered().R }
