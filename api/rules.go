package api

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// putPaper keeps the bytes of a paper. Who puts one need not have a case yet.
func putPaper(ctx context.Context, s *Server, c *call) (any, error) {
	var p verb.Paper
	if err := c.Read(&p); err != nil {
		return nil, err
	}
	if c.user.ID == "" {
		return nil, fault.Refuse("role", governance.House) // the root key registers, and does nothing else
	}
	if len(p.Body) > papers.MaxSize {
		return nil, fault.Refuse("too-large", governance.House)
	}
	if len(p.Body) == 0 {
		return nil, fault.Invalid
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	consent, err := s.consent(ctx, c, p.Body)
	if err != nil {
		return nil, err
	}
	// A line of the ledger is of something that is kept: what is refused, or told
	// again, adds none.
	d := suite.DigestOf(p.Body)
	if put, err := s.Records.PutBy(ctx, d, c.By); err != nil || put && consent == nil {
		return verb.Digest{Digest: d}, err
	}
	if err := s.log(ctx, suite.DigestOf(c.Envelope)); err != nil {
		return nil, err
	}
	if _, err := s.Records.PutPaper(ctx, c.By, p.Body, c.Envelope); err != nil || consent == nil {
		return verb.Digest{Digest: d}, err
	}
	consent.Value = d
	return verb.Digest{Digest: d}, s.Records.Consents.Put(ctx, *consent)
}

// consent is the record of a paper that says what data subjects have agreed to: a
// matter of the provider of the data, for whom alone it counts. A later paper of
// the id, as when a consent is taken back, is a further revision.
func (s *Server) consent(ctx context.Context, c *call, raw []byte) (*records.Record[suite.Digest], error) {
	if kind, err := papers.KindOf(raw); err != nil || kind != papers.KindConsent {
		return nil, nil //nolint:nilnil,nilerr // another paper, or none: not a consent
	}
	said, err := ConsentOf(c.reg, c.user, raw)
	if err != nil {
		return nil, err
	}
	rec := records.Record[suite.Digest]{ID: said.ID, Revision: 1, Parent: said.Dataset, Envelope: c.Envelope}
	switch old, err := s.Records.Consents.Get(ctx, said.ID); {
	case errors.Is(err, fault.NotFound):
		return &rec, nil
	case err != nil:
		return nil, err
	case old.Parent != said.Dataset:
		return nil, fault.Refuse("registered", governance.House)
	case old.Value == suite.DigestOf(raw):
		return nil, nil //nolint:nilnil // told again
	default:
		rec.Revision = old.Revision + 1
		return &rec, s.follows(ctx, c, said, old.Value)
	}
}

// follows refuses a later paper of a consent that is more than its withdrawal: one
// that was taken back is not given again by its keeper, and none is widened.
func (s *Server) follows(ctx context.Context, c *call, said papers.Consent, before suite.Digest) error {
	was, ok, err := read[papers.Consent](ctx, s, before, papers.KindConsent)
	if err != nil {
		return err
	}
	if !ok || said.Follows(was, c.now) != nil {
		return fault.Refuse("consent-change", c.reg.Rules.Basis("consent.outside_law"))
	}
	return nil
}

// ConsentOf reads a paper as a consent, and refuses one that is not the user's to
// put.
func ConsentOf(g governance.Register, u governance.User, raw []byte) (papers.Consent, error) {
	said, err := papers.Read[papers.Consent](raw, papers.KindConsent)
	if err != nil {
		return said, err
	}
	e, ok := g.Catalogue[said.Dataset]
	if jobs.ID(said.ID) != nil || !ok || u.Role != governance.RoleOfficer || e.Provider != u.Org {
		return said, fault.Refuse("role", g.Rules.Basis("consent.outside_law"))
	}
	return said, nil
}

// getPaper gives a paper to who put it, and to who may see a case that names it.
func getPaper(ctx context.Context, s *Server, c *call) (any, error) {
	var want verb.Digest
	if err := c.Read(&want); err != nil {
		return nil, err
	}
	own, err := s.Records.PutBy(ctx, want.Digest, c.By)
	if err != nil {
		return nil, err
	}
	if !own {
		if err := s.named(ctx, c, want.Digest); err != nil {
			return nil, err
		}
	}
	raw, err := s.Records.Paper(ctx, want.Digest)
	return rawReply(raw), err
}

// named says NotFound unless the caller may see a case in which somebody named the
// paper who has put it: naming a digest that one has come by opens nothing.
func (s *Server) named(ctx context.Context, c *call, d suite.Digest) error {
	ids, err := s.Records.Naming(ctx, string(d))
	if err != nil {
		return err
	}
	for _, id := range ids {
		k, _, err := s.seen(ctx, c, id)
		if errors.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if put, err := s.put(ctx, k, d); err != nil || put {
			return err
		}
	}
	return fault.NotFound
}

// put reports whether somebody named a paper in a case who has put it.
func (s *Server) put(ctx context.Context, k *cases.Case, d suite.Digest) (bool, error) {
	for _, r := range k.Receipts() {
		if e, err := cases.Read(r); err != nil || !names(e, d) {
			continue
		}
		if put, err := s.Records.PutBy(ctx, d, r.By()); err != nil || put {
			return put, err
		}
	}
	return false, nil
}

func names(e cases.Event, d suite.Digest) bool {
	return e.Filing != nil && e.Filing.Digest == d || slices.ContainsFunc(e.Refs, func(r cases.Ref) bool { return r.Digest == d })
}

// publishProfile joins an officer's statement for a version of the city's rules to
// those at hand. The version is read from its file anew, so that one that is looser
// than the national layer never comes into force, whoever signs for it; with the
// second officer it is in force.
func publishProfile(ctx context.Context, s *Server, c *call) (any, error) {
	var in verb.Publish
	if err := c.Read(&in); err != nil {
		return nil, err
	}
	r, err := receipt.Parse(in.Receipt)
	if err != nil {
		return nil, err
	}
	if r.By() != c.By {
		return nil, fault.Refuse("request-foreign", governance.House)
	}
	p, err := profiles.Load(in.Source)
	if err != nil {
		return nil, err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	reg, err := s.Records.Register(ctx, s.Root)
	if err != nil {
		return nil, err
	}
	return s.publish(ctx, reg, c, p, r)
}

func (s *Server) publish(ctx context.Context, reg governance.Register, c *call, p profile.Profile, r receipt.Receipt) (any, error) {
	inUse := profile.Frozen{}
	now, err := s.Records.InForce(ctx)
	if err == nil {
		inUse = now.Frozen()
	} else if !errors.Is(err, fault.NotFound) {
		return nil, err
	}
	change := governance.Change{Next: p.Frozen(), Prior: inUse}
	if inUse == change.Next {
		var stated governance.Publication // told again after an answer was lost
		if r.Read(governance.Publish, &stated) == nil && stated.Change.Next == inUse {
			change = stated.Change
		}
	}
	have, err := s.Records.Publications(ctx, change.Next.Digest, change.Prior.Digest)
	if err != nil {
		return nil, err
	}
	if said(have, r) {
		return s.published(reg, p, have, inUse == p.Frozen()), nil
	}
	if err := reg.MayPublish(inUse, change, have, r, c.now); err != nil {
		return nil, err
	}
	var stated governance.Publication // whose own time is kept, so that the records say nothing that nobody signed
	if err := r.Read(governance.Publish, &stated); err != nil {
		return nil, err
	}
	have = append(have, r)
	enact := reg.Published(inUse, change, have, c.now) == nil
	if err := s.log(ctx, r.Digest()); err != nil {
		return nil, err
	}
	if err := s.Records.PutPublication(ctx, p, change.Prior.Digest, r, enact, stated.At); err != nil {
		return nil, err
	}
	return s.published(reg, p, have, enact), nil
}

func (s *Server) published(reg governance.Register, p profile.Profile, have []receipt.Receipt, inForce bool) verb.Published {
	out := verb.Published{Frozen: p.Frozen(), InForce: inForce, By: []string{}}
	for _, r := range have {
		if u := reg.Holder(r.By()); u.ID != "" {
			out.By = append(out.By, u.ID)
		}
	}
	return out
}

// getProfile gives the rules in force, or a version that was: rules are public to
// everybody who is registered.
func getProfile(ctx context.Context, s *Server, c *call) (any, error) {
	var want verb.Version
	if err := c.Read(&want); err != nil {
		return nil, err
	}
	var p profile.Profile
	var err error
	if want.Frozen != nil {
		p, err = s.Records.Profile(ctx, *want.Frozen)
	} else if p, err = s.Records.InForce(ctx); errors.Is(err, fault.NotFound) {
		err = fault.Refuse("no-rules", governance.House)
	}
	if err != nil {
		return nil, err
	}
	return verb.Profile{Frozen: p.Frozen(), Bytes: p.Bytes()}, nil
}

// loadCalendar takes the notice of a year from an officer of the bureau. It counts
// once another has loaded the same, and what was provisional is computed anew.
func loadCalendar(ctx context.Context, s *Server, c *call) (any, error) {
	var in verb.Calendar
	if err := c.Read(&in); err != nil {
		return nil, err
	}
	if c.user.Role != governance.RoleBureau {
		return nil, fault.Refuse("role", governance.House)
	}
	if _, err := (calendar.Calendar{}).With(in.Table); err != nil {
		return nil, err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	before, err := s.Records.Calendars(ctx)
	if err != nil {
		return nil, err
	}
	if there, err := s.Records.CalendarThere(ctx, in.Table, c.Envelope); err != nil || there {
		return s.loaded(ctx, in.Table, err)
	}
	if err := s.log(ctx, suite.DigestOf(c.Envelope)); err != nil {
		return nil, err
	}
	if err := s.Records.PutCalendar(ctx, in.Table, c.Envelope, c.At); err != nil {
		return nil, err
	}
	after, err := s.Records.Calendars(ctx)
	if err != nil {
		return nil, err
	}
	cal, err := s.Records.Calendar(ctx)
	if err != nil || len(after) == len(before) {
		return verb.Loaded{Years: cal.Years(), Waits: true}, err
	}
	s.cabinet.turn()
	moved, err := s.redue(ctx)
	return verb.Loaded{Years: cal.Years(), Moved: moved}, err
}

// loaded answers who has loaded a table before: whether it counts by now, or waits
// for somebody else to load it.
func (s *Server) loaded(ctx context.Context, table []byte, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	counts, err := s.Records.Calendars(ctx)
	if err != nil {
		return nil, err
	}
	cal, err := s.Records.Calendar(ctx)
	waits := !slices.ContainsFunc(counts, func(t []byte) bool { return bytes.Equal(t, table) })
	return verb.Loaded{Years: cal.Years(), Waits: waits}, err
}

// redue computes anew when the turn of each case ends.
func (s *Server) redue(ctx context.Context) (int, error) {
	versions := desks{s: s}
	// The versions are read before the records are locked for writing.
	have, err := s.Records.Enacted(ctx)
	if err != nil {
		return 0, err
	}
	for _, p := range have {
		if _, err := versions.of(ctx, cases.Profile(p)); err != nil {
			return 0, err
		}
	}
	return s.Records.Redue(ctx, func(r records.CaseRow) (cases.Due, error) {
		o, err := versions.of(ctx, r.Profile)
		if err != nil {
			return cases.Due{}, err
		}
		return r.Timer.Due(o.Clock)
	})
}

func getCalendars(ctx context.Context, s *Server, c *call) (any, error) {
	if err := c.Read(&verb.None{}); err != nil {
		return nil, err
	}
	tables, err := s.Records.Calendars(ctx)
	if err != nil {
		return nil, err
	}
	all := []verb.Calendar{{Table: calendar.Table()}}
	for _, t := range tables {
		all = append(all, verb.Calendar{Table: t})
	}
	return all, nil
}
