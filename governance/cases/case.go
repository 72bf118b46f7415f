package cases

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

type (
	// A Person is who acted, as registered.
	Person struct {
		ID   string          `json:"id"`
		Org  string          `json:"org"`
		Role governance.Role `json:"role"`
		Key  suite.PublicKey `json:"key"`
		kind governance.Kind
	}
	// Evidence is a document on file. It is 未核验 as long as By is nobody.
	Evidence struct {
		Filing
		Filer string    `json:"filer"` // user
		Org   string    `json:"org"`
		At    time.Time `json:"at"`
		By    string    `json:"by,omitempty"`    // who verified it
		How   string    `json:"how,omitempty"`   // in their words
		Given bool      `json:"given,omitempty"` // part of what is decided on
	}
	// A Held condition is one that a ruling imposed, with who met a
	// precondition and with what.
	Held struct {
		Condition
		Stage string       `json:"stage"`
		By    string       `json:"by"` // user
		Met   string       `json:"met,omitempty"`
		With  suite.Digest `json:"with,omitempty"`
		role  governance.Role
		org   string
	}
	// A Cast is a ruling with who gave it.
	Cast struct {
		Ruling
		By    string    `json:"by"` // user
		At    time.Time `json:"at"`
		Event int       `json:"event"` // its place among the case's receipts
	}
	// sealed is a blind vote that has not been opened.
	sealed struct {
		by   string
		vote suite.Commitment
		open bool
	}
	// A side is one of those whose turn it is.
	side struct {
		seat  Seat
		role  governance.Role
		orgs  []string
		votes []sealed
		casts []Cast
	}
	// concluded says how a stage was last left.
	concluded struct {
		edge    Edge
		edition int
		casts   []Cast
	}
	// A happening is an event and who signed it.
	happening struct {
		Event
		who Person
	}
)

// A Case is what its events come to. Only Rules makes one; a nil Case has not
// been opened.
type Case struct {
	id      string
	table   Table
	opening Opening
	opener  Person

	head    suite.Digest
	pending []suite.Digest // blind votes that the head does not yet name
	at      time.Time
	stage   string // of an ended case: the end
	phase   Phase
	rounds  map[string]int
	edition int // how often the matter was corrected
	refs    map[string]suite.Digest
	sides   []side

	evidence   []Evidence
	conditions []Held
	handed     []string            // users who opened the case or handed anything in
	acted      map[string][]string // users, by stage
	left       map[string]concluded
	missing    []Item
	asked      map[string][]string // items that an organisation has asked for at a stage
	timers     map[string]Timer
	correcting Timer
	climbs     []climb

	events  []receipt.Receipt
	history []happening
}

// ID names the case.
func (c *Case) ID() string { return c.id }

// Table is the procedure that the case follows.
func (c *Case) Table() Table { return c.table }

// Opening is what the case was opened with.
func (c *Case) Opening() Opening { return c.opening }

// Opener is the role and the organisation of who opened the case.
func (c *Case) Opener() Part { return Part{c.opener.Role, c.opener.Org} }

// Opened is when the case was opened, by its opener's clock.
func (c *Case) Opened() time.Time { return c.history[0].At }

// Last is when the last event was signed, by its signer's clock.
func (c *Case) Last() time.Time { return c.history[len(c.history)-1].At }

// Head names all that has happened; the next event is signed over it.
func (c *Case) Head() suite.Digest { return c.head }

// Phase says what the case waits for.
func (c *Case) Phase() Phase { return c.phase }

// Stage is where the case stands, "" once it has ended, and how often it has
// been there.
func (c *Case) Stage() (id string, round int) {
	if c.phase == Ended {
		return "", 0
	}
	return c.stage, c.rounds[c.stage]
}

// Outcome is how the case ended, and at which end. A nil Case and one that goes
// on are Pending.
func (c *Case) Outcome() (o Outcome, end string) {
	if c == nil || c.phase != Ended {
		return Pending, ""
	}
	e, _ := c.table.End(c.stage)
	return e.Outcome, e.ID
}

// Ref is what was handed in last under a name.
func (c *Case) Ref(name string) (suite.Digest, bool) {
	d, ok := c.refs[name]
	return d, ok
}

// Conditions lists what was allowed under conditions, in the order in which
// they were imposed.
func (c *Case) Conditions() []Held { return slices.Clone(c.conditions) }

// Evidence lists what is on file.
func (c *Case) Evidence() []Evidence { return slices.Clone(c.evidence) }

// Rulings are what people decided at a stage, where that is how the case went on
// from it and still stands; none at a stage that it is at, or was sent back from.
func (c *Case) Rulings(stage string) []Cast {
	s, _ := c.table.Stage(stage)
	if l := c.left[stage]; l.edition == c.edition || s.Formal {
		return slices.Clone(l.casts)
	}
	return nil
}

func (c *Case) casts() []Cast {
	var all []Cast
	for _, s := range c.sides {
		all = append(all, s.casts...)
	}
	return all
}

// Receipts are the case's events, in their order.
func (c *Case) Receipts() []receipt.Receipt { return slices.Clone(c.events) }

// Matter is the digest of what is decided on now: the case, its parties and
// profile, everything that was handed in, and the documents that went with it.
func (c *Case) Matter() suite.Digest {
	return matter(c.id, c.opening, c.edition, c.refs, c.evidence)
}

func matter(id string, o Opening, edition int, refs map[string]suite.Digest, evidence []Evidence) suite.Digest {
	type doc struct {
		Name   string       `json:"name"`
		Digest suite.Digest `json:"digest"`
	}
	m := struct {
		Case    string                  `json:"case"`
		Opening Opening                 `json:"opening"`
		Edition int                     `json:"edition"`
		Refs    map[string]suite.Digest `json:"refs"`
		Docs    []doc                   `json:"docs"`
	}{id, o, edition, refs, nil}
	for _, e := range evidence {
		if e.Given {
			m.Docs = append(m.Docs, doc{e.Name, e.Digest})
		}
	}
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings, numbers and maps of them always marshal
	}
	return suite.DigestOf(append([]byte("yunei case matter v1\n"), raw...))
}

// now is the stage at which the case stands.
func (c *Case) now() Stage {
	s, _ := c.table.Stage(c.stage)
	return s
}

// parties are the organisations of a seat.
func (c *Case) parties(s Seat) []string {
	if s == Opener {
		return []string{c.opener.Org}
	}
	return c.opening.Parties[s]
}

func (c *Case) roleOf(s Seat) governance.Role {
	if s == Opener {
		return c.opener.Role
	}
	return seats[s].role
}

// spread makes the sides of a stage.
func (c *Case) spread(s Stage) []side {
	var all []side
	for _, o := range s.Owners {
		orgs := c.parties(o.Seat)
		if !o.Each && len(orgs) > 0 {
			all = append(all, side{seat: o.Seat, role: c.roleOf(o.Seat), orgs: orgs})
			continue
		}
		for i := range orgs {
			all = append(all, side{seat: o.Seat, role: c.roleOf(o.Seat), orgs: orgs[i : i+1]})
		}
	}
	return all
}

// clone is a copy that shares nothing that is ever written to.
func (c *Case) clone() *Case {
	d := *c
	d.pending = slices.Clone(c.pending)
	d.rounds, d.refs, d.left, d.timers = maps.Clone(c.rounds), maps.Clone(c.refs), maps.Clone(c.left), maps.Clone(c.timers)
	d.sides = slices.Clone(c.sides)
	for i := range d.sides {
		d.sides[i].votes, d.sides[i].casts = slices.Clone(c.sides[i].votes), slices.Clone(c.sides[i].casts)
	}
	d.evidence, d.conditions, d.handed, d.missing = slices.Clone(c.evidence), slices.Clone(c.conditions), slices.Clone(c.handed), slices.Clone(c.missing)
	d.acted, d.asked = lists(c.acted), lists(c.asked)
	d.climbs = slices.Clip(c.climbs)
	d.events, d.history = slices.Clip(c.events), slices.Clip(c.history)
	return &d
}

func lists(m map[string][]string) map[string][]string {
	out := make(map[string][]string, len(m))
	for k, v := range m {
		out[k] = slices.Clip(v)
	}
	return out
}

// enter puts the case at a stage, where nobody has decided anything yet.
func (c *Case) enter(id string) {
	c.stage, c.phase, c.missing, c.correcting = id, Open, nil, Timer{}
	c.rounds[id]++
	s := c.now()
	c.sides = c.spread(s)
	delete(c.left, id)
	c.lift(id)
	if t := c.timers[id]; t.paused() {
		c.timers[id] = t.resume(c.at)
	} else {
		c.timers[id] = Timer{Key: s.Clock, Spells: []Spell{{From: c.at}}}
	}
}

// leave goes along an edge; a case whose preconditions are not met waits
// before it goes on from an allowance.
func (c *Case) leave(edge Edge) error {
	c.left[c.stage] = concluded{edge, c.edition, c.casts()}
	if edge != OnAllow {
		c.lift(c.stage)
	}
	if edge == OnAllow && slices.ContainsFunc(c.conditions, Held.open) {
		c.phase = Conditioned
		c.timers[c.stage] = c.timers[c.stage].pause(c.at)
		return nil
	}
	to := c.target(edge)
	end, ends := c.table.End(to)
	if !ends {
		c.drop(c.stage)
		c.enter(to)
		return nil
	}
	if end.Outcome != Refused && end.Outcome != Withdrawn {
		for _, d := range c.table.Demands(to) {
			s, _ := c.table.Stage(d)
			if l := c.left[d]; l.edge != OnAllow || l.edition != c.edition && !s.Formal {
				return refuse("conflict")
			}
		}
	}
	c.timers[c.stage] = c.timers[c.stage].pause(c.at)
	c.stage, c.phase, c.sides, c.rounds[to] = to, Ended, nil, 1
	return nil
}

// lift takes back the conditions of decisions that do not stand any more.
func (c *Case) lift(stage string) {
	c.conditions = slices.DeleteFunc(c.conditions, func(h Held) bool { return h.Stage == stage })
}

// drop forgets the time that a stage has had, which counts again from the
// beginning if the case comes back to it other than corrected.
func (c *Case) drop(stage string) { delete(c.timers, stage) }

func (c *Case) target(edge Edge) string {
	s := c.now()
	for _, g := range s.When {
		if _, has := c.refs[g.Ref]; has && g.On == edge {
			return g.To
		}
	}
	return s.On[edge]
}

func (h Held) open() bool { return h.Kind == Precondition && h.Met == "" }

// lacking lists the evidence that the stage asks for and that is not on file,
// or not verified.
func (c *Case) lacking(s Stage) (absent, unverified []string) {
	for _, name := range s.Evidence {
		there, checked := false, false
		for _, e := range c.evidence {
			if e.Name == name {
				there, checked = true, e.By != "" // the last one filed is the one that counts
			}
		}
		if !there {
			absent = append(absent, name)
		} else if !checked && slices.Contains(s.Verified, name) {
			unverified = append(unverified, name)
		}
	}
	return absent, unverified
}

// tally says where the sides' rulings lead, "" as long as the stage goes on.
// One DENY is enough to refuse; all sides, and every one that spoke, allow or
// nothing does.
func (c *Case) tally() Edge {
	s, all, unsure := c.now(), true, false
	for _, sd := range c.sides {
		passing := 0
		for _, cast := range sd.casts {
			switch {
			case cast.Verdict == Deny:
				return OnDeny
			case cast.Verdict.passes():
				passing++
			default:
				unsure = true
			}
		}
		all = all && passing >= s.people()
	}
	switch done := c.counted(); {
	case unsure && done && s.On[OnInconclusive] != "":
		return OnInconclusive
	case unsure || !all:
		return ""
	default:
		return OnAllow
	}
}

// counted reports whether blind votes, where there are any, are all open.
func (c *Case) counted() bool {
	s := c.now()
	for _, sd := range c.sides {
		if s.Blind && len(sd.casts) < s.people() {
			return false
		}
	}
	return true
}

func (s side) cast(user string) int {
	return slices.IndexFunc(s.casts, func(c Cast) bool { return c.By == user })
}

func (s side) vote(user string) int {
	return slices.IndexFunc(s.votes, func(v sealed) bool { return v.by == user })
}

func (s side) String() string { return string(s.seat) + " " + strings.Join(s.orgs, ", ") }
