package prio

import (
	"crypto/rand"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// more is how often a test that draws its cases runs: a few times, or for long
// with YUNEI_PROVE=1.
func more(few, many int) int {
	if os.Getenv("YUNEI_PROVE") == "1" {
		return many
	}
	return few
}

var day = time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)

// ledger is a Journal in memory.
type ledger map[string]any

func (l ledger) Once(kind, key string, value any) (bool, error) {
	old, ok := l[kind+" "+key]
	if ok && old != value {
		return false, fault.Conflict
	}
	l[kind+" "+key] = value
	return ok, nil
}

// A world is a task with everybody in it.
type world struct {
	task    Task
	keys    [2]suite.PrivateKey
	boxes   [2]suite.Box
	gate    suite.Box
	key     Key
	client  *Client
	aggs    [2]*Aggregator
	seen    [2]*Memory
	ledgers [2]ledger
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

// shape are the parameters of a kind.
func shape(k Kind) Params {
	switch k {
	case Count:
		return Params{Kind: k}
	case Sum:
		return Params{Kind: k, Max: 10, Offset: 3}
	case SumVec:
		return Params{Kind: k, Length: 5, Bits: 4, Offset: 2, Chunk: Chunk(20)}
	default:
		return Params{Kind: Histogram, Length: 10, Chunk: Chunk(10)}
	}
}

var kinds = []Kind{Count, Sum, SumVec, Histogram}

func newWorld(tb testing.TB, p Params) *world {
	tb.Helper()
	w := &world{gate: must(suite.NewBox())(tb)}
	for i, name := range []string{"trustee-a", "trustee-b"} {
		w.keys[i] = must(suite.NewPrivateKey())(tb)
		w.boxes[i] = must(suite.NewBox())(tb)
		p.Agents[i] = Agent{name, w.keys[i].Public(), w.boxes[i].Public()}
	}
	p.Collector = w.gate.Public()
	p.Permit, p.Run, p.Round = suite.DigestOf([]byte("terms")), "run-1", 1
	p.NotBefore, p.NotAfter, p.Precision = day, day.AddDate(0, 0, 7), time.Hour
	if p.MaxBatch == 0 {
		p.MinBatch, p.MaxBatch = 2, 10_000
	}
	w.task = must(New(p))(tb)
	w.enter(tb)
	return w
}

// enter has the parties agree on a key, and begin.
func (w *world) enter(tb testing.TB) {
	tb.Helper()
	var parts [2]Part
	for i, from := range []Role{Leader, Helper} {
		part := must(DrawPart(rand.Reader))(tb)
		msg := must(SealPart(w.task, from, w.keys[i], part))(tb)
		if parts[i] = must(OpenPart(w.task, from, w.boxes[1-i], msg))(tb); parts[i] != part {
			tb.Fatal("a part of the key did not arrive")
		}
	}
	w.key = must(JoinKey(w.task, parts[0], parts[1]))(tb)
	w.client = must(NewClient(w.task))(tb)
	for i := range w.aggs {
		w.seen[i], w.ledgers[i] = &Memory{}, ledger{}
		w.aggs[i] = must(NewAggregator(w.task, w.own(i)))(tb)
	}
}

func (w *world) own(i int) Own {
	return Own{Role(i + 1), w.keys[i], w.boxes[i], w.key, w.seen[i], w.ledgers[i]}
}

func (w *world) report(tb testing.TB, values ...int64) []byte {
	tb.Helper()
	return must(w.client.Report(values, day.Add(90*time.Minute), rand.Reader))(tb).Bytes()
}

// noon is by the aggregators' clock.
var noon = day.Add(12 * time.Hour)

// list brings a list of reports through both, and returns how many count.
func (w *world) list(tb testing.TB, reports ...[]byte) int {
	tb.Helper()
	leader := must(w.aggs[0].Prepare(reports, noon))(tb)
	helper := must(w.aggs[1].Prepare(reports, noon))(tb)
	n := must(w.aggs[0].Finish(helper))(tb)
	if m := must(w.aggs[1].Finish(leader))(tb); m != n {
		tb.Fatalf("the leader counts %d reports, the helper %d", n, m)
	}
	return n
}

// result closes the batch and collects.
func (w *world) result(tb testing.TB) Result {
	tb.Helper()
	claims := [2][]byte{must(w.aggs[0].Close())(tb), must(w.aggs[1].Close())(tb)}
	leader := must(w.aggs[0].Share(claims[1]))(tb)
	helper := must(w.aggs[1].Share(claims[0]))(tb)
	return must(Collect(w.task, w.gate, leader, helper))(tb)
}

// one is a contribution that has one in its first entry, in the terms of what
// a client gives.
func one(k Kind) []int64 {
	switch k {
	case SumVec:
		return []int64{1, 0, 0, 0, 0}
	case Histogram:
		return []int64{0}
	default:
		return []int64{1}
	}
}

// wantOnes is what n such contributions add up to.
func wantOnes(k Kind, n int64) []int64 {
	want := make([]int64, shape(k).entries())
	want[0] = n
	return want
}

func wantKind(tb testing.TB, err error, want fault.Kind) {
	tb.Helper()
	if err == nil || !errors.Is(err, want) {
		tb.Errorf("got %v, want %v", err, want)
	}
}

func wantValues(tb testing.TB, got Result, want []int64) {
	tb.Helper()
	if !slices.Equal(got.Values, want) {
		tb.Errorf("the sum is %v, want %v", got.Values, want)
	}
}
