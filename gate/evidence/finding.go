package evidence

import (
	"fmt"
	"math/big"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/gate/params"
)

// A Status is what a check came to. The zero Status is none.
type Status string

// The statuses of a Finding. Block cannot be lifted by one exception; what is
// not known is Review, never Pass.
const (
	Pass   Status = "pass"
	Review Status = "review"
	Fail   Status = "fail"
	Block  Status = "block"
)

// A Finding is what a check says of a whole output, with the numbers it went by
// and, apart from them, what it counted in what is shown.
type Finding struct {
	Check      string           `json:"check"`
	Status     Status           `json:"status"`
	ZH         string           `json:"zh"`
	EN         string           `json:"en"`
	Parameters map[string]int64 `json:"parameters,omitempty"`
	Evidence   map[string]int64 `json:"evidence,omitempty"`
}

// words are what a check says in each case; its keys are the statuses that it
// can come to.
type words map[Status][2]string

// say makes the finding of a check. Parameters that do not pass their own check
// block everything.
func say(check string, p params.Parameters, s Status, w words, evidence map[string]int64) Finding {
	if p.Check() != nil {
		return Finding{Check: check, Status: Block, ZH: "没有有效的检查参数，一律不予放行。", EN: "there are no valid parameters for this check: nothing passes"}
	}
	return Finding{Check: check, Status: s, ZH: w[s][0], EN: w[s][1], Parameters: p.Values(check), Evidence: evidence}
}

// worst is Fail if there is anything that fails, Review if there is anything
// for people, and Pass otherwise.
func worst(fails, reviews int64) Status {
	switch {
	case fails > 0:
		return Fail
	case reviews > 0:
		return Review
	}
	return Pass
}

// between reports 0 < n < least.
func between(n, least int64) bool { return n > 0 && n < least }

// Summary says of each check of Judge how many items it hides, or leaves to
// people: for an output that is checked as it is, with nothing hidden.
func Summary(flags []Flag, p params.Parameters) []Finding {
	var out []Finding
	for _, id := range []string{C05, C07, C08, C09, C10} {
		hide, look := map[int]bool{}, map[int]bool{}
		for _, f := range flags {
			switch {
			case f.Check != id:
			case f.Hide:
				hide[f.Item] = true
			default:
				look[f.Item] = true
			}
		}
		fails, reviews := int64(len(hide)), int64(len(look))
		out = append(out, say(id, p, worst(fails, reviews), words{
			Pass:   {"各单元格与合计均符合该项规则。", "all cells and totals keep this rule"},
			Review: {"有的单元格或合计由审核员判断。", "some cells or totals are for the output checkers"},
			Fail:   {"有的单元格或合计不符合该项规则，不得展示。", "some cells or totals break this rule, and may not be shown"},
		}, map[string]int64{"items": fails, "review": reviews}))
	}
	return out
}

// Holdings is C06: whether a contribution is all that one protected unit gave,
// or one of its records.
func Holdings(byUnit bool, p params.Parameters) Finding {
	s := Pass
	if !byUnit {
		s = Review
	}
	return say("C06", p, s, words{
		Pass:   {"按受保护的主体归并后计数和排序。", "records are grouped to the protected unit before they are counted and ranked"},
		Review: {"没有主体标识，按记录计数；同一主体可能有多条。", "there is no key of units: records are counted, and one unit may have many"},
	}, nil)
}

// Margin is how far above the threshold a noisy count of the given variance
// must lie to be shown in mode sdc+dp: noise, whose tail is no heavier than a
// normal one's (Canonne, Kamath and Steinke 2020, for the discrete Gaussian and
// sums of it), exceeds it with a chance of at most 1 in p.SlackInverse. It is
// sqrt(2 variance ln p.SlackInverse), rounded up. An error is of kind Invalid.
func Margin(variance *big.Int, p params.Parameters) (*big.Int, error) {
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("computing a margin: %w", err)
	}
	if variance.Sign() < 0 {
		return nil, fmt.Errorf("computing a margin: a negative variance: %w", fault.Invalid)
	}
	const ln2, scale = 693_148, 1_000_000 // ln 2, rounded up
	log := int64(new(big.Int).Sub(big.NewInt(p.SlackInverse), big.NewInt(1)).BitLen()) * ln2
	square := new(big.Int).Mul(variance, big.NewInt(2*log))
	square.Add(square, big.NewInt(scale-1)).Div(square, big.NewInt(scale))
	m := new(big.Int).Sqrt(square)
	if new(big.Int).Mul(m, m).Cmp(square) < 0 {
		m.Add(m, big.NewInt(1))
	}
	return m, nil
}
