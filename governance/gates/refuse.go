package gates

import (
	"strings"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
)

// Refuse is the refusal of the first verdict that stops, nil if none does. Its
// sentences are ours and the profile's; of what it is about it has a name at
// most, of the form that all names here have.
func Refuse(all []Verdict) error {
	for _, v := range all {
		if !v.Blocks() {
			continue
		}
		basis := v.Cite
		if v.Clause != "" {
			basis = "协议 " + v.Clause + "；" + basis
		}
		if v.Quote != "" {
			basis += "：“" + v.Quote + "”"
		}
		zh, en := v.ZH, v.EN
		if jobs.ID(v.Thing) == nil {
			zh, en = zh+"（"+v.Thing+"）", en+" ("+v.Thing+")"
		}
		return fault.Specify("gate-"+fault.Code(strings.ToLower(v.Gate)), basis, fault.Party(v.Who), zh, en)
	}
	return nil
}
