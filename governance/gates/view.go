package gates

import (
	"slices"
	"time"

	"github.com/yunei/yunei/governance/cases"
	"github.com/yunei/yunei/governance/papers"
	"github.com/yunei/yunei/governance/profile"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// Kinds of cases that terms rest on, and the reference of each that names its
// paper.
const (
	admitKind, admitRef         = "operator.admit", "application"
	scenarioKind, scenarioRef   = "scenario.apply", "application"
	agreementKind, agreementRef = "agreement.sign", "agreement"
	programKind, programRef     = "program.review", "program"
	consentKind, consentRef     = "consent.record", "consent"
	entryKind, entryRef         = "catalogue.review", "entry"

	listRef, decisionRef = "dataset-list", "scenario-decision"
)

// on is a case of the terms with its paper, and what is wrong with resting on
// it: "" is nothing.
type on[T any] struct {
	ref  jobs.CaseRef
	c    *cases.Case
	body T
	read bool   // the paper was
	bad  string // a code
}

func (o on[T]) ok() bool { return o.bad == "" }

// view is the facts, with the papers read.
type view struct {
	Facts

	at       Step
	ruled    bool // the profile is the one of the terms
	channel  string
	spoken   map[article]map[string]bool
	admitted on[papers.Admission]
	applied  on[papers.Scenario]
	signed   on[papers.Agreement]
	made     on[papers.Program]
	sheets   map[string]on[papers.Sheet] // by dataset
	lost     int                         // entries of the terms whose paper could not be read
}

func newView(f Facts, at Step) *view {
	w := &view{Facts: f, at: at, sheets: map[string]on[papers.Sheet]{}}
	u := f.Terms.Under
	if u == nil || f.Profile.ID() == "" || f.Profile.Frozen() != (profile.Frozen{ID: u.City, Version: u.Version, Digest: u.Rules}) || f.Now.IsZero() {
		return w
	}
	w.ruled, w.channel, w.spoken = true, u.Channel, spoken(f.Profile)
	w.admitted = only[papers.Admission](w, admitKind, admitRef, papers.KindAdmission)
	w.applied = only[papers.Scenario](w, scenarioKind, scenarioRef, papers.KindScenario)
	w.signed = only[papers.Agreement](w, agreementKind, agreementRef, papers.KindAgreement)
	w.made = only[papers.Program](w, programKind, programRef, papers.KindProgram)
	for _, ref := range u.Of(entryKind) {
		s := stand[papers.Sheet](w, ref, entryRef, papers.KindSheet)
		if _, twice := w.sheets[s.body.Dataset]; twice && s.read {
			s.bad = "entry-twice"
		}
		s = w.renew(s)
		if w.sheets[s.body.Dataset] = s; !s.read {
			w.lost++
		}
	}
	delete(w.sheets, "")
	return w
}

// only is the one case of a kind that the terms name.
func only[T any](w *view, kind, name string, paper papers.Kind) on[T] {
	switch refs := w.Terms.Under.Of(kind); len(refs) {
	case 0:
		return on[T]{bad: "case-none"}
	case 1:
		return stand[T](w, refs[0], name, paper)
	default:
		return on[T]{ref: refs[0], bad: "case-two"}
	}
}

// stand reads a case that the terms name, as it stood when they were written,
// and its paper.
func stand[T any](w *view, ref jobs.CaseRef, name string, paper papers.Kind) on[T] {
	o := on[T]{ref: ref, c: w.Cases[ref.ID]}
	if o.c == nil {
		o.bad = "case-unread"
		return o
	}
	opening := o.c.Opening()
	d, has := o.c.Ref(name)
	if has {
		o.body, o.read = paperOf[T](w, d, paper)
	}
	switch outcome, _ := o.c.Outcome(); {
	case o.c.ID() != ref.ID || opening.Kind != ref.Kind || o.c.Head() != ref.Head:
		o.bad = "case-moved"
	case opening.Profile.ID != w.Profile.ID() || opening.Profile.Version > w.Terms.Under.Version:
		o.bad = "case-rules"
	case outcome == cases.Pending:
		o.bad = "case-open"
	case outcome != cases.Approved:
		o.bad = "case-refused"
	case !o.read:
		o.bad = "paper-unread"
	case !w.Known.Newest:
		o.bad = "replaced-unread"
	case w.Replaced[ref.ID] != "":
		o.bad = "case-replaced"
	}
	return o
}

func paperOf[T any](w *view, d suite.Digest, kind papers.Kind) (T, bool) {
	var zero T
	raw, ok := w.Papers[d]
	if !ok || suite.DigestOf(raw) != d {
		return zero, false
	}
	body, err := papers.Read[T](raw, kind)
	if err != nil {
		return zero, false
	}
	return body, true
}

// unsureOf are the codes by which a fact is missing; the others are known to be
// against.
var unsureOf = []string{"case-unread", "case-moved", "paper-unread", "replaced-unread", "entry-newest"}

// stands reports whether a case can be rested on, and says what is wrong if not.
func stands[T any](a *asking, o on[T], kind string, keys ...string) bool {
	thing := o.ref.ID
	if thing == "" {
		thing = kind
	}
	switch {
	case o.ok():
		return true
	case slices.Contains(unsureOf, o.bad):
		a.unsure(o.bad, thing, keys...)
	default:
		a.no(o.bad, thing, keys...)
	}
	return false
}

// scenario is the paper of the scenario, if there is one to compare with;
// otherwise G2 says why not, and this gate that it cannot tell.
func (a *asking) scenario(keys ...string) (papers.Scenario, bool) {
	if !a.applied.ok() {
		a.unsure("needs-scenario", a.applied.ref.ID, keys...)
		return papers.Scenario{}, false
	}
	return a.applied.body, true
}

// orgOf is the organisation of a user, whether or not their key is still good.
func (v *view) orgOf(user string) string { return v.Register.Users[user].Org }

// allowed reports whether somebody of an organisation allowed at a stage, in the
// way that the case then went, and nobody of it did anything else.
func (v *view) allowed(c *cases.Case, stage, org string) bool {
	yes := false
	for _, cast := range c.Rulings(stage) {
		if v.orgOf(cast.By) != org {
			continue
		}
		if cast.Verdict != cases.Allow && cast.Verdict != cases.Conditional {
			return false
		}
		yes = true
	}
	return yes
}

// held says which orders hold a thing.
func (a *asking) held(kind, name string) {
	if !a.Known.Holds {
		a.unsure("holds-unread", name, "objection.suspend", "objection.open")
		return
	}
	for _, h := range a.Holds {
		if h.Kind != "all" && (h.Kind != kind || h.Name != name) {
			continue
		}
		a.no("held", h.ID, h.rests()...)
	}
}

// rests are the keys that a hold rests on. The rules on objections are those of a
// hold for one, and of one that names no other reason; what is held for another
// reason, of which the city says nothing, is the house's.
func (h Hold) rests() []string {
	var keys []string
	if h.Key != "" {
		keys = append(keys, h.Key)
	}
	if h.Reason == "" || h.Reason == "objection" {
		keys = append(keys, "objection.suspend", "objection.open")
	}
	return keys
}

// covers reports whether now and the terms lie within a term.
func (v *view) covers(from, to time.Time) bool {
	return !v.Now.Before(from) && v.Now.Before(to) && !v.Terms.NotBefore.Before(from) && !v.Terms.NotAfter.After(to)
}
