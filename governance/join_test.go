package governance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	numbers "github.com/yunei/yunei/jobs/set"
)

// A join is in order if it is of the very sets that the providers registered
// with these versions, and they can have enough people in common.
func TestJoinInOrder(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*governancetest.Town, *jobs.Terms)
		code fault.Code
	}{
		{"as registered", func(*governancetest.Town, *jobs.Terms) {}, ""},
		{"another set", func(_ *governancetest.Town, t *jobs.Terms) { t.Join.A.Root = strings.Repeat("c", 64) }, "join-set"},
		{"a larger set", func(_ *governancetest.Town, t *jobs.Terms) { t.Join.B.Size++ }, "join-set"},
		{"a version of no set", func(town *governancetest.Town, _ *jobs.Terms) {
			town.Catalogue["hospital-visits"].Versions[0].Set = nil
		}, "join-set"},
		{"too small a set", func(town *governancetest.Town, t *jobs.Terms) {
			t.Join.A.Size = 9
			town.Catalogue["hospital-visits"].Versions[0].Set.Size = 9
		}, "join-set"},
		{"a direct identifier as a value", func(_ *governancetest.Town, t *jobs.Terms) {
			t.Members[0].Columns = []string{"phone"}
			t.Shape.Measures = []jobs.Measure{{Name: "phone", Hi: 9, Round: 1}}
		}, "identifier"},
	} {
		town := governancetest.NewTown(t)
		terms := town.Terms()
		terms.Program, terms.Params, terms.Limits, terms.Mode = jobs.Program{}, nil, jobs.Limits{}, jobs.SDC
		terms.Trustees.Quorum = len(terms.Trustees.Members)
		terms.Join = &jobs.Join{A: numbers.Commitment{Root: strings.Repeat("a", 64), Size: 500}, B: numbers.Commitment{Root: strings.Repeat("b", 64), Size: 700}}
		terms.Members = slices.Clone(terms.Members)
		for i, set := range terms.Join.Sets() {
			terms.Members[i].Columns = nil
			town.Catalogue[terms.Members[i].Dataset].Versions[0].Set = &set
		}
		terms.Shape.Dims = []jobs.Dim{{Name: "both", Codes: []string{"all"}, Labels: []string{""}}}
		c.edit(town, &terms)
		refused(t, c.name, town.InOrder(town.Users["op"].Key, terms, now), c.code, "")
	}
}

// What a version's numbers were registered to be stays, and is a commitment.
func TestSetIsRegisteredOnce(t *testing.T) {
	set := func(root string) *numbers.Commitment {
		return &numbers.Commitment{Root: strings.Repeat(root, 64), Size: 500}
	}
	town := governancetest.NewTown(t)
	old := town.Catalogue["hospital-visits"]
	old.Versions[0].Set = set("a")
	more := func(first, second *numbers.Commitment) governance.Entry {
		e := old
		e.Versions = []governance.Version{old.Versions[0], {ID: "v2", Rows: 700, At: now, Set: second}}
		e.Versions[0].Set = first
		return e
	}
	for _, c := range []struct {
		name string
		e    governance.Entry
		code fault.Code
	}{
		{"a version with a set", more(set("a"), set("b")), ""},
		{"a version without", more(set("a"), nil), ""},
		{"another set of the first", more(set("b"), nil), "catalogue-change"},
		{"the first without its set", more(nil, nil), "catalogue-change"},
		{"more numbers than rows", more(set("a"), &numbers.Commitment{Root: strings.Repeat("b", 64), Size: 701}), "catalogue-entry"},
		{"a set that is none", more(set("a"), &numbers.Commitment{Root: "x", Size: 1}), "catalogue-entry"},
	} {
		refused(t, c.name, town.MayCatalogue(town.Users["hospital-officer"].Key, c.e, now), c.code, "")
	}
}
