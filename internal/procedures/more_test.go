package procedures

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/api/verb"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/calendar"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/oversight"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/papers/paperstest"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// consents has, in every second play about persons, one item of the hospital rest
// on a consent instead of a law.
func (p *play) consents(seed uint64) {
	if (seed+seed/uint64(len(worlds)))%2 == 0 || p.Channel == profile.ByOpening {
		return
	}
	dataset := p.Terms.Members[0].Dataset
	items := p.Sheets[dataset].Items
	items[2].Basis, items[2].Law, items[2].Consent = papers.ByConsent, nil, "consent-1"
	p.Scenario.Consents = []string{"consent-1"}
}

// more is what is done beside cases and jobs, and what nobody should get away with.
func (p *play) more() {
	switch p.IntN(10) {
	case 0:
		p.calendar()
	case 1:
		p.report()
	case 2:
		p.declare()
	case 3:
		p.product()
	case 4:
		p.takeBack()
	case 5, 6:
		p.consent()
	case 7:
		p.again()
	case 8:
		p.untimely()
	default:
		p.both()
	}
}

// never notes what was taken and must not be.
func (p *play) never(what string, taken bool) {
	if taken {
		p.wrong = append(p.wrong, fmt.Errorf("taken: %s", what))
	}
}

// calendar has somebody load the days of a year: one that no notice is known of, or
// this one with a day off more.
func (p *play) calendar() {
	table := "year,date,kind,name\n2027,,notice,https://example.org/2027\n2027,2027-01-01,rest,元旦\n"
	if p.chance(50) {
		days := strings.Split(string(calendar.Table()), "\n")
		days = slices.DeleteFunc(days, func(l string) bool { return !strings.HasPrefix(l, "2026,") })
		table = "year,date,kind,name\n" + strings.Join(days, "\n") + fmt.Sprintf("\n2026,2026-03-%02d,rest,台风\n", 3+p.IntN(25))
	}
	who := p.by(governance.RoleBureau, "bureau")
	_, err := p.as(who).LoadCalendar(p.t.Context(), []byte(table))
	p.did("calendar.load", err, deed{who: who})
	p.never("days by "+p.list.role(who), err == nil && p.Users[who].Role != governance.RoleBureau)
}

// report has somebody hand a report in, or an officer check one.
func (p *play) report() {
	ctx := p.t.Context()
	if len(p.filed) > 0 && p.chance(40) {
		who, on := p.by(governance.RoleBureau, "bureau"), pick(p, p.filed)
		c := oversight.Checked{On: on, Sound: p.chance(80), How: "查阅原件", Org: p.Users[who].Org, At: p.at()}
		r, err := receipt.Sign(p.Keys[who], oversight.Attesting, c.About(), c)
		p.must(err)
		p.did("report.attest", p.as(who).AttestReport(ctx, on, r), deed{who: who})
		return
	}
	body := paperstest.Report("risk-report")
	body.Operator, body.Scenario, body.Text = "operator", "", fmt.Sprintf("第 %d 份", p.IntN(3))
	raw, err := papers.Bytes(papers.KindReport, body)
	p.must(err)
	who := p.by(governance.RoleOperator, "operator")
	r, err := oversight.Hand(p.Keys[who], raw, p.at())
	p.must(err)
	_, err = p.as(who).FileReport(ctx, r, raw)
	if p.did("report.file", err, deed{who: who}) {
		p.filed = append(p.filed, r.Digest())
	}
	p.never("the operator's report by "+who, err == nil && p.Users[who].Org != "operator")
}

func (p *play) declare() {
	who := p.by(governance.RoleBureau, "bureau")
	err := p.as(who).Declare(p.t.Context(), oversight.Declared{Fault: "other", Org: "operator", Thing: "r-1", What: "现场检查发现"})
	p.did("oversight.declare", err, deed{who: who})
}

func (p *play) product() {
	if len(p.released) == 0 {
		return
	}
	who := p.by(governance.RoleOperator, "operator")
	made := governance.Product{ID: fmt.Sprintf("d-%d", p.IntN(3)), Title: "指数", Type: "statistics", Runs: []string{pick(p, p.released)}, Recipients: []string{"audit"}, At: p.at()}
	r, err := made.Sign(p.Keys[who])
	p.must(err)
	err = p.as(who).AddProduct(p.t.Context(), r)
	p.did("product.add", err, deed{who: who})
	p.never("a product by "+p.list.role(who), err == nil && p.list.role(who) != "operator operator")
}

// takeBack has somebody take a release back, or confirm that it is used no more.
// What was taken back is given to nobody.
func (p *play) takeBack() {
	if len(p.released) == 0 {
		return
	}
	ctx, run := p.t.Context(), pick(p, p.released)
	state, err := p.as("bureau-officer").Withdrawal(ctx, run)
	p.must(err)
	if state.Digest != "" {
		who := p.by(governance.RoleOperator, "operator")
		said, err := governance.Confirmation{Run: run, Withdrawal: state.Digest, For: "operator", Done: "destroyed", At: p.at()}.Sign(p.Keys[who])
		p.must(err)
		_, err = p.as(who).ConfirmWithdrawal(ctx, run, said)
		p.did("release.confirm", err, deed{who: who})
		_, err = p.as("op").Release(ctx, run)
		p.never("fetching what was taken back", err == nil)
		return
	}
	who := p.by(pick(p, []governance.Role{governance.RoleBureau, governance.RoleOfficer}), "")
	w := governance.Withdrawal{Run: run, Permit: state.Permit, Bundle: state.Bundle, Entry: state.Entry, Code: "objection", Text: "异议成立", At: p.at()}
	r, err := w.Sign(p.Keys[who])
	p.must(err)
	_, err = p.as(who).Withdraw(ctx, run, r)
	p.did("release.withdraw", err, deed{who: who})
}

// consent has a provider's officer, or somebody, put a consent or take it back.
func (p *play) consent() {
	if len(p.Scenario.Consents) == 0 {
		return
	}
	c := p.agreed()
	if p.chance(4) { // and is never given again
		c.Withdrawn = p.at()
	}
	p.bring(p.by(governance.RoleOfficer, "hospital"), c)
}

// agreed is the consent that the scenario rests on.
func (p *play) agreed() papers.Consent {
	c := paperstest.Consent(p.Profile)
	c.Dataset, c.Purposes = p.Terms.Members[0].Dataset, []string{p.Terms.Purpose}
	return c
}

// bring hands a consent in, and says what it is called.
func (p *play) bring(who string, c papers.Consent) suite.Digest {
	raw, err := papers.Bytes(papers.KindConsent, c)
	p.must(err)
	_, err = p.as(who).PutPaper(p.t.Context(), raw)
	p.did("consent.put", err, deed{who: who, consent: &c})
	p.never("a consent by "+p.list.role(who), err == nil && p.list.role(who) != "provider-officer hospital")
	return suite.DigestOf(raw)
}

// again hands in what was said before: to another case, over a state that is past, by
// somebody else, or to its own case, where it changes nothing.
func (p *play) again() {
	if len(p.said) == 0 {
		return
	}
	ctx, r := p.t.Context(), pick(p, p.said)
	e, err := cases.Read(r)
	p.must(err)
	author := p.holder(r.By())
	other := pick(p, slices.Sorted(maps.Keys(p.known)))
	switch p.IntN(4) {
	case 0:
		if other != e.Case {
			_, err := p.as(author).Act(ctx, other, r)
			p.never("an event of another case", p.did("replay elsewhere", err, deed{who: author}))
		}
	case 1:
		if who := p.anybody(); who != author {
			_, err := p.as(who).Act(ctx, e.Case, r)
			p.never("somebody else's event", p.did("replay by another", err, deed{who: who}))
		}
	case 2:
		heads := p.heads[other]
		if len(heads) < 2 {
			return
		}
		stale := p.known[other]
		stale.Head = heads[p.IntN(len(heads)-1)]
		who := p.by(roles[stale.Opening.Seat], stale.Opener.Org)
		late, err := cases.Say(p.Keys[who], cases.Event{Case: other, Prev: stale.Head, Stage: stale.Stage, Round: max(1, stale.Round), Act: cases.Withdraw, At: p.at()})
		p.must(err)
		_, err = p.as(who).Act(ctx, other, late)
		p.never("an event over a state that is past", p.did("stale", err, deed{who: who}))
	default:
		same, err := p.as(author).Act(ctx, e.Case, r)
		p.never("an event twice", p.did("replay", err, deed{who: author}) && same.Head != p.known[e.Case].Head)
	}
}

func (p *play) holder(key suite.PublicKey) string {
	for id, u := range p.Users {
		if u.Key == key {
			return id
		}
	}
	return ""
}

// untimely dates an event before the one that it follows or after now, by more than
// two people's clocks may be apart.
func (p *play) untimely() {
	id := pick(p, append(slices.Sorted(maps.Keys(p.known)), ""))
	c := p.known[id]
	if id == "" || c.Phase == cases.Ended {
		return
	}
	who := p.by(roles[c.Opening.Seat], c.Opener.Org)
	at := p.at().Add(10*time.Minute + 2*time.Second)
	if p.chance(50) {
		at = p.when[id].Add(-10*time.Minute - time.Second)
	}
	r, err := cases.Say(p.Keys[who], cases.Event{Case: id, Prev: c.Head, Stage: c.Stage, Round: max(1, c.Round), Act: cases.Withdraw, At: at})
	p.must(err)
	_, err = p.as(who).Act(p.t.Context(), id, r)
	p.never(fmt.Sprintf("an event of %s at %s, after one of %s", at, p.at(), p.when[id]), p.did("untimely", err, deed{who: who}))
}

// both has two people speak at once over the same state: one of them at most is
// heard, and of two checkers who open a vote twice, each once.
func (p *play) both() {
	open := slices.DeleteFunc(slices.Sorted(maps.Keys(p.known)), func(id string) bool { return p.known[id].Phase != cases.Open })
	if len(open) == 0 {
		return
	}
	c := p.known[pick(p, open)]
	opener := p.by(roles[c.Opening.Seat], c.Opener.Org)
	people := slices.DeleteFunc([]string{p.anybody(), "bureau-3", "bureau-4"}, func(who string) bool { return who == opener })
	slices.Sort(people)
	people = append(slices.Compact(people), opener)
	var said []receipt.Receipt
	var clients []*client.Client
	for _, who := range people {
		e := cases.Event{Case: c.ID, Prev: c.Head, Stage: c.Stage, Round: max(1, c.Round), Act: cases.Decide, At: p.at(), Ruling: &cases.Ruling{On: c.Matter, Verdict: cases.Allow}}
		if who == opener {
			e.Act, e.Ruling, e.Filing = cases.Filed, nil, &cases.Filing{Name: cmp.Or(strings.Join(first(c), ""), "note"), Digest: suite.DigestOf([]byte("x")), Media: "text/plain", Title: "文件"}
		}
		r, err := cases.Say(p.Keys[who], e)
		p.must(err)
		said, clients = append(said, r), append(clients, p.as(who))
	}
	heads, errs := make([]verb.Case, len(said)), make([]error, len(said))
	var all sync.WaitGroup
	for i, r := range said {
		all.Go(func() { heads[i], errs[i] = clients[i].Act(p.t.Context(), c.ID, r) })
	}
	all.Wait()
	n := 0
	for i, r := range said {
		e, err := cases.Read(r)
		p.must(err)
		if !p.did("at once", errs[i], deed{who: people[i], event: &e, end: heads[i].Outcome, head: heads[i].Head}) {
			continue
		}
		n++
		p.when[c.ID] = e.At
		p.known[c.ID], p.heads[c.ID], p.said = heads[i], append(p.heads[c.ID], heads[i].Head), append(p.said, r)
		if err := moved(c, heads[i]); err != nil {
			p.wrong = append(p.wrong, err)
		}
	}
	p.never(fmt.Sprintf("%d events over one state", n), n > 1)
}

// first is the first document that the stage of a case asks for, if any.
func first(c verb.Case) []string {
	s, _ := c.Table.Stage(c.Stage)
	return s.Evidence[:min(1, len(s.Evidence))]
}
