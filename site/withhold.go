package site

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate"
	"github.com/yunei/yunei/gate/register"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/storage/columns"
)

// That a run is withheld tells something of the data, unless all that decides
// it is taken to be known. What tells is counted here, and there is a most a year.

// withheld is the journal's kind of a run that the register forbids, on columns
// that not everybody knows.
const withheld receipt.Kind = "withheld"

// A withholding is what the journal says of a refusal that is itself a
// disclosure: one bit about values.
type withholding struct {
	Operator string    `json:"operator"`
	Dataset  string    `json:"dataset"`
	At       time.Time `json:"at"`
}

// meter notes, before anything shows, that a run is withheld for values. The
// refusal of a run over frame columns, for the sake of others over frame
// columns, only follows from what everybody is taken to know; any other is a bit
// about the data.
func (s *Site) meter(ctx context.Context, v *msg.View, finding register.Finding, named bool) error {
	t := v.Terms()
	m, err := s.member(t)
	if err != nil {
		return err
	}
	free, err := s.isValueFree(ctx, m)
	if err != nil {
		return err
	}
	if free && !named && s.overFrames(v, finding) {
		return nil
	}
	s.Log.LogAttrs(ctx, slog.LevelWarn, "withholding a run: yunei gate finding tells which earlier releases combine", slog.String("run", v.ID()))
	s.Hook("withheld:before")
	_, err = s.Journal.Once(string(withheld), v.ID(), withholding{t.Operator.Org, m.Dataset, s.Now().UTC().Truncate(time.Second)})
	s.Hook("withheld:after")
	if errors.Is(err, fault.Conflict) {
		return nil // noted before, at another time
	}
	return err
}

// overFrames reports whether all releases that combine with a run had frame
// columns only.
func (s *Site) overFrames(v *msg.View, finding register.Finding) bool {
	if len(finding.Combinations) >= register.Listed {
		return false // there may be more
	}
	for _, c := range finding.Combinations {
		for _, t := range c.Terms {
			var x entry
			if t.Release != v.ID() && (s.Journal.Get(string(entered), t.Release, &x) != nil || !x.Frame) {
				return false
			}
		}
	}
	return true
}

// hasBeyondFrames reports whether a run in the register had other columns, so
// that beside it a run over frame columns can be withheld for values too.
func (s *Site) hasBeyondFrames(namespace string) bool {
	for _, e := range s.Journal.All(string(entered)) {
		var x entry
		if e.Decode(&x) != nil || x.Namespace == namespace && !x.Frame {
			return true
		}
	}
	return false
}

// names reports whether a text that the operator typed stands in an identifier
// column of the domain's own data. Whoever typed it must not be told, so that it
// is withheld like a run that the register forbids.
func (s *Site) names(ctx context.Context, t jobs.Terms) (hit, known bool, err error) {
	m, err := s.member(t)
	if err != nil {
		return false, false, err
	}
	version, closeData, err := s.open(ctx, m)
	if err != nil {
		return false, false, err
	}
	defer closeData()
	known = true
	for _, text := range gate.Typed(t) {
		one, could := version.Identifies(s.Unit, text)
		hit, known = hit || one, known && could
	}
	return hit, known, nil
}

// isValueFree reports whether the guest gets frame columns and nothing else.
func (s *Site) isValueFree(ctx context.Context, m jobs.Member) (bool, error) {
	schema, err := s.schema(ctx, m)
	if err != nil {
		return false, err
	}
	for _, c := range schema.Columns {
		if slices.Contains(m.Columns, c.Name) && c.Role != columns.Frame {
			return false, nil
		}
	}
	return true, nil
}

// mayBeWithheld refuses, before a row is read, a run of an operator that the
// register has withheld as many runs from this year as a profile allows: each
// was an answer about values.
func (s *Site) mayBeWithheld(ctx context.Context, v *msg.View, m jobs.Member) error {
	t := v.Terms()
	if t.Mode != jobs.SDC {
		return nil
	}
	p, err := gate.Rules(t)
	if err != nil {
		return err
	}
	n, err := s.withheldOf(t.Operator.Org, m.Dataset, v.ID(), true)
	if err != nil || n < p.Refusals {
		return err
	}
	free, err := s.isValueFree(ctx, m)
	if err != nil || free && !s.hasBeyondFrames(t.Shape.Namespace) {
		return err
	}
	return fault.Refuse("withheld-spent", "house C25")
}

// withheldOf counts the runs of an operator on a dataset, but one, that were
// withheld within a year: all of them, or those that are over, for what is not
// yet decided must not show.
func (s *Site) withheldOf(operator, dataset, but string, over bool) (int64, error) {
	n := int64(0)
	for _, e := range s.Journal.All(string(withheld)) {
		var w withholding
		if err := e.Decode(&w); err != nil {
			return 0, fmt.Errorf("reading the journal of withheld runs: %w", err)
		}
		if over && !s.isRetired(e.Key) {
			continue
		}
		if e.Key != but && w.Operator == operator && w.Dataset == dataset && s.Now().Sub(w.At) < 365*24*time.Hour {
			n++
		}
	}
	return n, nil
}
