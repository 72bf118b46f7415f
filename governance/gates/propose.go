package gates

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// Propose names the cases that terms of a scenario rest on, as they stand: the
// scenario's own, and of all ended ones that are given the agreement on it, its
// applicant's licence, the review of the program ("" for none) and the entry of
// each dataset of the list, in each case the last of the list given. What is missing is left out: Check says so. The
// scenario has to be there with its paper; otherwise the error is of kind
// NotFound.
func Propose(ctx context.Context, src Source, rules profile.Frozen, scenario string, program suite.Digest, all []*cases.Case) (*jobs.Under, error) {
	i := slices.IndexFunc(all, func(c *cases.Case) bool { return c.ID() == scenario && c.Opening().Kind == scenarioKind })
	if i < 0 {
		return nil, fmt.Errorf("proposing what terms rest on: no scenario %.63s: %w", scenario, fault.NotFound)
	}
	s, err := fetched[papers.Scenario](ctx, src, all[i], scenarioRef, papers.KindScenario)
	if err != nil {
		return nil, fmt.Errorf("proposing what terms rest on: %w", err)
	}
	last := map[string]*cases.Case{scenarioKind: all[i]}
	for _, c := range all {
		if o, _ := c.Outcome(); o != cases.Approved || c.Opening().Profile.ID != rules.ID {
			continue
		}
		if what := serves(ctx, src, c, all[i], s, program); what != "" {
			last[what] = c
		}
	}
	u := &jobs.Under{City: rules.ID, Version: rules.Version, Rules: rules.Digest, Channel: s.Channel}
	for _, c := range last {
		u.Cases = append(u.Cases, jobs.CaseRef{Kind: c.Opening().Kind, ID: c.ID(), Head: c.Head()})
	}
	slices.SortFunc(u.Cases, func(a, b jobs.CaseRef) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID)) })
	return u, nil
}

// serves says as what terms of the scenario rest on a case that was approved, ""
// if they do not.
func serves(ctx context.Context, src Source, c, of *cases.Case, s papers.Scenario, program suite.Digest) string {
	kind, yes := c.Opening().Kind, false
	switch kind {
	case agreementKind:
		head, ok := c.Ref(decisionRef)
		yes = ok && head == of.Head()
	case admitKind:
		ad, err := fetched[papers.Admission](ctx, src, c, admitRef, papers.KindAdmission)
		yes = err == nil && ad.Operator == s.Applicant && s.Channel == profile.ByOperation
	case programKind:
		p, err := fetched[papers.Program](ctx, src, c, programRef, papers.KindProgram)
		yes = err == nil && program != "" && p.Digest == program
	case entryKind:
		e, err := fetched[papers.Sheet](ctx, src, c, entryRef, papers.KindSheet)
		if err == nil && use(s, e.Dataset) != nil {
			return kind + " " + e.Dataset
		}
	}
	if !yes {
		return ""
	}
	return kind
}

func fetched[T any](ctx context.Context, src Source, c *cases.Case, name string, kind papers.Kind) (T, error) {
	var zero T
	d, ok := c.Ref(name)
	if !ok {
		return zero, fmt.Errorf("case %s names no %s: %w", c.ID(), name, fault.NotFound)
	}
	raw, err := src.Paper(ctx, d)
	if err != nil {
		return zero, err
	}
	if suite.DigestOf(raw) != d {
		return zero, fmt.Errorf("a paper of case %s: %w", c.ID(), fault.Tampered)
	}
	return papers.Read[T](raw, kind)
}
