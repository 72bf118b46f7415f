package oversight

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

type (
	// A Finding is what looks like a fault: a draft for an officer, and no more. It
	// says the same as long as its fault lasts, so that its digest names it from the
	// first day to the case that it becomes.
	Finding struct {
		Fault    string         `json:"fault"`
		Name     profile.Name   `json:"name"`
		Thing    string         `json:"thing"` // what it is about, by id
		Org      string         `json:"org"`   // who would rectify
		Since    time.Time      `json:"since"`
		What     profile.Name   `json:"what"`
		Cites    []Cite         `json:"cites"`
		Profile  profile.Frozen `json:"profile"`
		Declared string         `json:"declared,omitempty"` // user
	}
	// Declared is what a person says is there though nothing here shows it.
	Declared struct {
		Fault string    `json:"fault"`
		Org   string    `json:"org"`
		Thing string    `json:"thing"`
		What  string    `json:"what"`
		By    string    `json:"by"` // user
		At    time.Time `json:"at"`
		// Change is set of what is no fault yet: a change that starts the clock of entries.
		Change *papers.Change `json:"change,omitempty"`
	}
	// A hit is what a detector sees. Key is the rule that is broken, "" for the
	// first of the fault's; unlisted, that the article on faults does not speak of
	// whoever it is about.
	hit struct {
		thing, org, zh, en, key string
		since                   time.Time
		unlisted                bool
		unshared                bool // of data had otherwise than by sharing: an article on shared data is not about it
		by                      string
		rules                   profile.Profile // that it broke; none: those in force
	}
)

// Findings lists what looks like a fault now, by fault, organisation and thing.
func Findings(f Facts) []Finding {
	all := []Finding{}
	for _, x := range Faults() {
		var hits []hit
		if x.find != nil {
			hits = x.find(f)
		}
		for _, d := range f.Declared {
			if d.Fault == x.ID && d.Change == nil {
				hits = append(hits, hit{thing: d.Thing, org: d.Org, zh: d.What, en: d.What, since: d.At, by: d.By})
			}
		}
		for _, h := range hits {
			all = append(all, x.finding(f, h))
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Fault, b.Fault), cmp.Compare(a.Org, b.Org), cmp.Compare(a.Thing, b.Thing), a.Since.Compare(b.Since))
	})
	return slices.CompactFunc(all, func(a, b Finding) bool { return a.ID() == b.ID() })
}

func (x Fault) finding(f Facts, h hit) Finding {
	if h.unlisted {
		x.Articles = nil
	}
	if h.unshared {
		x.Articles = slices.DeleteFunc(slices.Clone(x.Articles), func(b profile.Basis) bool { return strings.Contains(b.Quote, "共享") })
	}
	rules := f.Profile
	if h.rules.ID() != "" {
		rules = h.rules
	}
	return Finding{
		Fault: x.ID, Name: x.Name, Thing: h.thing, Org: h.org, Since: h.since.UTC(), What: profile.Name{ZH: h.zh, EN: h.en},
		Cites: x.Cites(rules, h.key), Profile: f.Profile.Frozen(), Declared: h.by,
	}
}

// Bytes is the one spelling of the finding: JSON.
func (f Finding) Bytes() []byte {
	raw, err := json.Marshal(f)
	if err != nil {
		panic(err) // strings, times and lists of them always marshal
	}
	return raw
}

// Digest is what a case names as its incident.
func (f Finding) Digest() suite.Digest { return suite.DigestOf(f.Bytes()) }

// ID is a short name of the digest, in the form of all names here.
func (f Finding) ID() string { return "f-" + f.Digest().Hex()[:16] }

// Draft is the opening of the case and the reference that its first step hands
// in: what an officer of the bureau signs, or does not.
func (f Finding) Draft(bureau string, kind governance.Kind) (cases.Opening, []cases.Ref) {
	o := cases.Opening{
		Kind: "incident.rectify", Seat: cases.Bureau, Title: title(f.Name.ZH + "：" + f.Thing),
		Profile: cases.Profile{ID: f.Profile.ID, Version: f.Profile.Version, Digest: f.Profile.Digest},
		Parties: map[cases.Seat][]string{cases.Bureau: {bureau}},
	}
	switch kind {
	case governance.Operator:
		o.Parties[cases.Operator] = []string{f.Org}
	case governance.Provider:
		o.Parties[cases.Provider] = []string{f.Org}
	case governance.Bureau, governance.Trustee: // nobody else's part
	}
	return o, []cases.Ref{{Name: "incident", Digest: f.Digest()}}
}

// maxDraft bounds a draft's title, in bytes, as cases does.
const maxDraft = 200

func title(s string) string {
	s = strings.ToValidUTF8(s, "")
	for len(s) > maxDraft {
		r := []rune(s)
		s = string(r[:len(r)-1])
	}
	return s
}

// Declare checks what a person says: a fault of the list, of an organisation that
// is registered, in words. Only the bureau's officers declare.
func Declare(g governance.Register, u governance.User, d Declared) error {
	if d.Change != nil {
		return changed(g, u, d)
	}
	if u.Role != governance.RoleBureau || d.By != u.ID {
		return fault.Refuse("role", governance.House)
	}
	_, known := g.Orgs[d.Org]
	if _, ok := FaultOf(d.Fault); !ok || !known || jobs.ID(d.Thing) != nil || !words(d.What) || len(d.What) > 2000 {
		return fault.Refuse("duty-report", governance.House)
	}
	return nil
}
