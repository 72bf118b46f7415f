package cases

import (
	"fmt"
	"slices"

	"github.com/yunei/yunei/fault"
)

// Lint proves of a table what the fold relies on: that every word is known,
// every stage and end is reached, every stage can be left and every case can
// end, that nobody decides on an own case, that a refusal has to cite a basis,
// that what is overdue, escalated or not to be told is never an approval, and
// that a corrected matter comes before everybody who has decided on it again.
func (t Table) Lint() error {
	for _, check := range []func() error{t.lintHead, t.lintStages, t.lintWays, t.lintCorrections} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func wrong(format string, args ...any) error {
	return fmt.Errorf("table: "+format+": %w", append(args, fault.Invalid)...)
}

func (t Table) lintHead() error {
	if !word(t.Kind) || t.Version < 1 || !title(t.ZH) || !title(t.EN) || t.Rule != "" && !word(t.Rule) {
		return wrong("no kind, version or name")
	}
	if (t.Channel == "") != (len(t.Route) == 0) || t.Channel != "" && !word(t.Channel) || len(t.Route) > 4 || slices.ContainsFunc(t.Route, func(w string) bool { return !word(w) }) {
		return wrong("the way by %q", t.Channel)
	}
	if len(t.Stages) == 0 || len(t.Stages) > 32 || len(t.Ends) == 0 || len(t.Ends) > 16 {
		return wrong("%d stages and %d ends", len(t.Stages), len(t.Ends))
	}
	if len(t.Opens) == 0 {
		return wrong("nobody opens it")
	}
	for _, s := range t.Opens {
		if s != Operator && s != Provider && s != Bureau {
			return wrong("%q cannot open a case", s)
		}
	}
	for s, span := range t.Parties {
		if _, known := seats[s]; !known || span.Min < 0 || span.Max < 1 || span.Min > span.Max || span.Max > maxOrgs {
			return wrong("the part %q", s)
		}
	}
	seen := map[string]bool{}
	for _, s := range t.Stages {
		if !word(s.ID) || seen[s.ID] || !title(s.ZH) || !title(s.EN) {
			return wrong("stage %q: its name", s.ID)
		}
		seen[s.ID] = true
	}
	for _, e := range t.Ends {
		if !word(e.ID) || seen[e.ID] || !title(e.ZH) || !title(e.EN) {
			return wrong("end %q: its name", e.ID)
		}
		if !slices.Contains([]Outcome{Approved, Refused, Adverse, Settled, Withdrawn}, e.Outcome) {
			return wrong("end %q: outcome %q", e.ID, e.Outcome)
		}
		seen[e.ID] = true
	}
	return nil
}

func (t Table) lintStages() error {
	for i, s := range t.Stages {
		if i == 0 && (s.Work != Hand || len(s.Owners) != 1 || s.Owners[0].Seat != Opener) {
			return wrong("stage %q: a case begins with what its opener hands in", s.ID)
		}
		for _, check := range []func(Stage) error{t.lintOwners, lintWords, lintWork, t.lintApart, t.lintEdges} {
			if err := check(s); err != nil {
				return fmt.Errorf("stage %q: %w", s.ID, err)
			}
		}
	}
	return nil
}

func (t Table) lintOwners(s Stage) error {
	if len(s.Owners) == 0 || len(s.Owners) > 4 || s.Quorum < 0 || s.Quorum > 9 {
		return wrong("nobody's turn, or too many people's")
	}
	var had []Seat
	for _, o := range s.Owners {
		if _, known := t.Parties[o.Seat]; o.Seat != Opener && !known {
			return wrong("%q has no part in the case", o.Seat)
		}
		if slices.Contains(had, o.Seat) || o.Seat == Opener && o.Each {
			return wrong("the owner %q", o.Seat)
		}
		had = append(had, o.Seat)
	}
	return nil
}

// lintWords holds the words of a stage's lists against how words are spelled.
func lintWords(s Stage) error {
	for _, list := range [][]string{s.Refs, s.May, s.Evidence, s.Verified, s.Reasons} {
		for i, w := range list {
			if !word(w) || slices.Contains(list[:i], w) || len(list) > maxRefs {
				return wrong("the word %q", w)
			}
		}
	}
	for _, w := range s.Verified {
		if !slices.Contains(s.Evidence, w) {
			return wrong("%q is to be verified and is not asked for", w)
		}
	}
	for _, key := range []string{s.Clock, s.Rule} {
		if key != "" && !word(key) {
			return wrong("the key %q", key)
		}
	}
	return nil
}

func lintWork(s Stage) error {
	switch s.Work {
	case Hand:
		if len(s.Refs) == 0 || s.Quorum > 1 || s.Blind || s.Formal || s.Apart != "" || s.Basis != "" || s.Return != nil || len(s.Verified)+len(s.Reasons) > 0 {
			return wrong("handing in is for one person, and names what")
		}
	case Rule, Sign:
		if len(s.Refs)+len(s.May) > 0 {
			return wrong("who decides hands nothing in")
		}
		if s.Work == Sign && (len(s.Owners) < 2 || s.Blind || s.Formal || s.Apart != "") {
			return wrong("signing is for two sides at least, in the open")
		}
		if s.Blind && (s.people() < 2 || len(s.Owners) != 1 || s.Owners[0].Each || len(s.Reasons) == 0 || s.Return != nil || s.On[OnInconclusive] == "") {
			return wrong("blind votes are those of one side of two people at least, for reasons of a closed list, and lead somewhere if they cannot tell")
		}
	default:
		return wrong("the work %q", s.Work)
	}
	return nil
}

// lintApart proves that nobody can decide on an own case, and that no one who
// uses data decides at all: managing is kept from operating (管运分离).
func (t Table) lintApart(s Stage) error {
	for _, b := range s.Barred {
		if _, there := t.Stage(b); !there || b == s.ID {
			return wrong("barred by %q", b)
		}
	}
	if s.Work != Rule {
		return nil
	}
	if s.Apart != ApartOrg && s.Apart != ApartPerson {
		return wrong("who decides is not kept apart from who asks")
	}
	for _, o := range s.Owners {
		if o.Seat == Opener || o.Seat == Operator {
			return wrong("%q would decide on an own case", o.Seat)
		}
		if s.Apart == ApartOrg && slices.Contains(t.Opens, o.Seat) {
			return wrong("%q opens such cases, and could be kept apart from them by person only", o.Seat)
		}
	}
	return nil
}

func (t Table) lintEdges(s Stage) error {
	need, may := []Edge{OnSubmit}, []Edge{OnEscalate, OnWithdraw}
	if s.decides() {
		need, may = []Edge{OnAllow, OnDeny}, append(may, OnInconclusive)
	}
	for _, e := range need {
		if s.On[e] == "" {
			return wrong("%s leads nowhere", e)
		}
	}
	for e, to := range s.On {
		if !slices.Contains(need, e) && !slices.Contains(may, e) {
			return wrong("the edge %q", e)
		}
		if err := t.lintEdge(e, to); err != nil {
			return err
		}
	}
	for _, g := range s.When {
		if s.On[g.On] == "" || !slices.Contains([]Edge{OnSubmit, OnAllow, OnDeny}, g.On) || !t.hands(g.Ref) {
			return wrong("the guard on %s with %q", g.On, g.Ref)
		}
		if err := t.lintEdge(g.On, g.To); err != nil {
			return err
		}
	}
	if up := s.On[OnEscalate] != ""; up != (s.Ascent == WhenLate || s.Ascent == AnyTime) || !up && s.Ascent != "" || s.Ascent == WhenLate && s.Clock == "" || s.Blind && s.Ascent == AnyTime {
		return wrong("when it is escalated: %q", s.Ascent)
	}
	if s.decides() && s.Basis != CitesLaw && s.Basis != CitesAny {
		return wrong("a refusal would need no basis")
	}
	return nil
}

// lintEdge refuses an edge that leads to nothing, or to more than it may: only
// who allows approves, or who hands something in settles what nobody asked for.
func (t Table) lintEdge(e Edge, to string) error {
	end, isEnd := t.End(to)
	if _, isStage := t.Stage(to); !isStage && !isEnd {
		return wrong("%s leads to %q, which is not there", e, to)
	}
	if !isEnd {
		if e == OnWithdraw {
			return wrong("what is withdrawn ends")
		}
		return nil
	}
	may := map[Edge][]Outcome{
		OnSubmit: {Settled, Refused}, OnAllow: {Approved, Adverse, Settled}, OnDeny: {Refused, Adverse}, OnWithdraw: {Withdrawn},
	}
	if !slices.Contains(may[e], end.Outcome) {
		return wrong("%s ends %s", e, end.Outcome)
	}
	return nil
}

func (t Table) hands(ref string) bool {
	return slices.ContainsFunc(t.Stages, func(s Stage) bool { return slices.Contains(s.Refs, ref) || slices.Contains(s.May, ref) })
}

// lintWays proves that every stage and end is reached from the first stage, and
// that an end is reached from every stage.
func (t Table) lintWays() error {
	reached := t.reach(t.Stages[0].ID, "")
	for _, s := range t.Stages {
		if !reached[s.ID] {
			return wrong("stage %q is never reached", s.ID)
		}
		from := t.reach(s.ID, "")
		if !slices.ContainsFunc(t.Ends, func(e End) bool { return from[e.ID] && e.Outcome != Withdrawn }) {
			return wrong("stage %q leads to no end", s.ID)
		}
	}
	for _, e := range t.Ends {
		if !reached[e.ID] {
			return wrong("end %q is never reached", e.ID)
		}
	}
	return nil
}

// reach is what can be reached from a stage without an allowance of another.
func (t Table) reach(from, without string) map[string]bool {
	seen := map[string]bool{from: true}
	for todo := []string{from}; len(todo) > 0; {
		s, _ := t.Stage(todo[0])
		todo = todo[1:]
		for _, way := range s.exits() {
			if !seen[way.to] && (s.ID != without || way.edge != OnAllow) {
				seen[way.to] = true
				todo = append(todo, way.to)
			}
		}
	}
	return seen
}

// Demands lists the stages that have to allow before a case of this kind can
// come to an end: there is no way there without.
func (t Table) Demands(end string) []string {
	var all []string
	for _, s := range t.Stages {
		if s.decides() && !t.reach(t.Stages[0].ID, s.ID)[end] {
			all = append(all, s.ID)
		}
	}
	return all
}

// lintCorrections proves of every stage that returns a case that somebody there
// can correct it, and that it then comes before everyone who may have decided
// on what has changed.
func (t Table) lintCorrections() error {
	for _, s := range t.Stages {
		if s.Return == nil {
			continue
		}
		by, ok := t.Stage(s.Return.By)
		if _, there := t.Stage(s.Return.Again); !ok || by.Work != Hand || !there || s.Return.Clock != "" && !word(s.Return.Clock) {
			return wrong("stage %q: returned to %q, and on to %q", s.ID, s.Return.By, s.Return.Again)
		}
		for i, w := range s.Return.Items {
			if !word(w) || slices.Contains(s.Return.Items[:i], w) || len(s.Return.Items) > maxItems {
				return wrong("stage %q: the item %q", s.ID, w)
			}
		}
		for _, e := range t.Ends {
			for _, d := range t.Demands(e.ID) {
				if demanded, _ := t.Stage(d); e.Outcome != Refused && !demanded.Formal && t.reach(s.Return.Again, d)[e.ID] {
					return wrong("stage %q: what is corrected does not come before %q again", s.ID, d)
				}
			}
		}
	}
	return nil
}
