package evidence

import "github.com/yunei/yunei/gate/params"

// A Model is what a fitted model says of itself.
type Model struct {
	Units      int64      // used in the fit
	Parameters int64      // fitted, intercepts included
	Binary     [][2]int64 // units in each category of each binary column
	Leverage   int64      // the largest of one unit, in percent rounded up; -1 is not known
	PerUnit    bool       // fitted values, residuals or weights of units are among its outputs
}

// Freedom is C15: enough residual degrees of freedom, not too many parameters
// for the units, and no binary column of which one category has too few.
func Freedom(m Model, p params.Parameters) Finding {
	var few int64
	for _, b := range m.Binary {
		if min(b[0], b[1]) < p.Binary {
			few++
		}
	}
	df := m.Units - m.Parameters
	s := worst(few, 0)
	if m.Units < 1 || m.Parameters < 1 || df < p.ResidualDF || above(m.Parameters, 100, p.ParametersPercent, m.Units) {
		s = Fail
	}
	return say("C15", p, s, words{
		Pass: {"残差自由度、参数个数与个体数之比、二值变量各类个体数均符合要求。", "residual degrees of freedom, parameters for the units, and categories of binary columns are all enough"},
		Fail: {"残差自由度不足、参数过多，或二值变量某一类个体过少。", "too few residual degrees of freedom, too many parameters, or a binary column with too few units in a category"},
	}, map[string]int64{"units": m.Units, "parameters": m.Parameters, "residual_df": df, "binary_few": few})
}

// Saturated is C16: nothing of single units, no model that fits each of them,
// and none that rests on one.
func Saturated(m Model, p params.Parameters) Finding {
	s := Pass
	switch {
	case m.PerUnit || m.Parameters >= m.Units || m.Leverage > p.LeveragePercent:
		s = Fail
	case m.Leverage < 0:
		s = Review
	}
	return say("C16", p, s, words{
		Pass:   {"不含逐个体输出，模型未饱和，也不依赖于个别个体。", "no output is of single units, and the model is not saturated and rests on none of them"},
		Review: {"杠杆值未知，由审核员判断模型是否依赖于个别个体。", "leverage is not known: whether the model rests on one unit is for the output checkers"},
		Fail:   {"含逐个体输出，或模型饱和，或依赖于个别个体。", "there are outputs of single units, or the model is saturated or rests on one of them"},
	}, map[string]int64{"leverage": m.Leverage})
}

// A Step is one row of a survival table: who is at risk as it begins, and who
// has the event in it.
type Step struct {
	AtRisk, Events int64
}

// Survival is C17. Exact steps have enough at risk, and no events or enough,
// and as many of those who leave without one (what is at risk in the next step
// tells). Otherwise all numbers lie on the midpoint grid.
func Survival(steps []Step, rounded bool, p params.Parameters) Finding {
	var bad int64
	grid := Grid{Base: p.Midpoint, Mid: true}
	for i, s := range steps {
		if rounded {
			if p.Midpoint > 0 && (!grid.has(s.AtRisk) || !grid.has(s.Events)) {
				bad++
			}
			continue
		}
		left := int64(0)
		if i+1 < len(steps) {
			left = s.AtRisk - s.Events - steps[i+1].AtRisk
		}
		if s.AtRisk < p.Step || s.Events < 0 || between(s.Events, p.Step) || left < 0 || between(left, p.Step) {
			bad++
		}
	}
	return say("C17", p, worst(bad, 0), words{
		Pass: {"每一步的风险人数、事件数和退出数均达到门槛，或均按中点取整。", "at-risk, events and leavers of each step are enough, or all are rounded to midpoints"},
		Fail: {"有的步骤风险人数、事件数或退出数过少，或未按中点取整。", "some steps have too few at risk, events or leavers, or are not rounded to midpoints"},
	}, map[string]int64{"steps": int64(len(steps)), "bad": bad})
}
