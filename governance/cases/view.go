package cases

import (
	"fmt"
	"slices"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/suite"
)

type (
	// A Turn is a side that the case waits for, and how many of its people.
	Turn struct {
		Seat   Seat            `json:"seat"`
		Role   governance.Role `json:"role"`
		Orgs   []string        `json:"orgs"`
		People int             `json:"people"`
	}
	// An Offer is an act that a person may do now, and what it needs.
	Offer struct {
		Act        Act      `json:"act"`
		Refs       []string `json:"refs,omitempty"`       // to hand in
		May        []string `json:"may,omitempty"`        // to hand in besides
		Absent     []string `json:"absent,omitempty"`     // evidence that is not on file
		Unverified []string `json:"unverified,omitempty"` // evidence that is to be 已核验
		Basis      Cited    `json:"basis,omitempty"`      // of a refusal
		Reasons    []string `json:"reasons,omitempty"`    // closed list
		Items      []string `json:"items,omitempty"`      // to ask for, or to answer
		Conditions []string `json:"conditions,omitempty"` // not met
	}
	// A SideView is a side as a reader sees it: who has voted, and what was
	// decided in the open.
	SideView struct {
		Seat  Seat     `json:"seat"`
		Orgs  []string `json:"orgs"`
		Voted []string `json:"voted,omitempty"`
		Casts []Cast   `json:"casts,omitempty"`
	}
	// A View is the case as one person may see it.
	View struct {
		ID         string       `json:"id"`
		Opening    Opening      `json:"opening"`
		Opener     Person       `json:"opener"`
		Stage      string       `json:"stage"`
		ZH         string       `json:"zh"` // of the stage, or of the end
		EN         string       `json:"en"`
		Round      int          `json:"round,omitempty"`
		Phase      Phase        `json:"phase"`
		Outcome    Outcome      `json:"outcome,omitempty"`
		Edition    int          `json:"edition,omitempty"` // how often the matter was corrected
		Matter     suite.Digest `json:"matter"`
		Head       suite.Digest `json:"head"`
		Refs       []Ref        `json:"refs"`
		Turn       []Turn       `json:"turn,omitempty"`
		Sides      []SideView   `json:"sides,omitempty"`
		Missing    []Item       `json:"missing,omitempty"`
		Evidence   []Evidence   `json:"evidence,omitempty"`
		Conditions []Held       `json:"conditions,omitempty"`
		Able       []Offer      `json:"able,omitempty"`
		History    []Line       `json:"history"`
	}
)

// Turn lists whom the case waits for.
func (c *Case) Turn() []Turn {
	var all []Turn
	switch c.phase {
	case Open:
		s := c.now()
		for _, d := range c.sides {
			if n := d.awaited(s, c.sealed()); n > 0 {
				all = append(all, Turn{d.seat, d.role, d.orgs, n})
			}
		}
	case Returned:
		by, _ := c.table.Stage(c.now().Return.By)
		for _, d := range c.spread(by) {
			all = append(all, Turn{d.seat, d.role, d.orgs, 1})
		}
	case Conditioned:
		all = append(all, Turn{Opener, c.opener.Role, []string{c.opener.Org}, 1})
	case Ended:
	}
	return all
}

// awaited counts the people of a side that the stage waits for. Who could not
// tell is waited for, whoever else can.
func (s side) awaited(st Stage, sealed bool) int {
	if st.Blind && !sealed {
		return st.people() - len(s.votes)
	}
	unsure := 0
	for _, k := range s.casts {
		if !st.Blind && k.Verdict == Inconclusive {
			unsure++
		}
	}
	return max(st.people()-len(s.casts), 0) + unsure
}

// Able lists what a person may do now, by the functions that take the acts.
func (c *Case) Able(p Person) []Offer {
	var all []Offer
	if c.phase == Ended {
		return nil
	}
	for _, a := range []Act{Submit, Decide, Seal, Unseal, Return, Resubmit, Filed, Attest, Fulfil, Escalate, Withdraw} {
		if acts[a].may(c, p) == nil {
			all = append(all, c.offer(a))
		}
	}
	return all
}

func (c *Case) offer(a Act) Offer {
	s, o := c.now(), Offer{Act: a}
	switch a {
	case Submit:
		o.Refs, o.May = s.Refs, s.May
		o.Absent, _ = c.lacking(s)
	case Decide, Seal, Unseal:
		o.Absent, o.Unverified = c.lacking(s)
		o.Basis, o.Reasons = s.Basis, s.Reasons
	case Return:
		o.Items = s.Return.Items
	case Resubmit:
		by, _ := c.table.Stage(s.Return.By)
		o.May = append(slices.Clone(by.Refs), by.May...)
		for _, item := range c.missing {
			o.Items = append(o.Items, item.ID)
		}
	case Attest:
		_, o.Unverified = c.lacking(s)
	case Fulfil:
		for _, h := range c.conditions {
			if h.open() {
				o.Conditions = append(o.Conditions, h.ID)
			}
		}
	case Start, Filed, Escalate, Withdraw: // need nothing that the stage says
	}
	return o
}

// sees reports whether a person may see the case at all: people of the
// organisations that have a part in it, the bureau's, and auditors.
func (c *Case) sees(p Person) bool {
	if p.Role == governance.RoleAuditor || p.Org == c.opener.Org && p.Role == c.opener.Role {
		return true
	}
	for s := range c.opening.Parties {
		if seats[s].role == p.Role && slices.Contains(c.opening.Parties[s], p.Org) {
			return true
		}
	}
	return false
}

// Who is the person that a key stands for.
func (r Rules) Who(key suite.PublicKey, now time.Time) (Person, error) { return r.who(key, now) }

// View is the case as the holder of a key may see it; to others there is no
// such case. A blind vote that is not open is seen by nobody, and whoever asked
// for the decision sees no blind vote at all.
func (r Rules) View(c *Case, key suite.PublicKey, now time.Time) (View, error) {
	p, err := r.who(key, now)
	if err != nil {
		return View{}, err
	}
	if c == nil || !c.sees(p) {
		return View{}, refuse("not-found")
	}
	v := View{
		ID: c.id, Opening: c.opening, Opener: c.opener, Stage: c.stage, Phase: c.phase, Edition: c.edition, Matter: c.Matter(), Head: c.head, Refs: Refs(c.refs),
		Turn: c.Turn(), Missing: slices.Clone(c.missing), Evidence: c.Evidence(), Conditions: c.Conditions(), Able: c.Able(p), History: c.Lines(p),
	}
	v.Outcome, _ = c.Outcome()
	if end, ended := c.table.End(c.stage); ended {
		v.ZH, v.EN = end.ZH, end.EN
		return v, nil
	}
	s := c.now()
	v.ZH, v.EN, v.Round = s.ZH, s.EN, c.rounds[c.stage]
	if hidden := s.Blind && c.ours(p); hidden {
		v.Turn = nil
		return v, nil
	}
	for _, d := range c.sides {
		sv := SideView{Seat: d.seat, Orgs: d.orgs, Casts: slices.Clone(d.casts)}
		for _, vote := range d.votes {
			sv.Voted = append(sv.Voted, vote.by)
		}
		v.Sides = append(v.Sides, sv)
	}
	return v, nil
}

// Check reports whether the matter that the view asks a decision on is that of
// what the view shows: who signs need not believe whoever showed it. Another is
// of kind Tampered.
func (v View) Check() error {
	refs := map[string]suite.Digest{}
	for _, r := range v.Refs {
		refs[r.Name] = r.Digest
	}
	if matter(v.ID, v.Opening, v.Edition, refs, v.Evidence) != v.Matter {
		return fmt.Errorf("looking at case %s: what is shown is not what is decided on: %w", v.ID, fault.Tampered)
	}
	return nil
}
