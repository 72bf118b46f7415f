package api

import (
	"context"
	"errors"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
)

// getCandidate shows what would be released to those who decide about it.
func getCandidate(ctx context.Context, s *Server, c *call) (any, error) {
	var name verb.Name
	if err := c.Read(&name); err != nil {
		return nil, err
	}
	rec, t, err := s.run(ctx, name.ID, c.seesCandidate)
	if err != nil {
		return nil, err
	}
	candidate, _, err := s.candidate(ctx, t, rec.ID)
	return candidate, err
}

// candidate asks the way for the gate's statement, and checks it: nobody is
// shown, or votes on, what the gate did not sign.
func (s *Server) candidate(ctx context.Context, t jobs.Terms, run string) (verb.Candidate, msg.CandidateBody, error) {
	candidate, err := s.Way.Candidate(ctx, run)
	if errors.Is(err, fault.NotFound) {
		return verb.Candidate{}, msg.CandidateBody{}, fault.Refuse("no-candidate", governance.House)
	}
	if err != nil {
		return verb.Candidate{}, msg.CandidateBody{}, err
	}
	body, err := candidate.Open(t, run)
	return candidate, body, err
}

// A poll is a vote under way: the run, its terms, and what was said so far.
type poll struct {
	run            string
	terms          jobs.Terms
	commits, opens []receipt.Receipt
}

func (s *Server) poll(ctx context.Context, c *call, run string) (poll, error) {
	rec, t, err := s.run(ctx, run, c.sees)
	if err != nil {
		return poll{}, err
	}
	p := poll{run: rec.ID, terms: t}
	commits, err := s.Records.Commits.List(ctx, run)
	if err != nil {
		return poll{}, err
	}
	opens, err := s.Records.Opens.List(ctx, run)
	if err != nil {
		return poll{}, err
	}
	if p.commits, err = parse(commits); err != nil {
		return poll{}, err
	}
	p.opens, err = parse(opens)
	return p, err
}

// commitVote keeps a blind vote and passes it on.
func commitVote(ctx context.Context, s *Server, c *call) (any, error) {
	in, r, err := inner(c)
	if err != nil {
		return nil, err
	}
	p, err := s.poll(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	if !said(p.commits, r) {
		if err := c.reg.MayCommit(p.terms, p.run, p.commits, r, c.now); err != nil {
			return nil, err
		}
		if _, _, err := s.candidate(ctx, p.terms, p.run); err != nil {
			return nil, err
		}
	}
	return s.pass(ctx, s.Records.Commits, p.run, r)
}

// openVote keeps the opening of a vote and passes it on.
func openVote(ctx context.Context, s *Server, c *call) (any, error) {
	in, r, err := inner(c)
	if err != nil {
		return nil, err
	}
	p, err := s.poll(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	if !said(p.opens, r) {
		_, body, err := s.candidate(ctx, p.terms, p.run)
		if err != nil {
			return nil, err
		}
		if err := c.reg.MayOpen(p.terms, body, p.commits, p.opens, r, c.now); err != nil {
			return nil, err
		}
	}
	return s.pass(ctx, s.Records.Opens, p.run, r)
}

// said reports whether these very bytes are kept already: a checker whose
// first try was cut off may send them again.
func said(have []receipt.Receipt, r receipt.Receipt) bool {
	for _, h := range have {
		if h.Digest() == r.Digest() {
			return true
		}
	}
	return false
}

// pass keeps a vote, at most one a checker and as many as are needed a run, and
// hands it to the way.
func (s *Server) pass(ctx context.Context, table records.Table[records.Ballot], run string, r receipt.Receipt) (any, error) {
	rec := records.Record[records.Ballot]{
		ID: run + " " + string(r.By()), Revision: 1, Parent: run, Value: records.Ballot{By: r.By()}, Envelope: r.Bytes(),
	}
	err := table.PutAmong(ctx, rec, jobs.Votes)
	if errors.Is(err, fault.Conflict) || full(err) {
		return nil, fault.Refuse("vote-twice", governance.House)
	}
	if err != nil {
		return nil, err
	}
	return verb.None{}, s.Way.Vote(ctx, run, r)
}
