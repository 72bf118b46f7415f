package api

import (
	"context"
	"slices"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// Gates says what the gates of a step say of terms. used is how many other runs
// the permit has had, out what is about to go out, nil before there is anything.
type Gates func(ctx context.Context, g governance.Register, t jobs.Terms, at gates.Step, used int, out *gates.Output, now time.Time) ([]gates.Verdict, error)

// askGates asks package gates over what is kept here.
func (s *Server) askGates(ctx context.Context, g governance.Register, t jobs.Terms, at gates.Step, used int, out *gates.Output, now time.Time) ([]gates.Verdict, error) {
	if g.Rules.ID() == "" {
		return nil, fault.Refuse("no-rules", governance.House)
	}
	if t.Under == nil {
		return nil, fault.Refuse("terms-under", governance.House)
	}
	// Terms are proposed under the rules in force, whichever version their cases were
	// decided under; once proposed they keep it.
	if u := t.Under; at == gates.AtSubmission && (profile.Frozen{ID: u.City, Version: u.Version, Digest: u.Rules}) != g.Rules.Frozen() {
		return nil, fault.Refuse("terms-rules", governance.House)
	}
	f, err := gates.Gather(ctx, source{s, g, now}, g, t, now)
	if err != nil {
		return nil, err
	}
	f.Used, f.Known.Used, f.Output = used, true, out
	return gates.Check(f, at), nil
}

// passes refuses what a gate of the step stops: no run, and no output, without
// every decision that the city's rules ask for.
func (s *Server) passes(ctx context.Context, g governance.Register, t jobs.Terms, at gates.Step, used int, out *gates.Output, now time.Time) error {
	all, err := s.Gates(ctx, g, t, at, used, out, now)
	if err != nil {
		return err
	}
	return gates.Refuse(all)
}

// Releasable reports, as a refusal, whether the output of a run may go out now.
// The run is what its parties said of it; what is known of the procedure is what
// is kept here.
func (s *Server) Releasable(ctx context.Context, v *msg.View) error {
	all, err := s.outgoing(ctx, v)
	if err != nil {
		return err
	}
	return gates.Refuse(all)
}

// Stopped lists the gates that do not let the output of a run out.
func (s *Server) Stopped(ctx context.Context, v *msg.View) ([]gates.Verdict, error) {
	all, err := s.outgoing(ctx, v)
	return gates.Blocked(all), err
}

func (s *Server) outgoing(ctx context.Context, v *msg.View) ([]gates.Verdict, error) {
	g, err := s.Records.Register(ctx, s.Root)
	if err != nil {
		return nil, err
	}
	runs, err := s.Records.Runs.List(ctx, v.Terms().ID)
	if err != nil {
		return nil, err
	}
	used := len(slices.DeleteFunc(runs, func(r records.Record[jobs.Run]) bool { return r.ID == v.ID() }))
	return s.Gates(ctx, g, v.Terms(), gates.AtRelease, used, output(v), s.Now())
}

// output is what the votes of a run are on. A vote that is not on this very
// candidate, record, permit and recipients does not count among its ballots.
func output(v *msg.View) *gates.Output {
	t := v.Terms()
	c, err := msg.Read[msg.CandidateBody](v, 0, msg.Candidate, t.Gate.Name)
	if err != nil {
		return nil
	}
	_, opens := governance.Ballots(v)
	out := &gates.Output{Type: gates.TypeCube, Verdict: c.Verdict, Bound: true, Recipients: slices.Clone(t.Recipients), Recorded: true} // a view shows nothing but what is in the ledger
	if t.Join != nil {
		out.Type = gates.TypeJoin
	}
	for _, r := range opens {
		var b msg.VoteOpenBody
		if r.Read(msg.VoteOpen, &b) == nil && b.Vote.Approve {
			out.Votes++
		}
	}
	out.Exceptions = len(governance.Excepted(v)) >= jobs.Votes
	return out
}

// source is what is kept here, as gates ask for it.
type source struct {
	s   *Server
	reg governance.Register
	now time.Time
}

func (f source) Rules(ctx context.Context, want profile.Frozen) (profile.Profile, error) {
	o, err := f.s.desk(ctx, cases.Profile(want)) // a version of rules never changes
	return o.Rules, err
}

func (f source) Case(ctx context.Context, id string) (*cases.Case, error) {
	c, _, err := f.s.Case(ctx, f.reg, id)
	return c, err
}

func (f source) Paper(ctx context.Context, d suite.Digest) ([]byte, error) {
	return f.s.Records.Paper(ctx, d)
}

func (f source) Evaluations(ctx context.Context, operator string) ([]*cases.Case, error) {
	return f.of(ctx, "evaluate.yearly", operator)
}

// of folds the cases of a kind about an operator.
func (f source) of(ctx context.Context, kind, operator string) ([]*cases.Case, error) {
	rows, err := f.s.Records.CasesOf(ctx, kind, operator)
	if err != nil {
		return nil, err
	}
	return f.folded(ctx, rows)
}

func (f source) folded(ctx context.Context, rows []records.CaseRow) ([]*cases.Case, error) {
	var all []*cases.Case
	for _, row := range rows {
		c, err := f.Case(ctx, row.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// Held is what orders hold at an instant, as gates ask for it.
func (s *Server) Held(ctx context.Context, g governance.Register, now time.Time) ([]gates.Hold, error) {
	return source{s, g, now}.Holds(ctx)
}

func (f source) Holds(ctx context.Context) ([]gates.Hold, error) {
	orders, lifts, err := f.s.ordered(ctx)
	if err != nil {
		return nil, err
	}
	var all []gates.Hold
	for _, o := range governance.InForce(orders, lifts, f.now) {
		h := gates.Hold{ID: o.ID, Kind: o.Thing.Kind, Name: o.Thing.Name, By: f.reg.Holder(o.By).Org, Case: o.Cause, Reason: o.Code, Key: governance.RestKey(o.Code), At: o.At}
		if o.Code == msg.Emergency {
			if h.Event, err = f.event(ctx, o.Thing.Name); err != nil {
				return nil, err
			}
		}
		all = append(all, h)
	}
	return all, nil
}

// event is the emergency that a dataset was had for, by its entry in force.
func (f source) event(ctx context.Context, dataset string) (string, error) {
	sheet, _, err := f.sheet(ctx, dataset, f.reg.Catalogue[dataset].Provider)
	return sheet.Event, err
}

func (f source) Duties(ctx context.Context, operator string) ([]gates.Duty, error) {
	return f.s.Duties(ctx, f.reg, operator, f.now)
}

// Consent is the last that the provider of a dataset has put under an id.
func (f source) Consent(ctx context.Context, id string) ([]byte, *cases.Case, error) {
	rec, err := f.s.Records.Consents.Get(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	raw, err := f.s.Records.Paper(ctx, rec.Value)
	if err != nil {
		return nil, nil, err
	}
	c, err := f.recorded(ctx, raw)
	return raw, c, err
}

// recorded is the case in which a consent was recorded as it was given, nil if there
// is none.
func (f source) recorded(ctx context.Context, raw []byte) (*cases.Case, error) {
	said, err := papers.Read[papers.Consent](raw, papers.KindConsent)
	if err != nil {
		return nil, err
	}
	given, err := said.Given()
	if err != nil {
		return nil, err
	}
	ids, err := f.s.Records.Naming(ctx, string(suite.DigestOf(given)))
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		c, err := f.Case(ctx, id)
		if err != nil {
			return nil, err
		}
		if o, _ := c.Outcome(); o == cases.Approved && c.Opening().Kind == consentRecord {
			return c, nil
		}
	}
	return nil, nil //nolint:nilnil // nobody has recorded it, which gate G9 says
}

func (f source) Used(ctx context.Context, application string) (int, error) {
	runs, err := f.s.Records.Runs.List(ctx, application)
	return len(runs), err
}

// propose names the cases that terms of a scenario would rest on, for whoever
// drafts them. It decides nothing: the gates look at each again.
func propose(ctx context.Context, s *Server, c *call) (any, error) {
	var want verb.Propose
	if err := c.Read(&want); err != nil {
		return nil, err
	}
	if _, _, err := s.seen(ctx, c, want.Scenario); err != nil {
		return nil, err
	}
	src := source{s, c.reg, c.now}
	scenario, err := src.Case(ctx, want.Scenario)
	if err != nil {
		return nil, err
	}
	row, err := s.Records.CaseRow(ctx, want.Scenario)
	if err != nil {
		return nil, err
	}
	all := []*cases.Case{scenario}
	for _, kind := range []string{"operator.admit", "program.review", "agreement.sign"} {
		more, err := src.of(ctx, kind, row.Operator)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	application, _, err := paperOf[papers.Scenario](ctx, s, scenario, "application", papers.KindScenario)
	if err != nil {
		return nil, err
	}
	var entries []*cases.Case
	for _, d := range listedBy(application) {
		more, err := src.entries(ctx, d, c.reg.Catalogue[d].Provider)
		if err != nil {
			return nil, err
		}
		entries = append(entries, more...)
	}
	u, err := gates.Propose(ctx, src, c.reg.Rules.Frozen(), want.Scenario, want.Program, append(all, entries...))
	if err != nil {
		return nil, err
	}
	out := verb.Proposed{Under: *u, Grades: map[string]int{}}
	for _, c := range entries {
		sheet, ok, err := paperOf[papers.Sheet](ctx, s, c, "entry", papers.KindSheet)
		if err != nil {
			return nil, err
		}
		if ok && slices.ContainsFunc(u.Cases, func(r jobs.CaseRef) bool { return r.ID == c.ID() }) {
			out.Grades[sheet.Dataset] = sheet.Grade
		}
	}
	return out, nil
}

// listedBy are the datasets of a scenario, each once.
func listedBy(p papers.Scenario) []string {
	var all []string
	for _, u := range p.Datasets {
		if len(all) < papers.MaxListed && !slices.Contains(all, u.Dataset) {
			all = append(all, u.Dataset)
		}
	}
	return all
}

// grounded holds a decision on a scenario against what the city wants a refusal
// and a condition to rest on, which no table of stages knows.
func (s *Server) grounded(ctx context.Context, reg governance.Register, k *cases.Case, e cases.Event, r receipt.Receipt, now time.Time) error {
	if k == nil || k.Opening().Kind != scenarioApply || e.Ruling == nil {
		return nil
	}
	rules, err := s.Records.Profile(ctx, profile.Frozen(k.Opening().Profile))
	if err != nil {
		return err
	}
	application, ok, err := paperOf[papers.Scenario](ctx, s, k, "application", papers.KindScenario)
	if err != nil || !ok {
		return err // the gates refuse a scenario without its paper
	}
	u, err := reg.User(r.By(), now)
	if err != nil {
		return err
	}
	sheets, err := source{s, reg, now}.sheets(ctx, application, u.Org)
	if err != nil {
		return err
	}
	return gates.Grounds(rules, application, sheets, e)
}

// sheets are those in force of a provider's datasets that a scenario lists.
func (f source) sheets(ctx context.Context, application papers.Scenario, provider string) ([]papers.Sheet, error) {
	var all []papers.Sheet
	for _, d := range listedBy(application) {
		sheet, ok, err := f.sheet(ctx, d, provider)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, sheet)
		}
	}
	return all, nil
}
