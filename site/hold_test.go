package site

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

var everything = msg.Held{Kind: msg.HoldAll}

// A new run that the provider holds is refused before a row is read, and another
// provider's lease keeps it waiting without a word.
func TestHeldRunIsRefused(t *testing.T) {
	w := newWorld(t, crowd(20, false))
	terms, module := w.termsOf(study, nil)
	for i, held := range []msg.Held{
		everything,
		{Kind: msg.HoldDataset, Name: "hospital-visits"},
		{Kind: msg.HoldProgram, Name: string(terms.Program.Digest)},
		{Kind: msg.HoldOperator, Name: terms.Operator.Org},
		{Kind: msg.HoldScenario, Name: terms.Scenario},
	} {
		run := fmt.Sprint("r-", i)
		h, err := w.site.Hold(held, "a reason")
		w.must(err)
		w.begin(run, terms, module)
		w.must(w.advance(run))
		b, err := msg.Read[msg.RefusalBody](w.view(run), 0, msg.Refusal, w.site.Name)
		if err != nil || b.Code != string(party.Held) || w.site.Remembers(run, 0, begun) || w.site.Remembers(run, 0, used) {
			t.Errorf("%s: %v, %v", held.Kind, b.Code, err)
		}
		w.must(w.site.Release(h.ID, "another reason"))
	}
	h, err := w.site.Hold(msg.Held{Kind: msg.HoldDataset, Name: "other-visits"}, "another dataset")
	w.must(err)
	w.begin("r-9", terms, module)
	w.key("r-9")
	w.runTo("r-9")
	if got := kindsOf(w.said("r-9")); got != "admitted commit" {
		t.Errorf("with another dataset held it says %s", got)
	}
	w.must(w.site.Release(h.ID, "done"))
}

// A program that runs when the hold comes is stopped then, nothing is said of
// it, and it is to be computed anew.
func TestHeldWhileComputing(t *testing.T) {
	w := newWorld(t, crowd(20, false))
	terms, module := w.termsOf("hostile-loop", func(t *jobs.Terms) {
		t.Limits.Fuel, t.Uses = 1<<32, 1 // a minute of work
		t.Due = jobs.Slots{First: 600, Every: 600, Count: 4}
	})
	w.begin("r-1", terms, module)
	w.key("r-1")
	reading := make(chan struct{})
	w.site.Crash = func(point string) {
		if point == "begun:after" {
			close(reading)
		}
	}
	v := w.view("r-1")
	done := make(chan error, 1)
	go func() { done <- w.site.Advance(t.Context(), v) }()
	<-reading
	time.Sleep(100 * time.Millisecond) // it makes no difference how far the program came
	_, err := w.site.Hold(everything, "an incident")
	w.must(err)
	waits, ok := errors.AsType[party.Waits](<-done)
	if !ok || waits.Code != party.Held {
		t.Errorf("with everything held: %v", waits)
	}
	if _, err := w.site.partial(t.Context(), v); !errors.Is(err, fault.NotFound) {
		t.Errorf("something was kept: %v", err)
	}
	if got := kindsOf(w.said("r-1")); got != "admitted" || w.site.isDoomed(v) {
		t.Errorf("it says %s; doomed %v", got, w.site.isDoomed(v))
	}
}

// Whatever was reached when the hold came, nothing more is said, also after the
// site was started anew; and the run goes on when it is released.
func TestHeldRunGoesOn(t *testing.T) {
	w := newWorld(t, crowd(20, false))
	terms, module := w.termsOf(study, nil)
	w.begin("r-1", terms, module)
	w.key("r-1")
	err := w.advance("r-1")
	at, ok := later(err)
	if !ok {
		t.Fatalf("it is computed, and not held back to its slot: %v", err)
	}
	_, err = w.site.Hold(everything, "a reason")
	w.must(err)
	w.now = at
	w.restart()
	for range 3 {
		if waits, ok := errors.AsType[party.Waits](w.advance("r-1")); !ok || waits.Code != party.Held || waits.Who[0] != w.site.Name {
			t.Errorf("under a hold: %v", waits)
		}
	}
	if got := kindsOf(w.said("r-1")); got != "admitted" {
		t.Errorf("under a hold it says %s", got)
	}
	w.must(w.site.Release("1", "over"))
	w.must(w.advance("r-1"))
	if got := kindsOf(w.said("r-1")); got != "admitted commit" {
		t.Errorf("after the release it says %s", got)
	}
}

// An order that the coordinator keeps from the board is handed to one domain, and
// holds there as its provider's own hold does: it outlives the process, refuses the
// run, and stands in the lease by which everybody else stops.
func TestOrderPastTheBoard(t *testing.T) {
	w := newWorld(t, crowd(20, false))
	terms, module := w.termsOf(study, nil)
	key, err := suite.NewPrivateKey()
	w.must(err)
	lifter, err := suite.NewPrivateKey()
	w.must(err)
	r, err := msg.SignOrder(key, msg.OrderBody{
		ID: "h-1", Thing: msg.Held{Kind: msg.HoldScenario, Name: terms.Scenario}, Code: "incident", Text: "hidden by the platform",
		At: w.now.UTC().Truncate(time.Second), Lifters: []suite.PublicKey{lifter.Public()},
	})
	w.must(err)
	h, err := w.site.TakeOrder(r.Bytes())
	w.must(err)
	if again, err := w.site.TakeOrder(r.Bytes()); err != nil || again != h {
		t.Errorf("taken again it is %+v, %v", again, err)
	}
	if !strings.Contains(h.Reason, string(r.Digest())) || !strings.Contains(h.Reason, string(key.Public())) {
		t.Errorf("it does not say whose order it is: %s", h.Reason)
	}
	w.restart()
	w.begin("r-1", terms, module)
	w.must(w.advance("r-1"))
	if b, err := msg.Read[msg.RefusalBody](w.view("r-1"), 0, msg.Refusal, w.site.Name); err != nil || b.Code != string(party.Held) {
		t.Errorf("the run is not refused: %v, %v", b.Code, err)
	}
	m, _ := terms.Member(w.site.Domain)
	_, raw, err := w.site.nextLease()
	w.must(err)
	if lease, _, err := msg.OpenLease(raw, m); err != nil || !lease.Holds(terms, m) {
		t.Errorf("the lease does not tell the others: %+v, %v", lease, err)
	}
	broken := slices.Clone(r.Bytes())
	broken[len(broken)/2] ^= 1
	_, err = w.site.TakeOrder(broken)
	wantCode(t, "a changed byte", err, "tampered")
	_, err = w.site.TakeOrder(nil)
	wantCode(t, "nothing", err, "tampered")
}

// What cannot be read holds everything; what is no hold is refused.
func TestHoldBook(t *testing.T) {
	w := newWorld(t, crowd(1, false))
	terms, _ := w.termsOf(study, nil)
	for reason, held := range map[string]msg.Held{
		"no kind": {}, "no such kind": {Kind: "city", Name: "x"}, "no name": {Kind: msg.HoldDataset}, "no digest": {Kind: msg.HoldProgram, Name: "x"},
		"a name for all": {Kind: msg.HoldAll, Name: "x"}, "": everything, strings.Repeat("x", maxReason+1): everything,
	} {
		_, err := w.site.Hold(held, reason)
		wantCode(t, reason, err, "hold")
	}
	wantCode(t, "no such hold", w.site.Release("1", "r"), "hold-unknown")
	for i := range msg.MaxHeld {
		_, err := w.site.Hold(msg.Held{Kind: msg.HoldOperator, Name: fmt.Sprint("org-", i)}, "r")
		w.must(err)
	}
	_, err := w.site.Hold(msg.Held{Kind: msg.HoldOperator, Name: "one-more"}, "r")
	wantCode(t, "one more", err, "hold")
	_, err = w.site.Hold(everything, "r")
	w.must(err)
	wantCode(t, "no reason", w.site.Release("1", " "), "hold")
	w.must(w.site.Release("1", "r"))
	wantCode(t, "released before", w.site.Release("1", "r"), "hold-unknown")
	now, err := w.site.Holds()
	if err != nil || len(now) != msg.MaxHeld || now[0].ID != "2" {
		t.Errorf("%d holds, %v", len(now), err)
	}
	fresh := newWorld(t, crowd(1, false))
	if fresh.site.isHeld(terms) {
		t.Error("nothing is held, and the run is")
	}
	w.must(fresh.site.Journal.Append(string(placed), "x", []int{1}))
	if !fresh.site.isHeld(terms) {
		t.Error("a book that cannot be read holds nothing")
	}
	if err := fresh.site.state(t.Context()); err == nil {
		t.Error("a lease is said of a book that cannot be read")
	}
}

// leases are those of the site on the board.
func (w *world) leases() (all []msg.LeaseBody) {
	w.Helper()
	m, _ := w.Terms().Member("hospital")
	for item, err := range w.board.All(w.Context(), "lease.*.*") {
		w.must(err)
		l, _, err := msg.OpenLease(item.Data, m)
		w.must(err)
		if msg.LeaseSubject(l.Party, l.Seq) != item.Subject {
			w.Errorf("lease %d stands under %s", l.Seq, item.Subject)
		}
		all = append(all, l)
	}
	return all
}

// A site that dies beside the entry of a hold has it or not, and says in its next
// lease what it has; numbers only grow.
func TestHoldsAndCrashes(t *testing.T) {
	for _, point := range []string{"hold:before", "hold:after", "hold-release:before", "hold-release:after", "lease:before", "lease:after"} {
		t.Run(point, func(t *testing.T) {
			w := newWorld(t, crowd(1, false))
			first, err := w.site.Hold(everything, "first")
			w.must(err)
			w.must(w.site.state(t.Context()))
			died := false
			w.site.Crash = func(at string) {
				if at == point {
					died = true
					panic(at)
				}
			}
			func() {
				defer func() { _ = recover() }() // the daemon is dead
				_, err := w.site.Hold(everything, "second")
				w.must(err)
				w.must(w.site.Release(first.ID, "over"))
				w.must(w.site.state(t.Context()))
			}()
			w.restart()
			want := map[string]int{"hold:before": 1, "hold:after": 2, "hold-release:before": 2}[point]
			if want == 0 {
				want = 1
			}
			w.must(w.site.state(t.Context()))
			all := w.leases()
			last := all[len(all)-1]
			now, err := w.site.Holds()
			if err != nil || len(now) != want || len(last.Held) != want || !died {
				t.Errorf("%d are held, and %d said to be, want %d; died %v, %v", len(now), len(last.Held), want, died, err)
			}
			seq := uint64(0)
			for _, l := range all {
				if l.Seq <= seq {
					t.Errorf("number %d comes after %d", l.Seq, seq)
				}
				seq = l.Seq
			}
		})
	}
}

// The site states a lease when it starts, and at once when what is held changes.
func TestLeasesAreStated(t *testing.T) {
	w := newWorld(t, crowd(1, false))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.site.Lease(ctx) }()
	await := func(n, held int) {
		t.Helper()
		for range 1000 {
			if all := w.leases(); len(all) >= n && len(all[len(all)-1].Held) == held {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("never %d leases", n)
	}
	await(1, 0)
	h, err := w.site.Hold(everything, "r")
	w.must(err)
	await(2, 1)
	w.must(w.site.Release(h.ID, "r"))
	await(3, 0)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Lease = %v", err)
	}
}

// A site whose journal was brought back finds another lease under its number:
// from then on it holds everything, for it may have forgotten a hold.
func TestLeaseOfRestoredSite(t *testing.T) {
	w := newWorld(t, crowd(1, false))
	terms, _ := w.termsOf(study, nil)
	other := msg.LeaseBody{Domain: "hospital", Party: w.site.Name, Seq: 1, At: w.now, Held: []msg.Held{everything}}
	subject, r, err := msg.SignLease(w.site.Key, other)
	w.must(err)
	w.post(subject, r.Bytes())
	if err := w.site.state(t.Context()); !errors.Is(err, fault.Conflict) {
		t.Errorf("state = %v", err)
	}
	if !w.site.isHeld(terms) {
		t.Error("it goes on as if it had forgotten nothing")
	}
	w.must(w.site.state(t.Context()))
	if all := w.leases(); len(all) != 2 || len(all[1].Held) != 1 || all[1].Held[0] != everything {
		t.Errorf("it says %+v", all)
	}
}
