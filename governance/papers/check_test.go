package papers_test

import (
	"sync"
	"testing"

	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
)

var cities = sync.OnceValues(profiles.All)

// towns are the cities of this version.
func towns(t *testing.T) []profile.Profile {
	t.Helper()
	all, err := cities()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func none(t *testing.T, what string, got []papers.Missing) {
	t.Helper()
	for _, m := range got {
		t.Errorf("%s: %s %s: %s (%s)", what, m.Field, m.EN, m.Cite, m.Key)
	}
}

// The fixtures are whole under every city, by every channel.
func TestWhole(t *testing.T) {
	for _, p := range towns(t) {
		t.Run(p.ID(), func(t *testing.T) {
			for _, channel := range []string{profile.BySharing, profile.ByOpening, profile.ByOperation} {
				sheet, s, known := paperstest.SheetBy(p, channel), paperstest.ScenarioBy(p, channel), paperstest.KnownBy(p, channel)
				none(t, channel+" sheet", sheet.Check(p))
				none(t, channel+" sheet by channel", sheet.For(p, channel))
				none(t, channel+" scenario", s.Check(p))
				none(t, channel+" scenario against", s.Against(p, known))
				licence := paperstest.Admission(p)
				none(t, channel+" agreement", paperstest.AgreementOn(p, s, paperstest.Head).Check(p, s, paperstest.Head, &licence))
			}
			none(t, "admission", paperstest.Admission(p).Check(p, paperstest.Now))
			none(t, "program", paperstest.Program(p).Check(p))
			none(t, "consent", paperstest.Consent(p).Check(p))
			for _, duty := range []string{"feedback", "risk-report", "drill", "disposal", "quality", "disclosure"} {
				none(t, duty, paperstest.Report(duty).Check(p, paperstest.Now))
			}
		})
	}
}
