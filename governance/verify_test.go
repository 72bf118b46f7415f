package governance_test

import (
	"slices"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// A verification is of a version that its provider offers one of, under the box
// that it has registered, and of columns whose codes are a closed list.
func TestVerifyIsRegistered(t *testing.T) {
	box, err := suite.NewBox()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		edit func(town *governancetest.Town, terms *jobs.Terms)
		code fault.Code
	}{
		{"as registered", func(*governancetest.Town, *jobs.Terms) {}, ""},
		{"the number alone", func(_ *governancetest.Town, t *jobs.Terms) { t.Members[0].Columns = nil }, ""},
		{"a column of integers", func(_ *governancetest.Town, t *jobs.Terms) { t.Members[0].Columns = []string{"days"} }, "verify-offer"},
		{"not offered", func(town *governancetest.Town, _ *jobs.Terms) {
			town.Catalogue["hospital-visits"].Versions[0].Box = ""
		}, "verify-offer"},
		{"another's box", func(town *governancetest.Town, _ *jobs.Terms) {
			town.Catalogue["hospital-visits"].Versions[0].Box = town.Desk.Public()
		}, "verify-offer"},
		{"a program beside it", func(_ *governancetest.Town, t *jobs.Terms) { t.Program.Name = "p" }, "invalid"},
	} {
		town := governancetest.NewTown(t)
		e := town.Catalogue["hospital-visits"]
		e.Versions, e.Columns = slices.Clone(e.Versions), slices.Clone(e.Columns)
		for i := range e.Columns {
			if e.Columns[i].Name == "district" {
				e.Columns[i].Codes, e.Columns[i].Labels = []string{"520102", "520103"}, nil
			}
		}
		e.Versions[0].Box = box.Public()
		town.Catalogue["hospital-visits"] = e
		terms := town.Terms()
		terms.Program, terms.Params, terms.Limits, terms.Mode, terms.Threshold = jobs.Program{}, nil, jobs.Limits{}, "", 0
		terms.Members, terms.KMin, terms.Shape = slices.Clone(terms.Members[:1]), 1, jobs.Shape{Namespace: jobs.NaturalPerson}
		terms.Members[0].Columns = []string{"district"}
		terms.Verify = &jobs.Verify{Kind: jobs.YesNo, Box: box.Public(), Batch: 5, Daily: 10, Most: 10}
		c.edit(town, &terms)
		refused(t, c.name, town.InOrder(town.Users["op"].Key, terms, now), c.code, "")
	}
}

// What a version was registered to offer stays.
func TestBoxIsRegisteredOnce(t *testing.T) {
	box, err := suite.NewBox()
	if err != nil {
		t.Fatal(err)
	}
	town := governancetest.NewTown(t)
	old := town.Catalogue["hospital-visits"]
	for _, c := range []struct {
		name          string
		first, second suite.BoxKey
		code          fault.Code
	}{
		{"another version offers it", "", box.Public(), ""},
		{"the first version is given one", box.Public(), box.Public(), "catalogue-change"},
		{"a key that is none", "", "x25519:x", "catalogue-entry"},
	} {
		e := old
		e.Versions = []governance.Version{old.Versions[0], {ID: "v2", Rows: 700, At: now, Box: c.second}}
		e.Versions[0].Box = c.first
		refused(t, c.name, town.MayCatalogue(town.Users["hospital-officer"].Key, e, now), c.code, "")
	}
}
