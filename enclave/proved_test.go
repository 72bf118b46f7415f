package enclave

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/yunei/yunei/enclave/prio"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/suite"
)

// A council is a round of protection prio3 as far as its tasks.
type council struct {
	*governancetest.Town
	view  *msg.View
	fetch Fetch
	gate  *Collector
	boxes map[string]suite.Box
	tasks []prio.Task
}

func newCouncil(tb testing.TB, edit func(*jobs.Terms)) *council {
	tb.Helper()
	c := &council{Town: governancetest.NewTown(tb), boxes: map[string]suite.Box{}}
	terms := c.Terms()
	terms.Protection, terms.Prio = jobs.Prio3, &jobs.Prio{Leader: "trustee-2", Helper: "trustee-1", Units: 1000}
	if edit != nil {
		edit(&terms)
	}
	if err := terms.Check(); err != nil {
		tb.Fatal(err)
	}
	b := jobs.Bundle{Terms: terms.Bytes()}
	for _, d := range c.Decisions(tb, terms) {
		b.Decisions = append(b.Decisions, d.Bytes())
	}
	raw, err := json.Marshal(b)
	if err != nil {
		tb.Fatal(err)
	}
	board := map[string][]byte{
		msg.Subject("r-1", 0, msg.Permit, msg.Coordinator): raw,
		msg.Subject("r-1", 0, jobs.Start, msg.Operator):    c.Start(tb, "op", "r-1", terms).Bytes(),
	}
	blobs := map[suite.Digest][]byte{}
	of := func(name string) msg.Of { return msg.Of{Run: "r-1", Round: 1, Permit: terms.Digest(), Party: name} }
	for _, p := range terms.Trustees.Members {
		box, err := suite.NewBox()
		if err != nil {
			tb.Fatal(err)
		}
		c.boxes[p.Name] = box
		body := msg.HelloBody{Of: of(p.Name), Box: box.Public(), Nonce: suite.Salt{1}}
		subject, r, err := msg.Say(c.Keys[p.Name], msg.Hello, body)
		if err != nil {
			tb.Fatal(err)
		}
		board[subject] = r.Bytes()
	}
	if c.gate, err = NewCollector(); err != nil {
		tb.Fatal(err)
	}
	key := c.gate.PublicKey()
	blobs[suite.DigestOf(key)] = key
	subject, r, err := msg.Say(c.Keys["gate"], msg.Receiver, msg.ReceiverBody{Of: of("gate"), Key: suite.DigestOf(key), Evidence: suite.DigestOf(nil)})
	if err != nil {
		tb.Fatal(err)
	}
	board[subject] = r.Bytes()
	i := 0
	for _, raw := range maps.Clone(board) {
		d := suite.DigestOf(raw)
		board[msg.LoggedSubject("r-1", d)] = fmt.Appendf(nil, "%s %d", d, i)
		i++
	}
	pins := jobs.Pins{}
	for _, m := range terms.Members {
		pins[m.Provider.Org] = m.Provider.Key
	}
	if c.view, err = msg.NewView("r-1", board, pins); err != nil || c.view.Err() != nil {
		tb.Fatal(err, c.view.Err())
	}
	c.fetch = func(_ context.Context, d suite.Digest, limit int) ([]byte, error) {
		if b, ok := blobs[d]; ok && len(b) <= limit {
			return b, nil
		}
		return nil, fault.NotFound
	}
	if c.tasks, err = Tasks(tb.Context(), c.fetch, c.view, 1); err != nil {
		tb.Fatal(err)
	}
	return c
}

// Whatever terms pass their check make tasks: the house bounds of package jobs are
// within those of package prio.
func TestEveryTermsMakeTasks(t *testing.T) {
	codes := func(n int) []string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("c%d", i))
		}
		return all
	}
	for name, edit := range map[string]func(*jobs.Terms){
		"as they are": nil,
		"one unit":    func(t *jobs.Terms) { t.Prio.Units = 1 },
		"many units":  func(t *jobs.Terms) { t.Prio.Units = jobs.MaxUnits },
		"large numbers": func(t *jobs.Terms) {
			t.Shape.Measures = []jobs.Measure{{Name: "x", Lo: -1 << 30, Hi: 1 << 30, Round: 1, Sigma: 1 << 62}}
		},
		"many cells": func(t *jobs.Terms) {
			t.Shape.Dims = []jobs.Dim{{Name: "d", Codes: codes(4096), Labels: codes(4096)}}
		},
		"long ago": func(t *jobs.Terms) { t.NotBefore = t.NotBefore.AddDate(-50, 0, 0).Add(17) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCouncil(t, edit)
			elements := 0
			for _, r := range c.view.Terms().Ranges() {
				elements += r.Elements()
			}
			if elements > prio.MaxElements || len(c.tasks) != len(c.view.Terms().Ranges()) {
				t.Errorf("%d tasks of %d elements", len(c.tasks), elements)
			}
			if a := c.tasks[0].Params().Agents; a[0].Name != "trustee-2" || a[0].Box != c.boxes["trustee-2"].Public() || a[1].Box != c.boxes["trustee-1"].Public() {
				t.Error("the aggregators are not the permit's, with the boxes of their hellos")
			}
		})
	}
	if jobs.MaxProved > prio.MaxElements {
		t.Error("more may be proved than a task takes")
	}
}

// through takes two vectors to the gate.
func (c *council) through(t *testing.T, edit func(leader, helper [][]byte), vectors ...[]int64) ([]int64, error) {
	t.Helper()
	reports := make([][][]byte, len(c.tasks))
	for _, values := range vectors {
		parts, err := Prove(c.tasks, c.view.Terms().Ranges(), values)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range parts[0] {
			reports[i] = append(reports[i], r)
		}
	}
	var aggs [2]*Aggregation
	var out [2][][]byte
	for i, name := range c.view.Aggregators() {
		var err error
		if aggs[i], err = NewAggregation(c.tasks, prio.Role(i+1), c.Keys[name], c.boxes[name]); err != nil {
			t.Fatal(err)
		}
		out[i] = aggs[i].Parts()
	}
	step := func(do func(i int, theirs [][]byte) ([][]byte, error)) {
		t.Helper()
		var next [2][][]byte
		for i := range aggs {
			var err error
			if next[i], err = do(i, out[1-i]); err != nil {
				t.Fatal(err)
			}
			if again, err := do(i, out[1-i]); err != nil || !slices.EqualFunc(again, next[i], slices.Equal) {
				t.Fatalf("asked again, it says something else: %v", err)
			}
		}
		out = next
	}
	seen, journals := [2]prio.Memory{}, [2]once{{}, {}}
	step(func(i int, theirs [][]byte) ([][]byte, error) {
		return aggs[i].Prepare(theirs, reports, &seen[i], journals[i], governancetest.Now)
	})
	step(func(i int, theirs [][]byte) ([][]byte, error) {
		claims, rejected, err := aggs[i].Finish(theirs)
		if len(rejected) > 0 {
			t.Errorf("rejected %v", rejected)
		}
		return claims, err
	})
	step(func(i int, theirs [][]byte) ([][]byte, error) { return aggs[i].Share(theirs) })
	if edit != nil {
		edit(out[0], out[1])
	}
	var opened []int64
	_, _, err := c.gate.Open(t.Context(), c.tasks, out[0], out[1], func(_ context.Context, x []int64) (candidate, record []byte, err error) {
		opened = slices.Clone(x)
		return nil, nil, nil
	})
	return opened, err
}

// once is a prio.Journal in memory.
type once map[string]any

func (o once) Once(kind, key string, value any) (bool, error) {
	old, ok := o[kind+" "+key]
	if ok && old != value {
		return false, fault.Conflict
	}
	o[kind+" "+key] = value
	return ok, nil
}

// What two domains put in comes out as its sum, at the ends of the ranges too, and
// once.
func TestProvedSum(t *testing.T) {
	c := newCouncil(t, nil)
	var lo, hi, most []int64
	for _, r := range c.view.Terms().Ranges() {
		lo = append(lo, slices.Repeat([]int64{r.Lo}, r.Slots)...)
		hi = append(hi, slices.Repeat([]int64{r.Hi()}, r.Slots)...)
		most = append(most, slices.Repeat([]int64{math.MaxInt64}, r.Slots)...)
	}
	for name, x := range map[string]struct{ a, b, want []int64 }{
		"least":   {lo, lo, added(lo, lo)},
		"most":    {hi, hi, added(hi, hi)},
		"both":    {lo, hi, added(lo, hi)},
		"beyond":  {lo, most, added(lo, hi)},
		"nothing": {make([]int64, len(lo)), make([]int64, len(lo)), make([]int64, len(lo))},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCouncil(t, nil)
			if got, err := c.through(t, nil, x.a, x.b); err != nil || !slices.Equal(got, x.want) {
				t.Errorf("opened %v, want %v: %v", got, x.want, err)
			}
			if _, _, err := c.gate.Open(t.Context(), c.tasks, nil, nil, func(context.Context, []int64) (a, b []byte, err error) { return nil, nil, nil }); err == nil {
				t.Error("opened twice")
			}
		})
	}
	// Shares that are not the aggregators' open nothing, and the gate sees nothing.
	for name, edit := range map[string]func(leader, helper [][]byte){
		"swapped": func(l, h [][]byte) { l[0], h[0] = h[0], l[0] },
		"altered": func(l, _ [][]byte) { l[0] = slices.Clone(l[0]); l[0][len(l[0])-100] ^= 1 },
		"none":    func(l, _ [][]byte) { l[0] = nil },
	} {
		c := newCouncil(t, nil)
		if got, err := c.through(t, edit, lo, hi); err == nil || got != nil {
			t.Errorf("%s: opened %v, %v", name, got, err)
		}
	}
}

func added(a, b []int64) []int64 {
	sum := slices.Clone(a)
	for i := range b {
		sum[i] += b[i]
	}
	return sum
}

// A vector of another length than the terms' is not reported.
func TestProveRefuses(t *testing.T) {
	c := newCouncil(t, nil)
	ranges := c.view.Terms().Ranges()
	n := c.view.Terms().Slots()
	for _, length := range []int{0, 1, n - 1, n + 1} {
		if _, err := Prove(c.tasks, ranges, make([]int64, length)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%d values: %v", length, err)
		}
	}
	if _, err := Prove(c.tasks[:0], ranges, make([]int64, n)); !errors.Is(err, fault.Invalid) {
		t.Errorf("no tasks: %v", err)
	}
}
