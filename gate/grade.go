package gate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/yunei/yunei/jobs"
)

// The grade of what is released. GB/T 43697-2024 grades data as core,
// important or general, in its Annex I derived data as well, and the most
// severe of several grades holds. Its text is not among those that this product
// was checked against, so that the rule below is a house rule in our own words:
// an opinion with its reasons, and always for people to decide. It is a
// function of the terms, which are public, and of the number of units that
// the candidate itself shows: it tells a reader nothing that the candidate does
// not.

// LeastGrade and MostGrade bound the grades of general data.
const (
	LeastGrade = 1
	MostGrade  = 4
)

// Where house rules draw the line.
const (
	lowerThreshold = 10 // units a cell, from which on a table no longer tells of one unit
	fineCodes      = 64 // cells a table, from which on finer than a headline
)

// A Ground is one reason for a proposed grade, by its place in the rule.
type Ground string

// The grounds, in the order in which they are looked at.
const (
	GroundSource    Ground = "source"    // the highest grade of the sources
	GroundUnknown   Ground = "unknown"   // a source that nobody has graded
	GroundAggregate Ground = "aggregate" // closed cells of enough units: one lower
	GroundNoise     Ground = "noise"     // calibrated noise: one lower
	GroundUnit      Ground = "unit"      // records and not parties were counted: not lowered
	GroundPrecision Ground = "precision" // regions below the county: not lowered
	GroundFusion    Ground = "fusion"    // several domains joined: people look
	GroundDetail    Ground = "detail"    // many cells: people look
	GroundScale     Ground = "scale"     // very many units: may be important data
)

// An Aggregation is what the proposal looks at, apart from the sources' grades.
type Aggregation struct {
	Shape     jobs.Shape
	Mode      jobs.Mode
	Threshold int64 // least units of a shown cell; mode dp has none
	Units     int64 // that the candidate shows, all cells together
	Scale     int64 // units behind one table, from which on its scale alone may make it important
}

// A Graded output is a proposal: a grade of general data, whether something in
// it may make the output important data, whatever its grade, and why.
type Graded struct {
	Proposed  int
	Important bool
	Grounds   []Ground
	Text      jobs.Statement
}

// Grade proposes the grade of an output from the grades of its sources (1 to 4;
// anything else is not known, and counts as the highest). It starts from the
// highest of them, and is one lower for cells of ten units or more, or for
// noise, but not where records are counted or regions below the county are told
// apart. It is never more than one lower and never 0.
func Grade(sources []int, a Aggregation) Graded {
	g := Graded{Proposed: LeastGrade, Grounds: []Ground{GroundSource}}
	for _, s := range sources {
		if s < LeastGrade || s > MostGrade {
			s = MostGrade
			g.add(GroundUnknown)
		}
		g.Proposed = max(g.Proposed, s)
	}
	if len(sources) == 0 {
		g.Proposed = MostGrade
		g.add(GroundUnknown)
	}
	highest := g.Proposed
	g.lower(a)
	if len(sources) > 1 {
		g.add(GroundFusion)
	}
	if a.Shape.Cells() >= fineCodes {
		g.add(GroundDetail)
	}
	if a.Scale > 0 && a.Units >= a.Scale {
		g.Important = true
		g.add(GroundScale)
	}
	g.Text = g.text(highest)
	return g
}

// lower takes a grade off what shows no single unit.
func (g *Graded) lower(a Aggregation) {
	var held, off []Ground
	if a.Shape.Namespace == jobs.Row {
		held = append(held, GroundUnit)
	}
	if slices.ContainsFunc(a.Shape.Dims, belowCounty) {
		held = append(held, GroundPrecision)
	}
	switch {
	case a.Mode == jobs.SDC && a.Threshold >= lowerThreshold:
		off = append(off, GroundAggregate)
	case a.Mode != jobs.SDC && a.Mode != "":
		off = append(off, GroundNoise)
	}
	if len(held) > 0 {
		off = held
	} else if len(off) > 0 {
		g.Proposed = max(LeastGrade, g.Proposed-1)
	}
	for _, ground := range off {
		g.add(ground)
	}
}

func (g *Graded) add(ground Ground) {
	if !slices.Contains(g.Grounds, ground) {
		g.Grounds = append(g.Grounds, ground)
	}
}

// region is a code of the statistical divisions below the county: 9 digits down
// to the township, 12 to the village.
var region = regexp.MustCompile(`^[1-8][0-9]{8}([0-9]{3})?$`)

func belowCounty(d jobs.Dim) bool {
	return !slices.ContainsFunc(d.Codes, func(c string) bool { return !region.MatchString(c) })
}

// reviewed are the sentences for each ground.
var reviewed = map[Ground]jobs.Statement{
	GroundSource:    {ZH: "以来源数据中最高的级别为起点", EN: "it starts from the highest grade of the sources"},
	GroundUnknown:   {ZH: "有来源未定级，按最高一般级计", EN: "a source has no grade, and counts as the highest of general data"},
	GroundAggregate: {ZH: "只发布达到门槛的汇总单元格，下调一级", EN: "only cells of at least ten units are shown: one lower"},
	GroundNoise:     {ZH: "发布前已按差分隐私加噪，下调一级", EN: "noise for differential privacy was added: one lower"},
	GroundUnit:      {ZH: "统计单位是记录而非主体，不下调", EN: "records and not parties were counted: not lowered"},
	GroundPrecision: {ZH: "区域细于县级，不下调", EN: "regions below the county are told apart: not lowered"},
	GroundFusion:    {ZH: "由多个数据域汇聚融合而成，请判断融合后是否揭示更多", EN: "several domains were joined; people look whether that tells more than each"},
	GroundDetail:    {ZH: "单元格较多，请判断其精细程度", EN: "there are many cells; people look at the detail"},
	GroundScale:     {ZH: "覆盖的个体很多，可能构成重要数据，请按重要数据目录核对", EN: "very many units stand behind it: it may be important data; hold it against the catalogue of important data"},
}

func (g Graded) text(highest int) jobs.Statement {
	var zh, en []string
	for _, ground := range g.Grounds {
		zh, en = append(zh, reviewed[ground].ZH), append(en, reviewed[ground].EN)
	}
	return jobs.Statement{
		ZH: fmt.Sprintf("建议定为一般数据 %d 级（来源最高 %d 级），由审核员决定：%s。此为内部规则，参照 GB/T 43697-2024 附录 I 的思路，条文未核验。", g.Proposed, highest, strings.Join(zh, "；")),
		EN: fmt.Sprintf("proposed grade %d of general data (highest source: %d), for people to decide: %s; a house rule after the idea of GB/T 43697-2024, Annex I, whose text was not checked", g.Proposed, highest, strings.Join(en, "; ")),
	}
}

// A Hook is a provision outside this product's rules that people have to think
// of: a reviewed question, never a verdict. Checked says whether its text is
// among those that the product was checked against.
type Hook struct {
	Code    string
	Source  string
	Checked bool
	Text    jobs.Statement
}

// StatisticsLaw asks whether the protection of single respondents applies. Its
// text was not checked (未核验): it is not among the regulations at hand.
var StatisticsLaw = Hook{
	Code: "statistics-law", Source: "统计法（2024 年修正）第二十八条（未核验）",
	Text: jobs.Statement{
		ZH: "来源若是依法进行的统计调查所得，能够识别或推断单个统计调查对象身份的资料不得对外提供，汇总后仍可推断的亦同；请审核员判断是否属于此类。条文未核验，按内部规则处理。",
		EN: "if a source comes from a statistical survey, nothing that identifies a single respondent, or lets one be inferred from totals, may be given out; people decide whether this is such a case. The provision's text was not checked: a house rule",
	},
}
