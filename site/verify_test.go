package site

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

// verifying is a world whose site offers verification, and terms of one.
func verifying(t *testing.T, edit func(*jobs.Terms)) (*world, jobs.Terms) {
	t.Helper()
	w := newWorld(t, append(crowd(20, false), person{id(30), []int64{1}})) // the last lives in 520102 only
	box, err := suite.NewBox()
	w.must(err)
	w.site.Box = box
	terms := w.Terms()
	terms.ID, terms.Program, terms.Params, terms.Limits, terms.Mode, terms.Threshold = "p-verify", jobs.Program{}, nil, jobs.Limits{}, "", 0
	terms.Members = terms.Members[:1]
	terms.Members[0].Schema, terms.Members[0].Columns = schema.Digest(), []string{"district"}
	terms.KMin, terms.Uses, terms.Shape = 1, 100, jobs.Shape{Namespace: jobs.NaturalPerson}
	terms.Verify = &jobs.Verify{Kind: jobs.YesNo, Box: box.Public(), Batch: 10, Daily: 10, Most: 25}
	if edit != nil {
		edit(&terms)
	}
	w.must(terms.Check())
	return w, terms
}

// A query that is asked in a test, with the box that its answer comes to.
type query struct {
	run   jobs.Run
	reply suite.Box
}

func claim(n int, district string) jobs.Claim {
	return jobs.Claim{ID: id(n), Codes: []string{district}}
}

// sameClaim is n times that a person is registered.
func sameClaim(n int) []jobs.Claim {
	var all []jobs.Claim
	for range n {
		all = append(all, claim(0, ""))
	}
	return all
}

// put asks a query: edit may change what the operator signs.
func (w *world) put(run string, t jobs.Terms, who string, edit func(*jobs.Run), claims ...jobs.Claim) query {
	w.Helper()
	box, err := suite.NewBox()
	w.must(err)
	plain, err := jobs.Claims{Reply: box.Public(), Claims: claims}.Bytes(t)
	w.must(err)
	q := query{jobs.Run{ID: run, Permit: t.Digest(), Purpose: t.Purpose, At: w.now, Asked: len(claims)}, box}
	q.run.Claims, err = t.Verify.Box.Seal(jobs.ClaimsInfo(run, t.Digest()), plain)
	w.must(err)
	if edit != nil {
		edit(&q.run)
	}
	raw, err := governance.Assemble(t, w.Decisions(w.TB, t))
	w.must(err)
	w.post(msg.Subject(run, 0, msg.Permit, msg.Coordinator), raw)
	w.post(msg.Subject(run, 0, jobs.Start, msg.Operator), w.Sign(w.TB, who, jobs.Start, receipt.About("run/"+run+"/0", t.Digest()), q.run).Bytes())
	return q
}

// answer is what the operator reads of what the site has said, if it has.
func (w *world) answer(q query, t jobs.Terms) (msg.CheckedBody, jobs.Answers) {
	w.Helper()
	b, ok := w.view(q.run.ID).Answered()
	if !ok {
		w.Fatalf("%s is not answered: it says %q, refused %q", q.run.ID, w.said(q.run.ID), w.view(q.run.ID).Refused())
	}
	plain, err := q.reply.Open(jobs.AnswerInfo(q.run.ID, t.Digest()), b.Answer)
	w.must(err)
	a, err := jobs.ParseAnswers(plain, *t.Verify, q.run.Asked)
	w.must(err)
	return b, a
}

func (w *world) wantRefused(run string, code fault.Code) {
	w.Helper()
	w.must(w.advance(run))
	if got := w.view(run).Refused(); got != code {
		w.Errorf("%s is refused with %q, want %q", run, got, code)
	}
	if n := len(w.site.Journal.All(string(charged))); w.site.Journal.Get(string(charged), run, new(charge)) == nil {
		w.Errorf("%s is refused and charged, among %d", run, n)
	}
}

// A claim holds if one row of that person has the code; nobody of the number and
// other codes are the same no, and every answer of so many claims is as long.
func TestVerifyAnswers(t *testing.T) {
	w, terms := verifying(t, nil)
	q := w.put("q-1", terms, "op", nil, claim(3, "520102"), claim(3, "520103"), claim(30, "520102"), claim(30, "520103"), claim(30, ""), claim(999, "520102"), claim(999, ""))
	w.runTo("q-1")
	b, a := w.answer(q, terms)
	if got := fmt.Sprint(a.Holds); got != "[true true true false true false false]" {
		t.Errorf("it answers %s", got)
	}
	if b.Asked != 7 || b.Daily != 7 || b.Spent != 7 || b.Day != jobs.Day(w.now) {
		t.Errorf("it is charged %+v", b)
	}
	other := w.put("q-2", terms, "op", nil, claim(30, "520103"), claim(999, ""), claim(998, ""))
	w.runTo("q-2")
	third, _ := w.answer(other, terms)
	if got := len(b.Answer) - len(third.Answer); got != 4 {
		t.Errorf("answers to 7 and 3 claims differ by %d bytes", got)
	}
	// What it said it says again, in the same bytes.
	before := w.said("q-1")
	w.restart()
	w.must(w.advance("q-1"))
	if after := w.said("q-1"); after != before {
		t.Errorf("it said %s and then %s", before, after)
	}
}

// A count is of a batch of different people, and a small one is not told.
func TestVerifyCounts(t *testing.T) {
	w, terms := verifying(t, func(t *jobs.Terms) {
		t.Verify.Kind, t.Verify.MinCount, t.Verify.Batch, t.Verify.Daily, t.Verify.Most = jobs.Count, 10, 12, 100, 100
	})
	people := func(from, known, others int) (all []jobs.Claim) {
		for i := range known {
			all = append(all, claim(from+i, ""))
		}
		for i := range others {
			all = append(all, claim(900+i, ""))
		}
		return all
	}
	for i, c := range []struct {
		known, others int
		want          string
	}{{12, 0, "12 false"}, {10, 2, "10 false"}, {9, 3, "0 true"}, {0, 12, "0 true"}} {
		q := w.put(fmt.Sprint("q-", i), terms, "op", nil, people(0, c.known, c.others)...)
		w.runTo(q.run.ID)
		if _, a := w.answer(q, terms); fmt.Sprint(a.Count, a.Few) != c.want {
			t.Errorf("of %d: %d, few %v", c.known, a.Count, a.Few)
		}
	}
	for name, claims := range map[string][]jobs.Claim{"too few": people(0, 9, 0), "one person twelve times": sameClaim(12)} {
		if _, err := (jobs.Claims{Reply: w.Desk.Public(), Claims: claims}).Bytes(terms); fault.Show(err).Code != "verify-claims" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The day's claims and the permit's are counted claim by claim, the day at
// Beijing, and a clock that is set back gives none.
func TestVerifyLimits(t *testing.T) {
	w, terms := verifying(t, func(t *jobs.Terms) { t.NotAfter = t.NotAfter.AddDate(1, 0, 0) })
	w.now = time.Date(2027, 3, 1, 15, 50, 0, 0, time.UTC) // ten to midnight at Beijing
	start := w.now
	w.put("q-1", terms, "op", nil, sameClaim(6)...)
	w.runTo("q-1")
	w.put("q-2", terms, "op", nil, sameClaim(5)...)
	w.wantRefused("q-2", "verify-rate")
	w.put("q-3", terms, "op", nil, sameClaim(4)...) // to the last claim
	w.runTo("q-3")
	w.put("q-4", terms, "op", nil, sameClaim(1)...)
	w.wantRefused("q-4", "verify-rate")
	// Another permit of the operator's on the dataset has no day of its own.
	second := terms
	second.ID, second.Scenario = "p-second", "another"
	w.put("q-5", second, "op", nil, sameClaim(1)...)
	w.wantRefused("q-5", "verify-rate")

	w.now = time.Date(2027, 3, 1, 16, 0, 0, 0, time.UTC)
	q := w.put("q-6", terms, "op", nil, sameClaim(8)...)
	w.runTo("q-6")
	if b, _ := w.answer(q, terms); b.Day != "2027-03-02" || b.Daily != 8 || b.Spent != 18 {
		t.Errorf("after midnight: %+v", b)
	}
	w.now = start.Add(-24 * time.Hour)
	w.put("q-7", terms, "op", nil, sameClaim(3)...)
	w.wantRefused("q-7", "verify-rate")
	w.now = time.Date(2027, 3, 3, 0, 0, 0, 0, time.UTC)
	w.put("q-8", terms, "op", nil, sameClaim(8)...)
	w.wantRefused("q-8", "verify-spent")
	w.put("q-9", terms, "op", nil, sameClaim(7)...)
	w.runTo("q-9")
}

// A site that dies beside any entry of a query answers it once, for one charge.
func TestVerifyCrashes(t *testing.T) {
	for point := range strings.FieldsSeq("verify used begun slot checked") {
		for _, moment := range []string{":before", ":after"} {
			t.Run(point+moment, func(t *testing.T) {
				w, terms := verifying(t, nil)
				q := w.put("q-1", terms, "op", nil, claim(30, "520103"), claim(30, "520102"))
				died := false
				w.site.Crash = func(at string) {
					if at == point+moment {
						died, w.site.Crash = true, nil
						panic(at)
					}
				}
				w.onward("q-1")
				b, a := w.answer(q, terms)
				if !died || b.Spent != 2 || fmt.Sprint(a.Holds) != "[false true]" || len(w.site.Journal.All(string(charged))) != 1 || kindsOf(w.said("q-1")) != "checked" {
					t.Errorf("died %v, %+v, %v, said %s", died, b, a.Holds, w.said("q-1"))
				}
			})
		}
	}
}

// Two queries at once do not share the claims that are left.
func TestVerifyAtOnce(t *testing.T) {
	w, terms := verifying(t, nil)
	var wg sync.WaitGroup
	for i := range 4 {
		run := fmt.Sprint("q-", i)
		w.put(run, terms, "op", nil, sameClaim(4)...)
		v := w.view(run)
		wg.Go(func() {
			_ = w.site.Advance(t.Context(), v) // refused, or due at its slot
		})
	}
	wg.Wait()
	if n := len(w.site.Journal.All(string(charged))); n != 2 {
		t.Errorf("%d queries of 4 claims are charged, of 10 claims a day", n)
	}
}

// Whatever is not the operator's own query under the permit is refused before it
// is charged, and nothing of the data is said.
func TestVerifyRefuses(t *testing.T) {
	w, terms := verifying(t, nil)
	first := w.put("q-1", terms, "op", nil, claim(3, "520102"))
	w.runTo("q-1")
	for name, c := range map[string]struct {
		who  string
		edit func(*jobs.Run)
		code fault.Code
	}{
		"another's key":          {"bureau-officer", nil, "permit-foreign"},
		"a query sent again":     {"op", func(r *jobs.Run) { *r = first.run }, "permit-foreign"},
		"another query's claims": {"op", func(r *jobs.Run) { r.Claims = first.run.Claims }, "verify-claims"},
		"claims tampered with":   {"op", func(r *jobs.Run) { r.Claims[40] ^= 1 }, "verify-claims"},
		"more claims than said":  {"op", func(r *jobs.Run) { r.Asked = 2 }, "verify-claims"},
		"no claim":               {"op", func(r *jobs.Run) { r.Asked, r.Claims = 0, nil }, "verify-claims"},
		"an oversized batch":     {"op", func(r *jobs.Run) { r.Asked = 11 }, "verify-claims"},
		"a negative batch":       {"op", func(r *jobs.Run) { r.Asked = -1 }, "verify-claims"},
		"another purpose":        {"op", func(r *jobs.Run) { r.Purpose = "marketing" }, "purpose"},
	} {
		t.Run(name, func(*testing.T) {
			run := "q-" + strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), "'", "")
			w.put(run, terms, c.who, c.edit, claim(3, "520102"))
			w.wantRefused(run, c.code)
		})
	}
	w.put("q-code", terms, "op", nil, claim(3, "999999"))
	w.wantRefused("q-code", "verify-claims")
	foreign := terms
	foreign.ID, foreign.Verify = "p-box", new(jobs.Verify)
	*foreign.Verify = *terms.Verify
	foreign.Verify.Box = w.Desk.Public()
	w.put("q-box", foreign, "op", nil, claim(3, "520102"))
	w.wantRefused("q-box", "verify-offer")
	numbers := terms
	numbers.ID, numbers.Members = "p-numbers", []jobs.Member{terms.Members[0]}
	numbers.Members[0].Columns = []string{"cost"}
	w.put("q-numbers", numbers, "op", nil, claim(3, ""))
	w.wantRefused("q-numbers", "verify-offer")
}

// What the provider holds is not answered, not even what was charged before; what
// the others' leases do not let through is not charged.
func TestVerifyHeld(t *testing.T) {
	w, terms := verifying(t, nil)
	h, err := w.site.Hold(msg.Held{Kind: msg.HoldDataset, Name: terms.Members[0].Dataset}, "a reason")
	w.must(err)
	w.put("q-1", terms, "op", nil, sameClaim(1)...)
	w.wantRefused("q-1", "held")
	w.must(w.site.Release(h.ID, "another reason"))
	q := w.put("q-2", terms, "op", nil, sameClaim(1)...)
	at, ok := later(w.advance("q-2"))
	if !ok {
		t.Fatal("it is not held back to its slot")
	}
	w.now = at
	h, err = w.site.Hold(everything, "a reason")
	w.must(err)
	if waits, ok := errors.AsType[party.Waits](w.advance("q-2")); !ok || waits.Code != party.Held || w.said("q-2") != "" {
		t.Errorf("under a hold: %v, says %q", waits, w.said("q-2"))
	}
	w.must(w.site.Release(h.ID, "another reason"))
	w.must(w.advance("q-2"))
	w.answer(q, terms)
	w.site.Standing = unleased{}
	w.put("q-3", terms, "op", nil, sameClaim(1)...)
	if waits, ok := errors.AsType[party.Waits](w.advance("q-3")); !ok || waits.Code != party.NoLease {
		t.Errorf("without leases: %v", waits)
	}
	if w.site.Journal.Get(string(charged), "q-3", new(charge)) == nil {
		t.Error("what waits is charged")
	}
}

// A query that was charged and is not answered while the permit is in force ends
// with that, and is not asked again for ever.
func TestVerifyTooLate(t *testing.T) {
	w, terms := verifying(t, nil)
	w.put("q-1", terms, "op", nil, sameClaim(1)...)
	if _, ok := later(w.advance("q-1")); !ok {
		t.Fatal("it is not held back to its slot")
	}
	w.now = terms.NotAfter
	w.must(w.advance("q-1"))
	if v := w.view("q-1"); v.Dead() != expired || kindsOf(w.said("q-1")) != "dead" {
		t.Errorf("it ends with %q, says %s", v.Dead(), w.said("q-1"))
	}
}

// unleased lets nothing through.
type unleased struct{}

func (unleased) Check(*msg.View) error { return party.Waits{Code: party.NoLease} }

// A site whose journal was brought back from before a query says nothing more.
func TestVerifyJournalBehind(t *testing.T) {
	w, terms := verifying(t, nil)
	w.put("q-1", terms, "op", nil, sameClaim(10)...)
	v := w.view("q-1")
	w.sayAs("site-hospital", msg.Checked, msg.CheckedBody{Of: v.Of(0, "site-hospital"), Asked: 10, Day: jobs.Day(w.now), Daily: 10, Spent: 10})
	w.put("q-2", terms, "op", nil, sameClaim(10)...)
	w.wantRefused("q-2", "journal-behind")
}

// Nobody can call trustees or the gate into a query: of it counts what the site
// says, and nothing else.
func TestVerifyHasNoRound(t *testing.T) {
	w, terms := verifying(t, nil)
	w.put("q-1", terms, "op", nil, sameClaim(1)...)
	v := w.view("q-1")
	w.say("yuneid", msg.Round, msg.RoundBody{Of: v.Of(1, "yuneid")})
	w.say("gate", msg.Candidate, msg.CandidateBody{Of: v.Of(0, "gate")})
	w.say("trustee-1", msg.Hello, msg.HelloBody{Of: v.Of(1, "trustee-1")})
	if v = w.view("q-1"); v.Round() != 0 || v.Over() || len(v.Receipts()) != 0 {
		t.Errorf("round %d, over %v, %d statements", v.Round(), v.Over(), len(v.Receipts()))
	}
}
