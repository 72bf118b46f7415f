package msg

import (
	"errors"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// provedWorld is one whose permit names trustee-1 and trustee-2 as aggregators.
func provedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, jobs.SDC)
	w.terms.Protection, w.terms.Prio = jobs.Prio3, &jobs.Prio{Leader: trustees[1], Helper: trustees[0], Units: 100}
	w.bundle = w.permit(t, w.terms)
	w.board = map[string][]byte{
		Subject(run, 0, Permit, Coordinator):  w.bundle,
		Subject(run, 0, jobs.Start, Operator): w.start(t, "operator", run).Bytes(),
	}
	w.say(t, Round, RoundBody{w.of(1, Coordinator)})
	for _, name := range trustees {
		w.say(t, Hello, HelloBody{Of: w.of(1, name), Nonce: saltOf(name)})
	}
	return w
}

func (w *world) messages(t *testing.T) []suite.Digest {
	t.Helper()
	var all []suite.Digest
	for range w.view(t).Terms().Ranges() {
		all = append(all, suite.DigestOf([]byte("message")))
	}
	return all
}

// Only the two that the permit names aggregate, and only under a permit that
// names some; what makes a collective key is nobody's to say there.
func TestWhoAggregates(t *testing.T) {
	prios := []receipt.Kind{PrioPart, PrioAnswer, PrioClaim, PrioSum}
	w := provedWorld(t)
	for _, kind := range prios {
		for _, name := range append([]string{"gate", "site-a", Coordinator}, trustees...) {
			w.say(t, kind, PrioBody{Of: w.of(1, name), Messages: w.messages(t)})
			aggregates := name == trustees[0] || name == trustees[1]
			if w.view(t).Said(1, kind, name) != aggregates {
				t.Errorf("%s of %s is heard: %v", kind, name, !aggregates)
			}
		}
	}
	for _, name := range trustees {
		w.say(t, Key, KeyBody{Of: w.of(1, name)})
		w.say(t, Answer, AnswerBody{Of: w.of(1, name)})
		if v := w.view(t); v.Said(1, Key, name) || v.Said(1, Answer, name) {
			t.Errorf("%s vouches for a key that there is not", name)
		}
	}
	w.say(t, Active, ActiveBody{Of: w.of(1, "gate")})
	if w.view(t).Said(1, Active, "gate") {
		t.Error("the gate chooses who answers")
	}
	plain := newWorld(t, jobs.SDC)
	for _, kind := range prios {
		plain.say(t, kind, PrioBody{Of: plain.of(1, trustees[0])})
		if plain.view(t).Said(1, kind, trustees[0]) {
			t.Errorf("%s is heard under another protection", kind)
		}
	}
	if names := w.view(t).Aggregators(); len(names) != 2 || names[0] != trustees[1] || len(plain.view(t).Aggregators()) != 0 {
		t.Errorf("aggregators %v", names)
	}
}

// What members sign names every trustee's hello and the gate's key: there is no
// set without one, and another with another.
func TestSetOfReports(t *testing.T) {
	w := provedWorld(t)
	for _, name := range sites {
		w.say(t, Commit, CommitBody{Of: w.of(1, name), Parts: suite.Commit(saltOf(name), []byte(name))})
	}
	if _, ok := w.view(t).Set(1); ok {
		t.Error("a set without a receiver")
	}
	w.say(t, Receiver, ReceiverBody{Of: w.of(1, "gate"), Key: suite.DigestOf([]byte("box"))})
	set, ok := w.view(t).Set(1)
	if !ok || set.Key != w.view(t).Transcript(1) || set.Receiver != suite.DigestOf([]byte("box")) {
		t.Errorf("set %+v", set)
	}
	if _, ok := w.without(1, Hello, trustees[2]).view(t).Set(1); ok {
		t.Error("a set without a trustee's hello")
	}
	other := w.without(1, Hello, trustees[2])
	other.say(t, Hello, HelloBody{Of: w.of(1, trustees[2]), Nonce: saltOf("other")})
	if again, ok := other.view(t).Set(1); !ok || again.Equal(set) {
		t.Error("another hello makes the same set")
	}
}

// A list is of one report for each range, of each member.
func TestListed(t *testing.T) {
	v := provedWorld(t).view(t)
	n := len(v.Terms().Ranges())
	d := suite.DigestOf(nil)
	whole := make([]suite.Digest, n)
	for i := range whole {
		whole[i] = d
	}
	if list, err := v.Listed([]Parts{{whole}, {whole}}); err != nil || len(list) != 2 || len(list[1]) != n {
		t.Errorf("list %v: %v", list, err)
	}
	for name, parts := range map[string]Parts{"nothing": {}, "no report": {{}}, "one less": {whole[1:]}, "one more": {append(whole, d)}, "two lists": {whole, whole}} {
		if _, err := v.Listed([]Parts{{whole}, parts}); !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What an aggregator says is about the gate's sum, and has a message for each
// range.
func TestReadPrio(t *testing.T) {
	w := provedWorld(t)
	name := trustees[0]
	w.say(t, PrioPart, PrioBody{Of: w.of(1, name), Messages: w.messages(t)})
	if _, err := ReadPrio(w.view(t), 1, PrioPart, name); err != nil {
		t.Error(err)
	}
	d := suite.DigestOf([]byte("no sum"))
	w.say(t, PrioAnswer, PrioBody{Of: w.of(1, name), Sum: d, Messages: w.messages(t)})
	if _, err := ReadPrio(w.view(t), 1, PrioAnswer, name); !errors.Is(err, fault.NotFound) {
		t.Errorf("before there is a sum: %v", err)
	}
	sum := w.say(t, Sum, SumBody{Of: w.of(1, "gate"), Parts: partsOf("sum")})
	if w.view(t).MayAggregate(1) {
		t.Error("nobody is ready")
	}
	for want, b := range map[string]PrioBody{
		"tampered another sum": {Sum: d, Messages: w.messages(t)}, "tampered no sum": {Messages: w.messages(t)},
		"tampered no messages": {Sum: sum.Digest()}, "tampered one more": {Sum: sum.Digest(), Messages: append(w.messages(t), d)},
		"": {Sum: sum.Digest(), Messages: w.messages(t)},
	} {
		b.Of = w.of(1, name)
		spoilt := w.without(1, PrioClaim, name)
		spoilt.say(t, PrioClaim, b)
		if _, err := ReadPrio(spoilt.view(t), 1, PrioClaim, name); (want == "") != (err == nil) || err != nil && !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for i, ready := range []string{trustees[2], trustees[0], trustees[1]} {
		w.say(t, Ready, ReadyBody{Of: w.of(1, ready), Sum: sum.Digest()})
		if w.view(t).MayAggregate(1) != (i == 2) {
			t.Errorf("%d are ready: %v", i+1, w.view(t).MayAggregate(1))
		}
	}
	other := w.without(1, Ready, trustees[1])
	other.say(t, Ready, ReadyBody{Of: w.of(1, trustees[1]), Sum: d})
	if other.view(t).MayAggregate(1) {
		t.Error("an aggregator is ready for another sum")
	}
}
