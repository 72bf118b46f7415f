package governance_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

func version(n int) profile.Frozen {
	return profile.Frozen{ID: "guiyang", Version: n, Digest: suite.DigestOf([]byte{byte(n)})}
}

// A bureau with a second officer.
func officers(t *testing.T) *governancetest.Town {
	t.Helper()
	town := governancetest.NewTown(t)
	town.Users["second"] = governance.User{ID: "second", Name: "第二人", Org: "bureau", Role: governance.RoleBureau, Key: town.Stranger(t).Public(), NotAfter: now.AddDate(1, 0, 0)}
	town.Keys["second"] = town.Keys["stranger"]
	town.Stranger(t)
	return town
}

func TestMayPublish(t *testing.T) {
	town := officers(t)
	c := governance.Change{Next: version(2), Prior: version(1)}
	sign := func(who, org string, kind receipt.Kind, about, c governance.Change) receipt.Receipt {
		return town.Sign(t, who, kind, about.About(), governance.Publication{Change: c, Org: org, At: now})
	}
	stand := func(who string) receipt.Receipt { return sign(who, "bureau", governance.Publish, c, c) }
	one, two := stand("bureau-officer"), stand("second")
	far := governance.Change{Next: version(4), Prior: version(1)}
	same := governance.Change{Next: profile.Frozen{ID: "guiyang", Version: 2, Digest: version(1).Digest}, Prior: version(1)}
	moved := governance.Change{Next: profile.Frozen{ID: "wuxi", Version: 2, Digest: version(2).Digest}, Prior: version(1)}
	for _, x := range []struct {
		name  string
		inUse profile.Frozen
		c     governance.Change
		have  []receipt.Receipt
		r     receipt.Receipt
		want  fault.Code
	}{
		{"the first", version(1), c, nil, one, ""},
		{"the second", version(1), c, []receipt.Receipt{one}, two, ""},
		{"the same officer again", version(1), c, []receipt.Receipt{one}, stand("bureau-officer"), "decision-twice"},
		{"one too many", version(1), c, []receipt.Receipt{one, sign("second", "bureau", governance.Publish, c, c)}, two, "decision-twice"},
		{"an operator", version(1), c, nil, sign("op", "operator", governance.Publish, c, c), "role"},
		{"a provider's officer", version(1), c, nil, sign("hospital-officer", "hospital", governance.Publish, c, c), "role"},
		{"the coordinator", version(1), c, nil, sign("yuneid", "bureau", governance.Publish, c, c), "unknown-key"},
		{"a stranger", version(1), c, nil, sign("stranger", "bureau", governance.Publish, c, c), "unknown-key"},
		{"nobody", version(1), c, nil, receipt.Receipt{}, "unknown-key"},
		{"for another organisation", version(1), c, nil, sign("second", "hospital", governance.Publish, c, c), "tampered"},
		{"another kind", version(1), c, nil, sign("second", "bureau", "decision-agree", c, c), "tampered"},
		{"another change", version(1), c, nil, sign("second", "bureau", governance.Publish, c, same), "tampered"},
		{"filed under another", version(1), c, nil, sign("second", "bureau", governance.Publish, far, c), "tampered"},
		{"over what is not in use", version(3), c, nil, one, "conflict"},
		{"two versions on", version(1), far, nil, sign("second", "bureau", governance.Publish, far, far), "conflict"},
		{"the same rules", version(1), same, nil, sign("second", "bureau", governance.Publish, same, same), "conflict"},
		{"another city", version(1), moved, nil, sign("second", "bureau", governance.Publish, moved, moved), "conflict"},
		{"nothing", profile.Frozen{}, governance.Change{}, nil, one, "invalid"},
	} {
		refused(t, x.name, town.MayPublish(x.inUse, x.c, x.have, x.r, now), x.want, "")
	}
}

// It takes two, both live, whatever else is at hand.
func TestPublished(t *testing.T) {
	town := officers(t)
	c := governance.Change{Next: version(1)}
	stand := func(who string, c governance.Change) receipt.Receipt {
		return town.Sign(t, who, governance.Publish, c.About(), governance.Publication{Change: c, Org: town.Users[who].Org, At: now})
	}
	one, two := stand("bureau-officer", c), stand("second", c)
	other := governance.Change{Next: version(2), Prior: version(1)}
	for _, x := range []struct {
		name string
		have []receipt.Receipt
		at   time.Time
		want fault.Code
	}{
		{"both", []receipt.Receipt{one, two}, now, ""},
		{"nobody", nil, now, "decision-early"},
		{"one, three times", []receipt.Receipt{one, one, stand("bureau-officer", c)}, now, "decision-early"},
		{"one, and one for another", []receipt.Receipt{one, stand("second", other)}, now, "decision-early"},
		{"one, and a checker", []receipt.Receipt{one, stand("checker-a", c)}, now, "decision-early"},
		{"one whose key is over", []receipt.Receipt{one, two}, now.AddDate(1, 0, 0), "decision-early"},
	} {
		refused(t, x.name, town.Published(profile.Frozen{}, c, x.have, x.at), x.want, governance.House)
	}
	refused(t, "already in use", town.Published(version(1), c, []receipt.Receipt{one, two}, now), "conflict", "")
}

// The articles that the rules of this package cite are those of the profile.
func TestCitedArticles(t *testing.T) {
	p, err := profiles.Get("guiyang")
	if err != nil {
		t.Fatal(err)
	}
	paragraph := regexp.MustCompile(`第[一二三四五六七八九十]+款`)
	for key, want := range map[string]string{
		"org.officers": paragraph.ReplaceAllString(governancetest.Article8, ""), "authop.licence": governancetest.Article32, "authop.term_max_years": governancetest.Article32,
		"authop.one_application": governancetest.Article34i, "authop.one_review": governancetest.Article34ii, "authop.one_agreement": governancetest.Article34iii,
		"output.checkers": governance.House,
	} {
		if got := paragraph.ReplaceAllString(p.Basis(key), ""); got != want {
			t.Errorf("%s cites %s in the profile, and %s here", key, got, want)
		}
	}
}

// Whoever was not there can tell by the statements alone whether a version came
// into force: by two officers, for one and the same change.
func TestEnacted(t *testing.T) {
	town := officers(t)
	sign := func(who string, c governance.Change, at time.Time) receipt.Receipt {
		return town.Sign(t, who, governance.Publish, c.About(), governance.Publication{Change: c, Org: town.Users[who].Org, At: at})
	}
	first, later := governance.Change{Next: version(1)}, governance.Change{Next: version(2), Prior: version(1)}
	other := governance.Change{Next: version(2), Prior: profile.Frozen{ID: "guiyang", Version: 1, Digest: version(3).Digest}}
	leap := governance.Change{Next: version(3), Prior: version(1)}
	long := now.AddDate(5, 0, 0) // nobody's key is good any more
	for _, x := range []struct {
		name string
		next profile.Frozen
		have []receipt.Receipt
		want bool
	}{
		{"the first, by two", version(1), []receipt.Receipt{sign("bureau-officer", first, now), sign("second", first, now)}, true},
		{"a later one, by two", version(2), []receipt.Receipt{sign("second", later, now), sign("bureau-officer", later, now)}, true},
		{"by nobody", version(1), nil, false},
		{"by one", version(1), []receipt.Receipt{sign("second", first, now)}, false},
		{"by one, twice", version(1), []receipt.Receipt{sign("second", first, now), sign("second", first, now.Add(time.Hour))}, false},
		{"another version", version(1), []receipt.Receipt{sign("bureau-officer", later, now), sign("second", later, now)}, false},
		{"two, each in the place of another", version(2), []receipt.Receipt{sign("bureau-officer", later, now), sign("second", other, now)}, false},
		{"a version left out", version(3), []receipt.Receipt{sign("bureau-officer", leap, now), sign("second", leap, now)}, false},
		{"one and an operator", version(1), []receipt.Receipt{sign("second", first, now), sign("op", first, now)}, false},
		{"one and a process", version(1), []receipt.Receipt{sign("second", first, now), sign("yuneid", first, now)}, false},
		{"with keys that had ended", version(1), []receipt.Receipt{sign("second", first, now), sign("bureau-officer", first, long)}, false},
	} {
		err := town.Enacted(x.next, x.have)
		if (err == nil) != x.want || err != nil && fault.Show(err).Code != "rules-unpublished" {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}
