// Package params holds the numbers of the checks: how many units are enough,
// how much one of them may dominate, how far two releases must lie apart. All
// of them stand in one struct of exact integers, under the name of a profile
// and the grade of the data, so that a record can carry them whole and a check
// can be made again from the evidence.
//
// The values are house values: taken over from the practice that each row of
// the table names as its source, and from no article of law. A higher grade is
// never less strict than a lower one, and a run over several data sets goes by
// the strictest of them (就高从严). The zero Parameters are no parameters: Check
// refuses them, and so do all that take them.
//
// The package does not decide anything and holds no budget: what may be spent
// of a privacy budget is the provider's signed decision.
package params

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/yunei/yunei/fault"
)

// Bounds that evidence is kept to: it holds so many of the largest
// contributions of a cell, and so many different values.
const (
	MaxDominant = 3
	MaxApart    = 32
)

// MaxGrade is the highest grade of a data set; 0 is one that was not graded.
const MaxGrade = 4

// Parameters are the numbers of the checks C01 to C36 that need one. Each
// comment says the checks, the default, the unit and the source; percent are
// whole percents, and flags are 0 or 1.
type Parameters struct {
	Profile string `json:"profile"` // its name
	Grade   int    `json:"grade"`   // that the values are of, 0 to MaxGrade

	Cells      int64 `json:"cells"`       // C03: 65536 cells, at most. The limit of a shape; OpenSAFELY: 5000 rows
	TableBytes int64 `json:"table_bytes"` // C03: 64 MiB of table, at most. The limit of a candidate; OpenSAFELY: 16 MB

	Threshold int64 `json:"threshold"` // C05: 10 distinct units with a value, at least, never below 3. ACRO, ESSnet; 3 is the SDC Handbook's usual minimum frequency

	PPercent  int64 `json:"p_percent"`  // C07, C24: 10 percent of the largest contribution. ACRO; SDC Handbook, p%-rule. Confidential
	Coalition int64 `json:"coalition"`  // C07: 1 contributor who knows the others. SDC Handbook. Confidential
	DominantN int64 `json:"dominant_n"` // C08: the 2 largest contributions. ACRO; SDC Handbook, (n,k)-rule. Confidential
	DominantK int64 `json:"dominant_k"` // C08: 90 percent of the total, at most. ACRO. Confidential
	LargestK  int64 `json:"largest_k"`  // C08: 100 percent of the total for the largest alone, which is off; 50 is the strict option. ESSnet. Confidential

	NegativesHidden int64 `json:"negatives_hidden"` // C09: flag, 0: judged by absolute size and left to people; 1: a cell with a negative value is hidden. ACRO
	Apart           int64 `json:"apart"`            // C10: 10 units, at least, whose value differs from that of a majority. ACRO's all-same check, widened by the house

	ClassPercent    int64 `json:"class_percent"`    // C11: 90 percent of a line in one cell is too much. ACRO, ESSnet
	ZerosDisclosive int64 `json:"zeros_disclosive"` // C11: flag, 0: an empty cell tells nothing; 1: it tells of its line. ACRO
	Group           int64 `json:"group"`            // C12: 10 units, at least, in a cell and in the rest of its line. SDC Handbook 5.2

	Tail            int64 `json:"tail"`             // C13: 10 units, at least, on each side of a percentile. OpenSAFELY
	ExtremesRefused int64 `json:"extremes_refused"` // C13: flag, 1: no minimum and no maximum is released. OpenSAFELY
	Bin             int64 `json:"bin"`              // C14: 10 units, at least, in a bin that has any. ACRO

	ResidualDF        int64 `json:"residual_df"`        // C15: 10 residual degrees of freedom, at least. ACRO, ESSnet
	ParametersPercent int64 `json:"parameters_percent"` // C15: 33 percent of the units, at most, is the number of a model's parameters. DataSHIELD nfilter.glm 0.33
	Binary            int64 `json:"binary"`             // C15: 10 units, at least, in each category of a binary column. DataSHIELD, with the threshold of C05
	LeveragePercent   int64 `json:"leverage_percent"`   // C16: 90 percent of leverage, at most, of one unit. House

	Step      int64 `json:"step"`      // C17: 10 units, at least, in each step of a survival table. ACRO
	Midpoint  int64 `json:"midpoint"`  // C17, C29: width 6 of midpoint rounding (0, 3, 9, 15 ...). OpenSAFELY
	Numerator int64 `json:"numerator"` // C18: 10 units, at least, in a numerator that can be worked out. ACRO's CalculatedRatios, with the threshold of C05

	HiddenPerLine int64 `json:"hidden_per_line"` // C20: 2 hidden cells, at least, in a line that has any. SDC Handbook 4.3
	Width         int64 `json:"width"`           // C22, C23: 5 integers, at least, that a hidden count can be; 2 is the least that hides one at all. House: the rounding base

	Difference int64 `json:"difference"` // C25, C26, C27: 10 units, at least, between two releases that differ. SDC Handbook, with the threshold of C05
	Atoms      int64 `json:"atoms"`      // C26: 100000 classes of units; with more the test is left to people. House: 40000 measured within 5 s of exact elimination
	Refusals   int64 `json:"refusals"`   // C25: 5 a year of one operator on one data set that depend on values, at most. House

	Base      int64 `json:"base"`      // C29: 5, the least base that counts are rounded to. OpenSAFELY, ACRO
	Records   int64 `json:"records"`   // C30: 10 units, at least, that share the quasi-identifiers of a row (k). sdcMicro, with the threshold of C05
	Diversity int64 `json:"diversity"` // C30: 2 different sensitive values, at least, in such a class (distinct l-diversity). sdcMicro

	Bits   int64 `json:"bits"`   // C31: 256 bits a year of one operator on one data set, at most, in figures that a reviewed program chose. House, after WICG Shared Storage; a program without review has none
	Blocks int64 `json:"blocks"` // C32: 20 blocks that are left out in turn. House

	SlackInverse int64 `json:"slack_inverse"` // C05 in mode sdc+dp: 1000; noise exceeds the margin above the threshold with a chance of at most one in so many. House
	ScaleUnits   int64 `json:"scale_units"`   // C35: 1000000 units; a result about so many is looked at for its scale. House
}

// Check reports an error of kind Invalid if a number is out of its range. The
// zero Parameters are.
func (p Parameters) Check() error {
	if p.Profile == "" || p.Grade < 0 || p.Grade > MaxGrade {
		return fmt.Errorf("parameters: no profile, or no grade of 0 to %d: %w", MaxGrade, fault.Invalid)
	}
	for _, s := range specs {
		if v := *s.at(&p); v < s.least || v > s.most {
			return fmt.Errorf("parameters: %s is %d, want %d to %d: %w", s.field, v, s.least, s.most, fault.Invalid)
		}
	}
	return nil
}

// Raise returns p with at least the given threshold of units, for every check
// that counts units: a permit may ask for more than a profile does, and never
// for less.
func (p Parameters) Raise(threshold int64) Parameters {
	for _, at := range []*int64{&p.Threshold, &p.Group, &p.Tail, &p.Bin, &p.Binary, &p.Step, &p.Numerator, &p.Difference, &p.Records} {
		*at = max(*at, threshold)
	}
	return p
}

// Values returns the numbers of one check (C05), by field.
func (p Parameters) Values(check string) map[string]int64 {
	out := map[string]int64{}
	for _, s := range specs {
		for _, id := range s.checks {
			if id == check {
				out[s.field] = *s.at(&p)
			}
		}
	}
	return out
}

// Bytes is the one spelling of p.
func (p Parameters) Bytes() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic("params: parameters cannot be marshalled: " + err.Error()) // plain data only
	}
	return b
}

const maxBytes = 1 << 14

// Parse reads parameters in their one spelling. Every error is of kind Invalid.
func Parse(raw []byte) (Parameters, error) {
	if len(raw) > maxBytes {
		return Parameters{}, fmt.Errorf("reading parameters: %d bytes: %w", len(raw), fault.Invalid)
	}
	var p Parameters
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Parameters{}, fmt.Errorf("reading parameters: %w: %w", err, fault.Invalid)
	}
	if err := p.Check(); err != nil {
		return Parameters{}, fmt.Errorf("reading %w", err)
	}
	if !bytes.Equal(p.Bytes(), raw) {
		return Parameters{}, fmt.Errorf("reading parameters: not in their one spelling: %w", fault.Invalid)
	}
	return p, nil
}
