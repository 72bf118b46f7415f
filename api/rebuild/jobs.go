package rebuild

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

func (m *maker) applications(ctx context.Context) error {
	return m.each(ctx, "applications", func(_ string, raw []byte) error {
		h, err := m.asked(raw, verb.ApplicationSubmit)
		if err != nil {
			return err
		}
		t, err := jobs.ParseTerms(h.Body)
		if err != nil {
			return err
		}
		if h.By != t.Operator.Key {
			return fmt.Errorf("terms of %s by another key: %w", t.Operator.Org, fault.Denied)
		}
		m.terms[t.Digest()] = t
		return put(ctx, m.to.Applications, t.ID, t.Scenario, governance.Application{Terms: t}, raw)
	})
}

// under is the terms of a digest that somebody applied for.
func (m *maker) under(d suite.Digest) (jobs.Terms, error) {
	t, ok := m.terms[d]
	if !ok {
		return t, fmt.Errorf("on terms that nobody applied for: %w", fault.NotFound)
	}
	return t, nil
}

func (m *maker) decisions(ctx context.Context) error {
	return m.each(ctx, "decisions", func(_ string, raw []byte) error {
		r, err := receipt.Parse(raw)
		if err != nil {
			return err
		}
		var d jobs.Decision
		if err := r.Read(r.Kind(), &d); err != nil {
			return err
		}
		t, err := m.under(d.Terms)
		if err != nil {
			return err
		}
		m.decided[string(raw)] = true
		m.kept[r.Digest()] = true
		return put(ctx, m.to.Decisions, fmt.Sprintf("%s %s %s", t.ID, r.Kind(), r.By()), t.ID, records.Decision{Kind: r.Kind(), By: r.By()}, raw)
	})
}

// permits are terms with their decisions, and nothing else.
func (m *maker) permits(ctx context.Context) error {
	return m.each(ctx, "permits", func(_ string, raw []byte) error {
		var b jobs.Bundle
		if err := json.Unmarshal(raw, &b); err != nil {
			return err
		}
		terms, err := jobs.ParseTerms(b.Terms)
		if err != nil {
			return err
		}
		t, err := m.under(terms.Digest())
		if err != nil {
			return err
		}
		for _, d := range b.Decisions {
			if !m.decided[string(d)] {
				return fmt.Errorf("holds a decision that is not on record: %w", fault.Tampered)
			}
		}
		m.kept[suite.DigestOf(raw)] = true
		return put(ctx, m.to.Permits, t.ID, string(t.Digest()), b, raw)
	})
}

func (m *maker) programs(ctx context.Context) error {
	return m.each(ctx, "programs", func(_ string, raw []byte) error {
		h, err := m.asked(raw, verb.ProgramPut)
		if err != nil {
			return err
		}
		if _, err := m.person(h.By, governance.RoleOperator); err != nil {
			return err
		}
		var p jobs.Program
		if err := h.Read(&p); err != nil {
			return err
		}
		return put(ctx, m.to.Programs, p.Digest.Hex()+" "+string(h.By), p.Digest.Hex(), p, raw)
	})
}

func (m *maker) runs(ctx context.Context) error {
	return m.each(ctx, "runs", func(_ string, raw []byte) error {
		r, err := receipt.Parse(raw)
		if err != nil {
			return err
		}
		var run jobs.Run
		if err := r.Read(jobs.Start, &run); err != nil {
			return err
		}
		t, err := m.under(run.Permit)
		if err != nil {
			return err
		}
		m.kept[r.Digest()] = true
		return put(ctx, m.to.Runs, run.ID, t.ID, run, raw)
	})
}

func (m *maker) votes(ctx context.Context) error {
	for name, table := range map[string]records.Table[records.Ballot]{"commits": m.to.Commits, "opens": m.to.Opens} {
		err := m.each(ctx, name, func(_ string, raw []byte) error {
			r, err := receipt.Parse(raw)
			if err != nil {
				return err
			}
			of, err := voted(name, r)
			if err != nil {
				return err
			}
			m.kept[r.Digest()] = true
			return put(ctx, table, of.Run+" "+string(r.By()), of.Run, records.Ballot{By: r.By()}, raw)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func voted(table string, r receipt.Receipt) (msg.Of, error) {
	if table == "commits" {
		var b msg.VoteCommitBody
		err := r.Read(msg.VoteCommit, &b)
		return b.Of, err
	}
	var b msg.VoteOpenBody
	err := r.Read(msg.VoteOpen, &b)
	return b.Of, err
}
