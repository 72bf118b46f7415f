package cases

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// needs says by hand who has to have allowed what before a case ends well, or
// ends against somebody: one of the lists, and of a list every line, "STAGE SEAT
// PEOPLE" or "STAGE each SEAT". What came before the last correction does not
// count, unless the line ends with "form".
var needs = map[string][][]string{
	"catalogue.review published":  {{"review bureau 1"}},
	"consent.record recorded":     {{"review bureau 1"}},
	"operator.admit licensed":     {{"intake bureau 1 form", "decision bureau 1"}},
	"scenario.apply passed":       {{"intake bureau 1 form", "providers each provider", "decision bureau 1"}},
	"agreement.sign in-force":     {{"signing each operator", "signing each bureau"}},
	"program.review usable":       {{"review bureau 1"}, {"second-review bureau 2"}},
	"output.vet cleared":          {{"vote checker 2"}, {"deliberation checker 2"}},
	"withdraw.dispose disposed":   {{"confirmation each provider"}},
	"incident.rectify closed":     {{"acceptance bureau 1"}},
	"incident.rectify censured":   {{"censure bureau 2"}},
	"evaluate.yearly passed":      {{"score bureau 1"}},
	"evaluate.yearly eliminated":  {{"elimination bureau 2"}},
	"objection.resolve corrected": {{"verification provider 1"}, {"complaint bureau 1"}, {"joint bureau 2"}, {"government bureau 1"}},
}

// entitled judges an ended case by its events alone, and by nothing that the
// fold has kept.
func entitled(w *world, kind, end string) error {
	last := 0
	for i, h := range w.c.history {
		if h.Act == Resubmit {
			last = i
		}
	}
	lists, known := needs[kind+" "+end]
	if !known {
		if kind == "objection.resolve" {
			lists = needs[kind+" corrected"]
		} else {
			return errors.New("no list says what it needs")
		}
	}
	for _, list := range lists {
		if !slices.ContainsFunc(list, func(line string) bool { return !given(w, kind, line, last) }) {
			return nil
		}
	}
	return fmt.Errorf("none of %v is there", lists)
}

func given(w *world, kind, line string, last int) bool {
	f := strings.Fields(line)
	if f[len(f)-1] == "form" {
		f, last = f[:len(f)-1], 0
	}
	round := 0
	for _, h := range w.c.history {
		if h.Stage == f[0] {
			round = max(round, h.Round)
		}
	}
	people, orgs := map[string]bool{}, map[string]bool{}
	for _, h := range w.c.history[last:] {
		u := w.Users[h.who.ID]
		if h.Stage != f[0] || h.Round != round || h.Ruling == nil || !h.Ruling.Verdict.passes() {
			continue
		}
		if kind != "agreement.sign" && (w.Orgs[u.Org].Kind == governance.Operator || u.Role == governance.RoleAdmin || u.ID == w.c.opener.ID) {
			return false // somebody decided who never may
		}
		people[u.ID], orgs[u.Org] = true, true
	}
	if f[1] != "each" {
		return fmt.Sprint(len(people)) >= f[2]
	}
	return !slices.ContainsFunc(parties[kind][Seat(f[2])], func(org string) bool { return !orgs[org] })
}

var openers = map[string][]string{
	"catalogue.review": {"hospital-officer provider"}, "consent.record": {"hospital-officer provider"}, "operator.admit": {"op operator"}, "scenario.apply": {"op operator"},
	"agreement.sign": {"op operator", "bureau-officer bureau"}, "program.review": {"op operator"}, "output.vet": {"op operator"},
	"objection.resolve": {"op operator", "bureau-officer bureau", "hospital-officer provider"},
	"withdraw.dispose":  {"bureau-officer bureau", "op operator", "hospital-officer provider"},
	"incident.rectify":  {"bureau-officer bureau", "hospital-officer provider"}, "evaluate.yearly": {"bureau-officer bureau"},
}

// forward lists what would bring the case on, by whom.
func (w *world) forward() (all [][]string) {
	s := w.c.now()
	for _, user := range w.everybody() {
		add := func(f ...string) { all = append(all, append([]string{user}, f...)) }
		for _, o := range w.c.Able(w.person(user)) {
			ready := len(o.Absent)+len(o.Unverified) == 0
			switch o.Act {
			case Submit, Decide:
				for _, name := range o.Absent {
					add("file", name)
				}
				if ready {
					add(map[Act]string{Submit: "submit", Decide: "allow"}[o.Act])
				}
				if _, on := w.c.table.Stage(w.c.target(OnDeny)); on && o.Act == Decide {
					add("deny", "law")
				}
			case Seal:
				add("seal", "allow")
			case Unseal:
				add("unseal")
			case Attest:
				for _, e := range w.c.evidence {
					if slices.Contains(s.Verified, e.Name) && e.By == "" && e.Filer != user {
						add("attest", e.Name)
					}
				}
			case Resubmit:
				add(w.args(nil, "answer")...)
			case Fulfil:
				for _, h := range w.c.conditions {
					if h.open() {
						add("fulfil", h.ID, "note")
					}
				}
			case Filed:
				if w.c.phase == Conditioned && w.c.onFile(*doc("note")) < 0 {
					add("file", "note")
				}
			case Start, Return, Escalate, Withdraw:
			}
		}
	}
	return all
}

// line draws what somebody tries: most often something that brings the case on,
// else something that they may do, and sometimes something that they may not.
func (w *world) line(t *rapid.T) (user string, f []string) {
	if on := w.forward(); len(on) > 0 && rapid.IntRange(0, 3).Draw(t, "on") > 0 {
		f := rapid.SampledFrom(on).Draw(t, "line")
		if f[1] == "submit" {
			return f[0], w.args(t, "submit")
		}
		return f[0], f[1:]
	}
	user = rapid.SampledFrom(w.everybody()).Draw(t, "user")
	tries := []string{"submit", "allow", "allow", "deny", "unsure", "conditional", "seal", "unseal", "return", "answer", "file", "attest", "fulfil", "escalate", "withdraw"}
	if able := w.c.Able(w.person(user)); len(able) > 0 && rapid.IntRange(0, 9).Draw(t, "able") > 0 {
		tries = nil
		for _, o := range able {
			if o.Act == Decide {
				tries = append(tries, "allow", "allow", "allow", "conditional", "unsure", "deny")
			} else if o.Act != Withdraw && o.Act != Escalate || rapid.IntRange(0, 9).Draw(t, "leave") == 0 {
				tries = append(tries, map[Act]string{Resubmit: "answer", Submit: "submit"}[o.Act]+map[bool]string{true: string(o.Act)}[o.Act != Resubmit && o.Act != Submit])
			}
		}
	}
	if len(tries) == 0 {
		tries = []string{"allow"}
	}
	return user, w.args(t, rapid.SampledFrom(tries).Draw(t, "act"))
}

func (w *world) args(t *rapid.T, act string) []string {
	s := w.c.now()
	one := func(list []string, other string) string {
		return rapid.SampledFrom(append(slices.Clone(list), other)).Draw(t, "word")
	}
	switch act {
	case "submit":
		if len(s.May) > 0 && rapid.Bool().Draw(t, "may") {
			return []string{act, one(s.May, s.May[0])}
		}
	case "conditional":
		return []string{act, one([]string{"limit", "precondition"}, "duty") + ":c" + fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "condition"))}
	case "seal":
		return []string{act, one([]string{"allow", "allow", "allow", "deny"}, "unsure")}
	case "return":
		if s.Return != nil && len(s.Return.Items) > 0 {
			return []string{act, one(s.Return.Items, "tea")}
		}
		return []string{act, one([]string{"columns"}, "purpose")}
	case "answer":
		f := []string{act}
		for _, item := range w.c.missing {
			f = append(f, item.ID)
		}
		return f
	case "file", "attest":
		next := slices.Clone(s.Evidence)
		for _, e := range w.c.evidence {
			next = append(next, e.Name)
		}
		return []string{act, one(next, "note")}
	case "fulfil":
		open := []string{"c1"}
		for _, h := range w.c.conditions {
			open = append(open, h.ID)
		}
		return []string{act, one(open, "c2"), one([]string{"commitment", "note"}, "credit-check")}
	}
	return []string{act}
}

// However people act, in whatever order, a case is at a place that its table
// lists, ends well only after everyone who had to has allowed it, and follows
// from its events alone.
func TestSequences(t *testing.T) {
	w := newWorld(t)
	ended := map[string]int{}
	check := func(t *rapid.T) {
		kind := rapid.SampledFrom(w.tables.Kinds()).Draw(t, "kind")
		by := strings.Fields(rapid.SampledFrom(openers[kind]).Draw(t, "opener"))
		w.c, w.now, w.ballot = nil, morning, map[string]ballot{}
		if err := w.open(by[0], kind, Seat(by[1])); err != nil {
			t.Fatal(err)
		}
		for n := rapid.IntRange(5, 60).Draw(t, "events"); n > 0 && w.c.phase != Ended; n-- {
			w.now = w.now.Add(time.Minute)
			user, f := w.line(t)
			if w.c.phase == Returned && f[0] == "answer" {
				slices.Sort(f[1:])
			}
			err := w.hear(w.sign(user, w.event(user, f)))
			_, told := errors.AsType[fault.Refusal](err)
			if err != nil && !told && fault.Of(err) != fault.Invalid {
				t.Fatalf("%s %v: %v", user, f, err)
			}
			w.lawful(t, kind)
		}
		again, err := w.rules.Fold(w.c.id, w.c.Receipts())
		if err != nil || dump(again) != dump(w.c) {
			t.Fatalf("replayed it is another case: %v", err)
		}
		_, end := w.c.Outcome()
		ended[kind+" "+end]++
	}
	if os.Getenv("YUNEI_PROVE") == "" {
		rapid.Check(t, check)
		return
	}
	for range 50 {
		rapid.Check(t, check)
	}
	for at := range needs {
		if ended[at] == 0 {
			t.Errorf("no sequence came to %s", at)
		}
	}
	t.Log(ended)
}

// lawful checks where the case stands.
func (w *world) lawful(t *rapid.T, kind string) {
	t.Helper()
	c := w.c
	_, stage := c.table.Stage(c.stage)
	end, isEnd := c.table.End(c.stage)
	if stage == isEnd || isEnd != (c.phase == Ended) {
		t.Fatalf("%s is at %q, %s", kind, c.stage, c.phase)
	}
	if outcome, _ := c.Outcome(); (outcome == Pending) == isEnd {
		t.Fatalf("%s at %q is %q", kind, c.stage, outcome)
	}
	if !isEnd {
		if len(c.Turn()) == 0 {
			t.Fatalf("%s at %s, %s: it is nobody's turn", kind, c.stage, c.phase)
		}
		return
	}
	if end.Outcome == Refused || end.Outcome == Withdrawn {
		return
	}
	if err := entitled(w, kind, end.ID); err != nil {
		t.Fatalf("%s ended as %s: %v", kind, end.ID, err)
	}
	for _, h := range c.conditions {
		if h.open() {
			t.Fatalf("%s ended as %s without the precondition %s", kind, end.ID, h.ID)
		}
	}
}

// An event is what anybody with a key can sign, and is read with that in mind.
func FuzzEvent(f *testing.F) {
	w := newWorld(f)
	w.play(`
		op open scenario.apply operator
		op file commitment
		op submit
		bureau-officer allow
		hospital-officer return columns
		op answer columns`)
	for _, h := range w.c.history {
		raw, err := json.Marshal(h.Event)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	key := w.Keys["transit-officer"]
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		var e Event
		if json.Unmarshal(raw, &e) != nil {
			e.Prev = suite.DigestOf(nil)
		}
		r, err := receipt.Sign(key, Statement, about(e.Case, e.Prev), json.RawMessage(raw))
		if err != nil {
			return
		}
		before := dump(w.c)
		if _, err := w.rules.Apply(w.c, r); err != nil && fault.Of(err) == fault.Internal {
			t.Errorf("refused as our own fault: %v", err)
		}
		if _, err := w.rules.Apply(nil, r); err == nil {
			t.Error("a provider opened something")
		}
		if dump(w.c) != before {
			t.Error("the case has changed")
		}
	})
}

func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	w.play(`
		hospital-officer open catalogue.review provider
		hospital-officer submit
		bureau-officer allow`)
	raw, err := Export(w.c, w.Register)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := w.rules.Verify(raw)
		if (c == nil) == (err == nil) {
			t.Errorf("verified to %v and %v", c, err)
		}
		if err != nil && fault.Of(err) == fault.Internal {
			t.Errorf("refused as our own fault: %v", err)
		}
	})
}

// hundred is a case of a hundred events.
func hundred(tb testing.TB) *world {
	tb.Helper()
	w := newWorld(tb)
	w.play(`
		op open scenario.apply operator
		op file commitment
		op submit
		bureau-officer allow`)
	for len(w.c.events) < 98 {
		w.play(`
			hospital-officer allow
			transit-officer return columns
			op answer columns`)
	}
	w.play(`
		hospital-officer allow
		transit-officer allow`)
	return w
}

func BenchmarkFold(b *testing.B) {
	w := hundred(b)
	events := w.c.Receipts()
	b.ResetTimer()
	for range b.N {
		if _, err := w.rules.Fold("c-1", events); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(events)), "events")
}

func BenchmarkVerify(b *testing.B) {
	w := hundred(b)
	raw, err := Export(w.c, w.Register)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		if _, err := w.rules.Verify(raw); err != nil {
			b.Fatal(err)
		}
	}
}
