package suppress

import (
	"slices"
)

// A Verdict is what one check of the audit came to.
type Verdict string

// The verdicts. The zero Verdict is none of them, and passes nothing.
const (
	Pass   Verdict = "pass"
	Review Verdict = "review" // not known within the work bound, or not decidable here
	Fail   Verdict = "fail"
)

// A Finding is a verdict and what it rests on.
type Finding struct {
	Verdict Verdict
	Items   int // hidden items (or unions, or pairs of item and measure) looked at
	Failed  int
	Unknown int
}

func (f Finding) judged() Finding {
	switch {
	case f.Failed > 0:
		f.Verdict = Fail
	case f.Unknown > 0:
		f.Verdict = Review
	default:
		f.Verdict = Pass
	}
	return f
}

// A Report is the audit of one pattern.
type Report struct {
	// Exact: no hidden item follows from what is shown. Over all shown items,
	// by moves that prove it.
	Exact Finding
	// Singleton: no flagged item follows from what is shown and one other
	// flagged item of other units (the standard PS2*).
	Singleton Finding
	// Union: the hidden part of every equation whose sum is shown has enough
	// units for one domain alone, and is not dominated, whatever the overlap.
	// A measure that may be negative is unknown.
	Union Finding
	// Natural: the units of every hidden item can have values Width apart in
	// tables of natural numbers that agree with what is shown.
	Natural Finding
	// Interval: the value of every flagged item, by each measure, can be p%
	// more and p% less in tables that agree with what is shown. It depends on
	// hidden values, and so does what its failing tells.
	Interval Finding
	// Minimality: every hidden item can have Values different numbers of units
	// in tables that would have led to the same view, the same pattern and the
	// same verdict, by these rules and parameters. It passes for an attacker
	// who is told the flags, the zeros and the rounds besides; or else, in a
	// small table with no flags but for the threshold, by going through all
	// tables that agree with what is shown.
	Minimality Finding
}

// Verdict is the worst of a report.
func (r Report) Verdict() Verdict {
	worst := Pass
	for _, f := range []Finding{r.Exact, r.Singleton, r.Union, r.Natural, r.Interval, r.Minimality} {
		switch f.Verdict {
		case Pass:
		case Review:
			if worst == Pass {
				worst = Review
			}
		default:
			return Fail
		}
	}
	return worst
}

// Audit attacks a pattern. A pattern that Hide would not make gets no better
// than review for Minimality: the attacker would know other rules. An error is
// as of Hide.
func Audit(t Table, hidden, primary []bool, d Data, o Options) (Report, error) {
	rounds, s, err := hide(t, primary, d, o)
	if err != nil {
		return Report{}, err
	}
	if len(hidden) != len(primary) {
		hidden = make([]bool, len(primary)) // nothing is hidden: everything fails
	}
	known := s.known(hidden)
	var r Report
	g := s.search(primary, primary, d.Values[0])
	v, err := s.view(known)
	if err != nil {
		return Report{}, err
	}
	v.protect(g)
	r.Exact, r.Singleton = s.exact(v, hidden, g), s.singleton(v, g)
	r.Union = s.auditUnions(known, d)
	units := d.Values[0]
	q := s.ask(known, units)
	r.Natural = s.values(q, known, 2, o.Width, s.walk(v, q, known, units, o.Width))
	r.Interval = s.intervals(v, known, g.primary, d)
	if slices.Equal(hidden, rounds[len(rounds)-1]) && s.lawful(g.primary, units) {
		r.Minimality = s.minimal(v, known, rounds, primary, d)
		// What fails Natural is pinned whatever the rules.
		if r.Minimality.Verdict != Pass && r.Natural.Verdict == Pass && s.exhaust(hidden, d) {
			r.Minimality = Finding{Verdict: Pass, Items: r.Minimality.Items}
		}
	} else {
		r.Minimality = Finding{Verdict: Review, Unknown: 1}
	}
	return r, nil
}

// minimal is what is left to an attacker who is told the flags, the zeros and
// the rounds.
func (s *system) minimal(v *view, known []bool, rounds [][]bool, primary []bool, d Data) Finding {
	q := s.ask(known, d.Values[0])
	s.tell(q, rounds, primary, d)
	return s.values(q, known, s.o.Values, 1, s.walk(v, q, known, d.Values[0], int64(s.o.Values)-1))
}

// known is a pattern without the items whose number is shown under another
// name.
func (s *system) known(hidden []bool) []bool {
	still := slices.Clone(hidden)
	for i, h := range hidden {
		if !h {
			for _, twin := range s.twins[s.twin[i]] {
				still[twin] = false
			}
		}
	}
	return still
}

func (s *system) exact(v *view, hidden []bool, g *search) Finding {
	var f Finding
	for i, twins := range s.twins {
		concerned := slices.ContainsFunc(twins, func(twin int32) bool { return hidden[twin] || g.primary[twin] })
		if !concerned {
			continue
		}
		f.Items++
		if c := v.coord[i]; c < 0 || v.count[c] == 0 {
			f.Failed++
		}
	}
	return f.judged()
}

func (s *system) singleton(v *view, g *search) Finding {
	var f Finding
	for i := range g.primary {
		if int(s.twin[i]) == i && g.primary[i] {
			f.Items++
			if c := v.coord[i]; c < 0 || v.exposes(c) {
				f.Failed++
			}
		}
	}
	return f.judged()
}

func (s *system) auditUnions(hidden []bool, d Data) Finding {
	var f Finding
	for _, u := range s.unions(hidden) {
		f.Items++
		if x := u.value(d.Values[0]); x > 0 && s.small(u, d) || s.anyDominated(u, d) {
			f.Failed++
		}
	}
	for m := range d.Values {
		if d.signed(m) && f.Items > 0 {
			f.Unknown++
		}
	}
	return f.judged()
}

// exhaustItems bounds the table whose every completion is tried, and
// patternWork is what each costs, an item: a pattern is dear.
const (
	exhaustItems = 64
	patternWork  = 100
)

// exhaust goes through every table that agrees with what is shown, keeps those
// that Hide leads to the same pattern, and reports whether each hidden item
// has enough values in them. It knows nothing but what is shown.
func (s *system) exhaust(hidden []bool, d Data) bool {
	if s.o.OtherFlags || len(d.Values) > 1 || len(hidden) > exhaustItems || s.o.Domains > 1 {
		return false
	}
	q := s.ask(hidden, d.Values[0])
	p := newPuzzle(q.lo, q.hi, q.sums)
	p.work = s.o.Work
	if p.narrow() != solved {
		return false
	}
	seen := make([]map[int64]bool, len(hidden))
	for i := range seen {
		seen[i] = map[int64]bool{}
	}
	whole := p.each(func(found []int64) bool {
		p.work -= patternWork * len(hidden)
		units := s.tableOf(q, found)
		if s.leads(units, hidden) {
			for i, x := range units {
				seen[i][x] = true
			}
		}
		return true
	})
	for i, h := range hidden {
		if h && len(seen[i]) < s.o.Values {
			return false
		}
	}
	return whole
}

// tableOf is the units of all items for a solution of q.
func (s *system) tableOf(q *question, found []int64) []int64 {
	units := make([]int64, len(s.t.Items))
	for i, item := range s.t.Items {
		of, known := q.unknowns(item)
		units[i] = known
		for _, x := range of {
			units[i] += found[x]
		}
	}
	return units
}

// leads reports whether the rules lead from a table to a pattern.
func (s *system) leads(units []int64, hidden []bool) bool {
	primary := make([]bool, len(units))
	for i, x := range units {
		primary[i] = x > 0 && x < s.o.Threshold
		if primary[i] && !hidden[i] {
			return false
		}
	}
	rounds, err := s.rounds(primary, Data{Values: [][]int64{units}})
	return err == nil && slices.Equal(rounds[len(rounds)-1], hidden)
}
