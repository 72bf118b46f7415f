package gates_test

import (
	"testing"

	"github.com/yunei/yunei/governance/gates"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/jobs/msg"
)

// An order names a program as orders do, and the gate that looks at programs knows
// it by that name.
func TestHeldProgram(t *testing.T) {
	w := gatestest.New(t, "guiyang", "authop")
	held := msg.Held{Kind: msg.HoldProgram, Name: string(w.Terms.Program.Digest)}
	if err := held.Check(); err != nil {
		t.Fatal(err)
	}
	w.Fact = func(f *gates.Facts) {
		f.Holds = append(f.Holds, gates.Hold{ID: "h-1", Kind: held.Kind, Name: held.Name, By: "bureau", At: gatestest.Now})
	}
	for _, v := range gates.Blocked(gates.Check(w.Facts(), gates.AtStart)) {
		if v.Gate == "G10" && v.Code == "held" && v.Thing == "h-1" {
			return
		}
	}
	t.Error("a held program passes its gate")
}

// The end of an emergency ends the use of all that was had for it: one dataset is
// closed by an order, and the other of the same event passes no more, by the city's
// article and not by that on objections.
func TestEmergencyOver(t *testing.T) {
	for event, want := range map[string]bool{"flood-2026": true, "flood-2025": false, "": false} {
		w := gatestest.New(t, "dongguan", "share")
		dataset := w.Terms.Members[0].Dataset
		w.Sheets[dataset].Event = event
		w.Fact = func(f *gates.Facts) {
			f.Holds = append(f.Holds, gates.Hold{ID: "h-1", Kind: msg.HoldDataset, Name: "rescue-calls", By: "bureau", Reason: msg.Emergency, Key: "emergency.disposal", Event: "flood-2026", At: gatestest.Now})
		}
		for _, at := range []gates.Step{gates.AtSubmission, gates.AtStart, gates.AtRelease} {
			stopped := gates.Blocked(gates.Check(w.Facts(), at))
			said := false
			for _, v := range stopped {
				said = said || v.Gate == "G6" && v.Code == "emergency-over" && v.Thing == dataset && v.Cite == "东莞 第三十八条第二款（征求意见稿）"
			}
			if at != gates.AtRelease && len(stopped) > 0 != want || said != want {
				t.Errorf("%q at %s: %+v", event, at, stopped)
			}
		}
	}
}

// What is held for another reason than an objection is not held by the article on
// objections.
func TestHeldForAnotherReason(t *testing.T) {
	for reason, want := range map[string]string{"objection": "贵阳贵安 第三十一条（征求意见稿）", "": "贵阳贵安 第三十一条（征求意见稿）", "inspection": "内部规则（非法定）", "incident": "内部规则（非法定）"} {
		w := gatestest.New(t, "guiyang", "authop")
		w.Fact = func(f *gates.Facts) {
			f.Holds = append(f.Holds, gates.Hold{ID: "h-1", Kind: msg.HoldDataset, Name: w.Terms.Members[0].Dataset, By: "bureau", Reason: reason, At: gatestest.Now})
			if reason == "incident" {
				f.Holds[0].Key = "incident.remedy"
			}
		}
		stopped := gates.Blocked(gates.Check(w.Facts(), gates.AtStart))
		if len(stopped) != 1 || stopped[0].Code != "held" || stopped[0].Cite != want {
			t.Errorf("%q: %+v, want %s", reason, stopped, want)
		}
	}
}

// Nothing goes out while the backups are not known to be healthy, where the city
// has that stop runs.
func TestReleaseAsksForBackups(t *testing.T) {
	for city, want := range map[string]bool{"dongguan": true, "guiyang": false} {
		channel := map[string]string{"dongguan": "share", "guiyang": "authop"}[city]
		w := gatestest.New(t, city, channel)
		owed := gates.Duty{Kind: "backup", Operator: w.Terms.Operator.Org, Due: gatestest.Now, Overdue: true, Key: "backup.required"}
		for name, bend := range map[string]func(*gates.Facts){
			"overdue": func(f *gates.Facts) { f.Duties = append(f.Duties, owed) },
			"unknown": func(f *gates.Facts) { f.Known.Duties = false },
		} {
			w.Fact = bend
			var said []gates.Verdict
			for _, v := range gates.Blocked(gates.Check(w.Facts(), gates.AtRelease)) {
				if v.Gate == "G12" {
					said = append(said, v)
				}
			}
			if len(said) > 0 != want || want && said[0].Cite != "东莞 第四十三条（征求意见稿）" {
				t.Errorf("%s, %s: %+v", city, name, said)
			}
		}
	}
}
