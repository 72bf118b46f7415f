package api

import (
	"context"
	"fmt"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
)

// noVersion is the code by which a domain says that it does not have the version of
// a dataset that a permit names.
const noVersion = "dataset"

// orderFacts adds what is ordered and whether it is done: holds, data of emergencies
// that are over, and releases that were taken back.
func (s *Server) orderFacts(ctx context.Context, g governance.Register, runs []lapse, f *oversight.Facts) error {
	orders, lifts, err := s.ordered(ctx)
	if err != nil {
		return err
	}
	for _, o := range orders {
		f.Orders = append(f.Orders, orderOf(g, o, lifts, *f))
	}
	terms := map[string]jobs.Terms{}
	for _, l := range runs {
		terms[l.ID] = l.terms
	}
	products, err := s.products(ctx)
	if err != nil {
		return err
	}
	taken, err := s.Records.Withdrawals.List(ctx, "")
	if err != nil {
		return err
	}
	for _, rec := range taken {
		t, known := terms[rec.ID]
		if !known {
			continue
		}
		said, r, err := governance.OpenWithdrawal(rec.Envelope, rec.ID, t)
		if err != nil {
			return fmt.Errorf("reading a withdrawal: %w: %w", err, fault.Tampered)
		}
		for _, org := range governance.Asked(rec.ID, t, products) {
			o := oversight.Order{ID: rec.ID, Kind: "withdrawal", Org: org, Name: rec.ID, At: said.At}
			c, _, err := s.confirmed(ctx, rec.ID, org, r.Digest())
			if err != nil {
				return err
			}
			o.Done = c.At
			f.Orders = append(f.Orders, o)
		}
	}
	return nil
}

// orderOf is an order as oversight counts it: one that ends an emergency is to be
// completed by the data's provider, any other is a hold.
func orderOf(g governance.Register, o governance.Order, lifts []receipt.Receipt, f oversight.Facts) oversight.Order {
	out := oversight.Order{ID: o.ID, Kind: "hold", Org: f.Bureau, Name: o.Thing.Kind + " " + o.Thing.Name, Key: governance.RestKey(o.Code), At: o.At, Done: liftedAt(o, lifts)}
	if o.Code != msg.Emergency {
		return out
	}
	out.Kind, out.Org, out.Name = "disposal", g.Catalogue[o.Thing.Name].Provider, o.Thing.Name
	for _, d := range f.Datasets {
		if d.ID == o.Thing.Name && d.Sheet != nil {
			out.Event = d.Sheet.Event
		}
	}
	for _, c := range f.Cases {
		if c == nil || c.ID() != o.Cause {
			continue
		}
		if _, end := c.Outcome(); end == "disposed" && c.Opening().Kind == "withdraw.dispose" {
			out.Done = c.Last()
		}
	}
	return out
}

// liftedAt is when an order was lifted, zero while it is in force.
func liftedAt(o governance.Order, lifts []receipt.Receipt) time.Time {
	for _, r := range lifts {
		l, _, err := msg.OpenLift(r.Bytes())
		if err == nil && l.On == o.Digest && len(governance.InForce([]governance.Order{o}, []receipt.Receipt{r}, l.At)) == 0 {
			return l.At
		}
	}
	return time.Time{}
}

// goneFacts marks the versions in use that a domain says it does not have. Which of
// several domains refused a run is not told here; only of a run of one is it known.
func goneFacts(runs []lapse, f *oversight.Facts) {
	for _, l := range runs {
		if l.refusal != noVersion || len(l.terms.Members) != 1 {
			continue
		}
		m := l.terms.Members[0]
		for i, v := range f.Versions {
			if v.Dataset == m.Dataset && v.ID == m.Version && (v.Gone.IsZero() || l.Value.At.Before(v.Gone)) {
				f.Versions[i].Gone = l.Value.At
			}
		}
	}
}

// attested takes the end of an operator's attestation from the application for its
// licence; reports that come after it count as well.
func attested(a papers.Admission, f *oversight.Facts) {
	if f.Expired == nil {
		f.Expired = map[string]time.Time{}
	}
	if a.Attested.After(f.Expired[a.Operator]) {
		f.Expired[a.Operator] = a.Attested
	}
}

// takenBack is the day on which a release was taken back, "" if it was not.
func (s *Server) takenBack(ctx context.Context, run string) (string, error) {
	said, is, err := s.withdrawn(ctx, run)
	if err != nil || !is {
		return "", err
	}
	return calendar.DateOf(said.At).String(), nil
}
