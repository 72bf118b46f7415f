package params

// Bases of a value.
const (
	Law   = "law"
	House = "house"
)

// A Row says where a number of the house profile comes from, for documents and
// for the record.
type Row struct {
	Checks       []string        `json:"checks"`
	Field        string          `json:"field"`
	Unit         string          `json:"unit"`
	Default      int64           `json:"default"`
	Grades       [MaxGrade]int64 `json:"grades"`   // 1 to MaxGrade
	Stricter     string          `json:"stricter"` // "more" or "less": which way is stricter
	Source       string          `json:"source"`
	Basis        string          `json:"basis"`        // Law or House
	Confidential bool            `json:"confidential"` // not shown to those who submit jobs
}

// Table lists every number of the house profile, in the order of the checks.
func Table() []Row {
	rows := make([]Row, 0, len(specs))
	for _, s := range specs {
		r := Row{
			Checks: append([]string(nil), s.checks...), Field: s.field, Unit: s.unit, Default: s.house[0],
			Stricter: "less", Source: s.source, Basis: House, Confidential: s.secret,
		}
		copy(r.Grades[:], s.house[1:])
		if s.up {
			r.Stricter = "more"
		}
		rows = append(rows, r)
	}
	return rows
}

// A spec is one number: where it stands, its range, which way is stricter, and
// its house values by grade.
type spec struct {
	checks      []string
	field, unit string
	at          func(*Parameters) *int64
	least, most int64
	up          bool // more is stricter
	house       [MaxGrade + 1]int64
	source      string
	secret      bool
}

// all is a value that no grade changes.
func all(v int64) [MaxGrade + 1]int64 { return [MaxGrade + 1]int64{v, v, v, v, v} }

// units are the thresholds in units, and flags a switch for the two higher
// grades.
var (
	units = [MaxGrade + 1]int64{10, 10, 10, 20, 30}
	flags = [MaxGrade + 1]int64{0, 0, 0, 1, 1}
)

const (
	more    = true
	less    = false
	secret  = true
	open    = false
	million = 1_000_000
)

func check(ids ...string) []string { return ids }

var specs = []spec{
	{check("C03"), "cells", "cells", func(p *Parameters) *int64 { return &p.Cells }, 1, 1 << 16, less, all(1 << 16), "the limit of a shape; OpenSAFELY has 5000 rows", open},
	{check("C03"), "table_bytes", "bytes", func(p *Parameters) *int64 { return &p.TableBytes }, 1, 64 << 20, less, all(64 << 20), "the limit of a candidate; OpenSAFELY has 16 MB", open},
	{check("C05"), "threshold", "units", func(p *Parameters) *int64 { return &p.Threshold }, 3, million, more, units, "ACRO; in the manner of the ESSnet guidelines", open},
	{check("C05"), "slack_inverse", "one in", func(p *Parameters) *int64 { return &p.SlackInverse }, 2, 1 << 40, more, [...]int64{1000, 1000, 1000, 10_000, 10_000}, "this house", open},
	{check("C07", "C24"), "p_percent", "percent of the largest contribution", func(p *Parameters) *int64 { return &p.PPercent }, 1, 100, more, [...]int64{10, 10, 10, 15, 20}, "ACRO; SDC Handbook, p%-rule", secret},
	{check("C07"), "coalition", "contributors", func(p *Parameters) *int64 { return &p.Coalition }, 1, MaxDominant - 1, more, [...]int64{1, 1, 1, 1, 2}, "SDC Handbook, p%-rule with coalitions", secret},
	{check("C08"), "dominant_n", "contributions", func(p *Parameters) *int64 { return &p.DominantN }, 1, MaxDominant, more, all(2), "ACRO; SDC Handbook, (n,k)-rule", secret},
	{check("C08"), "dominant_k", "percent of the total", func(p *Parameters) *int64 { return &p.DominantK }, 1, 99, less, [...]int64{90, 90, 90, 85, 80}, "ACRO; SDC Handbook, (n,k)-rule", secret},
	{check("C08"), "largest_k", "percent of the total", func(p *Parameters) *int64 { return &p.LargestK }, 1, 100, less, [...]int64{100, 100, 100, 50, 50}, "in the manner of the ESSnet guidelines; 100 is off", secret},
	{check("C09"), "negatives_hidden", "flag", func(p *Parameters) *int64 { return &p.NegativesHidden }, 0, 1, more, flags, "ACRO leaves them to people", open},
	{check("C10"), "apart", "units", func(p *Parameters) *int64 { return &p.Apart }, 1, MaxApart, more, units, "ACRO's all-values-are-same, widened to all but a few", open},
	{check("C11"), "class_percent", "percent of a line", func(p *Parameters) *int64 { return &p.ClassPercent }, 51, 100, less, [...]int64{90, 90, 90, 90, 80}, "ACRO; in the manner of the ESSnet guidelines", open},
	{check("C11"), "zeros_disclosive", "flag", func(p *Parameters) *int64 { return &p.ZerosDisclosive }, 0, 1, more, flags, "ACRO", open},
	{check("C12"), "group", "units", func(p *Parameters) *int64 { return &p.Group }, 2, million, more, units, "SDC Handbook 5.2, within-group disclosure", open},
	{check("C13"), "tail", "units", func(p *Parameters) *int64 { return &p.Tail }, 1, million, more, units, "OpenSAFELY", open},
	{check("C13"), "extremes_refused", "flag", func(p *Parameters) *int64 { return &p.ExtremesRefused }, 0, 1, more, all(1), "OpenSAFELY", open},
	{check("C14"), "bin", "units", func(p *Parameters) *int64 { return &p.Bin }, 2, million, more, units, "ACRO", open},
	{check("C15"), "residual_df", "degrees of freedom", func(p *Parameters) *int64 { return &p.ResidualDF }, 1, million, more, units, "ACRO; in the manner of the ESSnet guidelines", open},
	{check("C15"), "parameters_percent", "percent of the units", func(p *Parameters) *int64 { return &p.ParametersPercent }, 1, 99, less, [...]int64{33, 33, 33, 25, 20}, "DataSHIELD nfilter.glm", open},
	{check("C15"), "binary", "units", func(p *Parameters) *int64 { return &p.Binary }, 1, million, more, units, "DataSHIELD, with the threshold of C05", open},
	{check("C16"), "leverage_percent", "percent", func(p *Parameters) *int64 { return &p.LeveragePercent }, 1, 99, less, [...]int64{90, 90, 90, 90, 80}, "this house", open},
	{check("C17"), "step", "units", func(p *Parameters) *int64 { return &p.Step }, 2, million, more, units, "ACRO", open},
	{check("C17", "C29"), "midpoint", "width", func(p *Parameters) *int64 { return &p.Midpoint }, 2, 1 << 20, more, all(6), "OpenSAFELY, midpoint 6", open},
	{check("C18"), "numerator", "units", func(p *Parameters) *int64 { return &p.Numerator }, 2, million, more, units, "statbarn CalculatedRatios, with the threshold of C05", open},
	{check("C20"), "hidden_per_line", "cells", func(p *Parameters) *int64 { return &p.HiddenPerLine }, 2, 1 << 16, more, [...]int64{2, 2, 2, 2, 3}, "SDC Handbook 4.3", open},
	{check("C22", "C23"), "width", "integers", func(p *Parameters) *int64 { return &p.Width }, 2, million, more, [...]int64{5, 5, 5, 10, 10}, "this house: the rounding base", open},
	{check("C25", "C26", "C27"), "difference", "units", func(p *Parameters) *int64 { return &p.Difference }, 2, million, more, units, "SDC Handbook, differencing, with the threshold of C05", open},
	{check("C25"), "refusals", "a year", func(p *Parameters) *int64 { return &p.Refusals }, 0, 1000, less, [...]int64{5, 5, 5, 3, 2}, "this house", open},
	{check("C26"), "atoms", "classes of units", func(p *Parameters) *int64 { return &p.Atoms }, 1, 1 << 20, less, all(100_000), "this house: 40000 are measured within 5 s of exact elimination", open},
	{check("C29"), "base", "multiple", func(p *Parameters) *int64 { return &p.Base }, 1, million, more, [...]int64{5, 5, 5, 10, 10}, "OpenSAFELY; ACRO", open},
	{check("C30"), "records", "units", func(p *Parameters) *int64 { return &p.Records }, 2, million, more, units, "k-anonymity as in sdcMicro, with the threshold of C05", open},
	{check("C30"), "diversity", "values", func(p *Parameters) *int64 { return &p.Diversity }, 2, 1000, more, [...]int64{2, 2, 2, 3, 3}, "distinct l-diversity as in sdcMicro", open},
	{check("C31"), "bits", "bits a year", func(p *Parameters) *int64 { return &p.Bits }, 0, 1 << 20, less, [...]int64{256, 256, 256, 128, 64}, "this house, after WICG Shared Storage", open},
	{check("C32"), "blocks", "blocks", func(p *Parameters) *int64 { return &p.Blocks }, 2, 1000, more, all(20), "this house", open},
	{check("C35"), "scale_units", "units", func(p *Parameters) *int64 { return &p.ScaleUnits }, 1, 1 << 40, less, [...]int64{million, million, million, million / 10, million / 10}, "this house", open},
}
