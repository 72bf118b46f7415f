package cases

import (
	"maps"
	"slices"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/suite"
)

// acts says of each act who may do it now, and what it does. What a person is
// shown that they may do is asked of the same functions.
var acts map[Act]struct {
	may  func(*Case, Person) error
	take func(*Case, Event, Person) error
}

func init() { //nolint:gochecknoinits // the table's functions ask the table
	acts = map[Act]struct {
		may  func(*Case, Person) error
		take func(*Case, Event, Person) error
	}{
		Submit:   {(*Case).maySubmit, (*Case).submit},
		Decide:   {(*Case).mayDecide, (*Case).decide},
		Seal:     {(*Case).maySeal, (*Case).seal},
		Unseal:   {(*Case).mayUnseal, (*Case).unseal},
		Return:   {(*Case).mayReturn, (*Case).sendBack},
		Resubmit: {(*Case).mayResubmit, (*Case).resubmit},
		Escalate: {(*Case).mayEscalate, (*Case).escalate},
		Withdraw: {(*Case).mayWithdraw, (*Case).withdraw},
		Filed:    {(*Case).mayFile, (*Case).file},
		Attest:   {(*Case).mayAttest, (*Case).attest},
		Fulfil:   {(*Case).mayFulfil, (*Case).fulfil},
	}
}

// side finds the side of the stage that a person stands for, or says why they
// stand for none.
func (c *Case) side(p Person) (int, error) {
	s := c.now()
	if s.Work == Rule && (p.kind == governance.Operator || p.Role == governance.RoleAdmin) {
		return 0, refuse("case-separation")
	}
	i := slices.IndexFunc(c.sides, func(d side) bool { return d.role == p.Role && slices.Contains(d.orgs, p.Org) })
	if i < 0 {
		return 0, refuse("case-turn")
	}
	if s.Work == Rule && (s.Apart == ApartOrg && p.Org == c.opener.Org || slices.Contains(c.handed, p.ID)) {
		return 0, refuse("case-own")
	}
	for _, b := range s.Barred {
		if slices.Contains(c.acted[b], p.ID) {
			return 0, refuse("case-barred")
		}
	}
	return i, nil
}

// ours reports whether a person acts for who opened the case.
func (c *Case) ours(p Person) bool { return p.Org == c.opener.Org && p.Role == c.opener.Role }

// mine is side for a stage that waits for its owners to do work of the kind.
func (c *Case) mine(p Person, does bool) (int, error) {
	if c.phase != Open || !does {
		return 0, refuse("conflict")
	}
	return c.side(p)
}

// act notes who took part in a stage.
func (c *Case) act(stage string, p Person) {
	if !slices.Contains(c.acted[stage], p.ID) {
		c.acted[stage] = append(c.acted[stage], p.ID)
	}
}

func (c *Case) hand(p Person) {
	c.act(c.stage, p)
	if !slices.Contains(c.handed, p.ID) {
		c.handed = append(c.handed, p.ID)
	}
}

func (c *Case) maySubmit(p Person) error {
	_, err := c.mine(p, c.now().Work == Hand)
	return err
}

// submit takes all that the stage names, and nothing that it does not.
func (c *Case) submit(e Event, p Person) error {
	s := c.now()
	for _, r := range e.Refs {
		if !slices.Contains(s.Refs, r.Name) && !slices.Contains(s.May, r.Name) {
			return refuse("case-missing")
		}
	}
	for _, name := range s.Refs {
		if !slices.ContainsFunc(e.Refs, func(r Ref) bool { return r.Name == name }) {
			return refuse("case-missing")
		}
	}
	if absent, _ := c.lacking(s); len(absent) > 0 {
		return refuse("case-missing")
	}
	if guarded(s, e.Refs) > 1 {
		return refuse("case-missing")
	}
	for _, name := range s.May {
		delete(c.refs, name) // of an earlier time at this stage
	}
	c.put(e.Refs)
	c.hand(p)
	return c.leave(OnSubmit)
}

// guarded counts the ways that what is handed in asks for.
func guarded(s Stage, refs []Ref) int {
	n := 0
	for _, g := range s.When {
		if g.On == OnSubmit && slices.ContainsFunc(refs, func(r Ref) bool { return r.Name == g.Ref }) {
			n++
		}
	}
	return n
}

func (c *Case) put(refs []Ref) {
	for _, r := range refs {
		c.refs[r.Name] = r.Digest
	}
}

func (c *Case) mayDecide(p Person) error {
	s := c.now()
	i, err := c.mine(p, s.decides() && !s.Blind)
	if err != nil {
		return err
	}
	own := c.sides[i].cast(p.ID)
	if own >= 0 && c.sides[i].casts[own].Verdict != Inconclusive {
		return refuse("decision-twice")
	}
	if own < 0 && len(c.sides[i].casts) >= s.people() && !slices.ContainsFunc(c.sides[i].casts, func(k Cast) bool { return k.Verdict == Inconclusive }) {
		return refuse("decision-twice")
	}
	return nil
}

func (c *Case) decide(e Event, p Person) error {
	if err := c.sound(*e.Ruling); err != nil {
		return err
	}
	i, err := c.side(p)
	if err != nil {
		return err
	}
	cast := Cast{*e.Ruling, p.ID, c.at, len(c.events)}
	if own := c.sides[i].cast(p.ID); own >= 0 {
		if e.Ruling.Verdict == Inconclusive {
			return refuse("decision-twice") // says nothing new, and a case has room for so many events
		}
		c.sides[i].casts[own] = cast // who could not tell can now
	} else {
		c.sides[i].casts = append(c.sides[i].casts, cast)
	}
	return c.ruled(*e.Ruling, p)
}

// sound reports whether a ruling may be given at the stage: on this very
// matter, with its basis if it refuses, with everything on file and checked if
// it allows.
func (c *Case) sound(r Ruling) error {
	s := c.now()
	if r.On != c.Matter() {
		return refuse("case-stale")
	}
	if len(s.Reasons) > 0 && (r.Reason != "" && !slices.Contains(s.Reasons, r.Reason) || len(r.Conditions) > 0 || slices.ContainsFunc(r.Basis, func(b Basis) bool { return b.Text != "" && b.Source == Law })) {
		return refuse("case-list")
	}
	if s.Work == Sign && r.Verdict != Allow && r.Verdict != Deny {
		return refuse("case-sign")
	}
	if r.Verdict == Deny {
		return grounded(s, r.Basis)
	}
	if r.Verdict == Inconclusive {
		if r.Reason == "" {
			return refuse("case-reason")
		}
		return nil
	}
	absent, unverified := c.lacking(s)
	if len(absent) > 0 {
		return refuse("case-missing")
	}
	if len(unverified) > 0 {
		return refuse("case-unverified")
	}
	for _, k := range r.Conditions {
		if slices.ContainsFunc(c.conditions, func(h Held) bool { return h.ID == k.ID }) {
			return refuse("registered")
		}
	}
	return nil
}

// grounded refuses a refusal without a basis that is strong enough.
func grounded(s Stage, basis []Basis) error {
	law := func(b Basis) bool { return b.Source == Law }
	if len(basis) == 0 || s.Basis == CitesLaw && !slices.ContainsFunc(basis, law) {
		return refuse("case-basis")
	}
	return nil
}

// ruled is what follows from one more ruling.
func (c *Case) ruled(r Ruling, p Person) error {
	c.act(c.stage, p)
	for _, k := range r.Conditions {
		c.conditions = append(c.conditions, Held{Condition: k, Stage: c.stage, By: p.ID, role: p.Role, org: p.Org})
	}
	if edge := c.tally(); edge != "" {
		return c.leave(edge)
	}
	return nil
}

func (c *Case) maySeal(p Person) error {
	i, err := c.mine(p, c.now().Blind)
	if err != nil {
		return err
	}
	if c.sides[i].vote(p.ID) >= 0 || len(c.sides[i].votes) >= c.now().people() {
		return refuse("vote-twice")
	}
	return nil
}

// seal takes a blind vote. One that repeats another's is refused: nobody could
// open both, and its maker may not know what it says.
func (c *Case) seal(e Event, p Person) error {
	i, err := c.side(p)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(c.sides[i].votes, func(v sealed) bool { return v.vote == e.Sealed }) {
		return refuse("vote-broken")
	}
	c.sides[i].votes = append(c.sides[i].votes, sealed{by: p.ID, vote: e.Sealed})
	c.act(c.stage, p)
	return nil
}

func (c *Case) mayUnseal(p Person) error {
	i, err := c.mine(p, c.now().Blind)
	if err != nil {
		return err
	}
	v := c.sides[i].vote(p.ID)
	switch {
	case v < 0 && !c.sealed():
		return refuse("vote-wait")
	case v < 0:
		return refuse("case-turn")
	case c.sides[i].votes[v].open:
		return refuse("vote-twice")
	case !c.sealed():
		return refuse("vote-wait")
	}
	return nil
}

// unseal opens a blind vote once all are in.
func (c *Case) unseal(e Event, p Person) error {
	i, err := c.side(p)
	if err != nil {
		return err
	}
	v := c.sides[i].vote(p.ID)
	if !c.sides[i].votes[v].vote.Opens(*e.Salt, Ballot(c.id, c.stage, c.rounds[c.stage], p.Key, *e.Ruling)) {
		return refuse("vote-broken")
	}
	if err := c.sound(*e.Ruling); err != nil {
		return err
	}
	c.sides[i].votes[v].open = true
	c.sides[i].casts = append(c.sides[i].casts, Cast{*e.Ruling, p.ID, c.at, len(c.events)})
	return c.ruled(*e.Ruling, p)
}

func (c *Case) mayReturn(p Person) error {
	i, err := c.mine(p, c.now().Return != nil)
	if err != nil {
		return err
	}
	if own := c.sides[i].cast(p.ID); own >= 0 && c.sides[i].casts[own].Verdict != Inconclusive {
		return refuse("decision-twice")
	}
	return nil
}

// sendBack returns the case with one list of everything that is missing. An
// organisation that has asked once at a stage asks for nothing new there
// (一次性告知); for what is still missing it may ask again.
func (c *Case) sendBack(e Event, p Person) error {
	s := c.now()
	key := s.ID + " " + p.Org
	before, again := c.asked[key]
	for _, item := range e.Items {
		if again && !slices.Contains(before, item.ID) {
			return refuse("case-return")
		}
		if closed := len(s.Return.Items) > 0; closed && (item.Text != "" || !slices.Contains(s.Return.Items, item.ID)) {
			return refuse("case-list")
		} else if !closed && item.Text == "" {
			return refuse("case-missing")
		}
	}
	if !again {
		for _, item := range e.Items {
			c.asked[key] = append(c.asked[key], item.ID)
		}
	}
	c.missing, c.phase = e.Items, Returned
	c.timers[c.stage] = c.timers[c.stage].pause(c.at)
	c.correcting = Timer{Key: s.Return.Clock, Spells: []Spell{{From: c.at}}}
	c.act(c.stage, p)
	return nil
}

// corrector reports whether a person can correct what was returned.
func (c *Case) corrector(p Person) bool {
	if c.phase != Returned {
		return false
	}
	by, _ := c.table.Stage(c.now().Return.By)
	return slices.ContainsFunc(c.spread(by), func(d side) bool { return d.role == p.Role && slices.Contains(d.orgs, p.Org) })
}

func (c *Case) mayResubmit(p Person) error {
	if c.phase != Returned {
		return refuse("conflict")
	}
	if !c.corrector(p) {
		return refuse("case-turn")
	}
	return nil
}

// resubmit answers every item of the list. What was decided on the matter
// before is void, but for what was decided on its form.
func (c *Case) resubmit(e Event, p Person) error {
	again := c.now().Return.Again
	by, _ := c.table.Stage(c.now().Return.By)
	if !slices.EqualFunc(c.missing, e.Items, func(want, have Item) bool { return want.ID == have.ID }) {
		return refuse("case-missing")
	}
	for _, r := range e.Refs {
		if !slices.Contains(by.Refs, r.Name) && !slices.Contains(by.May, r.Name) {
			return refuse("case-missing")
		}
	}
	c.put(e.Refs)
	c.act(by.ID, p)
	c.hand(p)
	c.edition++
	c.void()
	c.enter(again)
	return nil
}

// void takes back the conditions of all decisions but those on form.
func (c *Case) void() {
	for _, s := range c.table.Stages {
		if !s.Formal {
			c.lift(s.ID)
		}
	}
}

// mayEscalate: who opened the case, whose turn it is, and the bureau. Blind votes
// are the bureau's alone to have cast anew: who asked for them could otherwise
// go on until two people agree, and who votes until the others' votes suit.
func (c *Case) mayEscalate(p Person) error {
	if c.phase != Open || c.now().On[OnEscalate] == "" {
		return refuse("conflict")
	}
	if _, err := c.side(p); (err == nil || c.ours(p)) && !c.now().Blind {
		return nil
	}
	if p.Role == governance.RoleBureau && slices.Contains(c.parties(Bureau), p.Org) {
		return nil // oversees
	}
	return refuse("case-turn")
}

func (c *Case) escalate(_ Event, p Person) error {
	c.act(c.stage, p)
	if c.now().Ascent == WhenLate {
		c.climbs = append(c.climbs, climb{c.stage, c.timers[c.stage], c.at})
	}
	return c.leave(OnEscalate)
}

func (c *Case) mayWithdraw(p Person) error {
	if c.now().On[OnWithdraw] == "" {
		return refuse("conflict")
	}
	if !c.ours(p) {
		return refuse("case-turn")
	}
	return nil
}

func (c *Case) withdraw(Event, Person) error { return c.leave(OnWithdraw) }

// mayFile: whoever's turn it is, until somebody has voted; who corrects; and,
// while preconditions are not met, who opened the case.
func (c *Case) mayFile(p Person) error {
	switch {
	case c.phase == Returned && !c.corrector(p), c.phase == Conditioned && !c.ours(p):
		return refuse("case-turn")
	case c.phase != Open:
		return nil
	case c.now().Blind:
		return refuse("conflict")
	}
	i, err := c.side(p)
	if err != nil {
		return err
	}
	if c.sides[i].cast(p.ID) >= 0 {
		return refuse("decision-twice")
	}
	return nil
}

func (c *Case) file(e Event, p Person) error {
	if len(c.evidence) >= maxEvidence || c.filed(p.Org) >= maxOwn {
		return refuse("exhausted")
	}
	if c.onFile(*e.Filing) >= 0 {
		return refuse("registered")
	}
	given := c.phase == Returned || c.phase == Open && c.now().Work == Hand
	c.evidence = append(c.evidence, Evidence{Filing: *e.Filing, Filer: p.ID, Org: p.Org, At: c.at, Given: given})
	return nil
}

// filed counts what an organisation has put on file.
func (c *Case) filed(org string) int {
	n := 0
	for _, e := range c.evidence {
		if e.Org == org {
			n++
		}
	}
	return n
}

func (c *Case) onFile(f Filing) int {
	return slices.IndexFunc(c.evidence, func(e Evidence) bool { return e.Name == f.Name && e.Digest == f.Digest })
}

// mayAttest: whoever decides at the stage, as long as they have not.
func (c *Case) mayAttest(p Person) error {
	i, err := c.mine(p, c.now().decides() && !c.now().Blind)
	if err != nil {
		return err
	}
	if c.sides[i].cast(p.ID) >= 0 {
		return refuse("decision-twice")
	}
	if p.kind == governance.Operator {
		return refuse("case-separation")
	}
	return nil
}

// attest notes that a named person has checked a document, and how. Nobody
// checks what they filed themselves.
func (c *Case) attest(e Event, p Person) error {
	i := c.onFile(*e.Filing)
	if i < 0 || c.evidence[i].Filing != *e.Filing {
		return refuse("not-found")
	}
	if c.evidence[i].By != "" {
		return refuse("decision-twice")
	}
	if c.evidence[i].Filer == p.ID {
		return refuse("case-own")
	}
	c.evidence[i].By, c.evidence[i].How = p.ID, e.Text
	return nil
}

// mayFulfil: people of the role and organisation that imposed a precondition
// which is not met.
func (c *Case) mayFulfil(p Person) error {
	if c.phase != Conditioned {
		return refuse("conflict")
	}
	if slices.Contains(c.handed, p.ID) {
		return refuse("case-own")
	}
	if !slices.ContainsFunc(c.conditions, func(h Held) bool { return h.open() && h.role == p.Role && h.org == p.Org }) {
		return refuse("case-turn")
	}
	return nil
}

// fulfil says that a precondition is met, and by what document. When the last
// one is, the case goes on.
func (c *Case) fulfil(e Event, p Person) error {
	i := slices.IndexFunc(c.conditions, func(h Held) bool { return h.ID == e.Condition && h.open() })
	if i < 0 || c.conditions[i].role != p.Role || c.conditions[i].org != p.Org {
		return refuse("case-turn")
	}
	at := c.onFile(*e.Filing)
	if at < 0 || c.evidence[at].Filing != *e.Filing {
		return refuse("not-found")
	}
	if c.evidence[at].Filer == p.ID {
		return refuse("case-own")
	}
	c.conditions[i].Met, c.conditions[i].With = p.ID, e.Filing.Digest
	if slices.ContainsFunc(c.conditions, Held.open) {
		return nil
	}
	return c.leave(OnAllow)
}

// Refs makes a list of references of a map, in the order that events have.
func Refs(m map[string]suite.Digest) []Ref {
	var all []Ref
	for _, name := range slices.Sorted(maps.Keys(m)) {
		all = append(all, Ref{name, m[name]})
	}
	return all
}
