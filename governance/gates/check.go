package gates

import (
	"slices"
	"strings"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
)

// A gate is what is asked under one name.
type gate struct {
	id    string
	ask   func(*asking)
	rests []string // keys of what a pass rests on
}

var ofJob = []gate{
	{"G1", (*asking).licence, []string{"authop.licence", "open.applicant", "grant.qualified"}},
	{"G2", (*asking).list, []string{"authop.one_list", "share.demand_fields", "open.application_fields", "catalogue.bound"}},
	{"G3", (*asking).providers, []string{"authop.one_review", "share.route", "open.route", "grant.signed"}},
	{"G4", (*asking).agreement, []string{"authop.one_agreement", "share.commitments", "open.agreement", "grant.signed"}},
	{"G5", (*asking).purpose, []string{"share.purpose_bound", "open.purpose_bound", "purpose.bound"}},
	{"G6", (*asking).catalogue, []string{"catalogue.fields"}},
	{"G7", (*asking).columns, []string{"grant.least", "personal.minimal"}},
	{"G8", (*asking).joins, []string{"grant.joins"}},
	{"G9", (*asking).personal, []string{"consent.outside_law", "consent.third_party", "personal.basis"}},
	{"G10", (*asking).program, []string{"security.vendor", "product.standard", "program.review"}},
	{"G11", (*asking).budget, []string{"budget.required"}},
	{"G12", (*asking).duties, []string{"duty.blocking", "duty.overdue_blocks"}},
	{"G13", (*asking).isolation, []string{"security.measures", "compute.in_domain", "compute.isolated"}},
}

var ofRelease = []gate{
	{"R1", (*asking).kind, []string{"output.raw_forbidden", "output.closed_types"}},
	{"R2", (*asking).checks, []string{"output.no_harm", "output.checks"}},
	{"R3", (*asking).votes, []string{"ops.separation", "output.checkers"}},
	{"R4", (*asking).taint, []string{"objection.suspend", "share.derived_bound"}},
	{"R5", (*asking).bound, []string{"share.onward_forbidden", "open.purpose_bound", "output.recipients", "output.bound"}},
	{"R6", (*asking).recorded, []string{"evidence.use_ledger", "catalogue.onchain", "quality.traceable", "evidence.before_action"}},
}

// healthy is the part of G12 that is asked at release: whether the backups are.
var healthy = gate{"G12", (*asking).health, []string{"backup.required", "duty.overdue_blocks"}}

// OfJob are the gates of a job, in their order.
func OfJob() []string {
	var all []string
	for _, g := range ofJob {
		all = append(all, g.id)
	}
	return all
}

// of lists the gates of a step. At release the licence, the providers' word, the
// state of the data, the basis of what is on persons and the backups are asked again:
// they may have changed since the run, a consent that was taken back among them.
func of(at Step) []gate {
	if at == AtRelease {
		return slices.Concat([]gate{ofJob[0], ofJob[2], ofJob[5], ofJob[8], healthy}, ofRelease)
	}
	return ofJob
}

// Check asks the gates of a step, in their order. It is pure: the same facts
// have the same verdicts. Every gate says something; one that stops says each
// reason that it sees.
func Check(f Facts, at Step) []Verdict {
	w := newView(f, at)
	var all []Verdict
	for _, g := range of(at) {
		a := &asking{view: w, gate: g.id}
		switch {
		case !w.ruled:
			a.unsure("no-rules", "")
		default:
			g.ask(a)
		}
		if !slices.ContainsFunc(a.said, func(v Verdict) bool { return v.State != Warned }) {
			a.say(Passed, "pass-"+strings.ToLower(g.id), "", g.rests)
		}
		all = append(all, a.said...)
	}
	return all
}

// Blocked lists the verdicts that stop, in their order.
func Blocked(all []Verdict) []Verdict {
	return slices.DeleteFunc(slices.Clone(all), func(v Verdict) bool { return !v.Blocks() })
}

// asking is one gate being asked.
type asking struct {
	*view

	gate string
	said []Verdict
}

// no refuses: the rule of the first of keys that is law here.
func (a *asking) no(code, thing string, keys ...string) { a.say(Refused, code, thing, keys) }

// unsure blocks because a fact is missing.
func (a *asking) unsure(code, thing string, keys ...string) { a.say(Unknown, code, thing, keys) }

func (a *asking) warn(code, thing string, keys ...string) { a.say(Warned, code, thing, keys) }

func (a *asking) moot(code string, keys ...string) { a.say(Moot, code, "", keys) }

func (a *asking) say(s State, code, thing string, keys []string) {
	t, ok := says[code]
	if !ok {
		s, t = Unknown, says["no-rules"] // a verdict without words is none
	}
	v := Verdict{Gate: a.gate, State: s, Code: code, ZH: t.zh, EN: t.en, Who: string(t.who), Thing: thing}
	if s == Passed || s == Moot {
		v.Who = ""
	}
	a.cite(&v, keys)
	if byAgreement[code] && a.channel == profile.ByOperation && a.signed.ok() {
		v.Clause = a.signed.ref.ID
	}
	if code == "sheet-lacks" || code == "scenario-lacks" || code == "agreement-lacks" || code == "program-lacks" || !slices.Contains(a.said, v) {
		a.said = append(a.said, v)
	}
}

// lack says what a paper lacks, in the words of package papers, which are its own
// and the profile's. What an entry is to say is asked of its provider, whatever
// the channel; all else is cited as it binds by this one.
func (a *asking) lack(s State, code, thing string, m papers.Missing) {
	before := len(a.said)
	a.say(s, code, thing, []string{m.Key})
	if len(a.said) == before {
		return
	}
	v := &a.said[len(a.said)-1]
	v.ZH, v.EN = v.ZH+"："+m.ZH, v.EN+": "+m.EN
	if code != "sheet-lacks" || m.Key == "" {
		return
	}
	v.Key, v.Cite, v.CiteEN, v.Quote = m.Key, m.Cite, m.CiteEN, m.Quote
	if m.Reading != "" {
		v.Quote = m.Reading
	}
	if r, err := a.Profile.Rule(m.Key); err == nil && r.Source == profile.Law {
		v.Status = a.status(r.Basis[0])
	}
}

// byAgreement are the refusals by which an operator is bound through what it
// signed: the articles on use and onward passing bind users of shared data.
var byAgreement = map[string]bool{"purpose-other": true, "purpose-agreement": true, "recipients": true, "released-elsewhere": true}

const (
	houseZH, houseEN   = "内部规则（非法定）", "house rule, not law"
	silentZH, silentEN = "本地文件未规定", "the city's text says nothing"
)

// cite fills in where the rule stands: of the first key that is law by this
// channel, else of the first that is a rule of the house.
func (a *asking) cite(v *Verdict, keys []string) {
	v.Cite, v.CiteEN = houseZH, houseEN
	if v.State == Moot {
		v.Cite, v.CiteEN = silentZH+"；"+houseZH, silentEN+"; "+houseEN
	}
	house := false
	for _, key := range keys {
		r, err := a.Profile.Rule(key)
		if err != nil || a.foreign(key) || !r.Enforced() {
			continue
		}
		if v.Key == "" || !house && r.Source == profile.House {
			v.Key, house = key, r.Source == profile.House
		}
		b, ok := a.basis(r)
		if !ok {
			continue
		}
		v.Key, v.Quote = key, b.Words()
		v.Cite, v.CiteEN = a.Profile.Cite(b)
		v.Status = a.status(b)
		return
	}
}

// status is that of the document now.
func (v *view) status(b profile.Basis) profile.Status {
	for _, d := range v.Profile.Documents() {
		if d.ID == b.Document {
			return d.At(v.Now)
		}
	}
	return ""
}

// foreign reports whether a key is about another channel.
func (v *view) foreign(key string) bool {
	c, _, _ := strings.Cut(key, ".")
	return c != v.channel && slices.Contains(channels, c)
}

var channels = []string{profile.BySharing, profile.ByOpening, profile.ByOperation}

// basis is the first basis of a rule that binds who uses data by this channel: an
// article that speaks of sharing does not bind an operator, and the other way
// round. Which article speaks of what is what the profile's own keys of each
// channel cite.
func (v *view) basis(r profile.Rule) (profile.Basis, bool) {
	if r.Source != profile.Law {
		return profile.Basis{}, false
	}
	for _, b := range r.Basis {
		of := v.spoken[article{b.Document, b.Article}]
		if len(of) == 0 || of[v.channel] || r.Key == "channel.kinds" {
			return b, true
		}
	}
	return profile.Basis{}, false
}

type article struct {
	doc    string
	number int
}

// spoken says of each article which channels it speaks of.
func spoken(p profile.Profile) map[article]map[string]bool {
	all := map[article]map[string]bool{}
	for _, r := range p.Rules() {
		c, _, _ := strings.Cut(r.Key, ".")
		if !slices.Contains(channels, c) {
			continue
		}
		for _, b := range r.Basis {
			at := article{b.Document, b.Article}
			if all[at] == nil {
				all[at] = map[string]bool{}
			}
			all[at][c] = true
		}
	}
	return all
}

// words are what a rule lists, if it binds by this channel.
func (v *view) words(key string) []string {
	r, err := v.Profile.Rule(key)
	if err != nil || !r.Enforced() || v.foreign(key) {
		return nil
	}
	return r.Value.List()
}

// asks reports whether a rule that is not of another channel binds.
func (v *view) asks(key string) bool {
	r, err := v.Profile.Rule(key)
	return err == nil && r.Enforced() && !v.foreign(key)
}

// strict reports whether a demand stops, and is not merely recorded: some row
// of the text that binds names the key, or it is a rule of the house.
func (v *view) strict(key string) bool { return strict(v.Profile, key) }

func strict(p profile.Profile, key string) bool {
	r, err := p.Rule(key)
	if err != nil || !r.Enforced() {
		return false
	}
	return r.Source != profile.Law || slices.ContainsFunc(p.Rows(), func(row profile.Row) bool {
		return row.Tier.Binds() && slices.Contains(row.Keys, key)
	})
}

// A saying is what a code means, in words.
type saying struct {
	zh, en string
	who    fault.Party
}
