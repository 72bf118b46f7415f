package check

import (
	"encoding/json"
	"fmt"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/evidence"
	"github.com/yunei/yunei/gate/params"
	"github.com/yunei/yunei/gate/sheet"
)

// A Ruling is what one check says of one cell and measure: that it must not be
// shown (Fail), or that it is for people.
type Ruling struct {
	Check  string
	Status Status
	ZH, EN string
}

// Judge makes the checks C05 and C07 to C10 of a cell, by evidence alone. No
// ruling is a pass. measure 0 is the number of units.
func Judge(c sheet.Cell, measure int, p params.Parameters) []Ruling {
	if !c.Has(sheet.HasN) {
		return []Ruling{{"C05", Review, "没有证据", "there is no evidence"}}
	}
	if c.N == 0 {
		return nil
	}
	var out []Ruling
	if c.N < p.Threshold {
		out = append(out, Ruling{"C05", Fail, fmt.Sprintf("只有 %d 个单位，门槛 %d", c.N, p.Threshold), fmt.Sprintf("%d units, the threshold is %d", c.N, p.Threshold)})
	}
	if measure == 0 {
		return out
	}
	for _, judge := range []func(sheet.Cell, params.Parameters) (Ruling, bool){pPercent, dominance, negatives, apart} {
		if r, found := judge(c, p); found {
			out = append(out, r)
		}
	}
	return out
}

// total is what largest contributions are held against: without signs, or, if
// signs are not known, the sum.
func total(c sheet.Cell) (int64, bool) {
	if c.Has(sheet.HasAbs) {
		return c.Abs, true
	}
	return c.Sum, c.Has(sheet.HasSum) && !c.Has(sheet.HasMin)
}

// tops lists the largest contributions that are known, the first unknown one
// ending the list.
func tops(c sheet.Cell) []int64 {
	for i := range sheet.MaxTop {
		if !c.Has(sheet.HasTop1 << i) {
			return c.Top[:i]
		}
	}
	return c.Top[:]
}

// unsure is the ruling where contributions are missing from the evidence.
func unsure(check string, need int64) (Ruling, bool) {
	return Ruling{check, Review, fmt.Sprintf("缺合计或前 %d 大贡献", need), fmt.Sprintf("the total or the %d largest contributions are not known", need)}, true
}

func pPercent(c sheet.Cell, p params.Parameters) (Ruling, bool) {
	sum, known := total(c)
	top, need := tops(c), p.Coalition+1
	if !known || len(top) == 0 {
		return unsure("C07", need)
	}
	// With fewer contributions than needed the rest is overstated: what is too
	// close all the same is too close.
	if evidence.Close(sum, top, p.PPercent, p.Coalition) {
		return Ruling{"C07", Fail, "其他贡献者可把最大贡献估计得过准（p% 规则）", "another contributor can estimate the largest contribution too closely (p% rule)"}, true
	}
	if int64(len(top)) < need {
		return unsure("C07", need)
	}
	return Ruling{}, false
}

func dominance(c sheet.Cell, p params.Parameters) (Ruling, bool) {
	sum, known := total(c)
	top := tops(c)
	if !known || len(top) == 0 {
		return unsure("C08", p.DominantN)
	}
	if evidence.Dominated(sum, top, p.DominantN, p.DominantK) || evidence.Dominated(sum, top, 1, p.LargestK) {
		return Ruling{"C08", Fail, "前几大贡献占合计过多（(n,k) 规则）", "the largest contributions are too much of the total ((n,k) rule)"}, true
	}
	if int64(len(top)) < p.DominantN {
		return unsure("C08", p.DominantN)
	}
	return Ruling{}, false
}

func negatives(c sheet.Cell, p params.Parameters) (Ruling, bool) {
	switch {
	case !c.Has(sheet.HasMin):
		return Ruling{"C09", Review, "没有最小值，不知道有无负值", "without the smallest value it is not known whether any is negative"}, true
	case c.Min >= 0:
		return Ruling{}, false
	case p.NegativesHidden == 1:
		return Ruling{"C09", Fail, "有负值", "holds a negative value"}, true
	}
	return Ruling{"C09", Review, "有负值：按绝对值判断集中度，相互抵消须由人判断", "holds a negative value: dominance was judged without signs, and cancellation is for people"}, true
}

func apart(c sheet.Cell, p params.Parameters) (Ruling, bool) {
	same := c.Has(sheet.HasMin|sheet.HasMax) && c.Min == c.Max
	few := c.Has(sheet.HasApart) && c.Apart < p.Apart || c.N <= p.Apart // one unit at least has the commonest value
	switch {
	case same:
		return Ruling{"C10", Fail, "所有单位的数值相同", "all units have the same value"}, true
	case few:
		return Ruling{"C10", Fail, fmt.Sprintf("与最常见数值不同的单位不足 %d 个", p.Apart), fmt.Sprintf("fewer than %d units differ from the commonest value", p.Apart)}, true
	case !c.Has(sheet.HasApart):
		return Ruling{"C10", Review, "证据中没有 apart（与最常见数值不同的单位数）", "the evidence has no column apart (units that differ from the commonest value)"}, true
	}
	return Ruling{}, false
}

// change sets single parameters by their names.
func change(p params.Parameters, to map[string]int64) (params.Parameters, error) {
	fields := map[string]any{}
	if err := json.Unmarshal(p.Bytes(), &fields); err != nil {
		return p, err
	}
	for name, v := range to {
		if _, ok := fields[name].(float64); !ok || name == "grade" {
			return p, fmt.Errorf("说明文件的 parameters：没有参数 %q no parameter %q: %w", name, name, fault.Invalid)
		}
		fields[name] = v
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		return p, err
	}
	var out params.Parameters
	if err := json.Unmarshal(raw, &out); err != nil {
		return p, fmt.Errorf("说明文件的 parameters the spec's parameters: %w: %w", err, fault.Invalid)
	}
	return out, out.Check()
}
