package api

import (
	"context"
	"errors"
	"slices"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/governance/oversight/report"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

// maxReports is how many reports an organisation may have on file.
const maxReports = 10000

// listDuties tells people what their organisation owes; the bureau's officers and
// auditors what everybody does.
func listDuties(ctx context.Context, s *Server, c *call) (any, error) {
	if err := c.Read(&verb.None{}); err != nil {
		return nil, err
	}
	f, err := s.facts(ctx, c.reg, c.now)
	if err != nil {
		return nil, err
	}
	all := []oversight.Duty{}
	for _, d := range oversight.Duties(f) {
		if oversight.Sees(c.user, d.Org) {
			all = append(all, d)
		}
	}
	return all, nil
}

// fileReport keeps a report and the statement that hands it in. Its digest stands
// in the ledger before either is kept.
func fileReport(ctx context.Context, s *Server, c *call) (any, error) {
	var in verb.Handed
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
	s.writing.Lock()
	defer s.writing.Unlock()
	h, err := oversight.MayReport(c.reg, r, in.Paper, c.now)
	if err != nil {
		return nil, err
	}
	if err := s.log(ctx, r.Digest()); err != nil {
		return nil, err
	}
	if _, err := s.Records.PutPaper(ctx, c.By, in.Paper, c.Envelope); err != nil {
		return nil, err
	}
	rec := records.Record[oversight.Handed]{ID: string(r.Digest()), Revision: 1, Parent: h.Org, Value: h, Envelope: r.Bytes()}
	return verb.Digest{Digest: r.Digest()}, s.Records.Reports.PutAmong(ctx, rec, maxReports)
}

// filed are the reports on file, checked anew.
func (s *Server) filed(ctx context.Context, g governance.Register) ([]oversight.Filed, error) {
	reports, err := s.Records.Reports.List(ctx, "")
	if err != nil {
		return nil, err
	}
	checks, err := s.Records.Checks.List(ctx, "")
	if err != nil {
		return nil, err
	}
	handed, err := parse(reports)
	if err != nil {
		return nil, err
	}
	attested, err := parse(checks)
	if err != nil {
		return nil, err
	}
	return oversight.OnFile(g, handed, attested), nil
}

func listReports(ctx context.Context, s *Server, c *call) (any, error) {
	if err := c.Read(&verb.None{}); err != nil {
		return nil, err
	}
	all, err := s.filed(ctx, c.reg)
	if err != nil {
		return nil, err
	}
	mine := []oversight.Filed{}
	for _, f := range all {
		if oversight.Sees(c.user, f.Org) {
			mine = append(mine, f)
		}
	}
	return mine, nil
}

// attestReport keeps how an officer of the bureau checked a report.
func attestReport(ctx context.Context, s *Server, c *call) (any, error) {
	in, r, err := inner(c)
	if err != nil {
		return nil, err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	all, err := s.filed(ctx, c.reg)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(f oversight.Filed) bool { return string(f.ID) == in.ID })
	if i < 0 {
		return nil, fault.NotFound
	}
	checked, err := oversight.MayAttest(c.reg, all[i], r, c.now)
	if err != nil {
		return nil, err
	}
	if err := s.log(ctx, r.Digest()); err != nil {
		return nil, err
	}
	rec := records.Record[oversight.Checked]{ID: in.ID, Revision: 1, Parent: in.ID, Value: checked, Envelope: r.Bytes()}
	return verb.None{}, s.Records.Checks.Put(ctx, rec)
}

// declare keeps what an officer says is there though nothing shows it. It opens no
// case: it is one more draft of one.
func declare(ctx context.Context, s *Server, c *call) (any, error) {
	var d oversight.Declared
	if err := c.Read(&d); err != nil {
		return nil, err
	}
	d.By, d.At = c.user.ID, c.At.UTC()
	if err := oversight.Declare(c.reg, c.user, d); err != nil {
		return nil, err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.log(ctx, suite.DigestOf(c.Envelope)); err != nil {
		return nil, err
	}
	rec := records.Record[oversight.Declared]{ID: string(suite.DigestOf(c.Envelope)), Revision: 1, Parent: d.Org, Value: d, Envelope: c.Envelope}
	return verb.None{}, s.Records.Declarations.PutAmong(ctx, rec, maxReports)
}

// inspect writes a report and lists what looks like a fault, for the bureau's
// officers and for auditors.
func inspect(ctx context.Context, s *Server, c *call) (any, error) {
	var in verb.Inspection
	if err := c.Read(&in); err != nil {
		return nil, err
	}
	if !oversight.Inspects(c.user) {
		return nil, fault.Refuse("role", governance.House)
	}
	f, err := s.facts(ctx, c.reg, c.now)
	if err != nil {
		return nil, err
	}
	out := verb.Inspected{Findings: oversight.Findings(f)}
	var d report.Document
	switch in.Report {
	case "":
		return out, nil
	case "disclosure":
		products, err := s.disclosed(ctx)
		if err != nil {
			return nil, err
		}
		d = report.Disclosure(f, in.Year, products)
	case "scorecard":
		var scores []oversight.Score
		for _, id := range operators(c.reg) {
			scores = append(scores, oversight.ScoreOf(f, id, in.Year, jobs.Released.String(), jobs.Refused.String()))
		}
		d = report.Scorecard(f, in.Year, scores)
	case "risk":
		d = report.Risk(f)
	case "responsibility":
		d = report.Responsibility(f)
	default:
		return nil, fault.Invalid
	}
	out.Document = &d
	return out, nil
}

func operators(g governance.Register) []string {
	var all []string
	for _, o := range sorted(g.Orgs) {
		if o.Kind == governance.Operator {
			all = append(all, o.ID)
		}
	}
	return all
}

// listUses is the ledger of uses as the caller may read it.
func listUses(ctx context.Context, s *Server, c *call) (any, error) {
	if err := c.Read(&verb.None{}); err != nil {
		return nil, err
	}
	f, err := s.facts(ctx, c.reg, c.now)
	if err != nil {
		return nil, err
	}
	all, err := s.uses(ctx)
	if err != nil {
		return nil, err
	}
	own := oversight.UsesFor(c.user, all)
	return verb.Ledger{Uses: own, Document: report.Uses(f, c.user.Org, own)}, nil
}

// evaluates holds an event of a yearly evaluation to the operator's other years, by
// the rules that the evaluation keeps.
func (s *Server) evaluates(ctx context.Context, g governance.Register, k *cases.Case, e cases.Event) error {
	var of cases.Opening
	switch {
	case e.Opening != nil && e.Opening.Kind == "evaluate.yearly":
		of = *e.Opening
	case k != nil && k.Opening().Kind == "evaluate.yearly":
		of = k.Opening()
	default:
		return nil
	}
	kept, err := s.desk(ctx, of.Profile)
	if errors.Is(err, fault.NotFound) {
		return fault.Refuse("no-rules", governance.House)
	}
	if err != nil {
		return err
	}
	var all []*cases.Case
	for _, operator := range of.Parties[cases.Operator] {
		rows, err := s.Records.CasesOf(ctx, "evaluate.yearly", operator)
		if err != nil {
			return err
		}
		for _, row := range rows {
			c, _, err := s.Case(ctx, g, row.ID)
			if err != nil {
				return err
			}
			all = append(all, c)
		}
	}
	return oversight.MayEvaluate(all, k, e, kept.Rules)
}
