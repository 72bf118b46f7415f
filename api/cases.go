package api

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/office"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// A cabinet keeps what is read often and changes seldom: versions, which never
// do, and the calendar.
type cabinet struct {
	mu    sync.Mutex
	rules map[profile.Frozen]profile.Profile
	days  *calendar.Calendar // nil: to be read
}

// desk is the office of one version, as the records have it.
func (s *Server) desk(ctx context.Context, p cases.Profile) (office.Office, error) {
	s.cabinet.mu.Lock()
	defer s.cabinet.mu.Unlock()
	if s.cabinet.days == nil {
		cal, err := s.Records.Calendar(ctx)
		if err != nil {
			return office.Office{}, err
		}
		s.cabinet.days = &cal
	}
	rules, have := s.cabinet.rules[profile.Frozen(p)]
	if !have {
		var err error
		if rules, err = s.Records.Profile(ctx, profile.Frozen(p)); err != nil {
			return office.Office{}, err
		}
		if s.cabinet.rules == nil {
			s.cabinet.rules = map[profile.Frozen]profile.Profile{}
		}
		s.cabinet.rules[profile.Frozen(p)] = rules
	}
	return office.Office{Rules: rules, Days: *s.cabinet.days}, nil
}

// turn has the calendar read again.
func (c *cabinet) turn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.days = nil
}

// desks are the offices of several versions under one calendar.
type desks struct {
	s    *Server
	have map[cases.Profile]office.Office
}

func (d *desks) of(ctx context.Context, p cases.Profile) (office.Office, error) {
	if o, ok := d.have[p]; ok {
		return o, nil
	}
	o, err := d.s.desk(ctx, p)
	if err != nil {
		return o, err
	}
	if d.have == nil {
		d.have = map[cases.Profile]office.Office{}
	}
	d.have[p] = o
	return o, nil
}

// Case is the case of an id by its events, with the office of its version, for
// whoever looks at decisions. No such case is of kind NotFound.
func (s *Server) Case(ctx context.Context, reg governance.Register, id string) (*cases.Case, office.Office, error) {
	events, err := s.Records.CaseEvents(ctx, id)
	if err != nil {
		return nil, office.Office{}, err
	}
	c, err := cases.NewRules(reg, s.tables).Fold(id, events)
	if err != nil {
		return nil, office.Office{}, err
	}
	o, err := s.desk(ctx, c.Opening().Profile)
	return c, o, err
}

// seen is the case of an id if the caller may see it.
func (s *Server) seen(ctx context.Context, c *call, id string) (*cases.Case, office.Office, error) {
	k, o, err := s.Case(ctx, c.reg, id)
	if err == nil && !cases.NewRules(c.reg, s.tables).Sees(k, c.By, c.now) {
		err = fault.NotFound
	}
	return k, o, err
}

// actCase takes one event of a case: what people open, hand in and decide. One is
// taken at a time. Its digest stands in the ledger before it is kept; if we end in
// between, the same receipt is taken again.
func actCase(ctx context.Context, s *Server, c *call) (any, error) {
	in, r, err := inner(c)
	if err != nil {
		return nil, err
	}
	e, err := cases.Read(r)
	if err != nil {
		return nil, err
	}
	if e.Case != in.ID {
		return nil, fault.Refuse("request-foreign", governance.House)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	reg, err := s.Records.Register(ctx, s.Root)
	if err != nil {
		return nil, err
	}
	k, o, err := s.next(ctx, reg, c, e, r)
	if err != nil {
		return nil, err
	}
	return s.page(ctx, c, reg, k, o)
}

// next is the case after an event, which is kept. An event that is there already
// changes nothing.
func (s *Server) next(ctx context.Context, reg governance.Register, c *call, e cases.Event, r receipt.Receipt) (*cases.Case, office.Office, error) {
	k, o, err := s.Case(ctx, reg, e.Case)
	switch {
	case errors.Is(err, fault.NotFound) && k == nil:
		if o, err = s.opens(ctx, e); err != nil {
			return nil, o, err
		}
		if err := s.reserved(ctx, reg, c.user, e.Case); err != nil {
			return nil, o, err
		}
	case err != nil:
		return nil, o, err
	case said(k.Receipts(), r):
		return k, o, nil
	case e.Act != cases.Start && !cases.NewRules(reg, s.tables).Sees(k, c.By, c.now):
		return nil, o, fault.NotFound // before any rule is asked, whose refusals would tell of the case
	}
	if err := s.handed(ctx, k, e); err != nil {
		return nil, o, err
	}
	if err := s.calls(ctx, reg, k, e); err != nil {
		return nil, o, err
	}
	if err := s.evaluates(ctx, reg, k, e); err != nil {
		return nil, o, err
	}
	if err := s.grounded(ctx, reg, k, e, r, c.now); err != nil {
		return nil, o, err
	}
	next, err := cases.NewRules(reg, s.tables).Citing(o.Cite).Admit(k, r, o.Clock, c.now)
	if err != nil {
		if k != nil && e.Act == cases.Start {
			err = taken(err)
		}
		return nil, o, err
	}
	if err := s.checks(ctx, c, reg, k, e); err != nil {
		return nil, o, err
	}
	due, err := next.Due(o.Clock)
	if err != nil {
		return nil, o, err
	}
	if err := s.log(ctx, r.Digest()); err != nil {
		return nil, o, err
	}
	if err := s.lock(ctx, next); err != nil {
		return nil, o, err
	}
	return next, o, s.Records.PutEvent(ctx, next, due)
}

// checks are what a decision is held against that no table of stages knows.
func (s *Server) checks(ctx context.Context, c *call, reg governance.Register, k *cases.Case, e cases.Event) error {
	if err := s.publishes(ctx, reg, k, e, c.now); err != nil {
		return err
	}
	if err := s.recording(ctx, reg, k, e); err != nil {
		return err
	}
	return s.amends(ctx, reg, k, e)
}

// The kinds of cases whose decisions are held against more than their tables.
const (
	entryReview   = "catalogue.review"
	consentRecord = "consent.record"
	scenarioApply = "scenario.apply"
)

// allows reports whether an event allows what a case of a kind is about.
func allows(k *cases.Case, e cases.Event, kind string) bool {
	return k != nil && k.Opening().Kind == kind && e.Ruling != nil && (e.Ruling.Verdict == cases.Allow || e.Ruling.Verdict == cases.Conditional)
}

// log appends to the ledger what is about to be kept.
func (s *Server) log(ctx context.Context, d suite.Digest) error {
	_, err := s.Notary.Enter(ctx, d)
	return err
}

// opens is the office that a new case is opened under: of the rules in force, by
// a table that they have.
func (s *Server) opens(ctx context.Context, e cases.Event) (office.Office, error) {
	if e.Opening == nil {
		return office.Office{}, fault.NotFound
	}
	now, err := s.Records.InForce(ctx)
	if errors.Is(err, fault.NotFound) {
		return office.Office{}, fault.Refuse("no-rules", governance.House)
	}
	if err != nil {
		return office.Office{}, err
	}
	if cases.Profile(now.Frozen()) != e.Opening.Profile {
		return office.Office{}, fault.Refuse("case-rules", governance.House)
	}
	o, err := s.desk(ctx, e.Opening.Profile)
	if err != nil {
		return o, err
	}
	t, there := s.tables[e.Opening.Table]
	if !there {
		return o, fault.Refuse("case-table", governance.House)
	}
	return o, o.Suits(s.tables, t)
}

// handed holds what is handed in against the way of the case: a scenario for data
// of one channel does not go the way of another. Papers that the platform does
// not have are no business of it here; who decides reads them.
func (s *Server) handed(ctx context.Context, k *cases.Case, e cases.Event) error {
	if k == nil || k.Table().Kind != scenarioApply {
		return nil
	}
	for _, r := range e.Refs {
		if r.Name != "application" {
			continue
		}
		raw, err := s.Records.Paper(ctx, r.Digest)
		if errors.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		p, err := papers.Read[papers.Scenario](raw, papers.KindScenario)
		if err != nil {
			return err
		}
		way := k.Table().Channel
		if way == "" {
			way = profile.ByOperation
		}
		if p.Channel != way {
			return fault.Refuse("case-table", governance.House)
		}
	}
	return nil
}

// page is what the caller sees of a case.
func (s *Server) page(ctx context.Context, c *call, reg governance.Register, k *cases.Case, o office.Office) (any, error) {
	v, err := cases.NewRules(reg, s.tables).View(k, c.By, c.now)
	if err != nil {
		return nil, err
	}
	out := verb.Case{View: v, Table: k.Table()}
	due, err := k.Due(o.Clock)
	if err != nil {
		return nil, err
	}
	out.Term = term(o, due, c.now)
	if out.Lock, err = LockOf(ctx, s.Records, k); err != nil {
		return nil, err
	}
	stage, round := k.Stage()
	if round == 0 {
		return out, nil
	}
	at, _ := k.Table().Stage(stage)
	for _, key := range []string{at.Rule, at.Clock} {
		if key == "" {
			continue
		}
		name, _ := profile.KeyOf(key)
		basis, law := o.Cite(k.Opening().Profile, key)
		if !law {
			basis = office.HouseTerm
			if key == at.Rule {
				basis = string(governance.House)
			}
		}
		out.Cites = append(out.Cites, verb.Citation{Key: key, ZH: name.Name.ZH, EN: name.Name.EN, Basis: basis})
	}
	return out, nil
}

func term(o office.Office, due cases.Due, now time.Time) *verb.Term {
	if due.At.IsZero() {
		return nil
	}
	return &verb.Term{Due: due, Overdue: now.After(due.At), Left: o.Left(due, now)}
}

func showCase(ctx context.Context, s *Server, c *call) (any, error) {
	var name verb.Name
	if err := c.Read(&name); err != nil {
		return nil, err
	}
	k, o, err := s.seen(ctx, c, name.ID)
	if err != nil {
		return nil, err
	}
	return s.page(ctx, c, c.reg, k, o)
}

func exportCase(ctx context.Context, s *Server, c *call) (any, error) {
	var name verb.Name
	if err := c.Read(&name); err != nil {
		return nil, err
	}
	k, _, err := s.seen(ctx, c, name.ID)
	if err != nil {
		return nil, err
	}
	blind := slices.ContainsFunc(k.Table().Stages, func(s cases.Stage) bool { return s.Blind })
	if (blind || k.Phase() != cases.Ended) && c.user.Role != governance.RoleBureau && c.user.Role != governance.RoleAuditor {
		return nil, fault.Refuse("case-export", governance.House) // who asked for a decision sees no blind vote, ever
	}
	raw, err := cases.Export(k, c.reg)
	return rawReply(raw), err
}

// part is as what the caller sees lists; auditors see every case.
func (c *call) part() cases.Part {
	if c.user.Role == governance.RoleAuditor {
		return cases.Part{}
	}
	return cases.Part{Role: c.user.Role, Org: c.user.Org}
}

func listCases(ctx context.Context, s *Server, c *call) (any, error) {
	var f verb.CaseFilter
	if err := c.Read(&f); err != nil {
		return nil, err
	}
	if c.user.ID == "" {
		return nil, fault.NotFound
	}
	limit := f.Limit
	if limit < 1 || limit > records.MaxPage {
		limit = records.MaxPage
	}
	rows, err := s.Records.Cases(ctx, records.CaseFilter{Part: c.part(), Kind: f.Kind, Stage: f.Stage, Phase: f.Phase, After: f.After, Limit: limit})
	if err != nil {
		return nil, err
	}
	page := verb.CasePage{}
	if page.Cases, err = s.lines(ctx, c, rows); err != nil {
		return nil, err
	}
	if len(rows) == limit {
		page.Next = rows[limit-1].ID
	}
	return page, nil
}

func listTodo(ctx context.Context, s *Server, c *call) (any, error) {
	if err := c.Read(&verb.None{}); err != nil {
		return nil, err
	}
	if c.user.ID == "" {
		return nil, fault.NotFound
	}
	who := cases.Part{Role: c.user.Role, Org: c.user.Org}
	rows, err := s.Records.Todo(ctx, who, records.MaxPage)
	if err != nil {
		return nil, err
	}
	var todo verb.Todo
	if todo.All, todo.Overdue, err = s.Records.TodoCount(ctx, who, c.now); err != nil {
		return nil, err
	}
	if todo.Cases, err = s.lines(ctx, c, rows); err != nil {
		return nil, err
	}
	todo.Confirm, err = s.awaited(ctx, c)
	for _, w := range todo.Confirm {
		todo.All++
		if w.Overdue {
			todo.Overdue++
		}
	}
	return todo, err
}

// lines says of each row when its turn ends by today's calendar.
func (s *Server) lines(ctx context.Context, c *call, rows []records.CaseRow) ([]verb.CaseLine, error) {
	all, versions := []verb.CaseLine{}, desks{s: s}
	for _, r := range rows {
		o, err := versions.of(ctx, r.Profile)
		if err != nil {
			return nil, err
		}
		due, err := r.Timer.Due(o.Clock)
		if err != nil {
			return nil, err
		}
		all = append(all, verb.CaseLine{
			ID: r.ID, Kind: r.Kind, Channel: r.Channel, Title: r.Title, Opener: r.Opener.Org, Operator: r.Operator, Year: r.Year, Stage: r.Stage, ZH: r.ZH, EN: r.EN,
			Phase: r.Phase, Outcome: r.Outcome, Head: r.Head, Updated: r.Updated, Term: term(o, due, c.now), Role: c.user.Role,
		})
	}
	return all, nil
}

// Reindex makes the lists of cases anew from what people said, and returns how
// many cases they were wrong about.
func (s *Server) Reindex(ctx context.Context) (int, error) {
	reg, err := s.Records.Register(ctx, s.Root)
	if err != nil {
		return 0, err
	}
	rules, versions := cases.NewRules(reg, s.tables), desks{s: s}
	return s.Records.Rebuild(ctx, func(id string, events []receipt.Receipt) (*cases.Case, cases.Due, error) {
		k, err := rules.Fold(id, events)
		if err != nil {
			return nil, cases.Due{}, err
		}
		o, err := versions.of(ctx, k.Opening().Profile)
		if err != nil {
			return nil, cases.Due{}, err
		}
		due, err := k.Due(o.Clock)
		return k, due, err
	})
}
