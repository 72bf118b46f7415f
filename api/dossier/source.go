package dossier

import (
	"context"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/suite"
)

// source is what was checked, as gates ask for it. What a signature cannot say is
// not found.
type source struct {
	*Dossier

	running bool
}

var _ gates.Source = source{}

func (s source) Rules(_ context.Context, want profile.Frozen) (profile.Profile, error) {
	if s.Register.Rules.Frozen() != want {
		return profile.Profile{}, fault.NotFound
	}
	return s.Register.Rules, nil
}

func (s source) Case(_ context.Context, id string) (*cases.Case, error) {
	i := slices.IndexFunc(s.Cases, func(c *cases.Case) bool { return c.ID() == id })
	if i < 0 {
		return nil, fault.NotFound
	}
	return s.Cases[i], nil
}

// Paper asks the platform for bytes that Gather holds against the digest.
func (s source) Paper(ctx context.Context, d suite.Digest) ([]byte, error) {
	id, named := s.papers[d]
	if !named {
		return nil, fault.NotFound
	}
	return s.from.PaperOf(ctx, s.Terms.ID, id, d)
}

func (source) Evaluations(context.Context, string) ([]*cases.Case, error) {
	return nil, fault.NotFound
}
func (source) Holds(context.Context) ([]gates.Hold, error)          { return nil, fault.NotFound }
func (source) Duties(context.Context, string) ([]gates.Duty, error) { return nil, fault.NotFound }
func (source) Consent(context.Context, string) ([]byte, *cases.Case, error) {
	return nil, nil, fault.NotFound
}

// Newest is the review that the terms name: that no later one has taken its place is
// the platform's word.
func (s source) Newest(ctx context.Context, dataset, _ string) (*cases.Case, error) {
	for _, c := range s.Cases {
		d, ok := c.Ref("entry")
		if c.Opening().Kind != "catalogue.review" || !ok {
			continue
		}
		raw, err := s.Paper(ctx, d)
		if err != nil {
			return nil, err
		}
		if suite.DigestOf(raw) != d {
			continue
		}
		if sheet, err := papers.Read[papers.Sheet](raw, papers.KindSheet); err == nil && sheet.Dataset == dataset {
			return c, nil
		}
	}
	return nil, fault.NotFound
}

// Replaced is nothing that signatures say: that nothing was is the platform's word.
func (source) Replaced(context.Context, *cases.Case) (string, error) { return "", nil }

// Used is none as long as a signature is awaited: without it there is no permit.
func (s source) Used(context.Context, string) (int, error) {
	if s.running {
		return 0, fault.NotFound
	}
	return 0, nil
}
