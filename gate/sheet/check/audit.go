package check

import (
	"errors"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/gate/suppress"
)

// An audit is what an attacker can make of the table's pattern of hidden
// values. Why says why there is none.
type audit struct {
	done        bool
	nothing     bool // no value is hidden
	whyZH       string
	whyEN       string
	exact       suppress.Finding
	singleton   suppress.Finding
	union       suppress.Finding
	natural     suppress.Finding
	interval    suppress.Finding
	minimality  suppress.Finding
	ours        bool // the pattern is the one that our own rules make
	few         []Place
	withMeasure bool
}

// audited makes the audit once.
func (s *state) audited() *audit {
	if s.audit == nil {
		s.audit = s.newAudit()
	}
	return s.audit
}

func (s *state) newAudit() *audit {
	a := &audit{}
	var rows []int
	for _, r := range s.c.Table.Rows {
		rows = append(rows, r.Item)
	}
	var all []int
	for k, f := range s.c.Table.Figures {
		if f.Kind.Adds() || f.Kind == sheet.Mean {
			all = append(all, k)
		}
	}
	sys, ok := newSystem(s.c.Facts, rows, s.measuresOf(all), s.p)
	switch {
	case s.c.Facts.Overlap:
		a.whyZH, a.whyEN = "一个单位可在多个单元格中，各格之和不等于合计，无法审计", "a unit may stand in several cells, so that cells do not add up and no audit can be made"
		return a
	case !ok:
		a.whyZH, a.whyEN = "缺少部分单元格的证据，无法审计", "evidence on some cells is missing, so no audit can be made"
		return a
	case len(s.off()) > 0:
		a.whyZH, a.whyEN = "表与证据不符，审计结果不可信", "the table is not what the evidence says, so an audit could not be believed"
		return a
	}
	a.nothing = true
	for _, figures := range s.patterns(sys) {
		if !s.attack(a, sys, figures) {
			return a
		}
	}
	a.done = true
	return a
}

// patterns groups the figures that add up by which items they hide.
func (s *state) patterns(sys system) [][]int {
	var all [][]int
	var made [][]bool
	for k, f := range s.c.Table.Figures {
		if !f.Kind.Adds() && f.Kind != sheet.Mean {
			continue
		}
		hidden := s.pattern(sys, k)
		i := slices.IndexFunc(made, func(m []bool) bool { return slices.Equal(m, hidden) })
		if i < 0 {
			i = len(made)
			made, all = append(made, hidden), append(all, nil)
		}
		all[i] = append(all[i], k)
	}
	return all
}

func (s *state) pattern(sys system, figure int) []bool {
	hidden := make([]bool, len(sys.items))
	for i, item := range sys.items {
		hidden[i] = !s.value(item, figure).Shown
	}
	return hidden
}

// attack audits the pattern of some figures; a shown value of a cell that must
// be hidden is C05's to C10's, and not judged again.
func (s *state) attack(a *audit, sys system, figures []int) bool {
	hidden := s.pattern(sys, figures[0])
	if !slices.Contains(hidden, true) {
		return true
	}
	a.nothing = false
	measures := s.measuresOf(figures)
	primary := sys.primary(s.c.Facts, measures, s.p)
	for i := range primary {
		primary[i] = primary[i] && hidden[i]
	}
	o := options(s.p)
	o.OtherFlags = len(measures) > 1
	data := sys.data
	if len(measures) == 1 && measures[0] == 0 {
		data = suppress.Data{Values: data.Values[:1]}
	}
	r, err := suppress.Audit(sys.table, hidden, primary, data, o)
	if err != nil {
		a.whyZH, a.whyEN = "审计未完成："+err.Error(), "the audit came to no end: "+err.Error()
		if errors.Is(err, fault.Tampered) {
			a.whyZH, a.whyEN = "证据中各格之和不等于合计，审计结果不可信", "in the evidence cells do not add up to their totals, so an audit could not be believed"
		}
		return false
	}
	if pattern, err := suppress.Hide(sys.table, primary, data, o); err == nil {
		a.ours = slices.Equal(pattern, hidden)
	}
	a.withMeasure = a.withMeasure || len(data.Values) > 1
	for _, x := range []struct{ into, from *suppress.Finding }{
		{&a.exact, &r.Exact},
		{&a.singleton, &r.Singleton},
		{&a.union, &r.Union},
		{&a.natural, &r.Natural},
		{&a.interval, &r.Interval},
		{&a.minimality, &r.Minimality},
	} {
		*x.into = worse(*x.into, *x.from)
	}
	a.few = append(a.few, s.lonely(figures[0])...)
	return true
}

func worse(a, b suppress.Finding) suppress.Finding {
	rank := map[suppress.Verdict]int{"": 0, suppress.Pass: 1, suppress.Review: 2, suppress.Fail: 3}
	out := suppress.Finding{Verdict: a.Verdict, Items: a.Items + b.Items, Failed: a.Failed + b.Failed, Unknown: a.Unknown + b.Unknown}
	if rank[b.Verdict] > rank[a.Verdict] {
		out.Verdict = b.Verdict
	}
	return out
}

// measuresOf are the measures of figures, the number of units among them.
func (s *state) measuresOf(figures []int) []int {
	m := []int{0}
	for _, k := range figures {
		if f := s.c.Table.Figures[k]; f.Measure > 0 && !slices.Contains(m, f.Measure) {
			m = append(m, f.Measure)
		}
	}
	return m
}

// lonely names the hidden cells of lines that hide too few beside a shown
// total: they follow by subtraction.
func (s *state) lonely(figure int) []Place {
	var places []Place
	lines, seen := s.counts(figure)
	for i, l := range lines {
		var hidden []int
		for k, part := range l.parts {
			if !seen[i].Cells[k].Shown {
				hidden = append(hidden, part)
			}
		}
		if !seen[i].Total.Shown || len(hidden) == 0 || int64(len(hidden)) >= s.p.HiddenPerLine {
			continue
		}
		for _, item := range hidden {
			p := Place{Row: s.row[item], Column: figure, Codes: s.c.Table.Grid.Label(item), Figure: s.c.Table.Figures[figure].Name, item: item}
			p.Why.ZH, p.Why.EN = "合计减去所示各格即得", "the total minus the shown cells gives it"
			places = append(places, p)
		}
	}
	return places
}
