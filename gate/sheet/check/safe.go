package check

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/gate/suppress"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A Proposal is a table that could go out instead of the one that was checked.
type Proposal struct {
	Table     sheet.Table
	Rows      int // all rows, hidden ones included
	Primary   int // rows hidden because a check fails for them, or evidence is missing
	Secondary int // rows hidden for their sake
	Bases     []int64
	Notes     []jobs.Statement
}

// Options of a proposal. The zero Options are of use.
type Options struct {
	Base int64 // of counts; below that of the parameters it is raised to it
}

// Safe makes a table of the same rows and figures out of the evidence: cells
// that must not be shown are hidden, others for their sake, and all values are
// rounded, each by itself. It hides whole rows, so that no figure tells of
// another. Figures that are of no sum or count are left out, and means and
// ratios are made of what is shown. Where units stand in several cells, or
// evidence is incomplete, it keeps the rows of one layer only, for totals could
// not be protected. An error is of kind Invalid: there is no evidence.
func Safe(t sheet.Table, f sheet.Facts, p params.Parameters, o Options) (Proposal, error) {
	if err := p.Check(); err != nil {
		return Proposal{}, fmt.Errorf("making a safe table: %w", err)
	}
	if !f.Known(0) {
		return Proposal{}, fmt.Errorf("没有证据，无法提出可发布的表 without evidence no safe table can be made: %w", fault.Invalid)
	}
	m := maker{from: t, facts: f, p: p, o: o}
	m.figures()
	if len(m.out.Figures) == 0 {
		return Proposal{}, fmt.Errorf("没有可以发布的指标 no figure is a count or a sum: %w", fault.Invalid)
	}
	sys, ok := m.rows()
	forced := map[int]bool{}
	const rounds = 40 // each hides at least one cell more
	for range rounds {
		hidden, data, err := m.hide(sys, ok, forced)
		if err != nil {
			return Proposal{}, err
		}
		m.round()
		if more := m.force(forced) || ok && m.widen(sys, hidden, data, forced); !more {
			break
		}
	}
	return m.proposal, nil
}

// Of is the case of a proposal: the same evidence, another table.
func (p Proposal) Of(c sheet.Case) sheet.Case {
	c.Table = p.Table
	c.Unknown = nil
	c.Digests = append([]sheet.Digest{{Name: p.Table.File, SHA256: suite.DigestOf(p.Table.CSV())}}, c.Digests[1:]...)
	return c
}

type maker struct {
	proposal
	from  sheet.Table
	facts sheet.Facts
	p     params.Parameters
	o     Options
	out   sheet.Table
	items []int // of the rows
	made  []int // figure of out -> how: index of the figure of from
}

type proposal = Proposal

func (m *maker) note(zh, en string) {
	m.Notes = append(m.Notes, jobs.Statement{ZH: zh, EN: en})
}

// figures chooses what can be shown.
func (m *maker) figures() {
	m.out = m.from
	m.out.File, m.out.Oddities, m.out.Rows = "safe.csv", nil, nil
	m.out.Figures, m.made = nil, nil
	has := func(kind sheet.Kind, measure int) bool {
		return slices.ContainsFunc(m.from.Figures, func(f sheet.Figure) bool { return f.Kind == kind && f.Measure == measure })
	}
	for i, f := range m.from.Figures {
		keep := f.Kind.Adds() || f.Kind == sheet.Mean && has(sheet.Sum, f.Measure) && has(sheet.Count, 0)
		if f.Kind == sheet.Ratio {
			of, by := m.from.FigureIndex(f.Of), m.from.FigureIndex(f.By)
			keep = of >= 0 && by >= 0 && m.from.Figures[of].Kind.Adds() && m.from.Figures[by].Kind.Adds()
		}
		if !keep {
			m.note(fmt.Sprintf("撤下指标 %s：不是计数或合计，也不能由其算出。", f.Name), fmt.Sprintf("figure %s is withdrawn: it is no count or sum, and does not follow from any", f.Name))
			continue
		}
		m.out.Figures, m.made = append(m.out.Figures, f), append(m.made, i)
	}
}

// rows chooses the rows, and makes their system if they have one.
func (m *maker) rows() (system, bool) {
	for _, r := range m.from.Rows {
		m.items = append(m.items, r.Item)
	}
	sys, ok := newSystem(m.facts, m.items, m.measures(), m.p)
	if ok {
		return sys, true
	}
	layer := layers(m.facts.Grid, m.items[:1])
	for _, item := range m.items {
		if m.facts.Grid.Base(item) {
			layer = layers(m.facts.Grid, []int{item})
			break
		}
	}
	in := map[int]bool{}
	for _, item := range layer {
		in[item] = true
	}
	kept := slices.DeleteFunc(slices.Clone(m.items), func(item int) bool { return !in[item] })
	if len(kept) < len(m.items) {
		m.note("撤下合计：单位可在多个单元格中，或证据不全，合计无法保护。", "totals are withdrawn: a unit may stand in several cells, or evidence is missing, and they could not be protected")
	}
	m.items = kept
	return system{items: kept}, false
}

// hide decides which rows are hidden.
func (m *maker) hide(sys system, linked bool, forced map[int]bool) ([]bool, suppress.Data, error) {
	must := sys.primary(m.facts, m.measures(), m.p)
	primary := slices.Clone(must)
	for i, item := range sys.items {
		primary[i] = primary[i] || forced[item]
	}
	hidden, data := primary, sys.data
	if linked {
		if len(m.measures()) == 1 {
			data = suppress.Data{Values: data.Values[:1]}
		}
		var err error
		if hidden, err = suppress.Hide(sys.table, primary, data, m.options(forced)); err != nil {
			return nil, data, fmt.Errorf("making a safe table: %w", err)
		}
	}
	in := map[int]bool{}
	for _, item := range m.items {
		in[item] = true
	}
	m.out.Rows = nil
	m.Rows, m.Primary, m.Secondary = 0, 0, 0
	for i, item := range sys.items {
		if !in[item] && !hidden[i] {
			continue // nobody is there, and no row says so
		}
		row := sheet.Row{Item: item, Values: make([]sheet.Value, len(m.out.Figures))}
		for f := range row.Values {
			row.Values[f].Shown = !hidden[i]
		}
		switch m.Rows++; {
		case must[i]:
			m.Primary++
		case hidden[i]:
			m.Secondary++
		}
		m.out.Rows = append(m.out.Rows, row)
	}
	slices.SortFunc(m.out.Rows, func(a, b sheet.Row) int { return a.Item - b.Item })
	for k := range m.out.Rows {
		m.out.Rows[k].Line = k + 2
	}
	return hidden, data, nil
}

func (m *maker) options(forced map[int]bool) suppress.Options {
	o := options(m.p)
	o.OtherFlags = len(m.measures()) > 1 || len(forced) > 0
	return o
}

// widen hides a total where the audit finds a hidden value that can be
// estimated too closely all the same: of the totals of lines that have hidden
// cells, of those that must be hidden first, the smallest.
func (m *maker) widen(sys system, hidden []bool, data suppress.Data, forced map[int]bool) bool {
	must := sys.primary(m.facts, m.measures(), m.p)
	primary := slices.Clone(must)
	for i := range primary {
		primary[i] = must[i] || forced[sys.items[i]]
	}
	o := m.options(forced)
	o.Work /= 10 // a failure is found soon, and nothing else counts here
	r, err := suppress.Audit(sys.table, hidden, primary, data, o)
	if err != nil || r.Interval.Verdict != suppress.Fail && r.Natural.Verdict != suppress.Fail && r.Union.Verdict != suppress.Fail {
		return false
	}
	best, first := -1, false
	for _, e := range sys.table.Equations {
		if hidden[e.Sum] {
			continue
		}
		any, near := false, false
		for _, part := range e.Parts {
			any, near = any || hidden[part], near || must[part]
		}
		less := best < 0 || data.Values[0][e.Sum] < data.Values[0][best]
		if any && (near && !first || near == first && less) {
			best, first = int(e.Sum), near
		}
	}
	if best >= 0 {
		forced[sys.items[best]] = true
	}
	return best >= 0
}

func (m *maker) measures() []int {
	out := []int{0}
	for _, f := range m.out.Figures {
		if f.Measure > 0 && !slices.Contains(out, f.Measure) {
			out = append(out, f.Measure)
		}
	}
	return out
}

// round fills in the values: counts to the base, sums to a power of ten that is
// at most a hundredth of the smallest of them that is shown and not zero.
func (m *maker) round() {
	m.Bases = make([]int64, len(m.out.Figures))
	for k, f := range m.out.Figures {
		if f.Kind.Adds() {
			m.Bases[k] = m.fill(k)
		}
		if f.Kind == sheet.Count {
			m.loosen(k)
		}
	}
	for k, f := range m.out.Figures {
		if !f.Kind.Adds() {
			m.quotient(k, f)
		}
	}
	m.Table = m.out
}

func (m *maker) fill(k int) int64 {
	f := &m.out.Figures[k]
	places := m.facts.Measures[f.Measure].Places
	value := func(item int) int64 {
		if f.Kind == sheet.Count {
			return m.facts.Cells[0][item].N
		}
		return m.facts.Cells[f.Measure][item].Sum
	}
	base := max(m.p.Base, m.o.Base)
	if f.Kind == sheet.Sum {
		least := int64(0)
		for _, r := range m.out.Rows {
			if v := value(r.Item); r.Values[k].Shown && v != 0 && (least == 0 || max(v, -v) < least) {
				least = max(v, -v)
			}
		}
		base = f.Base * power(places)
		if base == 0 {
			for base = 1; base <= least/1000; base *= 10 {
			}
		}
	}
	f.Places = places
	for cut := base; f.Places > 0 && cut%10 == 0; cut /= 10 {
		f.Places--
	}
	unit := power(places - f.Places)
	for _, r := range m.out.Rows {
		if r.Values[k].Shown {
			r.Values[k].N = Round(value(r.Item), base) / unit
		}
	}
	return base
}

// loosen sees to totals that, all rounded to the nearest, would be so far from
// the sum of their cells that the two pin down what was rounded away. Where
// all is shown, totals become the sums of rounded cells; else it rounds a value
// to its other neighbour, step by step, as long as that makes it better.
func (m *maker) loosen(k int) {
	s := newState(sheet.Case{Table: m.out, Facts: m.facts}, m.p)
	lines, seen := s.counts(k)
	if tight, _ := m.tight(s, k, lines); len(tight) == 0 || m.additive(s, k, lines, seen) {
		return
	}
	const most = 2000 // lines
	if len(lines) > most {
		return
	}
	const steps = 50
	for range steps {
		if !m.loosenOne(s, k, lines) {
			return
		}
	}
}

// additive makes every total the sum of its cells, if all of them are shown.
func (m *maker) additive(s *state, k int, lines []line, seen []evidence.Line) bool {
	for i, l := range lines {
		if !seen[i].Total.Shown && l.total >= 0 {
			return false
		}
		for _, c := range seen[i].Cells {
			if !c.Shown {
				return false
			}
		}
	}
	for range m.facts.Grid.Dims { // a total may be a cell of another
		for _, l := range lines {
			sum := int64(0)
			for _, part := range l.parts {
				sum += s.value(part, k).N
			}
			if l.total >= 0 {
				m.out.Rows[s.row[l.total]].Values[k].N = sum
			}
		}
	}
	return true
}

func (m *maker) loosenOne(s *state, k int, lines []line) bool {
	tight, worst := m.tight(s, k, lines)
	for _, i := range tight {
		for _, item := range append([]int{lines[i].total}, lines[i].parts...) {
			if item < 0 || s.row[item] < 0 {
				continue
			}
			v := &m.out.Rows[s.row[item]].Values[k]
			n, base := m.facts.Cells[0][item].N, m.Bases[k]
			if !v.Shown || n%base == 0 || n < base {
				continue
			}
			was := v.N
			if v.N = n / base * base; v.N == was {
				v.N += base
			}
			if _, now := m.tight(s, k, lines); now < worst {
				return true
			}
			v.N = was
		}
	}
	return false
}

// tight lists the lines whose rounding does not pass, and adds up how far: a
// line that does not agree at all weighs more than two that only tell too much.
func (m *maker) tight(s *state, k int, lines []line) (list []int, weight int) {
	for i, l := range lines {
		e := evidence.Line{Total: s.value(l.total, k)}
		for _, part := range l.parts {
			e.Cells = append(e.Cells, s.value(part, k))
		}
		switch evidence.Rounding([]evidence.Line{e}, evidence.Grid{Base: m.Bases[k]}, m.p).Status {
		case evidence.Pass:
		case evidence.Review:
			list, weight = append(list, i), weight+1
		default:
			list, weight = append(list, i), weight+3
		}
	}
	return list, weight
}

// Round rounds to a multiple of a base, halves away from zero.
func Round(v, base int64) int64 {
	if base <= 1 {
		return v
	}
	if v < 0 {
		return -Round(-v, base)
	}
	return (v + base/2) / base * base
}

// quotient makes a mean or a ratio of what is shown.
func (m *maker) quotient(k int, f sheet.Figure) {
	top, bottom := -1, -1
	for i, x := range m.out.Figures {
		if f.Kind == sheet.Mean && x.Kind == sheet.Sum && x.Measure == f.Measure || f.Kind == sheet.Ratio && x.Name == f.Of {
			top = i
		}
		if f.Kind == sheet.Mean && x.Kind == sheet.Count || f.Kind == sheet.Ratio && x.Name == f.By {
			bottom = i
		}
	}
	scale := power(max(f.Places+m.out.Figures[bottom].Places-m.out.Figures[top].Places, 0))
	less := power(max(m.out.Figures[top].Places-f.Places-m.out.Figures[bottom].Places, 0))
	for _, r := range m.out.Rows {
		a, b := r.Values[top], r.Values[bottom]
		fits := a.N < sheet.MaxValue/scale && a.N > -sheet.MaxValue/scale && b.N < sheet.MaxValue/less
		r.Values[k] = sheet.Value{}
		if a.Shown && b.Shown && b.N > 0 && fits {
			n, d := a.N*scale, b.N*less
			r.Values[k] = sheet.Value{Shown: true, N: Round(n*2, 2*d) / (2 * d)}
		}
	}
}

// force finds what a pattern leaves to wish for, and hides more: the largest
// shown cell of a line that still tells of its group (and empty ones where they
// do), and what a hidden value needs around it so that its line leaves it room
// enough. It reports whether there was anything.
func (m *maker) force(forced map[int]bool) bool {
	s := newState(sheet.Case{Table: m.out, Facts: m.facts}, m.p)
	before := len(forced)
	if k := s.countFigure(); k >= 0 {
		m.forceGroups(s, k, forced)
	}
	for k, f := range m.out.Figures {
		if f.Kind == sheet.Sum {
			m.forceRoom(s, k, forced)
		}
	}
	return len(forced) > before
}

func (m *maker) forceGroups(s *state, figure int, forced map[int]bool) {
	lines, seen := s.counts(figure)
	for i, l := range lines {
		one := seen[i : i+1]
		if evidence.Class(one, m.p).Status == evidence.Pass && evidence.Within(one, m.p).Status == evidence.Pass {
			continue
		}
		most := -1
		for c, part := range l.parts {
			v := one[0].Cells[c]
			if v.Shown && (most < 0 || v.N > one[0].Cells[most].N) {
				most = c
			}
			if v.Shown && v.N == 0 && m.p.ZerosDisclosive == 1 && s.row[part] >= 0 {
				forced[part] = true
			}
		}
		if most >= 0 && s.row[l.parts[most]] >= 0 {
			forced[l.parts[most]] = true
		}
	}
}

// forceRoom looks at hidden cells that are dominated: where the line's total is
// shown, the other hidden cells of the line bound how far the cell's value can
// lie above the true one, and that must be p percent at least.
func (m *maker) forceRoom(s *state, figure int, forced map[int]bool) {
	measure := m.out.Figures[figure].Measure
	facts := m.facts.Cells[measure]
	lines, seen := s.counts(figure)
	for i, l := range lines {
		if !seen[i].Total.Shown {
			continue
		}
		hidden, best := int64(0), -1
		for c, part := range l.parts {
			if !seen[i].Cells[c].Shown {
				hidden += facts[part].Sum
			} else if s.row[part] >= 0 && facts[part].N > 0 && (best < 0 || facts[part].Sum < facts[best].Sum) {
				best = part
			}
		}
		for c, part := range l.parts {
			x := facts[part]
			if seen[i].Cells[c].Shown || !MustHide(x, measure, m.p) || (hidden-x.Sum) >= x.Sum/100*m.p.PPercent+m.p.PPercent {
				continue
			}
			if best < 0 {
				best = l.total
			}
			forced[best] = true
			break
		}
	}
}
