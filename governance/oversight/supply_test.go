package oversight

import (
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/papers"
)

// Backups of which nobody has shown that they can be brought back stop runs after
// ten working days where an overdue backup does; a drill that failed at once, until
// one comes off; and in a city that does not ask, neither does.
func TestBackupHealth(t *testing.T) {
	backup := func(at string, failed bool) Filed {
		return Filed{Handed: Handed{Duty: Backup, Org: "bureau", Failed: failed, At: on(t, at)}}
	}
	for name, c := range map[string]struct {
		city, now string
		filed     []Filed
		stops     bool
	}{
		"nothing known, first days": {"dongguan", "2026-01-12", nil, false},
		"nothing known":             {"dongguan", "2026-01-22", nil, true},
		"nothing known, elsewhere":  {"guiyang", "2026-01-22", nil, false},
		"came off":                  {"dongguan", "2026-02-20", []Filed{backup("2026-01-12", false)}, false},
		"failed":                    {"dongguan", "2026-02-20", []Filed{backup("2026-01-12", false), backup("2026-02-19", true)}, true},
		"failed, elsewhere":         {"wuxi", "2026-02-20", []Filed{backup("2026-02-19", true)}, false},
		"failed, then came off":     {"dongguan", "2026-02-20", []Filed{backup("2026-02-18", true), backup("2026-02-19", false)}, false},
		"found unsound":             {"dongguan", "2026-02-20", []Filed{{Handed: backup("2026-01-12", false).Handed, Checker: "bureau-2"}}, true},
		"long ago":                  {"dongguan", "2027-02-20", []Filed{backup("2026-01-12", false)}, true},
	} {
		f := facts(t, c.city, c.now)
		f.Filed = c.filed
		stops := false
		for _, d := range Owed(f, "operator") {
			stops = stops || d.Kind == "backup" && d.Overdue
		}
		if stops != c.stops {
			t.Errorf("%s: stops runs: %v", name, stops)
		}
	}
	f := facts(t, "wuxi", "2026-02-20")
	f.Filed = []Filed{backup("2026-02-19", true)}
	if got := Findings(f); len(got) != 1 || got[0].Fault != "security" || got[0].Org != "bureau" {
		t.Errorf("a drill that failed is found: %+v", got)
	}
}

// After an emergency its data are disposed of within the term, and what else was had
// for it is not left open; of no other emergency, and not where all is done.
func TestEmergencyDisposal(t *testing.T) {
	f := clean(t, "dongguan")
	f.Datasets[0].Sheet = sheet(func(s *papers.Sheet) { s.Event = "flood" })
	other := Dataset{ID: "calls", Provider: "transit", Sheet: sheet(func(s *papers.Sheet) { s.Event, s.Items = "flood", nil })}
	unlike := Dataset{ID: "shelters", Provider: "transit", Sheet: sheet(func(s *papers.Sheet) { s.Event, s.Items = "fire", nil })}
	f.Datasets = append(f.Datasets, other, unlike)
	f.Orders = []Order{{ID: "o-1", Kind: "disposal", Org: "hospital", Name: "hospital-visits", Key: "emergency.disposal", Event: "flood", At: on(t, "2026-01-26")}}
	if got := Findings(f); len(got) != 0 {
		t.Errorf("within the term: %+v", got)
	}
	f.Now = on(t, "2026-03-20")
	f.Versions = nil
	got := Findings(f)
	if len(got) != 2 || got[0].Fault != "undone" || got[0].Thing != "o-1" || got[1].Thing != "calls" || got[1].Org != "transit" {
		t.Fatalf("%+v", got)
	}
	for _, x := range got {
		if !strings.Contains(x.Cites[0].ZH, "第五十条第（九）项") || x.Cites[1].ZH != "东莞 第三十八条第二款（征求意见稿）" {
			t.Errorf("%+v", x.Cites)
		}
	}
	f.Orders[0].Done = f.Now
	f.Orders = append(f.Orders, Order{ID: "o-2", Kind: "disposal", Org: "transit", Name: "calls", Event: "flood", At: f.Now, Done: f.Now})
	if got := Findings(f); len(got) != 0 {
		t.Errorf("all is done: %+v", got)
	}
}

// Rates under the house's number are flaws that say so; what nobody rated is none.
func TestRated(t *testing.T) {
	at := on(t, "2026-02-01")
	if got := Rated(nil, at); got != nil {
		t.Error(got)
	}
	if got := Rated(&governance.Quality{Completeness: LeastQuality, Validity: 100}, at); got != nil {
		t.Error(got)
	}
	got := Rated(&governance.Quality{Completeness: LeastQuality - 1, Validity: 100}, at)
	if len(got) != 1 || !strings.Contains(got[0].What, "89%") || !strings.Contains(got[0].What, "非法定") || !got[0].Since.Equal(at) {
		t.Errorf("%+v", got)
	}
}

// Of attestations the last on file counts, and none that was found unsound.
func TestLapses(t *testing.T) {
	on := func(org string, to time.Time, checker string) Filed {
		return Filed{Handed: Handed{Duty: Attestation, Org: org, To: to}, Checker: checker}
	}
	a, b := on("x", time.Unix(100, 0), ""), on("x", time.Unix(200, 0), "")
	if got := Lapses([]Filed{b, a, on("x", time.Unix(300, 0), "officer")}, map[string]time.Time{"y": time.Unix(5, 0)}); !got["x"].Equal(b.To) || len(got) != 2 {
		t.Errorf("%+v", got)
	}
	if got := Lapses(nil, nil); len(got) != 0 {
		t.Error(got)
	}
}
