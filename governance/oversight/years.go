package oversight

import (
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/suite"
)

const (
	yearlyKind   = "evaluate.yearly"
	eliminated   = "eliminated" // the end of that table
	previousRef  = "previous-failure"
	openingStage = "opening"
	yearsKey     = "authop.elimination_years"
)

// evaluationOf reports whether c is an operator's evaluation of a year that was not called off.
func evaluationOf(c *cases.Case, operator string, year int) bool {
	if c == nil || c.Opening().Kind != yearlyKind || c.Opening().Year != year || !slices.Contains(c.Opening().Parties[cases.Operator], operator) {
		return false
	}
	o, _ := c.Outcome()
	return o != cases.Withdrawn
}

func (f Facts) evaluated(operator string, year int) bool {
	return slices.ContainsFunc(f.Cases, func(c *cases.Case) bool {
		o, _ := c.Outcome()
		return evaluationOf(c, operator, year) && o != cases.Pending
	})
}

// Eliminated reports whether an operator's qualification was cancelled (取消资格)
// by an evaluation up to a year, and what that rests on. Every grant of the
// operator is void from then on: there is nothing to revoke one by one. No city's
// text bars it from applying anew or says for how long: package gates lets it use
// data again on an admission, a scenario and an agreement that were all opened after
// the elimination, and nothing that is older revives.
func Eliminated(all []*cases.Case, operator string, year int, p profile.Profile) (bool, Cite) {
	gone := slices.ContainsFunc(all, func(c *cases.Case) bool {
		if c == nil || c.Opening().Year > year || !evaluationOf(c, operator, c.Opening().Year) {
			return false
		}
		_, end := c.Outcome()
		return end == eliminated
	})
	return gone, CiteOf(p, yearsKey)
}

// A Streak is how many years in a row, up to the year before, an operator has
// failed, and whether failing once more brings the proposal to eliminate it
// (连续不达标). Last is the head of last year's case, which the next has to name.
type Streak struct {
	Years int          `json:"years"`
	Limit int          `json:"limit"` // 0: the city eliminates nobody
	Last  suite.Digest `json:"last,omitempty"`
	Final bool         `json:"final"` // the next failure makes the limit
	Cite  Cite         `json:"cite"`
}

// StreakOf is the streak before the evaluation of a year.
func StreakOf(all []*cases.Case, operator string, year int, p profile.Profile) Streak {
	over := 0 // the last year that cost a qualification: what follows is of another
	for _, c := range all {
		if c != nil && c.Opening().Year < year && evaluationOf(c, operator, c.Opening().Year) {
			if _, end := c.Outcome(); end == eliminated {
				over = max(over, c.Opening().Year)
			}
		}
	}
	ended := slices.DeleteFunc(slices.Clone(all), func(c *cases.Case) bool { return c == nil || c.Opening().Year <= over })
	s := Streak{Cite: CiteOf(p, yearsKey)}
	s.Years, s.Last = cases.Failures(ended, operator, year-1)
	s.Limit, _ = p.Int(yearsKey)
	s.Final = s.Limit > 0 && s.Years >= s.Limit-1 && s.Limit > 1
	return s
}

// MayEvaluate refuses an event that would let an evaluation go past the streak,
// or come to it without one; others, and those of other cases, pass. It is asked
// beside the table, which knows one case only. A year is evaluated once it is over,
// and once for an operator; that of last year has ended first; and the opening that is handed in
// names last year's failure if, and only if, one more would make the limit.
func MayEvaluate(all []*cases.Case, c *cases.Case, e cases.Event, p profile.Profile) error {
	if e.Act == cases.Start {
		return mayOpenYear(all, e)
	}
	if c == nil || c.Opening().Kind != yearlyKind || e.Act != cases.Submit || e.Stage != openingStage {
		return nil
	}
	named := suite.Digest("")
	if i := slices.IndexFunc(e.Refs, func(r cases.Ref) bool { return r.Name == previousRef }); i >= 0 {
		named = e.Refs[i].Digest
	}
	want := suite.Digest("")
	for _, operator := range c.Opening().Parties[cases.Operator] {
		if s := StreakOf(all, operator, c.Opening().Year, p); s.Final {
			want = s.Last
		}
	}
	if named != want {
		return fault.Refuse("evaluation-after", p.Basis(yearsKey))
	}
	return nil
}

func mayOpenYear(all []*cases.Case, e cases.Event) error {
	if e.Opening == nil || e.Opening.Kind != yearlyKind {
		return nil
	}
	if calendar.DateOf(e.At).Year <= e.Opening.Year {
		return fault.Refuse("evaluation-early", governance.House)
	}
	for _, operator := range e.Opening.Parties[cases.Operator] {
		for _, c := range all {
			if c == nil || c.ID() == e.Case {
				continue
			}
			o, _ := c.Outcome()
			if evaluationOf(c, operator, e.Opening.Year) || o == cases.Pending && evaluationOf(c, operator, e.Opening.Year-1) {
				return fault.Refuse("evaluation-twice", governance.House)
			}
		}
	}
	return nil
}
