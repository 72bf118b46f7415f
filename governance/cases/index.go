package cases

import (
	"cmp"
	"slices"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/suite"
)

type (
	// A Part is a role of an organisation.
	Part struct {
		Role governance.Role
		Org  string
	}
	// An Index is what a list shows of a case, who may see it, whom it waits for
	// and which documents it names. All of it follows from the events.
	Index struct {
		ID, Kind, Channel, Title string
		Profile                  Profile
		Year                     int
		Operator                 string // the organisation that the case is about, if it is about one
		Opener                   Part
		Stage, ZH, EN            string // where it stands, or at which end it has ended
		Phase                    Phase
		Outcome                  Outcome
		Head                     suite.Digest
		Opened, Updated          time.Time
		Timer                    Timer          // of whoever's turn it is
		Seen                     []Part         // by whom; auditors see every case
		Turn                     []Part         // for whom it waits
		Docs                     []suite.Digest // handed in or filed, each once
		Events                   int
	}
)

// Index is what a list shows of the case.
func (c *Case) Index() Index {
	x := Index{
		ID: c.id, Kind: c.table.Kind, Channel: c.table.Channel, Title: c.opening.Title, Profile: c.opening.Profile, Year: c.opening.Year,
		Opener: c.Opener(), Stage: c.stage, Phase: c.phase, Head: c.head, Timer: c.Timer(), Events: len(c.events),
		Opened: c.Opened(), Updated: c.at,
	}
	x.Outcome, _ = c.Outcome()
	x.ZH, x.EN = c.now().ZH, c.now().EN
	if end, ended := c.table.End(c.stage); ended {
		x.ZH, x.EN = end.ZH, end.EN
	}
	if x.Operator = c.opener.Org; c.opener.Role != governance.RoleOperator {
		x.Operator = ""
		if orgs := c.opening.Parties[Operator]; len(orgs) == 1 {
			x.Operator = orgs[0]
		}
	}
	add := func(to *[]Part, p Part) {
		if !slices.Contains(*to, p) {
			*to = append(*to, p)
		}
	}
	add(&x.Seen, x.Opener)
	for s, orgs := range c.opening.Parties {
		for _, org := range orgs {
			add(&x.Seen, Part{seats[s].role, org})
		}
	}
	for _, t := range c.Turn() {
		for _, org := range t.Orgs {
			add(&x.Turn, Part{t.Role, org})
		}
	}
	for _, list := range []*[]Part{&x.Seen, &x.Turn} {
		slices.SortFunc(*list, Part.compare)
	}
	for _, d := range c.docs() {
		if !slices.Contains(x.Docs, d.Digest) {
			x.Docs = append(x.Docs, d.Digest)
		}
	}
	slices.Sort(x.Docs)
	return x
}

func (p Part) compare(q Part) int {
	return cmp.Or(cmp.Compare(p.Role, q.Role), cmp.Compare(p.Org, q.Org))
}

// Sees reports whether the holder of a key may see the case.
func (r Rules) Sees(c *Case, key suite.PublicKey, now time.Time) bool {
	p, err := r.who(key, now)
	return err == nil && c != nil && c.sees(p)
}
