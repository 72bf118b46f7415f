// Package mitigate ranks what can be done with a table that may not go out as
// it is, by what it costs in usefulness: hiding cells, a coarser base of
// rounding, coarser codes (found by itself: neighbours of an ordered dim, the
// smallest codes of another, the levels of a hierarchy), giving up a figure or
// a margin, and noise. Each but the noise comes with the table that it would
// give, made and checked by the rules of package check.
//
// Usefulness is what a reader who wanted the table can still learn from it:
//
//	Loss = 1 - (1-E)*(1-H)
//
// E is the mean, over all values of the wanted table that a reader of the new
// one looks for, of the relative error |shown - true| / |true|, at most 1; a
// value that is hidden, or whose figure or row was given up, is an error of 1,
// and a true 0 one of 0 or 1. Where codes were merged the values are those of
// the merged table. H is what merging took away of what a cell says of a unit:
// H(cell | merged cell) / H(cell), Shannon's entropies over the units of base
// cells, 0 for the same codes and 1 if a single cell is left.
//
// Loss guides people and decides nothing. What makes an option safe is its
// verdict, which the checks gave it on the evidence; so it is of use on exact
// evidence for the officer, and on a synthetic twin for whoever plans a table
// and may not see evidence: there it says what to expect and no more. No
// option looks at earlier releases: the check of the chosen table does.
package mitigate

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/sheet"
	"github.com/yunei/yunei/gate/sheet/check"
	"github.com/yunei/yunei/jobs"
)

// A Kind is a kind of mitigation.
type Kind string

// The kinds.
const (
	Suppress Kind = "suppress"  // hide cells, round to the base
	Round    Kind = "round"     // a coarser base, and hide what is left
	Coarsen  Kind = "coarsen"   // merge codes, and hide what is left
	Figure   Kind = "figure"    // withdraw a figure
	Margin   Kind = "margin"    // withdraw the totals of a dim
	Noise    Kind = "dp"        // differential privacy instead
	Nothing  Kind = "unchanged" // for comparison
)

// An Option is one thing that can be done.
type Option struct {
	Kind    Kind           `json:"kind"`
	Text    jobs.Statement `json:"text"`
	Loss    float64        `json:"loss"`    // 0: nothing lost, 1: everything
	Error   float64        `json:"error"`   // E
	Entropy float64        `json:"entropy"` // H
	Verdict check.Status   `json:"verdict"` // of the checks, apart from earlier releases; of dp review
	Values  int            `json:"values"`  // of the table it gives
	Hidden  int            `json:"hidden"`
	Table   *sheet.Table   `json:"-"` // nil for dp
	Facts   sheet.Facts    `json:"-"` // evidence on Table
	// HalfWidth is, for dp, the half-width of the interval that holds 95 in 100
	// of the noise, of each figure, in its units; Typical is the median value.
	HalfWidth []float64 `json:"half_width,omitempty"`
	Typical   []float64 `json:"typical,omitempty"`
}

// Options of a ranking.
type Options struct {
	// Rho is the budget (zCDP) that the noise of a dp table would be drawn for;
	// 0: a hundredth.
	Rho float64
	// Bases are the bases of rounding to try besides the parameters'.
	Bases []int64
	// Bounds are, by measure, what a dp table would clip one unit's total to;
	// where none is given, the largest total there is.
	Bounds []int64
	// Reach is in how many cells a dp table lets a unit stand; 0: in one, if
	// the evidence says so.
	Reach int
	// Majority judges like values (C10) as the domains of a job do: only where
	// more than half of the units have one value. The check of a file, which
	// knows less of them, is stricter.
	Majority bool
}

// Rank lists the options for a table: those that the checks let out first,
// then those for people, then the rest, each by its loss. An error is of kind
// Invalid: there is no evidence to rank by.
func Rank(t sheet.Table, f sheet.Facts, p params.Parameters, o Options) ([]Option, error) {
	r := ranker{t: t, f: f, p: p, o: o}
	return r.rank()
}

func (r *ranker) rank() ([]Option, error) {
	if err := r.p.Check(); err != nil {
		return nil, fmt.Errorf("ranking mitigations: %w", err)
	}
	if !r.f.Known(0) {
		return nil, fmt.Errorf("没有证据，无法比较处理办法 without evidence there is nothing to rank by: %w", fault.Invalid)
	}
	steps := []func() error{r.suppressed, r.rounded, r.coarser, r.figures, r.margins, r.noise}
	for _, step := range steps {
		if err := step(); err != nil && !errors.Is(err, fault.Invalid) {
			return nil, err // Invalid: this option cannot be had
		}
	}
	slices.SortStableFunc(r.list, func(a, b Option) int {
		return cmp.Or(cmp.Compare(place(b.Verdict), place(a.Verdict)), cmp.Compare(a.Loss, b.Loss))
	})
	return r.list, nil
}

// place orders verdicts, the best highest.
func place(s check.Status) int {
	return slices.Index([]check.Status{check.Block, check.Fail, check.Review, check.Pass}, s)
}

type ranker struct {
	t       sheet.Table
	f       sheet.Facts   // of all units
	domains []sheet.Facts // if there are several: of each one's own
	p       params.Parameters
	o       Options
	list    []Option
}

// add makes the safe table of a wanted one and puts it on the list. wanted is
// the table whose values a reader looks for: those that it has not are lost.
func (r *ranker) add(kind Kind, zh, en string, wanted, t sheet.Table, base int64, entropy float64) error {
	made, verdict, err := r.safe(t, base)
	if err != nil {
		return err
	}
	o := Option{Kind: kind, Text: jobs.Statement{ZH: zh, EN: en}, Entropy: entropy, Verdict: verdict, Table: &made.Table, Facts: r.f}
	o.Error = loss(wanted, made.Table, r.f)
	o.Loss = 1 - (1-o.Error)*(1-o.Entropy)
	for _, row := range made.Table.Rows {
		for _, v := range row.Values {
			o.Values++
			if !v.Shown {
				o.Hidden++
			}
		}
	}
	for _, n := range made.Notes {
		o.Text.ZH += n.ZH
		o.Text.EN += "; " + n.EN
	}
	r.list = append(r.list, o)
	return nil
}

// apart are the checks that do not depend on what a mitigation changes: what a
// spec says of the table, and earlier releases.
var apart = []string{"C01", "C25", "C26", "C27", "C28", "C35", "C36"}

func verdict(made check.Proposal, f sheet.Facts, p params.Parameters) (check.Status, error) {
	c := made.Of(sheet.Case{Facts: f, Digests: make([]sheet.Digest, 1)})
	r, err := check.Run(c, p)
	if err != nil {
		return check.Block, err
	}
	worst := check.Pass
	for _, c := range r.Checks {
		if slices.Contains(apart, c.ID) {
			continue
		}
		switch {
		case c.Status == check.Block || worst == check.Block:
			worst = check.Block
		case c.Status == check.Fail || worst == check.Fail:
			worst = check.Fail
		case c.Status == check.Review:
			worst = check.Review
		}
	}
	return worst, nil
}

func (r *ranker) suppressed() error {
	return r.add(Suppress, fmt.Sprintf("隐藏不合格的单元格及为其补充隐藏的单元格，个体数取整到 %d。", r.p.Base), fmt.Sprintf("hide the cells that fail, and others for their sake; round counts to %d", r.p.Base), r.t, r.t, 0, 0)
}

func (r *ranker) rounded() error {
	for _, base := range r.o.Bases {
		if base <= r.p.Base {
			continue
		}
		zh, en := fmt.Sprintf("同上，但取整到 %d。", base), fmt.Sprintf("the same, but round to %d", base)
		if err := r.add(Round, zh, en, r.t, r.t, base, 0); err != nil {
			return err
		}
	}
	return nil
}

// figures gives up each figure in turn.
func (r *ranker) figures() error {
	if len(r.t.Figures) < 2 {
		return nil
	}
	for k, f := range r.t.Figures {
		if f.Kind == sheet.Count {
			continue // every number comes with its n
		}
		t := r.t
		t.Figures = slices.Delete(slices.Clone(t.Figures), k, k+1)
		t.Rows = nil
		for _, row := range r.t.Rows {
			row.Values = slices.Delete(slices.Clone(row.Values), k, k+1)
			t.Rows = append(t.Rows, row)
		}
		if err := r.add(Figure, fmt.Sprintf("撤下指标 %s，其余同第一项办法。", f.Name), fmt.Sprintf("withdraw the figure %s, and hide what is left to hide", f.Name), r.t, t, 0, 0); err != nil {
			return err
		}
	}
	return nil
}

// margins gives up the totals of each dim in turn.
func (r *ranker) margins() error {
	for d, dim := range r.t.Grid.Dims {
		t := r.t
		t.Rows = slices.DeleteFunc(slices.Clone(r.t.Rows), func(row sheet.Row) bool {
			return r.t.Grid.Codes(row.Item)[d] >= len(dim.Codes)
		})
		if len(t.Rows) == len(r.t.Rows) || len(t.Rows) == 0 {
			continue
		}
		if err := r.add(Margin, fmt.Sprintf("撤下 %s 的合计，其余同第一项办法。", dim.Name), fmt.Sprintf("withdraw the totals of %s, and hide what is left to hide", dim.Name), r.t, t, 0, 0); err != nil {
			return err
		}
	}
	return nil
}

// noise says what mode dp would cost: discrete Gaussian noise on base cells of
// the scale that one unit's change asks for, the budget in equal parts for the
// figures. A unit moves the count of one cell by 1, and a sum by the largest
// contribution there is, if no bound was given: a real job fixes one before it
// sees data. Every domain adds noise of that scale.
func (r *ranker) noise() error {
	if r.f.Overlap && r.o.Reach == 0 {
		return fmt.Errorf("a unit stands in several cells: %w", fault.Invalid)
	}
	rho := r.o.Rho
	if rho <= 0 {
		rho = 0.01
	}
	o := Option{Kind: Noise, Verdict: check.Review}
	var parts []int
	for k, f := range r.t.Figures {
		if f.Kind.Adds() {
			parts = append(parts, k)
		}
	}
	if len(parts) == 0 {
		return fmt.Errorf("no sums: %w", fault.Invalid)
	}
	errs, values := 0.0, 0
	for _, k := range parts {
		m := r.t.Figures[k].Measure
		bound, all := 1.0, []float64{}
		for cell := range r.f.Grid.Cells() {
			c := r.f.Cells[m][r.f.Grid.ItemOf(cell)]
			bound = max(bound, float64(c.Top[0]))
			all = append(all, math.Abs(float64(c.Sum)))
		}
		if m < len(r.o.Bounds) && r.o.Bounds[m] > 0 {
			bound = float64(r.o.Bounds[m])
		}
		sigma := bound * math.Sqrt(float64(len(parts)*max(1, r.o.Reach)*len(r.parts()))/(2*rho))
		unit := math.Pow10(r.f.Measures[m].Places)
		slices.Sort(all)
		o.HalfWidth, o.Typical = append(o.HalfWidth, 1.96*sigma/unit), append(o.Typical, all[len(all)/2]/unit)
		mean := sigma * math.Sqrt(2/math.Pi)
		for _, v := range all {
			errs, values = errs+min(1, mean/max(v, 1)), values+1
		}
	}
	o.Error = errs / float64(values)
	o.Loss, o.Values = o.Error, values
	o.Text = jobs.Statement{
		ZH: fmt.Sprintf("改用差分隐私（ρ = %g）：全部单元格加离散高斯噪声，合计由加噪的单元格相加。", rho),
		EN: fmt.Sprintf("use differential privacy instead (rho = %g): discrete Gaussian noise on every cell, totals added up from noisy cells", rho),
	}
	r.list = append(r.list, o)
	return nil
}

// loss is E: over all values of the wanted table.
func loss(wanted, made sheet.Table, f sheet.Facts) float64 {
	rows := made.RowOf()
	sum, n := 0.0, 0
	for _, row := range wanted.Rows {
		for _, fig := range wanted.Figures {
			if !fig.Kind.Adds() {
				continue
			}
			n++
			k := made.FigureIndex(fig.Name)
			at := -1
			if row.Item < len(rows) {
				at = rows[row.Item]
			}
			if k < 0 || at < 0 || !made.Rows[at].Values[k].Shown {
				sum++
				continue
			}
			shown := float64(made.Rows[at].Values[k].N) * math.Pow10(f.Measures[fig.Measure].Places-made.Figures[k].Places)
			truth := float64(f.Cells[fig.Measure][row.Item].Sum)
			switch {
			case truth != 0:
				sum += min(1, math.Abs(shown-truth)/math.Abs(truth))
			case shown != 0:
				sum++
			}
		}
	}
	if n == 0 {
		return 1
	}
	return sum / float64(n)
}
