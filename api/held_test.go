package api_test

import (
	"fmt"
	"testing"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/storage/records"
)

// What came of data is not handed to who uses it while an order holds the data, and
// is again once that is lifted. Who looks into the matter has it meanwhile.
func TestReleaseOfHeldData(t *testing.T) {
	h := newHall(t)
	ctx, terms := t.Context(), h.Terms()
	h.permitted(terms)
	h.must("starting", h.submit("op", "r-1", terms))
	h.way.set("r-1", verb.View{State: jobs.Released})
	_, err := h.as("op").Release(ctx, "r-1")
	h.must("fetching it", err)
	order := h.order("hospital-officer", func(*msg.OrderBody) {})
	_, err = h.as("hospital-officer").PlaceOrder(ctx, order)
	h.must("ordering", err)
	_, err = h.as("op").Release(ctx, "r-1")
	h.refused("while its data are held", err, "order-held")
	for _, who := range []string{"hospital-officer", "transit-officer", "bureau-officer", "auditor", "checker-a"} {
		_, err = h.as(who).Release(ctx, "r-1")
		h.must(who+" looks into it", err)
	}
	_, err = h.as("bureau-2").LiftOrder(ctx, "h-1", h.lift("bureau-2", order, func(*msg.LiftBody) {}))
	h.must("lifting", err)
	_, err = h.as("op").Release(ctx, "r-1")
	h.must("once it is lifted", err)
}

// The case that an order waits for is the bureau's or that of who placed it, even
// before it is opened: an operator that opened it first and called it off would have
// the order wait for nothing.
func TestCauseIsNotTaken(t *testing.T) {
	h := newHall(t)
	ctx := t.Context()
	_, err := h.as("hospital-officer").PlaceOrder(ctx, h.order("hospital-officer", func(o *msg.OrderBody) { o.Cause = "obj-7" }))
	h.must("ordering", err)
	begin := func(who, id string, seat cases.Seat) error {
		ts, err := cases.Procedures()
		h.must("tables", err)
		table, err := ts.Newest("objection.resolve")
		h.must("the table", err)
		r, err := cases.Begin(h.Keys[who], id, table, cases.Opening{
			Profile: cases.Profile(h.Rules.Frozen()), Title: "异议", Seat: seat, Parties: map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Provider: {"hospital"}},
		}, h.now())
		h.must("beginning", err)
		_, err = h.as(who).Act(ctx, id, r)
		return err
	}
	h.refused("by the operator", begin("op", "obj-7", cases.Operator), "registered")
	h.must("another objection of the operator's", begin("op", "obj-8", cases.Operator))
	h.must("by who placed the order", begin("hospital-officer", "obj-7", cases.Provider))
}

// One person does not place more orders than all parties together keep: beyond that
// they hold everything, for good.
func TestOrdersOfOne(t *testing.T) {
	h := newHall(t)
	ctx := t.Context()
	for i := range 256 { // as placing keeps them
		r := h.order("hospital-officer", func(o *msg.OrderBody) { o.ID = fmt.Sprintf("h-%d", i) })
		rec := records.Record[records.Noted]{ID: fmt.Sprintf("h-%d", i), Revision: 1, Value: records.Noted{By: r.By()}, Envelope: r.Bytes()}
		h.must("ordering", h.rec.HoldOrders.Put(ctx, rec))
	}
	_, err := h.as("hospital-officer").PlaceOrder(ctx, h.order("hospital-officer", func(o *msg.OrderBody) { o.ID = "h-256" }))
	h.refused("one more", err, "exhausted")
	_, err = h.as("hospital-officer").PlaceOrder(ctx, h.order("hospital-officer", func(o *msg.OrderBody) { o.ID = "h-7" }))
	h.must("the same again", err)
	_, err = h.as("bureau-officer").PlaceOrder(ctx, h.order("bureau-officer", func(o *msg.OrderBody) { o.ID = "h-300" }))
	h.must("another person", err)
}
