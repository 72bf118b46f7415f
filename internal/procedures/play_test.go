package procedures

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/api"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/gates/gatestest"
	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/governance/profiles"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// A play is one sequence.
type play struct {
	*hall
	*rand.Rand

	list     *list
	text     []byte // of the rules that are next
	inUse    profile.Frozen
	known    map[string]verb.Case // cases as they were last told
	latest   map[string]string    // goal to the case that is on it
	heads    map[string][]suite.Digest
	put      bool // the program
	orders   map[string]receipt.Receipt
	terms    []jobs.Terms // that were taken
	votes    map[string]receipt.Receipt
	serial   int
	tried    map[string]int
	taken    map[string]int
	released []string
	wrong    []error
	said     []receipt.Receipt    // events that were taken
	filed    []suite.Digest       // reports
	when     map[string]time.Time // of the last event of a case
}

func newPlay(t *testing.T, seed uint64, city, channel string, ask api.Gates) *play {
	t.Helper()
	source, err := profiles.Source(city)
	if err != nil {
		t.Fatal(err)
	}
	p := &play{
		hall: newHall(t, city, channel, ask), Rand: rand.New(rand.NewPCG(seed, 1)), text: source, known: map[string]verb.Case{}, latest: map[string]string{}, heads: map[string][]suite.Digest{},
		orders: map[string]receipt.Receipt{}, votes: map[string]receipt.Receipt{}, tried: map[string]int{}, taken: map[string]int{}, when: map[string]time.Time{},
	}
	p.list = &list{people: p.Users, city: city}
	p.consents(seed)
	return p
}

func (p *play) chance(percent int) bool { return p.IntN(100) < percent }

func pick[T any](p *play, of []T) T { return of[p.IntN(len(of))] }

func (p *play) anybody() string { return pick(p, slices.Sorted(maps.Keys(p.Users))) }

// by is, most of the time, somebody of the role and organisation.
func (p *play) by(role governance.Role, org string) string {
	var fit []string
	for _, id := range slices.Sorted(maps.Keys(p.Users)) {
		if u := p.Users[id]; u.Role == role && (org == "" || u.Org == org) {
			fit = append(fit, id)
		}
	}
	if len(fit) == 0 || p.chance(7) {
		return p.anybody()
	}
	return pick(p, fit)
}

func (p *play) at() time.Time { return p.now().UTC().Truncate(time.Second) }

// did notes what came of something.
func (p *play) did(what string, err error, d deed) bool {
	p.tried[what]++
	if err != nil {
		return false
	}
	p.taken[what]++
	p.list.deeds = append(p.list.deeds, d)
	return true
}

func (p *play) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// step is one thing that somebody does.
func (p *play) step() {
	p.pass(time.Duration(1+p.IntN(120)) * time.Second)
	if p.chance(2) {
		p.pass(time.Duration(p.IntN(72)) * time.Hour)
	}
	p.down = p.chance(2)
	switch n := p.IntN(100); {
	case n < 3:
		p.order()
	case n < 8:
		p.lift()
	case n < 9:
		p.publish(true)
	case n < 15:
		p.apply()
	case n < 17:
		p.evaluate()
	case n < 24:
		p.start()
	case n < 32:
		p.vote()
	case n < 42:
		p.more()
	default:
		p.forward()
	}
	p.down = false
	for _, id := range slices.Sorted(maps.Keys(p.runs)) {
		p.out(id)
	}
}

// out asks for each run whether it goes out, and whether it may.
func (p *play) out(id string) {
	r := p.runs[id]
	if r.released {
		return
	}
	out, err := p.release(id)
	if err != nil {
		p.wrong = append(p.wrong, err)
	}
	if !out {
		return
	}
	var said jobs.Run
	p.must(r.start.Read(jobs.Start, &said))
	t, ok := p.of(said.Permit)
	if !ok {
		p.wrong = append(p.wrong, fmt.Errorf("run %s is of no terms that were taken", id))
		return
	}
	p.released = append(p.released, id)
	p.bent(t, id)
	for _, err := range []error{p.list.demanded(t), p.list.permitted(t), p.list.approved(id)} {
		if err != nil {
			p.wrong = append(p.wrong, fmt.Errorf("run %s went out: %w", id, err))
		}
	}
}

// bent asks the list again with something left out, or an order more: it has to
// object to each.
func (p *play) bent(t jobs.Terms, id string) {
	without := map[string]func(deed) bool{
		"the rules": func(d deed) bool { return d.rules != nil }, "the licence": func(d deed) bool { return d.licence != nil },
		"votes": func(d deed) bool { return d.vote != nil && d.who != "checker-a" },
	}
	for _, ref := range t.Under.Cases {
		if ref.Kind == "scenario.apply" && ways[p.list.city+" "+p.Channel].bureau == "" {
			continue // the bureau is not asked
		}
		without["what the bureau said in "+ref.ID] = func(d deed) bool {
			return d.event != nil && d.event.Case == ref.ID && d.event.Ruling != nil && p.Users[d.who].Org == "bureau"
		}
	}
	for _, org := range []string{"hospital", "transit", "operator", "bureau"} {
		without["what "+org+" said to the terms"] = func(d deed) bool { return d.decision != nil && p.Users[d.who].Org == org }
	}
	for _, m := range t.Members {
		without["the answer of "+m.Provider.Org] = func(d deed) bool {
			return d.event != nil && d.event.Ruling != nil && p.Users[d.who].Org == m.Provider.Org
		}
	}
	lists := map[string]*list{"an order more": {p.list.people, p.list.city, append(slices.Clone(p.list.deeds), deed{who: "bureau-2", said: "x", order: &msg.OrderBody{ID: "x", Thing: msg.Everything()}})}}
	for name, f := range without {
		lists[name] = &list{p.list.people, p.list.city, slices.DeleteFunc(slices.Clone(p.list.deeds), f)}
	}
	for name, l := range lists {
		if l.demanded(t) == nil && l.permitted(t) == nil && l.approved(id) == nil {
			p.wrong = append(p.wrong, fmt.Errorf("the list does not miss %s", name))
		}
	}
}

func (p *play) of(digest suite.Digest) (jobs.Terms, bool) {
	i := slices.IndexFunc(p.terms, func(t jobs.Terms) bool { return t.Digest() == digest })
	if i < 0 {
		return jobs.Terms{}, false
	}
	return p.terms[i], true
}

// publish has an officer, or somebody, stand for the rules: the first version or,
// at times, the next.
func (p *play) publish(next bool) {
	source, prior := p.text, profile.Frozen{}
	if p.inUse.ID != "" {
		if !next || p.inUse.Version > 1 {
			return
		}
		source, prior = []byte(strings.Replace(string(p.text), "\nversion: 1\n", "\nversion: 2\n", 1)), p.inUse
	}
	version, err := profiles.Load(source)
	p.must(err)
	who := p.by(governance.RoleBureau, "bureau")
	change := governance.Change{Next: version.Frozen(), Prior: prior}
	r, err := receipt.Sign(p.Keys[who], governance.Publish, change.About(), governance.Publication{Change: change, Org: p.Users[who].Org, At: p.at()})
	p.must(err)
	out, err := p.as(who).Publish(p.t.Context(), r, source)
	if p.did("profile.publish", err, deed{who: who, rules: &change}) && out.InForce {
		p.inUse = version.Frozen()
	}
}

// order has somebody hold something.
func (p *play) order() {
	if !p.chance(30) {
		return
	}
	things := []msg.Held{
		{Kind: msg.HoldDataset, Name: p.Terms.Members[p.IntN(2)].Dataset},
		{Kind: msg.HoldOperator, Name: pick(p, []string{"operator", "rival"})},
		{Kind: msg.HoldProgram, Name: string(p.Terms.Program.Digest)},
		{Kind: msg.HoldScenario, Name: cmp.Or(p.latest["scenario.apply"], "none")},
		msg.Everything(),
	}
	who := p.by(pick(p, []governance.Role{governance.RoleBureau, governance.RoleBureau, governance.RoleOfficer}), "")
	p.serial++
	o := msg.OrderBody{ID: fmt.Sprintf("h-%d", p.serial), Thing: pick(p, things), Code: "objection", Text: "异议", At: p.at(), Lifters: []suite.PublicKey{p.Keys["bureau-2"].Public(), p.Keys["bureau-3"].Public()}}
	o.Lifters = slices.DeleteFunc(o.Lifters, func(k suite.PublicKey) bool { return k == p.Keys[who].Public() })
	r, err := msg.SignOrder(p.Keys[who], o)
	if err != nil {
		return // nobody could lift it
	}
	_, err = p.as(who).PlaceOrder(p.t.Context(), r)
	if p.did("order.place", err, deed{who: who, order: &o, said: r.Digest()}) {
		p.orders[o.ID] = r
	}
}

func (p *play) lift() {
	if len(p.orders) == 0 {
		return
	}
	id := pick(p, slices.Sorted(maps.Keys(p.orders)))
	who := pick(p, []string{"bureau-2", "bureau-3", "bureau-officer", p.anybody()})
	p.serial++
	r, err := msg.SignLift(p.Keys[who], msg.LiftBody{ID: fmt.Sprintf("u-%d", p.serial), On: p.orders[id].Digest(), Text: "已核实", At: p.at()})
	p.must(err)
	_, err = p.as(who).LiftOrder(p.t.Context(), id, r)
	if p.did("order.lift", err, deed{who: who, lifted: p.orders[id].Digest()}) {
		delete(p.orders, id)
	}
}

// under names cases for terms to rest on: most often those that ended well last,
// sometimes others.
func (p *play) under(right bool) *jobs.Under {
	u := &jobs.Under{City: p.inUse.ID, Version: p.inUse.Version, Rules: p.inUse.Digest, Channel: p.Channel}
	for _, goal := range p.goals() {
		c, ok := p.known[p.latest[goal]]
		if !ok || c.ID == "" || goal == consentGoal {
			continue
		}
		u.Cases = append(u.Cases, jobs.CaseRef{Kind: c.Opening.Kind, ID: c.ID, Head: c.Head})
	}
	if !right && len(u.Cases) > 0 {
		i := p.IntN(len(u.Cases))
		switch p.IntN(6) {
		case 0:
			u.Cases = slices.Delete(u.Cases, i, i+1)
		case 1:
			u.Cases[i].Head = pick(p, p.heads[u.Cases[i].ID])
		case 2:
			u.Cases[i].ID = pick(p, slices.Sorted(maps.Keys(p.known)))
		case 3:
			u.Version++
		case 4:
			u.Channel = pick(p, []string{profile.ByOpening, profile.BySharing})
		case 5:
			u.Rules = suite.DigestOf([]byte("others"))
		}
	}
	slices.SortFunc(u.Cases, func(a, b jobs.CaseRef) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID)) })
	u.Cases = slices.Compact(u.Cases)
	return u
}

func (p *play) licence() {
	l := governancetest.Licence()
	p.serial++
	l.ID = fmt.Sprintf("l-%d", p.serial)
	who := p.by(governance.RoleBureau, "bureau")
	p.did("licence.grant", p.as(who).GrantLicence(p.t.Context(), l), deed{who: who, licence: &l})
}

// apply has an operator propose terms.
func (p *play) apply() {
	if !slices.ContainsFunc(p.list.deeds, func(d deed) bool { return d.licence != nil }) || p.chance(10) {
		p.licence()
		return
	}
	t := p.Terms
	p.serial++
	t.ID, t.Scenario, t.Under = fmt.Sprintf("p-%d", p.serial), cmp.Or(p.latest["scenario.apply"], "none"), p.under(p.chance(60))
	if p.chance(3) {
		t.Under = nil
	}
	who := "op"
	if p.chance(10) {
		who = p.anybody()
	}
	_, err := p.as(who).SubmitApplication(p.t.Context(), t)
	if !p.did("application.submit", err, deed{who: who}) {
		return
	}
	p.terms = append(p.terms, t)
	for _, err := range []error{p.list.demanded(t), p.list.consented(p.Scenario.Consents, p.now())} {
		if err != nil {
			p.wrong = append(p.wrong, fmt.Errorf("application.submit: %w", err))
		}
	}
}

// start has somebody decide on terms, hand in the program, or start a run.
func (p *play) start() {
	if len(p.terms) == 0 {
		return
	}
	ctx, t := p.t.Context(), p.terms[len(p.terms)-1]
	if p.chance(20) {
		t = pick(p, p.terms)
	}
	if !p.put && p.chance(30) {
		_, err := p.as("op").PutProgram(ctx, "count", governancetest.Program)
		p.put = p.did("program.put", err, deed{who: "op"})
		return
	}
	if p.list.permitted(t) != nil && !p.chance(20) {
		steps := []struct {
			kind     receipt.Kind
			who, org string
		}{
			{jobs.Apply, "op", "operator"},
			{jobs.Grant, "hospital-officer", "hospital"},
			{jobs.Grant, "transit-officer", "transit"},
			{jobs.Agree, "op", "operator"},
			{jobs.Agree, "bureau-officer", "bureau"},
		}
		for _, s := range steps {
			if p.chance(10) {
				s.who = p.anybody()
			}
			r, err := receipt.Sign(p.Keys[s.who], s.kind, receipt.About("terms/"+t.ID, t.Digest()), jobs.Decision{Terms: t.Digest(), Org: s.org, At: p.at()})
			p.must(err)
			_, err = p.as(s.who).Decide(ctx, t.ID, r)
			p.did("decision.add", err, deed{who: s.who, decision: &signed{t.Digest(), s.kind}})
		}
		return
	}
	who := p.by(governance.RoleOperator, "operator")
	p.serial++
	body := jobs.Run{ID: fmt.Sprintf("r-%d", p.serial), Permit: t.Digest(), Purpose: t.Purpose, Program: t.Program.Digest, At: p.at()}
	r, err := receipt.Sign(p.Keys[who], jobs.Start, receipt.About("run/"+body.ID, t.Digest()), body)
	p.must(err)
	_, err = p.as(who).SubmitJob(ctx, t.ID, r)
	if !p.did("job.submit", err, deed{who: who}) {
		return
	}
	for _, err := range []error{p.list.demanded(t), p.list.permitted(t), p.list.consented(p.Scenario.Consents, p.now())} {
		if err != nil {
			p.wrong = append(p.wrong, fmt.Errorf("run %s started: %w", body.ID, err))
		}
	}
}

// vote has a checker, or somebody, seal or open a vote.
func (p *play) vote() {
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(p.runs)), func(id string) bool { return p.runs[id].released })
	if len(ids) == 0 {
		return
	}
	id, i := pick(p, ids), p.IntN(3)
	who := []string{"checker-a", "checker-b", "checker-c"}[i]
	if p.chance(8) {
		who = p.anybody()
	}
	var said jobs.Run
	p.must(p.runs[id].start.Read(jobs.Start, &said))
	t, ok := p.of(said.Permit)
	if !ok {
		return
	}
	approve := !p.chance(8)
	commit, open := p.World.Vote(p.t, who, i, p.runs[id].body, t, approve)
	if early, sealed := p.votes[id+" "+who]; sealed {
		var b msg.VoteOpenBody
		p.must(early.Read(msg.VoteOpen, &b))
		p.did("vote.open", p.as(who).OpenVote(p.t.Context(), id, early), deed{who: who, vote: &vote{id, true, b.Vote.Approve}})
		return
	}
	if p.did("vote.commit", p.as(who).CommitVote(p.t.Context(), id, commit), deed{who: who, vote: &vote{run: id}}) {
		p.votes[id+" "+who] = open
	}
}

// goals are the cases that a job rests on.
func (p *play) goals() []string {
	all := []string{"scenario.apply", "program.review"}
	for _, m := range p.Terms.Members {
		all = append(all, "catalogue.review "+m.Dataset)
	}
	if w := ways[p.list.city+" "+p.Channel]; w.admitted {
		all = append(all, "operator.admit", "agreement.sign")
	} else if w.agreement {
		all = append(all, "agreement.sign")
	}
	if len(p.Scenario.Consents) > 0 {
		all = append(all, consentGoal)
	}
	return all
}

// consentGoal is needed by who rests on consents; terms do not name its case.
const consentGoal = "consent.record"

// forward does something in a case that is needed.
func (p *play) forward() {
	if p.inUse.ID == "" {
		p.publish(false)
		return
	}
	if p.through() && !p.chance(10) {
		p.use()
		return
	}
	goal := pick(p, p.goals())
	for range 4 { // rather one that has not come to an end
		if c := p.known[p.latest[goal]]; c.Outcome != cases.Approved || p.stale(goal, c) {
			break
		}
		goal = pick(p, p.goals())
	}
	c, there := p.known[p.latest[goal]]
	switch {
	case !there, c.Phase == cases.Ended && (c.Outcome != cases.Approved || p.stale(goal, c) || p.chance(3)):
		p.open(goal)
	default:
		p.act(c)
	}
}

// through reports whether all that a job rests on has ended well.
func (p *play) through() bool {
	return !slices.ContainsFunc(p.goals(), func(goal string) bool {
		c := p.known[p.latest[goal]]
		return c.Outcome != cases.Approved || p.stale(goal, c)
	})
}

// use brings a job on that rests on what has ended well.
func (p *play) use() {
	mine := func(t jobs.Terms) bool { return p.list.demanded(t) == nil }
	open := func(id string) bool { return !p.runs[id].released && len(p.runs[id].said) < 10 } // its votes are not all in
	switch {
	case len(p.orders) > 0 && p.chance(50):
		p.lift()
	case !slices.ContainsFunc(p.terms, mine) || p.chance(5):
		p.apply()
	case slices.ContainsFunc(slices.Collect(maps.Keys(p.runs)), open) && p.chance(80):
		p.vote()
	default:
		p.start()
	}
}

// vendors are the papers that a city asks for of who made a program for others.
func (p *play) vendors() []string { return ways[p.list.city+" "+p.Channel].vendors }

// stale reports whether an agreement is of another scenario than the last, or a
// scenario does not ask every provider.
func (p *play) stale(goal string, c verb.Case) bool {
	if goal == "scenario.apply" {
		return c.ID != "" && len(c.Opening.Parties[cases.Provider]) < len(p.Scenario.Sources)
	}
	if goal == "program.review" {
		return slices.ContainsFunc(p.vendors(), func(name string) bool { return !p.list.checked(c.ID, name) })
	}
	of := p.known[p.latest["scenario.apply"]]
	return goal == "agreement.sign" && of.Outcome == cases.Approved && !slices.Contains(c.Refs, cases.Ref{Name: "scenario-decision", Digest: of.Head})
}

func (p *play) open(goal string) {
	kind, dataset, _ := strings.Cut(goal, " ")
	seat, who, channel := cases.Operator, p.by(governance.RoleOperator, "operator"), ""
	parties := map[cases.Seat][]string{cases.Bureau: {"bureau"}}
	switch kind {
	case "catalogue.review":
		org := p.Catalogue[dataset].Provider
		seat, who = cases.Provider, p.by(governance.RoleOfficer, org)
	case consentGoal:
		seat, who = cases.Provider, p.by(governance.RoleOfficer, "hospital")
	case "scenario.apply":
		parties[cases.Provider], channel = slices.Clone(p.Scenario.Sources), p.Channel
		if p.chance(5) {
			parties[cases.Provider] = parties[cases.Provider][:1]
		}
		slices.Sort(parties[cases.Provider])
	case "agreement.sign":
		parties[cases.Operator] = []string{"operator"}
	}
	p.serial++
	id := fmt.Sprintf("c-%d", p.serial)
	o := cases.Opening{Profile: cases.Profile(p.inUse), Title: "办件 " + id, Seat: seat, Parties: parties}
	r, err := cases.Begin(p.Keys[who], id, p.Table(kind, channel), o, p.at())
	p.must(err)
	if p.say(who, id, r) {
		p.latest["amended"], p.latest[goal] = p.latest["scenario.apply"], id
	}
}

// say hands an event in, and looks at where the case went.
func (p *play) say(who, id string, r receipt.Receipt) bool {
	e, err := cases.Read(r)
	p.must(err)
	after, err := p.as(who).Act(p.t.Context(), id, r)
	if !p.did("case "+string(e.Act), err, deed{who: who, event: &e, end: after.Outcome, head: after.Head}) {
		return false
	}
	before := p.known[id]
	p.known[id], p.heads[id] = after, append(p.heads[id], after.Head)
	p.said, p.when[id] = append(p.said, r), e.At
	if err := moved(before, after); err != nil {
		p.wrong = append(p.wrong, fmt.Errorf("case %s by %s: %w", id, e.Act, err))
	}
	return true
}

// moved reports a step that the case's table does not list.
func moved(before, after verb.Case) error {
	_, stage := after.Table.Stage(after.Stage)
	_, end := after.Table.End(after.Stage)
	if stage == (after.Phase == cases.Ended) || end != (after.Phase == cases.Ended) {
		return fmt.Errorf("stands at %q, %s, which its table does not list", after.Stage, after.Phase)
	}
	if before.ID == "" {
		if after.Stage != after.Table.Stages[0].ID {
			return fmt.Errorf("begins at %q", after.Stage)
		}
		return nil
	}
	s, _ := before.Table.Stage(before.Stage)
	to := append(slices.Collect(maps.Values(s.On)), s.ID)
	for _, g := range s.When {
		to = append(to, g.To)
	}
	if s.Return != nil {
		to = append(to, s.Return.Again)
	}
	if before.Phase == cases.Ended || !slices.Contains(to, after.Stage) {
		return fmt.Errorf("went from %s to %s, which its table does not list", before.Stage, after.Stage)
	}
	return nil
}

func (p *play) event(who string, c verb.Case, e cases.Event) {
	e.Case, e.Prev, e.Stage, e.Round, e.At = c.ID, c.Head, c.Stage, max(1, c.Round), p.at()
	r, err := cases.Say(p.Keys[who], e)
	if err != nil {
		return // nothing that can be said
	}
	if _, err := cases.Read(r); err != nil {
		return
	}
	p.say(who, c.ID, r)
}

var roles = map[cases.Seat]governance.Role{cases.Bureau: governance.RoleBureau, cases.Provider: governance.RoleOfficer, cases.Operator: governance.RoleOperator}

// act does the next thing in a case, or something else.
func (p *play) act(c verb.Case) {
	s, _ := c.Table.Stage(c.Stage)
	opener := p.by(roles[c.Opening.Seat], c.Opener.Org)
	switch n := p.IntN(100); {
	case c.Phase == cases.Conditioned:
		p.fulfil(c, opener)
	case c.Phase == cases.Returned && n > 5:
		var items []cases.Item
		for _, i := range c.Missing {
			items = append(items, cases.Item{ID: i.ID, Text: "已补正"})
		}
		p.event(opener, c, cases.Event{Act: cases.Resubmit, Items: items})
	case n < 2:
		if p.chance(40) {
			p.event(opener, c, cases.Event{Act: cases.Withdraw})
		}
	case n < 5:
		p.event(p.by(governance.RoleBureau, "bureau"), c, cases.Event{Act: cases.Escalate, Text: "提级"})
	case n < 9:
		o := append(slices.Clone(c.Turn), cases.Turn{Seat: cases.Bureau, Orgs: []string{"bureau"}})[0]
		p.event(p.by(roles[o.Seat], o.Orgs[0]), c, cases.Event{Act: cases.Return, Items: []cases.Item{{ID: "more", Text: "请补充材料"}}})
	case n < 14:
		p.decide(p.anybody(), c, 4)
	case s.Work == cases.Hand:
		p.hand(opener, c, s)
	default:
		for _, side := range c.Turn {
			if p.chance(60) {
				p.decide(p.by(roles[side.Seat], pick(p, side.Orgs)), c, 3)
				return
			}
		}
	}
}

func (p *play) fulfil(c verb.Case, opener string) {
	if !slices.ContainsFunc(c.Evidence, func(e cases.Evidence) bool { return e.Name == "note" }) {
		p.event(opener, c, cases.Event{Act: cases.Filed, Filing: gatestest.Doc("note")})
		return
	}
	for _, h := range c.Conditions {
		if h.Met == "" && h.Kind == cases.Precondition {
			who := h.By
			if p.chance(15) {
				who = p.anybody()
			}
			p.event(who, c, cases.Event{Act: cases.Fulfil, Condition: h.ID, Filing: gatestest.Doc("note")})
			return
		}
	}
}

// decide has somebody check what is to be checked, and decide.
func (p *play) decide(who string, c verb.Case, otherwise int) {
	s, _ := c.Table.Stage(c.Stage)
	for _, e := range c.Evidence {
		if (slices.Contains(s.Verified, e.Name) || slices.Contains(p.vendors(), e.Name)) && e.By == "" {
			f := e.Filing
			p.event(who, c, cases.Event{Act: cases.Attest, Filing: &f, Text: "电话核对"})
			if !p.chance(10) {
				return
			}
		}
	}
	r := cases.Ruling{On: c.Matter, Verdict: cases.Allow}
	switch n := p.IntN(100); {
	case n < otherwise:
		r.Verdict, r.Reason = cases.Deny, "不符合条件"
		r.Basis = []cases.Basis{{Source: cases.House, Text: "审查要点"}}
	case n < 2*otherwise:
		r.Verdict, r.Reason = cases.Inconclusive, "尚需核实"
	case n < 3*otherwise:
		p.serial++
		r.Verdict, r.Conditions = cases.Conditional, []cases.Condition{{ID: fmt.Sprintf("k-%d", p.serial), Kind: cases.Precondition, Text: "先落实保密"}}
	case n > 97:
		r.On = suite.DigestOf([]byte("another matter"))
	}
	p.event(who, c, cases.Event{Act: cases.Decide, Ruling: &r})
}

// hand files what is to be on file, and hands in the paper of the case.
func (p *play) hand(who string, c verb.Case, s cases.Stage) {
	asked := s.Evidence
	if c.Opening.Kind == "program.review" {
		asked = slices.Concat(s.Evidence, p.vendors())
	}
	for _, name := range asked {
		if !slices.ContainsFunc(c.Evidence, func(e cases.Evidence) bool { return e.Name == name }) && !p.chance(5) {
			p.event(who, c, cases.Event{Act: cases.Filed, Filing: gatestest.Doc(name)})
			return
		}
	}
	refs, ok := p.papers(who, c)
	if ok {
		p.event(who, c, cases.Event{Act: cases.Submit, Refs: cases.Refs(refs)})
	}
}

func (p *play) keep(who string, kind papers.Kind, body any) suite.Digest {
	raw, err := papers.Bytes(kind, body)
	p.must(err)
	_, err = p.as(who).PutPaper(p.t.Context(), raw)
	p.did("paper.put", err, deed{who: who})
	return suite.DigestOf(raw)
}

func (p *play) papers(who string, c verb.Case) (map[string]suite.Digest, bool) {
	switch c.Opening.Kind {
	case "catalogue.review":
		for goal, id := range p.latest {
			if id == c.ID {
				return map[string]suite.Digest{"entry": p.keep(who, papers.KindSheet, *p.Sheets[strings.TrimPrefix(goal, "catalogue.review ")])}, true
			}
		}
		return nil, false
	case consentGoal:
		c := p.agreed()
		return map[string]suite.Digest{"consent": p.bring(who, c)}, true
	case "operator.admit":
		return map[string]suite.Digest{"application": p.keep(who, papers.KindAdmission, p.Admission)}, true
	case "program.review":
		return map[string]suite.Digest{"program": p.keep(who, papers.KindProgram, p.Program), "source": p.Program.Source}, true
	case "scenario.apply":
		d := p.keep(who, papers.KindScenario, p.scenario(c.ID))
		refs := map[string]suite.Digest{"application": d, "dataset-list": d}
		if before, ok := p.known[p.latest["amended"]]; ok && before.ID != c.ID && p.chance(70) {
			refs["previous-version"] = before.Head
		}
		return refs, true
	case "agreement.sign":
		of := p.known[p.latest["scenario.apply"]]
		if of.Outcome != cases.Approved && !p.chance(3) || of.ID == "" {
			return nil, false
		}
		s := p.scenario(of.ID)
		a := paperstest.AgreementOn(p.Profile, s, of.Head)
		a.ID = c.ID
		return map[string]suite.Digest{"agreement": p.keep(who, papers.KindAgreement, a.Sealed(s, p.Profile)), "scenario-decision": of.Head}, true
	}
	return nil, false
}

func (p *play) scenario(id string) papers.Scenario {
	s := p.Scenario
	s.ID = id
	return s
}

// evaluate scores the operator, never well.
func (p *play) evaluate() {
	c, there := p.known[p.latest["evaluate"]]
	if p.inUse.ID == "" || !there && !p.chance(20) {
		return
	}
	bureau := p.by(governance.RoleBureau, "bureau")
	if !there || c.Phase == cases.Ended {
		year := 2024
		if there {
			year = c.Opening.Year + 1
		}
		p.serial++
		id := fmt.Sprintf("c-%d", p.serial)
		o := cases.Opening{Profile: cases.Profile(p.inUse), Title: "评估", Seat: cases.Bureau, Year: year, Parties: map[cases.Seat][]string{cases.Bureau: {"bureau"}, cases.Operator: {"operator"}}}
		r, err := cases.Begin(p.Keys[bureau], id, p.Table("evaluate.yearly", ""), o, p.at())
		p.must(err)
		if p.say(bureau, id, r) {
			p.latest["failed"], p.latest["evaluate"] = p.latest["evaluate"], id
		}
		return
	}
	p.score(c, bureau)
}

func (p *play) score(c verb.Case, bureau string) {
	r := cases.Ruling{On: c.Matter, Verdict: cases.Deny, Basis: []cases.Basis{{Source: cases.House, Text: "评分细则"}}}
	switch c.Stage {
	case "opening":
		refs := map[string]suite.Digest{"criteria": suite.DigestOf([]byte("criteria"))}
		if last, ok := p.known[p.latest["failed"]]; ok && last.Outcome == cases.Refused {
			refs["previous-failure"] = last.Head
		}
		p.event(bureau, c, cases.Event{Act: cases.Submit, Refs: cases.Refs(refs)})
	case "self-report":
		p.event(p.by(governance.RoleOperator, "operator"), c, cases.Event{Act: cases.Submit, Refs: cases.Refs(map[string]suite.Digest{"self-report": suite.DigestOf([]byte("report"))})})
	case "elimination":
		p.event(bureau, c, cases.Event{Act: cases.Decide, Ruling: &cases.Ruling{On: c.Matter, Verdict: cases.Allow}})
	default:
		p.event(bureau, c, cases.Event{Act: cases.Decide, Ruling: &r})
	}
}
