package procedures

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// A deed is something that somebody signed and the server took.
type deed struct {
	who   string
	event *cases.Event // in a case
	end   cases.Outcome
	head  suite.Digest // of the case after it

	rules    *governance.Change
	licence  *governance.Licence
	decision *signed
	order    *msg.OrderBody
	said     suite.Digest // of the order
	lifted   suite.Digest // digest of the order that it ends
	vote     *vote
	consent  *papers.Consent
}

type signed struct {
	terms suite.Digest
	kind  receipt.Kind
}

type vote struct {
	run     string
	opened  bool
	approve bool
}

// A way is who has to have allowed a scenario, at which stage of its case, and what
// else a city asks of a channel: as the five texts say, read by hand.
type way struct {
	bureau    string // "" if the bureau is not asked
	form      bool   // it looks at the form alone, so that a correction does not ask it again
	apart     bool   // by somebody else than who took the application in
	providers string // each of them
	admitted  bool   // the operator by a case of its own
	agreement bool
	vendors   []string // of what a third party made: its papers, checked
}

var ways = map[string]way{
	"guiyang authop":      {bureau: "decision", apart: true, providers: "providers", admitted: true, agreement: true},                                              // 第三十四条
	"guiyang share":       {bureau: "intake", form: true, providers: "providers"},                                                                                  // 第二十二条第二款
	"guiyang open":        {providers: "providers"},                                                                                                                // 第三十条
	"dongguan authop":     {bureau: "decision", apart: true, providers: "providers", admitted: true, agreement: true},                                              // 内部规则
	"dongguan share":      {providers: "providers"},                                                                                                                // 第二十三条第三款
	"dongguan open":       {bureau: "decision", providers: "providers"},                                                                                            // 第三十二条
	"wuxi authop":         {bureau: "decision", apart: true, providers: "providers", admitted: true, agreement: true},                                              // 内部规则
	"wuxi share":          {bureau: "joint", providers: "joint"},                                                                                                   // 第二十条第二款
	"wuxi open":           {providers: "providers", agreement: true},                                                                                               // 第二十四条
	"shijiazhuang authop": {bureau: "decision", apart: true, providers: "providers", admitted: true, agreement: true, vendors: []string{"audit"}},                  // 第二十七条
	"shijiazhuang share":  {bureau: "intake", form: true, providers: "providers", vendors: []string{"audit"}},                                                      // 内部规则
	"shijiazhuang open":   {bureau: "joint", providers: "joint", agreement: true, vendors: []string{"audit"}},                                                      // 第二十五条
	"chongming authop":    {bureau: "decision", apart: true, providers: "providers", admitted: true, agreement: true, vendors: []string{"security-review", "nda"}}, // 第二十三条，内部规则
	"chongming share":     {bureau: "intake", form: true, providers: "providers", vendors: []string{"security-review", "nda"}},                                     // 内部规则
	"chongming open":      {bureau: "decision", providers: "providers", vendors: []string{"security-review", "nda"}},                                               // 第二十二条
}

// A list is all deeds, in their order.
type list struct {
	people map[string]governance.User
	city   string
	deeds  []deed
}

func (l *list) role(who string) string { u := l.people[who]; return string(u.Role) + " " + u.Org }

// of are the deeds of a case.
func (l *list) of(id string) (all []deed) {
	for _, d := range l.deeds {
		if d.event != nil && d.event.Case == id {
			all = append(all, d)
		}
	}
	return all
}

// who lists the people of a role and organisation who have allowed at a stage,
// the last time that the case was there, since the matter was last corrected; of a
// check of form, at any time. Somebody who refused there undoes it.
func (l *list) who(id, stage, role string, form bool) (people []string) {
	all, round := l.of(id), 0
	for i, d := range all {
		if d.event.Act == cases.Resubmit && !form {
			people, round = nil, 0
		}
		e := all[i].event
		if e.Stage != stage || e.Ruling == nil {
			continue
		}
		if e.Round != round {
			people, round = nil, e.Round
		}
		people = slices.DeleteFunc(people, func(p string) bool { return p == d.who })
		if l.role(d.who) == role && (e.Ruling.Verdict == cases.Allow || e.Ruling.Verdict == cases.Conditional && l.met(all[i:], e.Ruling.Conditions)) {
			people = append(people, d.who)
		}
		if e.Ruling.Verdict == cases.Deny {
			people, round = nil, -1
		}
	}
	return people
}

// met reports whether what a ruling asks for beforehand was fulfilled later.
func (l *list) met(later []deed, conditions []cases.Condition) bool {
	for _, c := range conditions {
		done := slices.ContainsFunc(later, func(d deed) bool { return d.event.Act == cases.Fulfil && d.event.Condition == c.ID })
		if c.Kind == cases.Precondition && !done {
			return false
		}
	}
	return true
}

// checked lists who has checked the documents of a name.
func (l *list) checked(id, name string) bool {
	return slices.ContainsFunc(l.of(id), func(d deed) bool {
		return d.event.Act == cases.Attest && d.event.Filing.Name == name && l.role(d.who) == "bureau-officer bureau"
	})
}

// lacks says which demand on a case is not met, "" if none.
func (l *list) lacks(ref jobs.CaseRef, channel string, providers []string) string {
	const bureau = "bureau-officer bureau"
	all := l.of(ref.ID)
	if len(all) == 0 || all[0].event.Opening == nil || all[0].event.Opening.Kind != ref.Kind || all[len(all)-1].head != ref.Head {
		return "is not that case, or not as it stands"
	}
	if slices.ContainsFunc(all, func(d deed) bool { return d.event.Act == cases.Withdraw }) {
		return "was withdrawn"
	}
	if n := len(all); all[n-1].end != cases.Approved {
		return "did not end well"
	}
	apart := func(stage, from string) bool {
		first := l.who(ref.ID, from, bureau, true)
		return len(first) > 0 && slices.ContainsFunc(l.who(ref.ID, stage, bureau, false), func(p string) bool { return !slices.Contains(first, p) })
	}
	w, known := ways[l.city+" "+channel]
	if !known {
		return "is by a channel that nobody has read up"
	}
	switch ref.Kind {
	case "catalogue.review":
		if len(l.who(ref.ID, "review", bureau, false)) < 1 || !strings.HasPrefix(l.role(all[0].who), "provider-officer") {
			return "no review"
		}
	case "operator.admit":
		if !apart("decision", "intake") || !l.checked(ref.ID, "organisation-attestation") || !l.checked(ref.ID, "credit-check") {
			return "no decision by somebody else than who took it in, on papers that were checked"
		}
	case "program.review":
		if len(l.who(ref.ID, "review", bureau, false)) < 1 && len(l.who(ref.ID, "second-review", bureau, false)) < 2 {
			return "no review"
		}
		if slices.ContainsFunc(w.vendors, func(name string) bool { return !l.checked(ref.ID, name) }) {
			return "no papers of who made it, checked"
		}
	case "scenario.apply":
		for _, org := range providers {
			if len(l.who(ref.ID, w.providers, "provider-officer "+org, false)) == 0 {
				return "no answer of " + org
			}
		}
		if w.bureau != "" && len(l.who(ref.ID, w.bureau, bureau, w.form)) == 0 || w.apart && !apart(w.bureau, "intake") {
			return "no decision of the bureau"
		}
	case "agreement.sign":
		if len(l.who(ref.ID, "signing", bureau, false)) == 0 || len(l.who(ref.ID, "signing", "operator operator", false)) == 0 {
			return "not signed by both"
		}
	default:
		return "is of no kind that terms rest on"
	}
	return ""
}

// demanded says what is missing of that which terms have to rest on.
func (l *list) demanded(t jobs.Terms) error {
	u := t.Under
	if u == nil {
		return fmt.Errorf("terms %s rest on nothing", t.ID)
	}
	var providers, officers []string
	for _, m := range t.Members {
		providers = append(providers, m.Provider.Org)
	}
	kinds := map[string]int{}
	for _, ref := range u.Cases {
		kinds[ref.Kind]++
		if why := l.lacks(ref, u.Channel, providers); why != "" {
			return fmt.Errorf("terms %s rest on %s %s, which %s", t.ID, ref.Kind, ref.ID, why)
		}
	}
	want := map[string]int{"catalogue.review": len(t.Members), "program.review": 1, "scenario.apply": 1}
	if ways[l.city+" "+u.Channel].admitted {
		want["operator.admit"] = 1
	}
	if ways[l.city+" "+u.Channel].agreement {
		want["agreement.sign"] = 1
	}
	for kind, n := range want {
		if kinds[kind] != n {
			return fmt.Errorf("terms %s rest on %d of %s", t.ID, kinds[kind], kind)
		}
	}
	licensed := false
	for _, d := range l.deeds {
		next := d.rules
		if next != nil && next.Next.ID == u.City && next.Next.Version == u.Version && next.Next.Digest == u.Rules && l.role(d.who) == "bureau-officer bureau" && !slices.Contains(officers, d.who) {
			officers = append(officers, d.who)
		}
		if d.licence != nil && d.licence.Operator == t.Operator.Org && slices.Contains(d.licence.Purposes, t.Purpose) && l.role(d.who) == "bureau-officer bureau" {
			licensed = true
		}
	}
	if len(officers) < 2 || !licensed {
		return fmt.Errorf("terms %s: rules adopted by %v, licensed: %v", t.ID, officers, licensed)
	}
	return l.free(t)
}

// free says what stands against any use: a hold, or a cancelled qualification.
func (l *list) free(t jobs.Terms) error {
	for i, d := range l.deeds {
		if d.end == cases.Adverse && d.event.Stage == "elimination" && t.Under.Channel == "authop" {
			return fmt.Errorf("%s is eliminated", t.Operator.Org)
		}
		if d.order == nil {
			continue
		}
		hits := map[string]bool{"all": true, "operator": d.order.Thing.Name == t.Operator.Org, "scenario": d.order.Thing.Name == t.Scenario, "program": d.order.Thing.Name == string(t.Program.Digest)}
		for _, m := range t.Members {
			hits["dataset"] = hits["dataset"] || d.order.Thing.Name == m.Dataset
		}
		lifted := slices.ContainsFunc(l.deeds[i:], func(later deed) bool {
			return later.lifted == d.said && later.who != d.who && l.role(later.who) == "bureau-officer bureau"
		})
		if hits[d.order.Thing.Kind] && !lifted {
			return fmt.Errorf("order %s holds terms %s", d.order.ID, t.ID)
		}
	}
	return nil
}

// permitted says which party has not signed the very terms.
func (l *list) permitted(t jobs.Terms) error {
	want := []string{"apply operator operator", "agree operator operator", "agree bureau-officer bureau"}
	for _, m := range t.Members {
		want = append(want, "grant provider-officer "+m.Provider.Org)
	}
	for _, w := range want {
		kind, role, _ := strings.Cut(w, " ")
		kinds := map[string]receipt.Kind{"apply": jobs.Apply, "agree": jobs.Agree, "grant": jobs.Grant}
		if !slices.ContainsFunc(l.deeds, func(d deed) bool {
			return d.decision != nil && *d.decision == (signed{t.Digest(), kinds[kind]}) && l.role(d.who) == role
		}) {
			return fmt.Errorf("terms %s: nobody said %s", t.ID, w)
		}
	}
	return nil
}

// approved says whether two checkers opened a vote for the run that they had
// sealed, and none of the two against it.
func (l *list) approved(run string) error {
	yes := map[string]bool{}
	sealed := map[string]bool{}
	for _, d := range l.deeds {
		if d.vote == nil || d.vote.run != run || !strings.HasPrefix(l.role(d.who), "output-checker") {
			continue
		}
		if !d.vote.opened {
			sealed[d.who] = true
		} else if sealed[d.who] && d.vote.approve {
			yes[d.who] = true
		}
	}
	if len(yes) < 2 {
		return fmt.Errorf("run %s: %d checkers agreed", run, len(yes))
	}
	return nil
}

// consented says what is missing of the consents that a scenario rests on: each was
// put last by an officer of the data's provider, was recorded by a case that the
// bureau looked at, and is not taken back.
func (l *list) consented(ids []string, now time.Time) error {
	for _, id := range ids {
		var last *papers.Consent
		for _, d := range l.deeds {
			if d.consent != nil && d.consent.ID == id && l.role(d.who) == "provider-officer "+strings.TrimSuffix(d.consent.Dataset, "-visits") {
				last = d.consent
			}
		}
		if last == nil || !last.Withdrawn.IsZero() && !now.Before(last.Withdrawn) {
			return fmt.Errorf("no consent %s", id)
		}
		given := *last
		given.Withdrawn = time.Time{}
		raw, err := papers.Bytes(papers.KindConsent, given)
		if err != nil || !l.recorded(suite.DigestOf(raw)) {
			return fmt.Errorf("no case that recorded consent %s", id)
		}
	}
	return nil
}

// recorded reports whether a case of the provider's, which ended well with the
// bureau's word, has a consent of a digest.
func (l *list) recorded(d suite.Digest) bool {
	return slices.ContainsFunc(l.deeds, func(o deed) bool {
		if o.event == nil || o.event.Opening == nil || o.event.Opening.Kind != consentGoal || l.role(o.who) != "provider-officer hospital" {
			return false
		}
		all := l.of(o.event.Case)
		named := slices.ContainsFunc(all, func(x deed) bool { return slices.Contains(x.event.Refs, cases.Ref{Name: "consent", Digest: d}) })
		return named && all[len(all)-1].end == cases.Approved && len(l.who(o.event.Case, "review", "bureau-officer bureau", false)) > 0
	})
}
