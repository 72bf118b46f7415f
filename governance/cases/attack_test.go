package cases

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

func refusedAs(t *testing.T, what string, err error, code string) {
	t.Helper()
	want(t, what, err, code, true)
}

// Nobody and nothing but a registered, live person takes part, whatever a
// process's key or the root key signs.
func TestOnlyPeople(t *testing.T) {
	w := newWorld(t)
	table, o := w.opening("catalogue.review", Provider)
	for _, name := range []string{"root", "yuneid", "gate", "site-hospital", "trustee-1"} {
		r, err := Begin(w.Keys[name], "c-1", table, o, w.now)
		if err != nil {
			t.Fatal(err)
		}
		refusedAs(t, name, w.hear(r), "unknown-key")
	}
	r, err := Begin(w.Keys["hospital-officer"], "c-1", table, o, w.now.AddDate(3, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	refusedAs(t, "an expired key", w.hear(r), "unknown-key")

	u := w.Users["hospital-officer"]
	p := w.Processes["gate"]
	p.Key = u.Key
	w.Processes["gate"] = p
	w.rules = NewRules(w.Register, w.tables)
	refusedAs(t, "a key that a process holds too", w.open("hospital-officer", "catalogue.review", Provider), "unknown-key")
}

// The zero values let nothing happen.
func TestZeroDenies(t *testing.T) {
	w := newWorld(t)
	table, o := w.opening("catalogue.review", Provider)
	r, err := Begin(w.Keys["hospital-officer"], "c-1", table, o, w.now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Rules{}.Apply(nil, r)
	refusedAs(t, "zero rules", err, "unknown-key")
	_, err = NewRules(w.Register, nil).Apply(nil, r)
	refusedAs(t, "no tables", err, "case-table")
	_, err = w.rules.Fold("c-1", nil)
	refusedAs(t, "no events", err, "not-found")
	var c *Case
	if o, _ := c.Outcome(); o != Pending {
		t.Errorf("no case is %s", o)
	}
	if Verdict("").known() || Verdict("").passes() || Verdict("allow").passes() {
		t.Error("no verdict passes")
	}
	if _, err := w.rules.View(nil, w.Users["op"].Key, w.now); !errors.Is(err, fault.NotFound) {
		t.Errorf("no case is seen: %v", err)
	}
}

func TestOpening(t *testing.T) {
	w := newWorld(t)
	for what, change := range map[string]func(*Opening){
		"a provider is nobody":            func(o *Opening) { o.Parties = map[Seat][]string{Bureau: {"bureau"}, Provider: {"nobody"}} },
		"a provider is an operator":       func(o *Opening) { o.Parties = map[Seat][]string{Bureau: {"bureau"}, Provider: {"rival"}} },
		"no provider":                     func(o *Opening) { o.Parties = map[Seat][]string{Bureau: {"bureau"}} },
		"two bureaus, where one has part": func(o *Opening) { o.Parties = map[Seat][]string{Bureau: {"audit", "bureau"}, Provider: {"hospital"}} },
		"a part that the table has not": func(o *Opening) {
			o.Parties = map[Seat][]string{Bureau: {"bureau"}, Provider: {"hospital"}, Checker: {"audit"}}
		},
	} {
		table, o := w.opening("scenario.apply", Operator)
		change(&o)
		r, err := Begin(w.Keys["op"], "c-1", table, o, w.now)
		if err != nil {
			t.Fatal(err)
		}
		refusedAs(t, what, w.hear(r), "case-parties")
	}
	for what, change := range map[string]func(*Opening, *Table){
		"a table of the signer's own": func(_ *Opening, t *Table) { t.Stages[1].Quorum = 9 },
	} {
		table, o := w.opening("evaluate.yearly", Bureau)
		table.Stages = append([]Stage{}, table.Stages...)
		change(&o, &table)
		r, err := Begin(w.Keys["bureau-officer"], "c-1", table, o, w.now)
		if err != nil {
			t.Fatal(err)
		}
		refusedAs(t, what, w.hear(r), "case-table")
	}
	table, o := w.opening("evaluate.yearly", Bureau)
	o.Year = 0
	r, err := Begin(w.Keys["bureau-officer"], "c-1", table, o, w.now)
	if err != nil {
		t.Fatal(err)
	}
	refusedAs(t, "no year", w.hear(r), "case-missing")
	if o.Parties[Operator][0] != "operator" {
		t.Fatal(o)
	}
	o.Year, o.Parties = 2026, map[Seat][]string{Bureau: {"bureau"}, Operator: {"operator"}}
	if r, err = Begin(w.Keys["rival"], "c-1", w.newest("agreement.sign"), Opening{Profile: o.Profile, Title: "x", Seat: Operator, Parties: o.Parties}, w.now); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, "somebody else's agreement", w.hear(r), "case-parties")
}

func (w *world) newest(kind string) Table {
	t, err := w.tables.Newest(kind)
	if err != nil {
		w.Fatal(err)
	}
	return t
}

// What was signed on a case as it stood counts there and nowhere else: not
// later, not twice, not in another case or round, and not with anything left out
// or in another order before it.
func TestEventsAreBound(t *testing.T) {
	w := newWorld(t)
	w.play(`
		op open scenario.apply operator
		op file commitment
		op submit
		bureau-officer allow`)
	early := w.sign("transit-officer", w.event("transit-officer", []string{"allow"}))
	w.play(`hospital-officer allow`)
	refusedAs(t, "a decision on an older head", w.hear(early), "case-stale")
	stale := w.event("transit-officer", []string{"allow"})
	stale.Ruling.On = suite.DigestOf([]byte("another list"))
	refusedAs(t, "a decision on another matter", w.hear(w.sign("transit-officer", stale)), "case-stale")
	wrong := w.sign("transit-officer", w.event("transit-officer", []string{"allow"}))
	w.play(`transit-officer allow`)
	refusedAs(t, "twice", w.hear(wrong), "case-stale")

	events := w.c.Receipts()
	for i := range events {
		if _, err := w.rules.Fold("c-1", append(append([]receipt.Receipt{}, events[:i]...), events[i+1:]...)); err == nil && i < len(events)-1 {
			t.Errorf("without event %d the others are taken", i)
		}
		if i == 0 {
			continue
		}
		swapped := append([]receipt.Receipt{}, events...)
		swapped[i-1], swapped[i] = swapped[i], swapped[i-1]
		if _, err := w.rules.Fold("c-1", swapped); err == nil {
			t.Errorf("with events %d and %d swapped all are taken", i-1, i)
		}
	}
	if _, err := w.rules.Fold("c-2", events); !errors.Is(err, fault.Tampered) {
		t.Errorf("they make another case: %v", err)
	}
	w.now = w.now.Add(-time.Hour)
	refusedAs(t, "an earlier time", w.hear(w.sign("bureau-2", w.event("bureau-2", []string{"allow"}))), "case-time")
}

// A sealed vote is its voter's own, on this matter, in this round.
func TestVotesAreBound(t *testing.T) {
	start := `
		op open output.vet operator
		op file use-statement
		op submit
		checker-a seal allow`
	w := newWorld(t)
	w.play(start)
	copied := w.event("checker-b", []string{"seal", "allow"})
	copied.Sealed = w.c.sides[0].votes[0].vote
	refusedAs(t, "another's commitment", w.hear(w.sign("checker-b", copied)), "vote-broken")
	w.play(`checker-b seal allow`)
	for what, change := range map[string]func(*Event){
		"another salt":    func(e *Event) { e.Salt = &suite.Salt{1} },
		"another verdict": func(e *Event) { e.Ruling = w.ruling(Deny, "") },
		"another's vote": func(e *Event) {
			b := w.ballot["checker-a"]
			e.Salt, e.Ruling = &b.salt, &b.ruling
		},
	} {
		e := w.event("checker-b", []string{"unseal"})
		change(&e)
		refusedAs(t, what, w.hear(w.sign("checker-b", e)), "vote-broken")
	}

	w = newWorld(t)
	w.play(start)
	w.play(`op withdraw`)
	w.replays() // the vote that was never opened stays in the history
}

// Whoever votes second learns nothing of the first vote before both are in; and
// who asked for the decision sees no vote at all.
func TestBlind(t *testing.T) {
	w := newWorld(t)
	w.play(`
		op open output.vet operator
		op file use-statement
		op submit`)
	fork, at := w.c, w.now
	see := func(vote, user string) string {
		w.c, w.now = fork, at
		w.play("checker-a seal " + vote)
		v, err := w.rules.View(w.c, w.Users[user].Key, w.now)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := encode(v)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for _, user := range []string{"checker-b", "checker-a", "bureau-officer", "op"} {
		first := see("allow", user)
		for _, other := range []string{"deny", "unsure"} {
			if again := see(other, user); again != first {
				t.Errorf("%s sees whether the vote is %s:\n%s\n%s", user, other, first, again)
			}
		}
	}
	w.play(`checker-b seal deny`)
	w.play(`checker-a unseal`)
	opener, err := w.rules.View(w.c, w.Users["op"].Key, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := encode(opener); err != nil || strings.Contains(raw, "checker-a") || len(opener.Sides) > 0 {
		t.Errorf("the operator sees who voted: %s %v", raw, err)
	}
	if _, err := w.rules.View(w.c, w.Users["rival"].Key, w.now); !errors.Is(err, fault.NotFound) {
		t.Errorf("a stranger sees the case: %v", err)
	}
}

// What a person is told that they can do is what they can do.
func TestAble(t *testing.T) {
	w := newWorld(t)
	w.play(`
		op open scenario.apply operator
		op file commitment
		op submit
		bureau-officer allow`)
	for user, want := range map[string]string{
		"op": "escalate withdraw", "rival": "", "auditor": "", "hospital-admin": "", "checker-a": "",
		"hospital-officer": "decide return file attest escalate", "bureau-2": "escalate",
	} {
		var got []string
		for _, o := range w.c.Able(w.person(user)) {
			got = append(got, string(o.Act))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s can %q, want %q", user, s, want)
		}
	}
	turn := w.c.Turn()
	if len(turn) != 2 || turn[0].Orgs[0] != "hospital" || turn[1].Orgs[0] != "transit" || turn[0].People != 1 {
		t.Errorf("turn %+v", turn)
	}
}

func TestReasonAndBasis(t *testing.T) {
	w := newWorld(t)
	w.play(`
		op open scenario.apply operator
		op file commitment
		op submit`)
	e := w.event("bureau-officer", []string{"unsure"})
	e.Ruling.Reason = ""
	refusedAs(t, "no reason", w.hear(w.sign("bureau-officer", e)), "case-reason")
	for what, b := range map[string]Basis{
		"law without an article": {Source: Law, Doc: "示例办法"},
		"a house rule with one":  {Source: House, Text: "x", Article: "第一条"},
		"neither":                {Doc: "示例办法", Article: "第一条"},
	} {
		e := w.event("bureau-officer", []string{"deny"})
		e.Ruling.Basis = []Basis{b}
		if err := w.hear(w.sign("bureau-officer", e)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	cites := w.rules.Citing(func(p Profile, key string) (string, bool) {
		return p.ID + " " + key, key == SeparationKey || key == BasisKey
	})
	for user, want := range map[string]string{"op": "gy " + SeparationKey, "hospital-officer": governance.House} {
		_, err := cites.Apply(w.c, w.sign(user, w.event(user, []string{"allow"})))
		if no, ok := errors.AsType[fault.Refusal](err); !ok || no.Basis != want {
			t.Errorf("%s is refused citing %v, want %s", user, err, want)
		}
	}
}

// The file of a case cannot be changed unseen in any byte.
func TestFileIsTamperEvident(t *testing.T) {
	w := newWorld(t)
	w.play(`
		hospital-officer open catalogue.review provider
		hospital-officer file entry-form
		hospital-officer submit
		bureau-officer allow`)
	raw, err := Export(w.c, w.Register)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.rules.Verify(raw); err != nil {
		t.Fatal(err)
	}
	// Names of people and organisations are the verifier's register's, not the file's.
	people := bytes.Index(raw, []byte(`"people"`))
	events := bytes.Index(raw, []byte(`"events"`))
	for i := 0; i < len(raw); i += 7 {
		if i > people && i < events {
			continue
		}
		bad := bytes.Clone(raw)
		bad[i] ^= 1
		if _, err := w.rules.Verify(bad); err == nil {
			t.Errorf("byte %d of %d: nobody notices", i, len(raw))
		}
	}
	f := mustFile(t, raw)
	f.Events = f.Events[:len(f.Events)-1]
	short, err := encode(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.rules.Verify([]byte(short)); !errors.Is(err, fault.Tampered) {
		t.Errorf("without its last event: %v", err)
	}
}

// Every refusal that the package can give is met in its tests.
func TestEveryRefusalIsMet(t *testing.T) {
	given, met := map[string]bool{}, ""
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			met += string(raw)
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, raw, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "refuse" {
				if lit, ok := call.Args[0].(*ast.BasicLit); ok {
					code, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					given[code] = true
				}
			}
			return true
		})
	}
	if len(given) < 20 {
		t.Fatalf("found %d refusals", len(given))
	}
	for code := range given {
		if !strings.Contains(met, "! "+code+"\n") && !strings.Contains(met, `"`+code+`")`) && !strings.Contains(met, `! `+code+"`") {
			t.Errorf("no test meets %s", code)
		}
	}
}

// A case does not grow without end.
func TestBounds(t *testing.T) {
	w := newWorld(t)
	w.play(`op open scenario.apply operator`)
	for i := range maxOwn {
		if err := w.hear(w.sign("op", Event{Act: Filed, Filing: &Filing{Name: "commitment", Digest: suite.DigestOf([]byte{byte(i)}), Media: "a/b", Title: "x"}})); err != nil {
			t.Fatal(err)
		}
	}
	refusedAs(t, "one more document", w.hear(w.sign("op", w.event("op", []string{"file", "commitment"}))), "exhausted")
	for w.c.events = w.c.events[:1]; len(w.c.events) < maxEvents; {
		w.c.events = append(w.c.events, w.c.events[0])
	}
	refusedAs(t, "one event more", w.hear(w.sign("op", w.event("op", []string{"withdraw"}))), "exhausted")
}

// A correction makes another matter, whatever was corrected: what was signed on
// the one before says nothing of it.
func TestCorrectionVoids(t *testing.T) {
	w := newWorld(t)
	w.play(`
		op open scenario.apply operator
		op file commitment
		op submit
		bureau-officer allow
		hospital-officer conditional precondition:masking
		transit-officer return columns`)
	before := w.c.Matter()
	if len(w.c.Conditions()) != 1 {
		t.Errorf("conditions %+v", w.c.Conditions())
	}
	w.play(`op answer columns`)
	if w.c.Matter() == before || len(w.c.Conditions()) > 0 {
		t.Errorf("after an answer the matter is the same, or %+v still holds", w.c.Conditions())
	}
	e := w.event("hospital-officer", []string{"allow"})
	e.Ruling.On = before
	refusedAs(t, "a decision on what was corrected", w.hear(w.sign("hospital-officer", e)), "case-stale")
}

// The decisions that a case stands on are found again, with their receipts.
func TestRulings(t *testing.T) {
	w := newWorld(t)
	w.play(`
		op open scenario.apply operator
		op file commitment
		op submit
		bureau-officer allow
		hospital-officer allow
		transit-officer conditional limit:rows
		bureau-2 return list
		op answer list`)
	if len(w.c.Rulings("intake")) != 1 || len(w.c.Rulings("providers")) != 0 {
		t.Errorf("after a correction: %+v, %+v", w.c.Rulings("intake"), w.c.Rulings("providers"))
	}
	w.play(`
		transit-officer allow
		hospital-officer conditional limit:columns
		bureau-2 allow
		@ passed ended`)
	by := map[string]bool{}
	for _, stage := range []string{"intake", "providers", "decision"} {
		for _, k := range w.c.Rulings(stage) {
			r := w.c.Receipts()[k.Event]
			if e, err := Read(r); err != nil || e.Ruling == nil || e.Stage != stage || r.By() != w.Users[k.By].Key {
				t.Errorf("%s: the ruling of %s is not event %d: %+v, %v", stage, k.By, k.Event, e, err)
			}
			by[k.By] = true
		}
	}
	if len(by) != 4 || len(w.c.Conditions()) != 1 || w.c.Conditions()[0].ID != "columns" {
		t.Errorf("decided by %v under %+v", by, w.c.Conditions())
	}
}

// A table that Lint would not have let through, where a corrected list comes
// back after the providers, still does not pass without them.
func TestDemandsHoldWithoutLint(t *testing.T) {
	w := newWorld(t)
	bad := w.newest("scenario.apply")
	bad.Stages = append([]Stage{}, bad.Stages...)
	last := &bad.Stages[len(bad.Stages)-1]
	again := *last.Return
	again.Again, last.Return = "decision", &again
	if bad.Lint() == nil {
		t.Fatal("Lint lets it through")
	}
	bad.Version = 2
	w.tables[bad.Digest()] = bad
	w.rules = NewRules(w.Register, w.tables)
	w.play(`
		op open scenario.apply operator
		op file commitment
		op submit
		bureau-officer allow
		hospital-officer allow
		transit-officer allow
		bureau-2 return list
		op answer list dataset-list=2
		@ decision open
		bureau-2 allow ! conflict
		@ decision open`)
}

// The document that counts is the last of its name: one that was checked does
// not vouch for one that was filed after it.
func TestVerifiedIsTheLastFiled(t *testing.T) {
	w := newWorld(t)
	w.play(`
		op open operator.admit operator
		op file organisation-attestation
		op file credit-check
		op file security-commitment
		op submit
		bureau-officer allow
		bureau-2 attest credit-check
		bureau-2 attest organisation-attestation
		bureau-2 return credit`)
	newer := doc("credit-check")
	newer.Digest = suite.DigestOf([]byte("a newer one"))
	if err := w.hear(w.sign("op", Event{Act: Filed, Filing: newer})); err != nil {
		t.Fatal(err)
	}
	w.play(`
		op answer credit
		bureau-2 allow ! case-unverified`)
}
