package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/governance/oversight/report"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// facts are what oversight looks at, out of the records: everything is read anew,
// and every case folded. Terms are those of the rules in force.
func (s *Server) facts(ctx context.Context, g governance.Register, now time.Time) (oversight.Facts, error) {
	rules, err := s.Records.InForce(ctx)
	if errors.Is(err, fault.NotFound) {
		return oversight.Facts{}, fault.Refuse("no-rules", governance.House)
	}
	if err != nil {
		return oversight.Facts{}, err
	}
	o, err := s.desk(ctx, cases.Profile(rules.Frozen()))
	if err != nil {
		return oversight.Facts{}, err
	}
	f := oversight.Facts{Now: now, Profile: rules, Calendar: o.Days, Kept: map[cases.Profile]oversight.Kept{}, Titles: map[string]string{}, Channels: map[string]string{}}
	for _, org := range sorted(g.Orgs) {
		f.Titles[org.ID] = org.Title
		switch org.Kind {
		case governance.Bureau:
			if f.Bureau == "" {
				f.Bureau = org.ID
			}
		case governance.Provider:
			f.Providers = append(f.Providers, org.ID)
		case governance.Operator, governance.Trustee: // owe by their licences, and nothing
		}
	}
	for _, l := range sorted(g.Licences) {
		f.Licences = append(f.Licences, oversight.Licence{Operator: l.Operator, Field: l.Field, From: l.NotBefore, To: l.NotAfter})
	}
	if f.Filed, err = s.filed(ctx, g); err != nil {
		return f, err
	}
	declared, err := s.Records.Declarations.List(ctx, "")
	if err != nil {
		return f, err
	}
	for _, d := range declared {
		f.Declared = append(f.Declared, d.Value)
	}
	if err := s.caseFacts(ctx, g, &f); err != nil {
		return f, err
	}
	f.Expired = oversight.Lapses(f.Filed, f.Expired)
	all, err := s.lapses(ctx)
	if err != nil {
		return f, err
	}
	runFacts(all, &f)
	goneFacts(all, &f)
	return f, s.orderFacts(ctx, g, all, &f)
}

// caseFacts folds the cases, and reads what they decided on.
func (s *Server) caseFacts(ctx context.Context, g governance.Register, f *oversight.Facts) error {
	sheets, asked := map[string]*papers.Sheet{}, map[string]time.Time{}
	for after := ""; ; {
		rows, err := s.Records.Cases(ctx, records.CaseFilter{After: after, Limit: records.MaxPage})
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.ID
			c, _, err := s.Case(ctx, g, row.ID)
			if errors.Is(err, fault.Tampered) {
				if f.Broken.IsZero() || row.Opened.Before(f.Broken) {
					f.Broken = row.Opened // a case that does not fold any more is a finding, and hides no other
				}
				continue
			}
			if err != nil {
				return err
			}
			f.Cases = append(f.Cases, c)
			if err := s.kept(ctx, c.Opening().Profile, f); err != nil {
				return err
			}
			if f.Began.IsZero() || row.Opened.Before(f.Began) {
				f.Began = row.Opened // cadences of organisations count from the first case
			}
			if err := s.paperFacts(ctx, c, f, sheets); err != nil {
				return err
			}
			if err := s.reviewed(ctx, c, row, asked); err != nil {
				return err
			}
		}
		if len(rows) < records.MaxPage {
			break
		}
	}
	for _, e := range sorted(g.Catalogue) {
		d := oversight.Dataset{ID: e.ID, Title: e.Title, Provider: e.Provider, Sheet: sheets[e.ID], Asked: asked[e.ID]}
		if n := len(e.Versions); n > 0 {
			v := e.Versions[n-1]
			d.Since = e.Versions[0].At
			f.Versions = append(f.Versions, oversight.Version{Dataset: e.ID, Provider: e.Provider, ID: v.ID, At: v.At, Rated: v.Quality != nil, Flaws: oversight.Rated(v.Quality, v.At)})
		}
		f.Datasets = append(f.Datasets, d)
	}
	return nil
}

// kept adds the version of the rules that a case keeps. One that is not on record is
// no fact: such a case is not judged.
func (s *Server) kept(ctx context.Context, p cases.Profile, f *oversight.Facts) error {
	if _, have := f.Kept[p]; have {
		return nil
	}
	o, err := s.desk(ctx, p)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil {
		f.Kept[p] = oversight.Kept{Rules: o.Rules, Clock: o.Clock}
	}
	return err
}

// reviewed takes when the last review of an entry was opened that its provider asked
// for and that may yet, or did, publish it.
func (s *Server) reviewed(ctx context.Context, c *cases.Case, row records.CaseRow, asked map[string]time.Time) error {
	if o, _ := c.Outcome(); row.Kind != entryReview || o == cases.Refused || o == cases.Withdrawn {
		return nil
	}
	sheet, ok, err := paperOf[papers.Sheet](ctx, s, c, "entry", papers.KindSheet)
	if ok && sheet.Provider == row.Opener.Org && row.Opened.After(asked[sheet.Dataset]) {
		asked[sheet.Dataset] = row.Opened
	}
	return err
}

// paperFacts takes what an ended case has approved: a sheet, or an agreement with
// its scenario. A paper that is not there, or is no paper of its kind, is no fact.
func (s *Server) paperFacts(ctx context.Context, c *cases.Case, f *oversight.Facts, sheets map[string]*papers.Sheet) error {
	outcome, _ := c.Outcome()
	switch c.Opening().Kind {
	case "operator.admit":
		a, ok, err := paperOf[papers.Admission](ctx, s, c, "application", papers.KindAdmission)
		if ok && outcome == cases.Approved {
			attested(a, f)
		}
		return err
	case entryReview:
		sheet, ok, err := paperOf[papers.Sheet](ctx, s, c, "entry", papers.KindSheet)
		if ok && outcome == cases.Approved {
			sheets[sheet.Dataset] = &sheet
		}
		return err
	case scenarioApply:
		p, ok, err := paperOf[papers.Scenario](ctx, s, c, "application", papers.KindScenario)
		if ok {
			f.Channels[c.ID()] = p.Channel
		}
		return err
	case "agreement.sign":
		a, ok, err := paperOf[papers.Agreement](ctx, s, c, "agreement", papers.KindAgreement)
		if err != nil || !ok || outcome != cases.Approved {
			return err
		}
		_, err = s.scenarioFacts(ctx, a, f)
		return err
	}
	return nil
}

func (s *Server) scenarioFacts(ctx context.Context, a papers.Agreement, f *oversight.Facts) (int, error) {
	sc := oversight.Scenario{ID: a.Scenario, Operator: a.Operator, Fee: a.Fee, From: a.From, End: a.To}
	events, err := s.Records.CaseEvents(ctx, a.Scenario)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return 0, err
	}
	for _, r := range events { // the last application that was handed in is the one decided on
		e, err := cases.Read(r)
		if err != nil {
			return 0, err
		}
		for _, ref := range e.Refs {
			if ref.Name != "application" {
				continue
			}
			p, ok, err := read[papers.Scenario](ctx, s, ref.Digest, papers.KindScenario)
			if err != nil {
				return 0, err
			}
			if ok {
				sc.Title, sc.Channel, sc.Purpose, sc.PublicGood, sc.Datasets = p.Title, p.Channel, p.Purpose, p.PublicGood, nil
				for _, u := range p.Datasets {
					sc.Datasets = append(sc.Datasets, u.Dataset)
				}
			}
		}
	}
	return f.Agreed(sc), nil
}

func paperOf[T any](ctx context.Context, s *Server, c *cases.Case, ref string, kind papers.Kind) (T, bool, error) {
	var none T
	d, ok := c.Ref(ref)
	if !ok {
		return none, false, nil
	}
	return read[T](ctx, s, d, kind)
}

func read[T any](ctx context.Context, s *Server, d suite.Digest, kind papers.Kind) (T, bool, error) {
	var none T
	raw, err := s.Records.Paper(ctx, d)
	if errors.Is(err, fault.NotFound) {
		return none, false, nil
	}
	if err != nil {
		return none, false, err
	}
	p, err := papers.Read[T](raw, kind)
	return p, err == nil, nil
}

// A lapse is a run with its terms and where it stands.
type lapse struct {
	records.Record[jobs.Run]
	terms   jobs.Terms
	state   jobs.State
	refusal fault.Code
	rho     map[string]string // by domain
}

// lapses lists every run that is on record.
func (s *Server) lapses(ctx context.Context) ([]lapse, error) {
	apps, err := s.Records.Applications.List(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []lapse
	for _, app := range apps {
		runs, err := s.Records.Runs.List(ctx, app.ID)
		if err != nil {
			return nil, err
		}
		for _, rec := range runs {
			l := lapse{Record: rec, terms: app.Value.Terms, state: jobs.Permitted, rho: map[string]string{}}
			v, err := s.Way.Past(ctx, rec.ID)
			if err != nil && !errors.Is(err, fault.NotFound) {
				return nil, err
			}
			if err == nil {
				l.state, l.refusal = v.State, v.Refusal
			}
			for domain, d := range v.Debits {
				l.rho[domain] = d.Cost
			}
			all = append(all, l)
		}
	}
	return all, nil
}

// runFacts adds the runs, and when each scenario's first one that was released had
// begun.
func runFacts(all []lapse, f *oversight.Facts) {
	for _, l := range all {
		channel := ""
		i := slices.IndexFunc(f.Scenarios, func(sc oversight.Scenario) bool {
			return sc.ID == l.terms.Scenario && sc.Operator == l.terms.Operator.Org
		})
		if i >= 0 {
			sc := &f.Scenarios[i]
			channel = sc.Channel
			if l.state == jobs.Released && (sc.First.IsZero() || l.Value.At.Before(sc.First)) {
				sc.First = l.Value.At
			}
		}
		f.Runs = append(f.Runs, oversight.Run{
			ID: l.ID, Start: suite.DigestOf(l.Envelope), Scenario: l.terms.Scenario, Operator: l.terms.Operator.Org, Purpose: l.Value.Purpose,
			State: l.state.String(), Channel: channel, At: l.Value.At,
		})
	}
}

// uses are the lines of every provider's ledger.
func (s *Server) uses(ctx context.Context) ([]oversight.Use, error) {
	all, err := s.lapses(ctx)
	if err != nil {
		return nil, err
	}
	var lines []oversight.Use
	for _, l := range all {
		var out suite.Digest
		if l.state == jobs.Released {
			raw, err := s.Way.Bundle(ctx, l.ID)
			if err != nil && !errors.Is(err, fault.NotFound) {
				return nil, err
			}
			if err == nil {
				out = suite.DigestOf(raw)
			}
		}
		for _, m := range l.terms.Members {
			lines = append(lines, oversight.Use{
				Provider: m.Provider.Org, Dataset: m.Dataset, Version: m.Version, Columns: slices.Clone(m.Columns), Run: l.ID, Start: suite.DigestOf(l.Envelope),
				Permit: l.terms.Digest(), Scenario: l.terms.Scenario, Operator: l.terms.Operator.Org, Purpose: l.Value.Purpose, Program: l.terms.Program.Name,
				Recipients: slices.Clone(l.terms.Recipients), State: l.state.String(), Rho: l.rho[m.Domain], Release: out, At: l.Value.At,
			})
		}
	}
	return lines, nil
}

// disclosed are the releases for the yearly disclosure, by when their runs began; those
// that were taken back say when.
func (s *Server) disclosed(ctx context.Context) ([]report.Product, error) {
	all, err := s.lapses(ctx)
	if err != nil {
		return nil, err
	}
	var list []report.Product
	for _, l := range all {
		if l.state == jobs.Released {
			p := report.Product{Release: l.ID, Scenario: l.terms.Scenario, Operator: l.terms.Operator.Org, Recipients: l.terms.Recipients, Date: calendar.DateOf(l.Value.At).String()}
			if p.Withdrawn, err = s.takenBack(ctx, l.ID); err != nil {
				return nil, err
			}
			list = append(list, p)
		}
	}
	return list, nil
}
