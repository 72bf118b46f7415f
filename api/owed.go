package api

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
)

// Duties is what gate G12 asks before a run of an operator. It reads what the
// operator has a part in and no more, so that it takes as long however many cases
// others have: the lists say which cases those are, and each is folded.
func (s *Server) Duties(ctx context.Context, g governance.Register, operator string, now time.Time) ([]gates.Duty, error) {
	f, err := s.factsOf(ctx, g, operator, now)
	if err != nil {
		return nil, err
	}
	return oversight.Owed(f, operator), nil
}

// factsOf are those of facts that what an operator owes follows from.
func (s *Server) factsOf(ctx context.Context, g governance.Register, operator string, now time.Time) (oversight.Facts, error) {
	if g.Rules.ID() == "" {
		return oversight.Facts{}, fault.Refuse("no-rules", governance.House)
	}
	o, err := s.desk(ctx, cases.Profile(g.Rules.Frozen()))
	if err != nil {
		return oversight.Facts{}, err
	}
	f := oversight.Facts{Now: now, Profile: g.Rules, Calendar: o.Days}
	for _, org := range sorted(g.Orgs) {
		if org.Kind == governance.Bureau && f.Bureau == "" {
			f.Bureau = org.ID
		}
	}
	for _, l := range sorted(g.Licences) {
		if l.Operator == operator {
			f.Licences = append(f.Licences, oversight.Licence{Operator: l.Operator, Field: l.Field, From: l.NotBefore, To: l.NotAfter})
		}
	}
	if f.Began, err = s.Records.Began(ctx); err != nil {
		return f, err
	}
	if f.Filed, err = s.filedBy(ctx, g, operator, f.Bureau); err != nil {
		return f, err
	}
	if f.Cases, err = s.partOf(ctx, g, "evaluate.yearly", operator); err != nil {
		return f, err
	}
	signed, err := s.partOf(ctx, g, "agreement.sign", operator)
	if err != nil {
		return f, err
	}
	for _, c := range signed {
		if err := s.agreementFacts(ctx, c, operator, &f); err != nil {
			return f, err
		}
	}
	return f, nil
}

// partOf folds the ended cases of a kind that an operator has opened or is a party
// to. A case of an operator that is no party to it binds it to nothing: it has
// signed nothing there.
func (s *Server) partOf(ctx context.Context, g governance.Register, kind, operator string) ([]*cases.Case, error) {
	who := cases.Part{Role: governance.RoleOperator, Org: operator}
	var all []*cases.Case
	for after := ""; ; {
		rows, err := s.Records.Cases(ctx, records.CaseFilter{Part: who, Kind: kind, Phase: cases.Ended, After: after, Limit: records.MaxPage})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			after = row.ID
			c, _, err := s.Case(ctx, g, row.ID)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
		if len(rows) < records.MaxPage {
			return all, nil
		}
	}
}

// agreementFacts adds the scenario of an agreement that an operator has signed, and
// when its first run that was released had begun.
func (s *Server) agreementFacts(ctx context.Context, c *cases.Case, operator string, f *oversight.Facts) error {
	a, ok, err := paperOf[papers.Agreement](ctx, s, c, "agreement", papers.KindAgreement)
	if outcome, _ := c.Outcome(); err != nil || !ok || outcome != cases.Approved || a.Operator != operator {
		return err
	}
	i, err := s.scenarioFacts(ctx, a, f)
	if err != nil {
		return err
	}
	sc := &f.Scenarios[i]
	sc.First, err = s.first(ctx, sc.ID, operator)
	return err
}

// first is when the first run of an operator under a scenario began that was
// released, zero before there is one.
func (s *Server) first(ctx context.Context, scenario, operator string) (time.Time, error) {
	if scenario == "" {
		return time.Time{}, nil
	}
	apps, err := s.Records.Applications.List(ctx, scenario)
	if err != nil {
		return time.Time{}, err
	}
	var all []records.Record[jobs.Run]
	for _, app := range apps {
		if t := app.Value.Terms; t.Scenario != scenario || t.Operator.Org != operator {
			continue
		}
		runs, err := s.Records.Runs.List(ctx, app.ID)
		if err != nil {
			return time.Time{}, err
		}
		all = append(all, runs...)
	}
	slices.SortFunc(all, func(a, b records.Record[jobs.Run]) int { return a.Value.At.Compare(b.Value.At) })
	for _, r := range all {
		v, err := s.Way.Past(ctx, r.ID)
		if err != nil && !errors.Is(err, fault.NotFound) {
			return time.Time{}, err
		}
		if err == nil && v.State == jobs.Released {
			return r.Value.At, nil
		}
	}
	return time.Time{}, nil
}

// filedBy are the reports on file of organisations, checked anew.
func (s *Server) filedBy(ctx context.Context, g governance.Register, orgs ...string) ([]oversight.Filed, error) {
	var handed, attested []receipt.Receipt
	for _, org := range orgs {
		if strings.TrimSpace(org) == "" {
			continue // of no parent would be of all
		}
		reports, err := s.Records.Reports.List(ctx, org)
		if err != nil {
			return nil, err
		}
		said, err := parse(reports)
		if err != nil {
			return nil, err
		}
		handed = append(handed, said...)
		for _, r := range reports {
			check, err := s.Records.Checks.Get(ctx, r.ID)
			if errors.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			how, err := parse([]records.Record[oversight.Checked]{check})
			if err != nil {
				return nil, err
			}
			attested = append(attested, how...)
		}
	}
	return oversight.OnFile(g, handed, attested), nil
}
