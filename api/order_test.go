package api_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// A notary is the ledger and the board of a hall.
type notary struct {
	mu    sync.Mutex
	lines []suite.Digest
	told  []suite.Digest
	entry receipt.Receipt // by which every run is out; none: no run is
	fail  error
}

func (n *notary) Enter(_ context.Context, d suite.Digest) (uint64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail != nil {
		return 0, n.fail
	}
	n.lines = append(n.lines, d)
	return uint64(len(n.lines) - 1), nil
}

func (n *notary) Announce(_ context.Context, r receipt.Receipt) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, r.Digest())
	return nil
}

func (n *notary) Prove(context.Context, uint64, []jobs.Process) ([]byte, [][]byte, error) {
	return []byte("a checkpoint"), [][]byte{{1}}, nil
}

func (n *notary) Entry(context.Context, string) (receipt.Receipt, error) {
	if n.entry.By() == "" {
		return n.entry, fault.NotFound
	}
	return n.entry, nil
}

// objected takes an objection through its case to where the data are restored, and
// returns the case's head.
func (h *hall) objected(id string) suite.Digest {
	h.t.Helper()
	ctx, doc := h.t.Context(), suite.DigestOf([]byte("document"))
	ts, err := cases.Procedures()
	h.must("tables", err)
	table, err := ts.Newest("objection.resolve")
	h.must("the table", err)
	open, err := cases.Begin(h.Keys["bureau-officer"], id, table, cases.Opening{
		Profile: cases.Profile(h.Rules.Frozen()), Title: "异议", Seat: cases.Bureau, Parties: map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Provider: {"hospital"}},
	}, h.now())
	h.must("beginning", err)
	v, err := h.as("bureau-officer").Act(ctx, id, open)
	h.must("opening", err)
	for _, step := range []struct {
		who string
		cases.Event
	}{
		{"bureau-officer", cases.Event{Act: cases.Filed, Filing: &cases.Filing{Name: "requester-authority", Digest: doc, Media: "text/plain", Title: "委托书"}}},
		{"bureau-officer", cases.Event{Act: cases.Submit, Refs: cases.Refs(map[string]suite.Digest{"request": doc})}},
		{"hospital-officer", cases.Event{Act: cases.Decide, Ruling: &cases.Ruling{Verdict: cases.Allow}}},
		{"hospital-officer", cases.Event{Act: cases.Submit, Refs: cases.Refs(map[string]suite.Digest{"remedy": doc, "restoration": doc})}},
	} {
		if step.Ruling != nil {
			step.Ruling.On = v.Matter
		}
		v, err = h.as(step.who).Act(ctx, id, h.says(step.who, v, step.Event))
		h.must(string(step.Act), err)
	}
	return v.Head
}

func (h *hall) order(by string, edit func(*msg.OrderBody)) receipt.Receipt {
	h.t.Helper()
	o := msg.OrderBody{
		ID: "h-1", Thing: msg.Held{Kind: msg.HoldDataset, Name: h.Terms().Members[0].Dataset}, Code: "objection", Text: "objection 7",
		At: h.now().UTC().Truncate(time.Second), Lifters: []suite.PublicKey{h.Keys["bureau-2"].Public()},
	}
	edit(&o)
	r, err := msg.SignOrder(h.Keys[by], o)
	h.must("signing", err)
	return r
}

func (h *hall) lift(by string, order receipt.Receipt, edit func(*msg.LiftBody)) receipt.Receipt {
	h.t.Helper()
	l := msg.LiftBody{ID: "l-1", On: order.Digest(), Text: "looked into", At: h.now().UTC().Truncate(time.Second)}
	edit(&l)
	r, err := msg.SignLift(h.Keys[by], l)
	h.must("signing", err)
	return r
}

// An order stops new runs at once and is shown with those that wait; a lift by
// another officer lets them go on. Both are in the ledger before they are kept, and
// everybody is told.
func TestOrders(t *testing.T) {
	h := newHall(t)
	ctx := t.Context()
	h.permitted(h.Terms())
	plain := func(*msg.OrderBody) {}
	_, err := h.as("op").PlaceOrder(ctx, h.order("op", plain))
	h.refused("by the operator", err, "role")
	_, err = h.as("op").PlaceOrder(ctx, h.order("bureau-officer", plain))
	h.refused("another's, handed in by the operator", err, "request-foreign")

	h.notary.fail = fault.Refuse("disk-full", "")
	_, err = h.as("bureau-officer").PlaceOrder(ctx, h.order("bureau-officer", plain))
	h.refused("without a ledger", err, "disk-full")
	if all, err := h.rec.HoldOrders.List(ctx, ""); err != nil || len(all) != 0 {
		t.Errorf("%d orders are kept that no ledger has, %v", len(all), err)
	}
	h.notary.fail = nil
	before := len(h.notary.lines)
	order := h.order("bureau-officer", func(o *msg.OrderBody) { o.Cause = "obj-7" })
	for range 2 { // the first answer was lost
		placed, err := h.as("bureau-officer").PlaceOrder(ctx, order)
		h.must("placing", err)
		if !placed.InForce || placed.Digest != order.Digest() {
			t.Errorf("%+v", placed)
		}
	}
	if len(h.notary.lines) != before+1 || h.notary.lines[before] != order.Digest() || len(h.notary.told) != 2 {
		t.Errorf("the ledger has %v, told %v", h.notary.lines, h.notary.told)
	}
	_, err = h.as("bureau-officer").PlaceOrder(ctx, h.order("bureau-officer", func(o *msg.OrderBody) { o.Text = "another" }))
	h.refused("another of the same id", err, "registered")

	err = h.submit("op", "r-9", h.Terms())
	h.refused("a new run", err, "order-held")
	if got, want := fault.Show(err).Basis, governance.Rest(h.Rules, "objection"); got != want || got == governance.House {
		t.Errorf("what holds rests on %s, want %s", got, want)
	}
	runs, err := h.rec.Runs.List(ctx, "")
	if err != nil || len(runs) != 0 {
		t.Errorf("%d uses are spent on what is held, %v", len(runs), err)
	}
	for who, want := range map[string]int{"op": 1, "hospital-officer": 1, "auditor": 1, "rival": 0} {
		if all, err := h.as(who).Orders(ctx); err != nil || len(all) != want {
			t.Errorf("%s sees %d orders, %v", who, len(all), err)
		}
	}

	lift := h.lift("bureau-2", order, func(l *msg.LiftBody) { l.Case, l.Head = "obj-7", suite.DigestOf(nil) })
	_, err = h.as("bureau-2").LiftOrder(ctx, "h-1", lift)
	h.refused("while its case goes on", err, "order-cause")
	head := h.objected("obj-7")
	_, err = h.as("bureau-officer").LiftOrder(ctx, "h-1", h.lift("bureau-officer", order, func(l *msg.LiftBody) { l.Case, l.Head = "obj-7", head }))
	h.refused("by who placed it", err, "order-own")
	lift = h.lift("bureau-2", order, func(l *msg.LiftBody) { l.Case, l.Head = "obj-7", head })
	for range 2 {
		lifted, err := h.as("bureau-2").LiftOrder(ctx, "h-1", lift)
		h.must("lifting", err)
		if lifted.InForce || len(lifted.Lifts) != 1 {
			t.Errorf("%+v", lifted)
		}
	}
	err = h.submit("op", "r-9", h.Terms())
	if fault.Show(err).Code == "order-held" {
		t.Errorf("a new run when it was lifted: %v", err)
	}
}

// A release that was taken back is handed out no more; everybody who has it is
// asked, within a term.
func TestWithdrawals(t *testing.T) {
	h := newHall(t)
	ctx, terms := t.Context(), h.Terms()
	h.permitted(h.Terms())
	h.must("starting", h.submit("op", "r-1", terms))
	h.way.set("r-1", verb.View{State: jobs.Released})
	_, err := h.as("bureau-officer").Withdrawal(ctx, "r-1")
	h.refused("what is not out", err, "conflict")
	h.notary.entry, err = receipt.Sign(h.Keys["yuneid"], msg.Release, receipt.About("x", suite.DigestOf(nil)), 1)
	h.must("signing", err)

	product := governance.Product{ID: "p-1", Title: "指数", Type: "statistics", Runs: []string{"r-1"}, Recipients: []string{"audit"}, At: h.now().UTC().Truncate(time.Second)}
	r, err := product.Sign(h.Keys["op"])
	h.must("signing", err)
	h.must("registering a product", h.as("op").AddProduct(ctx, r))
	for who, want := range map[string]int{"op": 1, "auditor": 1, "rival": 0} {
		if all, err := h.as(who).Products(ctx); err != nil || len(all) != want {
			t.Errorf("%s sees %d products, %v", who, len(all), err)
		}
	}

	out, err := h.as("bureau-officer").Withdrawal(ctx, "r-1")
	h.must("asking", err)
	w := governance.Withdrawal{
		Run: "r-1", Permit: out.Permit, Bundle: out.Bundle, Entry: out.Entry, Code: "objection", Text: "upheld", At: h.now().UTC().Truncate(time.Second),
	}
	if out.Notice != nil || w.Bundle != suite.DigestOf([]byte("the bundle\x00")) || w.Entry != h.notary.entry.Digest() {
		t.Errorf("%+v", out)
	}
	r, err = w.Sign(h.Keys["op"])
	h.must("signing", err)
	_, err = h.as("op").Withdraw(ctx, "r-1", r)
	h.refused("by the operator", err, "role")
	r, err = w.Sign(h.Keys["bureau-officer"])
	h.must("signing", err)
	out, err = h.as("bureau-officer").Withdraw(ctx, "r-1", r)
	h.must("taking back", err)
	if out.Notice == nil || out.Digest != r.Digest() || len(out.Lineage) != 1 || !out.Due.After(h.now()) {
		t.Errorf("%+v", out)
	}
	_, err = h.as("op").Release(ctx, "r-1")
	h.refused("fetching it", err, "withdrawn")

	waits := func(who string, want int) {
		t.Helper()
		todo, err := h.as(who).Todo(ctx)
		if err != nil || len(todo.Confirm) != want || todo.All < want {
			t.Errorf("%s has %+v to do, %v", who, todo, err)
		}
	}
	waits("auditor", 1)
	waits("rival", 0)
	said, err := governance.Confirmation{Run: "r-1", Withdrawal: out.Digest, For: "audit", Done: "destroyed", At: h.now().UTC().Truncate(time.Second)}.Sign(h.Keys["auditor"])
	h.must("signing", err)
	_, err = h.as("auditor").ConfirmWithdrawal(ctx, "r-1", said)
	h.must("confirming", err)
	waits("auditor", 0)
	h.pass(40 * 24 * time.Hour)
	out, err = h.as("bureau-officer").Withdrawal(ctx, "r-1")
	h.must("asking", err)
	for _, a := range out.Asked {
		if want := map[bool]string{true: "confirmed", false: "overdue"}[a.Org == "audit"]; a.Status != want {
			t.Errorf("%s: %s, want %s", a.Org, a.Status, want)
		}
	}
	if len(out.Asked) < 2 {
		t.Errorf("asked %+v", out.Asked)
	}
}
