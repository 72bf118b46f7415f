package oversight

import (
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/governance/papers"
)

// A change of the law starts the clock of each entry that it touches, as long as the
// city has it; a review that the provider opens afterwards stops it, one from before
// does not, and overdue it is a finding under the city's article.
func TestChanges(t *testing.T) {
	touched := papers.Change{Kind: "law", At: on(t, "2026-02-10"), What: "条例修订", Datasets: []string{"hospital-visits"}}
	say := Declared{Fault: "catalogue", Org: "bureau", Thing: "law-1", What: "条例修订", By: "bureau-officer", At: now, Change: &touched}
	for id, want := range map[string]string{"guiyang": "2026-03-02", "dongguan": "2026-03-09", "chongming": "2026-03-09", "wuxi": ""} {
		f := clean(t, id)
		f.Datasets = []Dataset{{ID: "hospital-visits", Provider: "hospital", Since: on(t, "2026-01-05"), Asked: on(t, "2026-01-05"), Sheet: f.Datasets[0].Sheet}}
		f.Declared, f.Now = []Declared{say}, on(t, "2026-02-12")
		owed := func() []Duty {
			return slices.DeleteFunc(Duties(f), func(d Duty) bool { return d.Kind != Update })
		}
		late := func() bool {
			return slices.ContainsFunc(Findings(f), func(x Finding) bool { return x.Fault == "catalogue" && x.Thing == "hospital-visits" })
		}
		all := owed()
		if want == "" { // 无锡 counts changes of elements and of duties
			if len(all) != 0 {
				t.Errorf("%s: %+v", id, all)
			}
			continue
		}
		if len(all) != 1 || all[0].Org != "hospital" || all[0].About != "hospital-visits" || !all[0].Due.Equal(on(t, want).Add(15*60*60*1e9)) || all[0].Overdue || all[0].Blocks || late() {
			t.Errorf("%s: %+v", id, all)
		}
		f.Now = on(t, "2026-03-20")
		if all = owed(); len(all) != 1 || !all[0].Overdue || !late() {
			t.Errorf("%s, late: %+v", id, all)
		}
		f.Datasets[0].Asked = on(t, "2026-02-20")
		if len(owed()) != 0 || late() {
			t.Errorf("%s: a review was opened since", id)
		}
	}
}

// A provider files changes of its own entries, the bureau of any, others none.
func TestDeclareChange(t *testing.T) {
	d := newDesk(t)
	say := func(who, org string, edit func(*papers.Change)) error {
		ch := papers.Change{Kind: "element", At: now.AddDate(0, 0, -1), What: "字段调整", Datasets: []string{"hospital-visits"}}
		if edit != nil {
			edit(&ch)
		}
		return Declare(d.Register, d.Users[who], Declared{Fault: "catalogue", Org: org, Thing: "c-1", What: "字段调整", By: who, At: now, Change: &ch})
	}
	refused(t, "the provider", say("hospital-officer", "hospital", nil), "")
	refused(t, "the bureau", say("bureau-officer", "bureau", nil), "")
	refused(t, "another provider", say("transit-officer", "transit", nil), "duty-report")
	refused(t, "for another", say("transit-officer", "hospital", nil), "role")
	refused(t, "an operator", say("op", "operator", nil), "role")
	for name, edit := range map[string]func(*papers.Change){
		"of nothing": func(ch *papers.Change) { ch.Datasets = nil }, "of no entry": func(ch *papers.Change) { ch.Datasets = []string{"moon"} },
		"of another kind": func(ch *papers.Change) { ch.Kind = "weather" }, "to come": func(ch *papers.Change) { ch.At = now.AddDate(0, 0, 1) },
		"in other words": func(ch *papers.Change) { ch.What = strings.Repeat("x", 3) },
	} {
		refused(t, name, say("bureau-officer", "bureau", edit), "duty-report")
	}
}
