package oversight

import (
	"slices"
	"time"

	"github.com/yunei/yunei/governance/cases"
)

// A Score is what the records say of an operator's year, for the people who
// evaluate it (使用事实). It is no mark: criteria and the decision are theirs.
type Score struct {
	Operator   string `json:"operator"`
	Year       int    `json:"year"`
	Scenarios  int    `json:"scenarios"`   // in force at some time of the year
	PublicGood int    `json:"public_good"` // of them
	Runs       int    `json:"runs"`
	Released   int    `json:"released"`
	Refused    int    `json:"refused"`
	Reports    int    `json:"reports"`  // handed in
	Unsound    int    `json:"unsound"`  // of them
	Overdue    int    `json:"overdue"`  // duties of the operator overdue now
	Findings   int    `json:"findings"` // about it, now
	Cases      int    `json:"cases"`    // of rectification, opened about it in the year
	Censured   int    `json:"censured"` // of them
	Streak     Streak `json:"streak"`
	Outcome    string `json:"outcome,omitempty"` // of the year's evaluation: an end of its table
}

// ScoreOf is the score of an operator in a year. Refused and released runs are
// counted by their states, which the caller names.
func ScoreOf(f Facts, operator string, year int, released, refused string) Score {
	in := yearOf(year)
	s := Score{Operator: operator, Year: year, Streak: StreakOf(f.Cases, operator, year, f.Profile)}
	seen := map[string]bool{}
	for _, sc := range f.Scenarios {
		if !seen[sc.ID] && sc.Operator == operator && sc.From.Before(in.to) && (sc.End.IsZero() || sc.End.After(in.from)) {
			seen[sc.ID] = true
			s.Scenarios++
			if sc.PublicGood {
				s.PublicGood++
			}
		}
	}
	for _, r := range f.Runs {
		if r.Operator != operator || !in.has(r.At) {
			continue
		}
		s.Runs++
		switch r.State {
		case released:
			s.Released++
		case refused:
			s.Refused++
		}
	}
	for _, r := range f.Filed {
		if r.Org == operator && in.has(r.At) {
			s.Reports++
			if r.Checker != "" && !r.Sound {
				s.Unsound++
			}
		}
	}
	for _, d := range Duties(f) {
		if d.Operator == operator && d.Overdue {
			s.Overdue++
		}
	}
	for _, x := range Findings(f) {
		if x.Org == operator {
			s.Findings++
		}
	}
	f.rectified(&s, in)
	return s
}

func (f Facts) rectified(s *Score, in span) {
	for _, c := range f.Cases {
		if c == nil || !slices.Contains(c.Opening().Parties[cases.Operator], s.Operator) {
			continue
		}
		outcome, end := c.Outcome()
		switch {
		case evaluationOf(c, s.Operator, s.Year) && outcome != cases.Pending:
			s.Outcome = end
		case c.Opening().Kind == "incident.rectify" && in.has(opened(c)):
			s.Cases++
			if outcome == cases.Adverse {
				s.Censured++
			}
		}
	}
}

// opened is when a case was opened, as its opener says.
func opened(c *cases.Case) time.Time {
	for _, r := range c.Receipts() {
		if e, err := cases.Read(r); err == nil {
			return e.At
		}
	}
	return time.Time{}
}

// An Incident is where a case about one stands.
type Incident struct {
	ID, Title, ZH, EN string
	At                time.Time
}

// Incidents are the cases of rectification that are under way, and those that were
// opened in the month of now.
func Incidents(f Facts) []Incident {
	in, all := month(f.Now), []Incident{}
	for _, c := range f.Cases {
		if c == nil || c.Opening().Kind != "incident.rectify" {
			continue
		}
		at := opened(c)
		if o, _ := c.Outcome(); o != cases.Pending && !in.has(at) {
			continue
		}
		i := Incident{ID: c.ID(), Title: c.Opening().Title, At: at}
		id, _ := c.Stage()
		if s, ok := c.Table().Stage(id); ok {
			i.ZH, i.EN = s.ZH, s.EN
		}
		if _, end := c.Outcome(); end != "" {
			e, _ := c.Table().End(end)
			i.ZH, i.EN = e.ZH, e.EN
		}
		all = append(all, i)
	}
	return all
}
