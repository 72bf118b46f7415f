package check

import (
	"fmt"
	"math/big"

	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/sheet"
)

// ratios is C18. A ratio of two counts is judged with what its denominator can
// be; one of anything else, or of a figure that the table does not have, is for
// people.
func ratios(s *state) finding {
	var rs []evidence.Ratio
	var places []Place
	any, unknown := false, int64(0)
	s.each(func(row, figure int, f sheet.Figure, v int64) {
		if f.Kind != sheet.Ratio {
			return
		}
		any = true
		of, by := s.c.Table.FigureIndex(f.Of), s.c.Table.FigureIndex(f.By)
		if of < 0 || by < 0 || s.c.Table.Figures[of].Kind != sheet.Count || s.c.Table.Figures[by].Kind != sheet.Count {
			unknown++
			places = append(places, s.place(row, figure, "分子或分母不是表中的个体数", "its parts are no counts of the table"))
			return
		}
		r := s.ratio(row, by, f, v)
		rs = append(rs, r)
		if evidence.Ratios([]evidence.Ratio{r}, s.p).Status != evidence.Pass {
			places = append(places, s.place(row, figure, "由比率和分母可推出分子", "the ratio and its denominator give the numerator"))
		}
	})
	if !any {
		return finding{status: NotApplicable, zh: "没有比率。", en: "there is no ratio"}
	}
	f := from(evidence.Ratios(rs, s.p), places, "减少小数位数，或隐藏这些比率", "use fewer decimals, or hide these ratios")
	if f.status == Pass && unknown > 0 {
		f.status, f.zh, f.en = Review, "有的比率不是表中两个个体数之比，由审核员判断。", "some ratios are not of two counts of the table: for the output checkers"
	}
	return f
}

// ratio is what a shown ratio can stand for: half a last decimal each way, and
// a denominator within half its base, or, hidden, of any size that the evidence
// knows.
func (s *state) ratio(row, by int, f sheet.Figure, v int64) evidence.Ratio {
	den := 2 * power(f.Places)
	r := evidence.Ratio{Lo: big.NewRat(max(2*v-1, 0), den), Hi: big.NewRat(2*v+1, den)}
	d := s.c.Table.Rows[row].Values[by]
	half := s.bases[by].base / 2
	n := d.N
	if c := s.cell(row, 0); !d.Shown && c.Has(sheet.HasN) {
		n, half = c.N, 0
	}
	r.Min, r.Max = max(n-half, 1), n+half
	return r
}

// means is C19: a mean beside its count must be made of what is shown.
func means(s *state) finding {
	var ms []evidence.Mean
	var places []Place
	any, alone := false, int64(0)
	count := s.countFigure()
	s.each(func(row, figure int, f sheet.Figure, v int64) {
		if f.Kind != sheet.Mean {
			return
		}
		any = true
		sum := s.figureOf(sheet.Sum, f.Measure)
		if count < 0 || !s.c.Table.Rows[row].Values[count].Shown || s.bases[count].base == 1 {
			alone++ // beside no count, or an exact one, a mean tells no count
			return
		}
		m := evidence.Mean{Value: big.NewRat(v, power(f.Places)), Places: f.Places, Count: s.c.Table.Rows[row].Values[count].N}
		if sum >= 0 && s.c.Table.Rows[row].Values[sum].Shown {
			k := s.c.Table.Figures[sum].Places
			m.Value.Mul(m.Value, new(big.Rat).SetInt64(power(k))) // in units of the sum
			m.Sum, m.Places = s.c.Table.Rows[row].Values[sum].N, max(f.Places-k, 0)
		} else {
			m.Value = nil
		}
		ms = append(ms, m)
		if evidence.Means([]evidence.Mean{m}, s.p).Status != evidence.Pass {
			places = append(places, s.place(row, figure, "均值不是所示合计除以所示个体数", "the mean is not the shown sum over the shown count"))
		}
	})
	if !any {
		return finding{status: NotApplicable, zh: "没有均值。", en: "there is no mean"}
	}
	if len(ms) == 0 {
		return finding{status: Pass, zh: "均值旁的个体数没有改动过。", en: "no count beside a mean was changed", evidence: map[string]int64{"means": alone}}
	}
	return from(evidence.Means(ms, s.p), places, "由取整后的合计和个体数计算均值，或不发布均值", "compute means from the rounded sums and counts, or leave them out")
}

func (s *state) figureOf(kind sheet.Kind, measure int) int {
	for i, f := range s.c.Table.Figures {
		if f.Kind == kind && f.Measure == measure {
			return i
		}
	}
	return -1
}

// rounding is C29, and whether the table is what the evidence says at all.
func rounding(s *state) finding {
	if off := s.off(); len(off) > 0 {
		return finding{
			status: Fail, zh: fmt.Sprintf("%d 个数值既不等于证据，也不是其按同一基数的取整。", len(off)), en: fmt.Sprintf("%d values are neither what the evidence says nor that, rounded to one base", len(off)),
			nextZH: "核对表和证据是否出自同一数据和同一口径", nextEN: "see whether table and evidence come from the same data and population",
			places: off, evidence: map[string]int64{"off": int64(len(off))},
		}
	}
	k := s.countFigure()
	if k < 0 {
		return noCounts()
	}
	if s.bases[k].compared == 0 {
		return finding{
			status: Review, zh: "没有证据可以核对取整。", en: "there is no evidence to hold the rounding against",
			nextZH: "给出证据或微观数据", nextEN: "give evidence or microdata",
		}
	}
	_, seen := s.counts(k)
	grid := evidence.Grid{Base: s.base(k)}
	if s.midpoint(k) {
		grid = evidence.Grid{Base: s.p.Midpoint, Mid: true}
	}
	base := grid.Base
	f := from(evidence.Rounding(seen, grid, s.p), nil, "用 --out 取得按基数取整的表", "take the table that --out writes, which is rounded")
	if f.status == Fail && base < s.p.Base {
		f.zh, f.en = fmt.Sprintf("个体数没有按基数 %d 取整（看来的基数是 %d）。", s.p.Base, base), fmt.Sprintf("counts are not rounded to a base of %d (they look rounded to %d)", s.p.Base, base)
	}
	return f
}

// base is what the counts look rounded to: the largest number that divides all
// of them, if it is coarse enough or they are not exact.
func (s *state) base(figure int) int64 {
	common := int64(0)
	for _, r := range s.c.Table.Rows {
		if v := r.Values[figure]; v.Shown {
			common = gcd(common, max(v.N, -v.N))
		}
	}
	switch {
	case common == 0: // nothing but zeros
		return s.p.Base
	case common%s.p.Base != 0 && s.bases[figure].base == 1:
		return 1
	}
	return common
}

// midpoint reports whether all counts but zeros are midpoints, as OpenSAFELY
// rounds.
func (s *state) midpoint(figure int) bool {
	any := false
	for _, r := range s.c.Table.Rows {
		if v := r.Values[figure]; v.Shown && v.N != 0 {
			if any = true; v.N%s.p.Midpoint != s.p.Midpoint-s.p.Midpoint/2 {
				return false
			}
		}
	}
	return any && s.bases[figure].base != 1
}

// records is C30: rows of which most are about one unit each are records.
func records(s *state) finding {
	base, single, unknown := int64(0), int64(0), int64(0)
	for i, r := range s.c.Table.Rows {
		if !s.c.Table.Grid.Base(r.Item) {
			continue
		}
		c := s.cell(i, 0)
		switch {
		case !c.Has(sheet.HasN):
			unknown++
		case c.N > 0:
			base++
			if c.N == 1 {
				single++
			}
		}
	}
	f := finding{status: Pass, zh: "各行不是逐条记录。", en: "rows are not records", evidence: map[string]int64{"rows": base, "of_one_unit": single}}
	switch {
	case 2*single > base:
		f.status, f.zh, f.en = Fail, "多数行只有一个单位：这是逐条记录，不是汇总。", "most rows are of one unit: these are records and no aggregate"
		f.nextZH, f.nextEN = "先汇总", "aggregate first"
	case unknown > 0:
		f.status, f.zh, f.en = Review, "有的行没有证据。", "there is no evidence on some rows"
		f.nextZH, f.nextEN = "补全证据，或给出微观数据", "complete the evidence, or give microdata"
	}
	return f
}

// bitBudget is C31: figures that were computed again here were chosen by
// nobody; of the others it counts what they could carry.
func bitBudget(s *state) finding {
	var reach []evidence.Reach
	unknown := int64(0)
	for k := range s.c.Table.Figures {
		shown, most := int64(0), int64(0)
		for i, r := range s.c.Table.Rows {
			f := s.c.Table.Figures[k]
			if !r.Values[k].Shown {
				continue
			}
			if _, _, known := truth(f, s.cell(i, f.Measure)); known && s.bases[k].compared > 0 {
				continue
			}
			shown, most = shown+1, max(most, max(r.Values[k].N, -r.Values[k].N))
		}
		if shown > 0 {
			unknown += shown
			reach = append(reach, evidence.Reach{Figures: shown, Values: new(big.Int).SetInt64(2*most + 2)})
		}
	}
	if unknown == 0 && len(s.off()) == 0 {
		return finding{status: Pass, zh: "全部数值均由证据核对，没有申请人可自选的数字。", en: "every value was held against the evidence: none was anybody's to choose", evidence: map[string]int64{"bits": 0}}
	}
	return finding{
		status: Review, zh: fmt.Sprintf("%d 个数值无法由证据重算，可携带至多 %d 比特。", unknown, evidence.Log(reach)), en: fmt.Sprintf("%d values could not be computed again from the evidence; they can carry %d bits", unknown, evidence.Log(reach)),
		evidence: map[string]int64{"bits": evidence.Log(reach), "values": unknown},
		nextZH:   "补全证据，或给出微观数据", nextEN: "complete the evidence, or give microdata",
	}
}
