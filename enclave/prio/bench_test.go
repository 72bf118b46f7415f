package prio

import (
	"crypto/ecdh"
	"crypto/rand"
	"syscall"
	"testing"

	"github.com/cloudflare/circl/vdaf/prio3/histogram"
)

// The work for one report, by kind: "shard" is the client's, without sealing;
// "report" is that with sealing; "prepare" is one aggregator's over an opened
// share: its answer, the check over both answers, and the addition, with all
// encoding; "open" is the opening of its letter; "list" is all that an
// aggregator does for a report in a list: parse, open, record, answer, sign,
// verify, check, add. Beside the time that passes stands the processor time of
// the process, its garbage collection with it: a machine that does other things
// too is told by the one and not by the other.
func Benchmark(b *testing.B) {
	for _, c := range []struct {
		name   string
		p      Params
		values []int64
	}{
		{"count", Params{Kind: Count}, []int64{1}},
		{"sum32", Params{Kind: Sum, Max: 1<<32 - 1}, []int64{12345}},
		{"histogram10", Params{Kind: Histogram, Length: 10, Chunk: Chunk(10)}, []int64{7}},
		{"histogram100", Params{Kind: Histogram, Length: 100, Chunk: Chunk(100)}, []int64{77}},
		{"histogram1000", Params{Kind: Histogram, Length: 1000, Chunk: Chunk(1000)}, []int64{777}},
		{"sumvec100x16", Params{Kind: SumVec, Length: 100, Bits: 16, Chunk: Chunk(1600)}, make([]int64, 100)},
		{"sumvec1000x16", Params{Kind: SumVec, Length: 1000, Bits: 16, Chunk: Chunk(16000)}, make([]int64, 1000)},
		{"sumvec4096x32", Params{Kind: SumVec, Length: 4096, Bits: 32, Chunk: Chunk(4096 * 32)}, make([]int64, 4096)},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := c.p
			p.MinBatch, p.MaxBatch = 2, 1<<20
			steps(b, newWorld(b, p), c.values)
		})
	}
}

func steps(b *testing.B, w *world, values []int64) { //nolint:thelper // benchmarks, whose own lines are to be named
	t := w.task
	numbers := must(t.p.numbers(values))(b)
	random := make([]byte, t.random)
	_, _ = rand.Read(random)
	s := must(newScheme(t.p, t.context()))(b)
	public, inputs, err := s.shard(numbers, ID{}, random)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("shard", func(b *testing.B) {
		timed(b, 1, func() {
			if _, _, err := s.shard(numbers, ID{}, random); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(float64(len(public)+len(inputs[0])+len(inputs[1])), "B/shares")
	})
	b.Run("report", func(b *testing.B) {
		timed(b, 1, func() { w.report(b, values...) })
		b.ReportMetric(float64(len(w.report(b, values...))), "B/report")
	})
	for _, role := range []Role{Leader, Helper} {
		_, other, err := s.prepare(w.key, ID{}, role.other(), public, inputs[role.other().index()])
		if err != nil {
			b.Fatal(err)
		}
		b.Run("prepare/"+role.String(), func(b *testing.B) {
			timed(b, 1, func() {
				state, _, err := s.prepare(w.key, ID{}, role, public, inputs[role.index()])
				if err != nil {
					b.Fatal(err)
				}
				if err := s.finish(state, other); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
	r := must(ParseReport(t, w.report(b, values...)))(b)
	b.Run("open", func(b *testing.B) {
		timed(b, 1, func() { must(w.boxes[0].Open(r.info(r.tag(), Leader), r.Letters[0]))(b) })
	})
	b.Run("list", func(b *testing.B) { list(b, w, values) })
}

// list is the leader's part of one list, over the number of its reports.
func list(b *testing.B, w *world, values []int64) { //nolint:thelper // likewise
	n := min(w.task.ListLimit(), 100)
	var reports [][]byte
	for range n {
		reports = append(reports, w.report(b, values...))
	}
	theirs := must(w.aggs[1].Prepare(reports, noon))(b)
	timed(b, n, func() {
		w.seen[0] = &Memory{}
		a := must(NewAggregator(w.task, w.own(0)))(b)
		must(a.Prepare(reports, noon))(b)
		if got := must(a.Finish(theirs))(b); got != n {
			b.Fatalf("%d of %d count", got, n)
		}
	})
	w.aggs[1] = must(NewAggregator(w.task, w.own(1)))(b)
	w.seen[1] = &Memory{}
}

// timed repeats do, which is the work for so many reports.
func timed(b *testing.B, reports int, do func()) {
	b.Helper()
	used := func() float64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return float64(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	for b.Loop() {
		do()
	}
	each := (used() - before) / float64(b.N*reports)
	b.ReportMetric(each, "cpu-ns/report")
	b.ReportMetric(1e9/each, "reports/cpu-s")
}

// BenchmarkBeside is what the figures above are to be held against on the same
// machine: circl's preparation of a histogram of 100 alone, without any encoding
// and with the chunk length that its vectors have; and the one X25519 product
// that opening any letter needs.
func BenchmarkBeside(b *testing.B) {
	b.Run("circl-histogram100", func(b *testing.B) {
		h := must(histogram.New(2, 100, 10, []byte("beside")))(b)
		var nonce histogram.Nonce
		var key histogram.VerifyKey
		public, in, err := h.Shard(7, &nonce, make([]byte, 4*seedSize))
		if err != nil {
			b.Fatal(err)
		}
		_, other, err := h.PrepInit(&key, &nonce, 1, public, in[1])
		if err != nil {
			b.Fatal(err)
		}
		sum := h.AggregateInit()
		timed(b, 1, func() {
			state, mine, err := h.PrepInit(&key, &nonce, 0, public, in[0])
			if err != nil {
				b.Fatal(err)
			}
			msg := must(h.PrepSharesToPrep([]histogram.PrepShare{*mine, *other}))(b)
			h.AggregateUpdate(&sum, must(h.PrepNext(state, msg))(b))
		})
	})
	b.Run("x25519", func(b *testing.B) {
		key := must(ecdh.X25519().GenerateKey(rand.Reader))(b)
		peer := must(ecdh.X25519().GenerateKey(rand.Reader))(b).PublicKey()
		timed(b, 1, func() { must(key.ECDH(peer))(b) })
	})
}
