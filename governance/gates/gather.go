package gates

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

const maxConsents = 50 // of a scenario that are looked up

// Gather looks up what Check asks of terms. What a source does not have stays
// out of the facts, and its gates say so; another error of the source is one of
// Gather. Its look-ups are bounded by the cases that terms may name.
func Gather(ctx context.Context, src Source, reg governance.Register, t jobs.Terms, now time.Time) (Facts, error) {
	f := Facts{
		Now: now, Register: reg, Terms: t,
		Cases: map[string]*cases.Case{}, Papers: map[suite.Digest][]byte{}, Years: map[int][]*cases.Case{}, Consents: map[string][]byte{},
		Recorded: map[string]*cases.Case{}, Newest: map[string]*cases.Case{}, Replaced: map[string]string{},
	}
	if t.Under == nil {
		return f, nil
	}
	p, err := src.Rules(ctx, profile.Frozen{ID: t.Under.City, Version: t.Under.Version, Digest: t.Under.Rules})
	if err := found(err, "rules"); err != nil {
		return f, err
	}
	f.Profile = p
	for _, ref := range t.Under.Cases {
		if err := f.read(ctx, src, ref); err != nil {
			return f, err
		}
	}
	if err := f.agreed(ctx, src); err != nil {
		return f, err
	}
	if err := f.newest(ctx, src); err != nil {
		return f, err
	}
	if err := f.consents(ctx, src); err != nil {
		return f, err
	}
	return f, f.state(ctx, src)
}

// found takes what is not there, or is not what it was said to be, for missing.
func found(err error, what string) error {
	if err == nil || errors.Is(err, fault.NotFound) || errors.Is(err, fault.Tampered) {
		return nil
	}
	return fmt.Errorf("gathering the facts of gates: %s: %w", what, err)
}

// paperRefs are the references by which cases name papers.
var paperRefs = map[string][]string{
	admitKind: {admitRef}, scenarioKind: {scenarioRef, listRef}, agreementKind: {agreementRef}, programKind: {programRef}, entryKind: {entryRef},
}

// PapersOf lists the papers of a case that gates look into, each once.
func PapersOf(c *cases.Case) []suite.Digest {
	var all []suite.Digest
	for _, name := range paperRefs[c.Opening().Kind] {
		if d, ok := c.Ref(name); ok && !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	return all
}

func (f *Facts) read(ctx context.Context, src Source, ref jobs.CaseRef) error {
	c, err := src.Case(ctx, ref.ID)
	if err != nil || c == nil {
		return found(err, "a case")
	}
	f.Cases[ref.ID] = c
	for _, name := range paperRefs[ref.Kind] {
		if err := f.paper(ctx, src, c, name); err != nil {
			return err
		}
	}
	return nil
}

// paper looks up the paper that a case names.
func (f *Facts) paper(ctx context.Context, src Source, c *cases.Case, name string) error {
	d, ok := c.Ref(name)
	if !ok || f.Papers[d] != nil {
		return nil
	}
	raw, err := src.Paper(ctx, d)
	if err := found(err, "a paper"); err != nil {
		return err
	}
	if err == nil && len(raw) <= papers.MaxSize && suite.DigestOf(raw) == d {
		f.Papers[d] = raw
	}
	return nil
}

// agreed looks up the rules that an agreement was signed under: its text names them.
func (f *Facts) agreed(ctx context.Context, src Source) error {
	for _, ref := range f.Terms.Under.Of(agreementKind) {
		c := f.Cases[ref.ID]
		if c == nil || profile.Frozen(c.Opening().Profile) == f.Profile.Frozen() {
			continue
		}
		p, err := src.Rules(ctx, profile.Frozen(c.Opening().Profile))
		if err := found(err, "the agreement's rules"); err != nil {
			return err
		}
		f.Agreed = p
	}
	return nil
}

func (f *Facts) consents(ctx context.Context, src Source) error {
	w := newView(*f, AtSubmission)
	for i, id := range w.applied.body.Consents {
		if i >= maxConsents {
			break
		}
		raw, c, err := src.Consent(ctx, id)
		if err := found(err, "a consent"); err != nil {
			return err
		}
		if err == nil {
			f.Consents[id], f.Recorded[id] = raw, c
		}
	}
	return nil
}

// state looks up what changes from one day to the next.
func (f *Facts) state(ctx context.Context, src Source) error {
	var err error
	if f.Holds, err = src.Holds(ctx); found(err, "holds") != nil {
		return found(err, "holds")
	}
	f.Known.Holds = err == nil
	if f.Duties, err = src.Duties(ctx, f.Terms.Operator.Org); found(err, "duties") != nil {
		return found(err, "duties")
	}
	f.Known.Duties = err == nil
	all, err := src.Evaluations(ctx, f.Terms.Operator.Org)
	if found(err, "evaluations") != nil {
		return found(err, "evaluations")
	}
	f.Known.Years = err == nil
	for _, c := range all {
		y := c.Opening().Year
		f.Years[y] = append(f.Years[y], c)
	}
	if f.Used, err = src.Used(ctx, f.Terms.ID); found(err, "uses") != nil {
		return found(err, "uses")
	}
	f.Known.Used = err == nil
	return nil
}
