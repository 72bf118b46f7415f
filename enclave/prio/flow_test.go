package prio

import (
	"crypto/rand"
	"fmt"
	mrand "math/rand/v2"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// Contributions of every kind add up, over several lists, and offsets go away.
func TestSum(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.String(), func(t *testing.T) {
			w, dice := newWorld(t, shape(k)), mrand.New(mrand.NewPCG(1, uint64(k)))
			want, n := make([]int64, w.task.p.entries()), 0
			for range more(3, 40) {
				var list [][]byte
				for range 1 + dice.IntN(6) {
					values := drawn(w.task.p, dice, want)
					list = append(list, w.report(t, values...))
				}
				if got := w.list(t, list...); got != len(list) {
					t.Fatalf("%d of %d reports count", got, len(list))
				}
				n += len(list)
			}
			r := w.result(t)
			wantValues(t, r, want)
			if int(r.Accepted) != n || r.Tally.Rejected() != 0 {
				t.Errorf("%d reports accepted, %d rejected, of %d", r.Accepted, r.Tally.Rejected(), n)
			}
		})
	}
}

// drawn draws a contribution, and adds it to what is to be had.
func drawn(p Params, dice *mrand.Rand, want []int64) []int64 {
	if p.Kind == Histogram {
		bucket := dice.IntN(p.Length)
		want[bucket]++
		return []int64{int64(bucket)}
	}
	values := make([]int64, len(want))
	for i := range values {
		values[i] = dice.Int64N(int64(p.largest())+1) - int64(p.Offset)
		want[i] += values[i]
	}
	return values
}

// The edges of what a contribution may be.
func TestRange(t *testing.T) {
	for _, c := range []struct {
		kind    Kind
		good    [][]int64
		outside [][]int64
	}{
		{kind: Count, good: [][]int64{{0}, {1}}, outside: [][]int64{{2}, {-1}, {}, {0, 0}}},
		{kind: Sum, good: [][]int64{{-3}, {7}}, outside: [][]int64{{-4}, {8}, {-1 << 63}, {1<<63 - 1}, {}, {1, 1}}},
		{kind: SumVec, good: [][]int64{{-2, 13, 0, 0, 0}}, outside: [][]int64{{-3, 0, 0, 0, 0}, {0, 0, 0, 0, 14}, {0, 0, 0, 0}, {0, 0, 0, 0, 0, 0}}},
		{kind: Histogram, good: [][]int64{{0}, {9}}, outside: [][]int64{{10}, {-1}, {}, {1, 1}}},
	} {
		w := newWorld(t, shape(c.kind))
		for _, v := range c.good {
			w.report(t, v...)
		}
		for _, v := range c.outside {
			_, err := w.client.Report(v, noon, rand.Reader)
			wantKind(t, err, fault.Invalid)
		}
	}
}

// A client's letters differ for the same contribution, and a short source of
// randomness makes no report.
func TestFresh(t *testing.T) {
	w := newWorld(t, shape(Histogram))
	if a, b := w.report(t, 1), w.report(t, 1); string(a) == string(b) {
		t.Error("two reports are the same")
	}
	if _, err := w.client.Report([]int64{1}, noon, noRandom{}); err == nil {
		t.Error("a report was made of no randomness")
	}
	if _, err := w.client.Report([]int64{1}, day.AddDate(0, 0, -1), rand.Reader); err == nil {
		t.Error("a report was made before the task's time")
	}
}

type noRandom struct{}

func (noRandom) Read([]byte) (int, error) { return 0, fault.Exhausted }

// A report tells the hour of its making and no more.
func TestPrecision(t *testing.T) {
	w := newWorld(t, shape(Count))
	for _, at := range []time.Duration{time.Hour, 90 * time.Minute, 2*time.Hour - 1} {
		r := must(w.client.Report([]int64{1}, day.Add(at), rand.Reader))(t)
		if r.At != day.Add(time.Hour).Unix() {
			t.Errorf("%v is told as %v", at, time.Unix(r.At, 0))
		}
	}
}

// A batch below its smallest size, one that is not closed by both alike, and
// one that has been given are not shown.
func TestOnce(t *testing.T) {
	w := newWorld(t, shape(Count))
	w.list(t, w.report(t, 1))
	if _, err := w.aggs[0].Share(nil); err == nil {
		t.Error("an open batch was shown")
	}
	claim := must(w.aggs[1].Close())(t)
	must(w.aggs[0].Close())(t)
	_, err := w.aggs[0].Share(claim)
	wantKind(t, err, fault.Denied)

	w = newWorld(t, shape(Count))
	reports := [][]byte{w.report(t, 1), w.report(t, 0), w.report(t, 1)}
	w.list(t, reports...)
	claims := [2][]byte{must(w.aggs[0].Close())(t), must(w.aggs[1].Close())(t)}
	leader := must(w.aggs[0].Share(claims[1]))(t)
	_, err = w.aggs[0].Share(claims[1])
	wantKind(t, err, fault.Conflict)
	_, err = w.aggs[0].Prepare(reports, noon)
	wantKind(t, err, fault.Conflict)

	// The helper, begun anew, adds the same; what the leader has given it does
	// not give again when it is.
	w.seen = [2]*Memory{{}, {}}
	for i := range w.aggs {
		w.aggs[i] = must(NewAggregator(w.task, w.own(i)))(t)
	}
	w.list(t, reports...)
	claims = [2][]byte{must(w.aggs[0].Close())(t), must(w.aggs[1].Close())(t)}
	_, err = w.aggs[0].Share(claims[1])
	wantKind(t, err, fault.Conflict)
	helper := must(w.aggs[1].Share(claims[0]))(t)
	wantValues(t, must(Collect(w.task, w.gate, leader, helper))(t), []int64{2})
}

// An aggregator that was begun anew cannot give a share over another set.
func TestOtherSet(t *testing.T) {
	w := newWorld(t, shape(Count))
	reports := [][]byte{w.report(t, 1), w.report(t, 0), w.report(t, 1)}
	w.list(t, reports...)
	w.result(t)
	w.seen = [2]*Memory{{}, {}}
	for i := range w.aggs {
		w.aggs[i] = must(NewAggregator(w.task, w.own(i)))(t)
	}
	w.list(t, reports[:2]...)
	claim := must(w.aggs[1].Close())(t)
	must(w.aggs[0].Close())(t)
	_, err := w.aggs[0].Share(claim)
	wantKind(t, err, fault.Conflict)
}

// A task has one verify key for ever, and a memory outlives the aggregator.
func TestBegunAnew(t *testing.T) {
	w := newWorld(t, shape(Histogram))
	r := w.report(t, 1)
	w.list(t, r)
	other := w.own(0)
	other.Key = Key{1}
	_, err := NewAggregator(w.task, other)
	wantKind(t, err, fault.Conflict)
	for i := range w.aggs {
		w.aggs[i] = must(NewAggregator(w.task, w.own(i)))(t)
	}
	if n := w.list(t, r); n != 0 || w.aggs[0].Batch().Tally[Replayed] != 1 {
		t.Errorf("after a restart %d reports count that were seen", n)
	}
}

// Whatever an aggregator lacks, it does not begin; and an aggregator whose
// memory fails stops.
func TestNeeds(t *testing.T) {
	w := newWorld(t, shape(Count))
	for name, spoil := range map[string]func(*Own){
		"no role":        func(o *Own) { o.Role = 0 },
		"the other role": func(o *Own) { o.Role = Helper },
		"no key":         func(o *Own) { o.Key = Key{} },
		"another box":    func(o *Own) { o.Box = w.gate },
		"no signature":   func(o *Own) { o.Sign = suite.PrivateKey{} },
		"no memory":      func(o *Own) { o.Seen = nil },
		"no journal":     func(o *Own) { o.Journal = nil },
	} {
		own := w.own(0)
		spoil(&own)
		if _, err := NewAggregator(w.task, own); err == nil {
			t.Errorf("%s: began", name)
		}
	}
	own := w.own(0)
	own.Seen = broken{}
	a := must(NewAggregator(w.task, own))(t)
	if _, err := a.Prepare([][]byte{w.report(t, 1)}, noon); err == nil {
		t.Error("answered without a memory")
	}
	_, err := a.Close()
	wantKind(t, err, fault.Conflict)
}

type broken struct{}

func (broken) Once(TaskID, []ID) ([]bool, error) { return nil, fault.Exhausted }

// A memory is asked before any answer is made.
func TestDurableFirst(t *testing.T) {
	w := newWorld(t, shape(Count))
	own := w.own(0)
	var asked int
	own.Seen = seenFunc(func(_ TaskID, ids []ID) ([]bool, error) {
		asked += len(ids)
		return make([]bool, len(ids)), nil
	})
	a := must(NewAggregator(w.task, own))(t)
	msg := must(a.Prepare([][]byte{w.report(t, 1), []byte("no report"), w.report(t, 1)}, noon))(t)
	body, _, _ := split(msg)
	for i, e := range must(parseList(w.task, Leader, 1, 3, body))(t) {
		if e.reason == 0 {
			t.Errorf("report %d was answered though its number is not new", i)
		}
	}
	if asked != 2 {
		t.Errorf("the memory was asked about %d reports, want 2", asked)
	}
}

type seenFunc func(TaskID, []ID) ([]bool, error)

func (f seenFunc) Once(id TaskID, ids []ID) ([]bool, error) { return f(id, ids) }

// The zero values do nothing.
func TestZero(t *testing.T) {
	for name, do := range map[string]func() error{
		"client":     func() error { _, err := NewClient(Task{}); return err },
		"aggregator": func() error { _, err := NewAggregator(Task{}, Own{}); return err },
		"prepare":    func() error { _, err := new(Aggregator).Prepare(nil, noon); return err },
		"finish":     func() error { _, err := new(Aggregator).Finish(nil); return err },
		"close":      func() error { _, err := new(Aggregator).Close(); return err },
		"share":      func() error { _, err := new(Aggregator).Share(nil); return err },
		"collect":    func() error { _, err := Collect(Task{}, suite.Box{}, nil, nil); return err },
		"key":        func() error { _, err := JoinKey(Task{}, Part{1}, Part{2}); return err },
		"part":       func() error { _, err := OpenPart(Task{}, Leader, suite.Box{}, nil); return err },
	} {
		if do() == nil {
			t.Errorf("%s: the zero value works", name)
		}
	}
	if (Task{}).ListLimit() != 0 {
		t.Error("no task takes reports")
	}
}

// Keys do not print.
func TestSilent(t *testing.T) {
	k, p := Key{7}, Part{7}
	for _, verb := range []string{"%v", "%x", "%d", "%#v", "%s"} {
		if got := fmt.Sprintf(verb+verb, k, p); got != "verify keypart of a verify key" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}
