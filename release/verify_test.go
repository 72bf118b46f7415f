package release

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

func TestReleaseHolds(t *testing.T) {
	for _, c := range []struct {
		name  string
		story story
	}{
		{"dp, two trustees", story{}},
		{"sdc, three trustees", story{mode: jobs.SDC, trustees: 3}},
		{"dp, seven trustees, all but one witness", story{trustees: 7, witnesses: []string{"trustee-1", "trustee-2", "trustee-4", "trustee-5", "trustee-6", "trustee-7"}}},
		{"without titles", story{
			editTerms:     func(t *jobs.Terms) { t.Shape.Dims[0].Title, t.Shape.Dims[0].Labels = "", []string{"", "女"} },
			editCandidate: func(c *jobs.Candidate) { c.Dims = relabelled(c.Dims, "sex", "1", "女") },
		}},
		{"the third round", story{trustees: 3, rounds: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.story.tb = t
			s := c.story.tell()
			raw := s.raw()
			r, err := Verify(raw, s.pins())
			must(t, err)
			if !r.Valid || r.Run != runID || len(r.Checks) != len(checks) || r.Candidate.Cells[0][0] != 120 || len(r.NotProven) < 9 {
				t.Errorf("the report is not whole: %+v", r)
			}
			if diff := cmp.Diff([]string{"checker-1", "checker-2"}, r.Checkers); diff != "" {
				t.Error(diff)
			}
			if !r.Witnessed.Equal(noon.Add(time.Hour)) || (len(r.Debits) == 2) != (s.mode == jobs.DP) {
				t.Errorf("witnessed %s, %d debits", r.Witnessed, len(r.Debits))
			}
			t.Logf("a bundle of %d statements: %d bytes", len(s.order), len(raw))
		})
	}
}

// A candidate that failed goes out by exception of both who approve, which the
// report names by code and spells out.
func TestException(t *testing.T) {
	e := governance.Exceptions[0]
	s := story{tb: t, editBody: failed("fail", e.Code)}
	r, err := Verify(s.tell().raw(), s.pins())
	must(t, err)
	if diff := cmp.Diff([]string{e.Code, e.Code}, r.Exceptions); diff != "" || r.Verdict != "fail" {
		t.Errorf("verdict %s: %s", r.Verdict, diff)
	}
	for l, want := range map[Lang]string{ZH: e.ZH, EN: e.EN} {
		var b strings.Builder
		must(t, r.Print(&b, l))
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report does not say %q", want)
		}
	}
}

// failed has the gate come to a verdict, and every vote name an exception.
func failed(verdict, exception string) func(receipt.Kind, msg.Body) msg.Body {
	judge := body(msg.Candidate, "gate", func(c *msg.CandidateBody) { c.Verdict = verdict })
	except := votes(func(v *msg.Vote) { v.Exception = exception }, "checker-1", "checker-2")
	return func(kind receipt.Kind, b msg.Body) msg.Body { return except(kind, judge(kind, b)) }
}

// wantBroken demands that a bundle breaks at a check, and that the report says
// nothing else of it.
func wantBroken(t *testing.T, raw []byte, pins Pins, want string) *Broken {
	t.Helper()
	r, err := Verify(raw, pins)
	b, ok := errors.AsType[*Broken](err)
	if !ok {
		t.Fatalf("want %s to break, got %v", want, err)
	}
	if b.Check.Name != want {
		t.Fatalf("want %s to break, got %v", want, err)
	}
	last := r.Checks[len(r.Checks)-1]
	if r.Valid || r.Run != "" || r.Candidate.Format != "" || last.OK || last.Name != want || fault.Of(err) == fault.Internal {
		t.Fatalf("the report is not that of a broken bundle: %+v, %v", r, err)
	}
	return b
}

// body changes the statements of one kind, of one party ("" for any).
func body[B msg.Body](kind receipt.Kind, party string, edit func(*B)) func(receipt.Kind, msg.Body) msg.Body {
	return func(k receipt.Kind, b msg.Body) msg.Body {
		v, ok := b.(B)
		if !ok || k != kind || party != "" && !strings.Contains(fmt.Sprintf("%+v", v), "Party:"+party+"}") {
			return b
		}
		edit(&v)
		return v
	}
}

// What a platform, its log and its witnesses may tell, and still be found out.
func TestBentStories(t *testing.T) {
	stranger := keyOf(t, "stranger").Public()
	const (
		gate = "gate"
		a, b = "site-a", "site-b"
	)
	for _, c := range []struct {
		name  string
		want  string
		story story
	}{
		{"no application", CheckPermit, story{noDecision: jobs.Apply}},
		{"no agreement", CheckPermit, story{noDecision: jobs.Agree}},
		{"a provider with a key of the platform's making", CheckPermit, story{editTerms: func(t *jobs.Terms) { t.Members[0].Provider.Key = t.Checkers[0].Key }}},
		{"the operator votes on its own job", CheckPermit, story{editTerms: func(t *jobs.Terms) { t.Checkers[1] = t.Operator }}},
		{"a trustee whom nobody pinned", CheckTrustees, story{editTerms: func(t *jobs.Terms) { t.Trustees.Members[1].Key = stranger }}},
		{"started by someone else", CheckStart, story{signer: map[string]string{"operator": "bureau"}}},
		{"started for another purpose", CheckStart, story{editStart: func(r *jobs.Run) { r.Purpose = "marketing" }}},
		{"started with another program", CheckStart, story{editStart: func(r *jobs.Run) { r.Program = digestOf("worm") }}},
		{"started under another permit", CheckStart, story{editStart: func(r *jobs.Run) { r.Permit = digestOf("permit") }}},
		{"a start of another run", CheckStart, story{editStart: func(r *jobs.Run) { r.ID = "run-2" }}},
		{"started when the permit had expired", CheckDates, story{editStart: func(r *jobs.Run) { r.At = noon.Add(24 * time.Hour) }}},
		{"started before the permit was in force", CheckDates, story{editStart: func(r *jobs.Run) { r.At = noon.Add(-2 * time.Hour) }}},
		{"a vote signed by the operator", CheckStatements, story{signer: map[string]string{"checker-2": "operator"}}},
		{"a sum signed by the coordinator", CheckStatements, story{signer: map[string]string{gate: "yuneid"}}},
		{"a confirmation by the wrong site", CheckStatements, story{signer: map[string]string{b: a}}},
		{"a statement about another run", CheckStatements, story{editBody: body(msg.Confirm, b, func(c *msg.ConfirmBody) { c.Run = "run-2" })}},
		{"a statement about another permit", CheckStatements, story{editBody: body(msg.Reveal, b, func(c *msg.RevealBody) { c.Permit = digestOf("x") })}},
		{"a trustee vouches for another key", CheckKey, story{editBody: body(msg.Key, "trustee-2", func(k *msg.KeyBody) { k.Key = digestOf("own") })}},
		{"a trustee saw another transcript", CheckKey, story{editBody: body(msg.Key, "trustee-2", func(k *msg.KeyBody) { k.Transcript = digestOf("own") })}},
		{"a key share chosen after another was shown", CheckKey, story{reorder: before(place(1, msg.KeyOpen, "trustee-1"), place(1, msg.KeyCommit, "trustee-2"))}},
		{"a member lets another form in", CheckAdmission, story{editBody: body(msg.Admitted, b, func(c *msg.AdmittedBody) { c.Form = digestOf("another") })}},
		{"a member lets another program in", CheckAdmission, story{editBody: body(msg.Admitted, b, func(c *msg.AdmittedBody) { c.Program = digestOf("another") })}},
		{"a member runs on another engine", CheckAdmission, story{editBody: body(msg.Admitted, b, func(c *msg.AdmittedBody) { c.Engines = nil })}},
		{"admitted after the seal", CheckAdmission, story{reorder: before(place(0, msg.Admitted, a), place(1, msg.Reveal, a))}},
		{"a member signs another set", CheckSet, story{editBody: body(msg.Confirm, b, func(c *msg.ConfirmBody) { c.Set.Members = c.Set.Members[:1] })}},
		{"a member signs for another gate key", CheckSet, story{editBody: body(msg.Confirm, b, func(c *msg.ConfirmBody) { c.Set.Receiver = digestOf("own") })}},
		{"sealed before there was a key", CheckSet, story{reorder: before(place(1, msg.Commit, a), place(1, msg.Key, "trustee-2"))}},
		{"no debit in mode dp", CheckSet, story{editBody: body(msg.Confirm, b, func(c *msg.ConfirmBody) { c.Debit = nil })}},
		{"other ciphertexts than committed to", CheckReveals, story{editBody: body(msg.Reveal, b, func(c *msg.RevealBody) { c.Parts = parts("minus site-a") })}},
		{"revealed before the set was signed", CheckReveals, story{reorder: before(place(1, msg.Reveal, a), place(1, msg.Confirm, b))}},
		{"a sum of other ciphertexts", CheckSum, story{editBody: body(msg.Sum, gate, func(c *msg.SumBody) { c.Parts = c.Parts[:1] })}},
		{"a sum before all had revealed", CheckSum, story{reorder: before(place(1, msg.Sum, gate), place(1, msg.Reveal, b))}},
		{"a trustee found another sum", CheckAnswers, story{editBody: body(msg.Ready, "trustee-2", func(c *msg.ReadyBody) { c.Sum = digestOf("x") })}},
		{"a trustee answers another call", CheckAnswers, story{editBody: body(msg.Answer, "trustee-2", func(c *msg.AnswerBody) { c.Active = digestOf("x") })}},
		{"the gate calls for another sum", CheckAnswers, story{editBody: body(msg.Active, gate, func(c *msg.ActiveBody) { c.Sum = digestOf("x") })}},
		{"fewer than a quorum", CheckAnswers, story{editBody: body(msg.Active, gate, func(c *msg.ActiveBody) { c.Points = []int{1} })}},
		{"one trustee twice", CheckAnswers, story{editBody: body(msg.Active, gate, func(c *msg.ActiveBody) { c.Points = []int{1, 1} })}},
		{"trustee number 0", CheckAnswers, story{editBody: body(msg.Active, gate, func(c *msg.ActiveBody) { c.Points = []int{0, 1} })}},
		{"trustee number 3 of 2", CheckAnswers, story{editBody: body(msg.Active, gate, func(c *msg.ActiveBody) { c.Points = []int{1, 3} })}},
		{"answered before the call", CheckAnswers, story{reorder: before(place(1, msg.Answer, "trustee-1"), place(1, msg.Active, gate))}},
		{"a candidate of another sum", CheckGate, story{editBody: body(msg.Candidate, gate, func(c *msg.CandidateBody) { c.Sum = digestOf("x") })}},
		{"a candidate of another set", CheckGate, story{editBody: body(msg.Candidate, gate, func(c *msg.CandidateBody) { c.Set.Members = []string{a} })}},
		{"a candidate of the sum of the round before", CheckGate, story{trustees: 3, rounds: 2, editBody: firstSum()}},
		{"a candidate that is blocked", CheckGate, story{editBody: failed("block", "")}},
		{"a candidate that is blocked, and excepted", CheckGate, story{editBody: failed("block", governance.Exceptions[0].Code)}},
		{"a verdict that nobody knows", CheckGate, story{editBody: failed("excellent", "")}},
		{"a candidate that failed, without an exception", CheckVotes, story{editBody: failed("fail", "")}},
		{"a candidate that failed, with an exception of nobody's list", CheckVotes, story{editBody: failed("fail", "trust me")}},
		{"an exception where nothing failed", CheckVotes, story{editBody: failed("review", governance.Exceptions[0].Code)}},
		{"a gate that claims to be attested", CheckGate, story{editBody: body(msg.Candidate, gate, func(c *msg.CandidateBody) { c.Evidence = "tdx" })}},
		{"a candidate before the answers", CheckGate, story{reorder: before(place(0, msg.Candidate, gate), place(1, msg.Answer, "trustee-2"))}},
		{"a table of other terms", CheckTable, story{editCandidate: func(c *jobs.Candidate) { c.Terms = digestOf("x") }}},
		{"a table of another run", CheckTable, story{editCandidate: func(c *jobs.Candidate) { c.Run = "run-2" }}},
		{"a table of another cost", CheckTable, story{editCandidate: func(c *jobs.Candidate) { c.Privacy.Rho = "1/100" }}},
		{"a table with another code list", CheckTable, story{editCandidate: func(c *jobs.Candidate) { c.Dims = relabelled(c.Dims, "性别", "甲", "乙") }}},
		{"a table with another title", CheckTable, story{editCandidate: func(c *jobs.Candidate) { c.Dims = relabelled(c.Dims, "年龄", "男", "女") }}},
		{"a table with a code turned", CheckTable, story{editCandidate: func(c *jobs.Candidate) {
			c.Dims = relabelled(c.Dims, "性别", "男", "女")
			c.Dims[0].Codes = []string{"2", "1"}
		}}},
		{"a table of another measure", CheckTable, story{editCandidate: func(c *jobs.Candidate) { c.Figures[0].Name = "income" }}},
		{"not a table", CheckTable, story{editCandidate: func(c *jobs.Candidate) { c.Cells = c.Cells[:1] }}},
		{"a table rounded otherwise", CheckTable, story{mode: jobs.SDC, editCandidate: func(c *jobs.Candidate) { c.Figures[0].Round = 1 }}},
		{"a vote against", CheckVotes, story{editBody: votes(func(v *msg.Vote) { v.Approve = false })}},
		{"votes on another candidate", CheckVotes, story{editBody: votes(func(v *msg.Vote) { v.Candidate = suite.Commit(saltOf("x"), nil) })}},
		{"votes on another record", CheckVotes, story{editBody: votes(func(v *msg.Vote) { v.Record = suite.Commit(saltOf("x"), nil) })}},
		{"votes for another recipient", CheckVotes, story{editBody: votes(func(v *msg.Vote) { v.Recipients = []string{"press"} })}},
		{"a vote changed after it was sealed", CheckVotes, story{editBody: body(msg.VoteOpen, "checker-2", func(c *msg.VoteOpenBody) { c.Vote.Reason = "other" })}},
		{"a checker who copies the other's sealed vote", CheckVotes, story{editBody: copied()}},
		{"a vote opened before the other was sealed", CheckVotes, story{reorder: before(place(0, msg.VoteOpen, "checker-1"), place(0, msg.VoteCommit, "checker-2"))}},
		{"a vote before there was a candidate", CheckVotes, story{reorder: before(place(0, msg.VoteCommit, "checker-1"), place(0, msg.Candidate, gate))}},
		{"a checker of the operator's organisation", CheckVotes, story{editTerms: func(t *jobs.Terms) { t.Checkers[1].Org = t.Operator.Org }}},
		{"a debit of less than the cost", CheckBudgets, debit(func(d *msg.Debit) { d.Cost, d.After = "1/100", "1/100" })},
		{"a debit that does not add up", CheckBudgets, debit(func(d *msg.Debit) { d.After = "1/51" })},
		{"a debit beyond the cap", CheckBudgets, debit(func(d *msg.Debit) { d.Before, d.After = "1", "51/50" })},
		{"a debit of another namespace", CheckBudgets, debit(func(d *msg.Debit) { d.Namespace = jobs.LegalPerson })},
		{"a debit that is in no journal", CheckBudgets, debit(func(d *msg.Debit) { d.Seq = 0 })},
		{"a debit that takes for ever to read", CheckBudgets, debit(func(d *msg.Debit) { d.Before = "1e-999999" })},
		{"a debit below nothing", CheckBudgets, debit(func(d *msg.Debit) { d.Before, d.After = "-1/50", "0" })},
		{"one witness too few", CheckCheckpoint, story{trustees: 3, witnesses: []string{"trustee-3"}}},
		{"a stranger's cosignature", CheckCheckpoint, story{witnesses: []string{"trustee-1", "stranger"}}},
		{"a stranger's cosignature beside enough good ones", CheckCheckpoint, story{witnesses: []string{"trustee-1", "trustee-2", "stranger"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.story.tb = t
			s := c.story.tell()
			_ = wantBroken(t, s.raw(), s.pins(), c.want)
		})
	}
}

func relabelled(dims []jobs.Dim, title string, labels ...string) []jobs.Dim {
	dims = slices.Clone(dims)
	dims[0].Title, dims[0].Labels = title, labels
	return dims
}

// firstSum makes the gate name the sum of round 1 beside the set of round 2.
func firstSum() func(receipt.Kind, msg.Body) msg.Body {
	var first suite.Digest
	return func(_ receipt.Kind, b msg.Body) msg.Body {
		switch b := b.(type) {
		case msg.ReadyBody:
			if b.Round == 1 {
				first = b.Sum
			}
		case msg.CandidateBody:
			b.Sum = first
			return b
		}
		return b
	}
}

// votes has checker-2 seal and open another vote.
func votes(edit func(*msg.Vote), by ...string) func(receipt.Kind, msg.Body) msg.Body {
	if len(by) == 0 {
		by = []string{"checker-2"}
	}
	var said msg.CandidateBody
	changed := func(recipients []string) msg.Vote {
		v := msg.Vote{Candidate: said.Candidate, Record: said.Record, Recipients: recipients, Approve: true}
		edit(&v)
		return v
	}
	return func(_ receipt.Kind, b msg.Body) msg.Body {
		switch b := b.(type) {
		case msg.CandidateBody:
			said = b
		case msg.VoteCommitBody:
			if slices.Contains(by, b.Party) {
				v := changed([]string{"operator"})
				b.Vote = suite.Commit(saltOf(b.Party), b.Bind(v.Bytes()))
				return b
			}
		case msg.VoteOpenBody:
			if slices.Contains(by, b.Party) {
				b.Vote = changed([]string{"operator"})
				return b
			}
		}
		return b
	}
}

// copied has checker-2 repeat what checker-1 sealed and opened.
func copied() func(receipt.Kind, msg.Body) msg.Body {
	var sealed suite.Commitment
	return func(_ receipt.Kind, b msg.Body) msg.Body {
		switch b := b.(type) {
		case msg.VoteCommitBody:
			if b.Party == "checker-1" {
				sealed = b.Vote
			}
			b.Vote = sealed
			return b
		case msg.VoteOpenBody:
			b.Salt = saltOf("checker-1")
			return b
		}
		return b
	}
}

func debit(edit func(*msg.Debit)) story {
	return story{editBody: body(msg.Confirm, "site-a", func(c *msg.ConfirmBody) { edit(c.Debit) })}
}

// What whoever hands on a good bundle may do to it, and be found out.
func TestBentBundles(t *testing.T) {
	s := (&story{tb: t, trustees: 3, rounds: 2}).tell()
	other := (&story{tb: t, trustees: 3, editStart: func(r *jobs.Run) { r.At = noon.Add(time.Minute) }}).tell()
	_, unlogged, err := msg.Say(keyOf(t, "checker-2"), msg.VoteOpen, msg.VoteOpenBody{Of: s.of(0, "checker-2"), Salt: saltOf("checker-2")})
	must(t, err)
	find := func(f *file, subject string) *statement {
		i := slices.IndexFunc(f.Statements, func(s statement) bool { return s.Subject == subject })
		return &f.Statements[i]
	}
	for _, c := range []struct {
		name string
		want string
		bend func(*file)
	}{
		{"another format", CheckFormat, func(f *file) { f.Format = "yunei-release/v2" }},
		{"no run", CheckFormat, func(f *file) { f.Run = "" }},
		{"statements in another order", CheckFormat, func(f *file) { f.Statements[0], f.Statements[1] = f.Statements[1], f.Statements[0] }},
		{"a statement twice", CheckFormat, func(f *file) { f.Statements = append(f.Statements, f.Statements[len(f.Statements)-1]) }},
		{"a short salt", CheckFormat, func(f *file) { f.Salt = f.Salt[:31] }},
		{"another installation", CheckInstallation, func(f *file) { f.Installation = "elsewhere" }},
		{"an unsigned checkpoint", CheckCheckpoint, func(f *file) { f.Checkpoint, _, _ = strings.Cut(f.Checkpoint, "\n\n") }},
		{"no checkpoint", CheckCheckpoint, func(f *file) { f.Checkpoint = "" }},
		{"another checkpoint", CheckInclusion, func(f *file) { f.Checkpoint = string(other.note) }},
		{"a statement that was never logged", CheckInclusion, func(f *file) { find(f, place(0, msg.VoteOpen, "checker-2")).Body = unlogged.Bytes() }},
		{"another permit", CheckInclusion, func(f *file) { find(f, permitSubject(runID)).Body = append(find(f, permitSubject(runID)).Body, '\n') }},
		{"another start", CheckInclusion, func(f *file) { find(f, startSubject(runID)).Body = other.board[startSubject(runID)] }},
		{"another place in the ledger", CheckInclusion, func(f *file) { f.Statements[3].Index++ }},
		{"no proof", CheckInclusion, func(f *file) { f.Statements[3].Proof = nil }},
		{"no permit", CheckPermit, without(permitSubject(runID))},
		{"no start", CheckStart, without(startSubject(runID))},
		{"a statement under another name", CheckStatements, func(f *file) { find(f, place(1, msg.Reveal, "site-a")).Subject = place(2, msg.Reveal, "site-c") }},
		{"a statement of another round", CheckStatements, func(f *file) { find(f, place(1, msg.Reveal, "site-a")).Subject = place(3, msg.Reveal, "site-a") }},
		{"a statement of another run", CheckStatements, func(f *file) { find(f, place(1, msg.Reveal, "site-a")).Subject = "run.run-2.1.reveal.site-a" }},
		{"a forged note of the ledger", CheckStatements, func(f *file) { f.Statements[9].Subject = msg.LoggedSubject(runID, digestOf("x")) }},
		{"a subject that is none", CheckStatements, func(f *file) { f.Statements[9].Subject = "release\x1b[2J" }},
		{"no beginning of round 1", CheckKey, without(place(1, msg.Round, "yuneid"))},
		{"no hello", CheckKey, without(place(2, msg.Hello, "trustee-3"))},
		{"no key", CheckKey, without(place(2, msg.Key, "trustee-3"))},
		{"no admission", CheckAdmission, without(place(0, msg.Admitted, "site-b"))},
		{"no receiver", CheckSet, without(place(2, msg.Receiver, "gate"))},
		{"no commitment", CheckSet, without(place(2, msg.Commit, "site-b"))},
		{"no confirmation", CheckSet, without(place(2, msg.Confirm, "site-b"))},
		{"no reveal", CheckReveals, without(place(2, msg.Reveal, "site-b"))},
		{"no sum", CheckSum, without(place(2, msg.Sum, "gate"))},
		{"no ready", CheckAnswers, without(place(2, msg.Ready, "trustee-2"))},
		{"no call", CheckAnswers, without(place(2, msg.Active, "gate"))},
		{"no answer", CheckAnswers, without(place(2, msg.Answer, "trustee-2"))},
		{"no candidate", CheckGate, without(place(0, msg.Candidate, "gate"))},
		{"other figures", CheckCandidate, func(f *file) { f.Candidate = []byte(strings.Replace(string(f.Candidate), "[120]", "[121]", 1)) }},
		{"another salt", CheckCandidate, func(f *file) { f.Salt[31] ^= 1 }},
		{"no sealed vote", CheckVotes, without(place(0, msg.VoteCommit, "checker-2"))},
		{"no vote", CheckVotes, without(place(0, msg.VoteOpen, "checker-2"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := s.file()
			f.Salt = slices.Clone(f.Salt)
			c.bend(&f)
			b := wantBroken(t, encode(t, f), s.pins(), c.want)
			if strings.Contains(b.Error(), "\x1b") {
				t.Error("the error would write to the terminal")
			}
		})
	}
}

// A run that a site refused, or that was ended, has no release.
func TestEndedRunHasNone(t *testing.T) {
	for _, c := range []struct {
		kind  receipt.Kind
		party string
		body  msg.Body
	}{
		{msg.Refusal, "site-a", nil},
		{msg.Dead, "gate", nil},
		{msg.Dead, "yuneid", nil},
	} {
		t.Run(string(c.kind)+" of "+c.party, func(t *testing.T) {
			s := (&story{tb: t}).tell()
			if c.body = (msg.DeadBody{Of: s.of(0, c.party), Code: "run-dead"}); c.kind == msg.Refusal {
				c.body = msg.RefusalBody{Of: s.of(0, c.party), Code: "budget"}
			}
			s.say(c.kind, c.body, c.party)
			s.keepLog()
			_ = wantBroken(t, s.raw(), s.pins(), CheckStatements)
			_, err := Make(Input{Installation: installation, View: s.view(), Board: s.board, Letter: s.letter, Checkpoint: s.note, Proof: s.prove})
			if !errors.Is(err, fault.Denied) {
				t.Errorf("Make: %v", err)
			}
		})
	}
}

func TestMakeRefuses(t *testing.T) {
	s := (&story{tb: t}).tell()
	good := Input{Installation: installation, View: s.view(), Board: s.board, Letter: s.letter, Checkpoint: s.note, Proof: s.prove}
	for _, c := range []struct {
		name string
		edit func(*Input)
		want fault.Kind
	}{
		{"nothing", func(in *Input) { *in = Input{} }, fault.Denied},
		{"another letter", func(in *Input) { in.Letter.Candidate = []byte("{}") }, fault.Tampered},
		{"another salt", func(in *Input) { in.Letter.Salt[0] ^= 1 }, fault.Tampered},
		{"no installation", func(in *Input) { in.Installation = "" }, fault.Invalid},
		{"a proof that cannot be had", func(in *Input) { in.Proof = func(uint64) ([][]byte, error) { return nil, fault.NotFound } }, fault.NotFound},
		{"a checkpoint that is not text", func(in *Input) { in.Checkpoint = []byte{0xff} }, fault.Invalid},
		{"a permit that is not in the ledger", func(in *Input) {
			in.Board = map[string][]byte{permitSubject(runID): []byte("{}")}
		}, fault.Conflict},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := good
			c.edit(&in)
			if _, err := Make(in); !errors.Is(err, c.want) {
				t.Errorf("Make: %v, want %v", err, c.want)
			}
		})
	}
}

func TestWrongPins(t *testing.T) {
	s := (&story{tb: t, trustees: 3}).tell()
	stranger := keyOf(t, "stranger").Public()
	for _, c := range []struct {
		name string
		want string
		edit func(*Pins)
	}{
		{"none", CheckInstallation, func(p *Pins) { *p = Pins{} }},
		{"another installation", CheckInstallation, func(p *Pins) { p.Installation = "elsewhere" }},
		{"no witnesses asked for", CheckInstallation, func(p *Pins) { p.Witnesses = 0 }},
		{"one key for two trustees", CheckInstallation, func(p *Pins) { p.Trustees[1].Key = p.Trustees[0].Key }},
		{"another log", CheckCheckpoint, func(p *Pins) { p.Log.Key = stranger }},
		{"another origin", CheckCheckpoint, func(p *Pins) { p.Log.Origin = "elsewhere.example/log" }},
		{"another trustee", CheckCheckpoint, func(p *Pins) { p.Trustees[1].Key = stranger }},
		{"another trustee's name", CheckCheckpoint, func(p *Pins) { p.Trustees[1].Name = "trustee-9" }},
		{"more trustees, more witnesses", CheckCheckpoint, func(p *Pins) {
			p.Trustees = append(p.Trustees, jobs.Process{Name: "trustee-8", Key: stranger}, jobs.Process{Name: "trustee-9", Key: keyOf(t, "s2").Public()})
			p.Witnesses = 4
		}},
		{"another provider's key", CheckPermit, func(p *Pins) { p.Providers["provider-a"] = stranger }},
		{"a provider unknown", CheckPermit, func(p *Pins) { delete(p.Providers, "provider-a") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := s.pins()
			c.edit(&p)
			_ = wantBroken(t, s.raw(), p, c.want)
		})
	}
}

func TestPinsAreStrict(t *testing.T) {
	p := (&story{tb: t, trustees: 3}).pins()
	got, err := ParsePins(p.Bytes())
	must(t, err)
	if diff := cmp.Diff(p, got); diff != "" {
		t.Error(diff)
	}
	text := string(p.Bytes())
	for name, bad := range map[string]string{
		"empty":           "",
		"cut off":         text[:len(text)-3],
		"more after it":   text + "{}",
		"a field twice":   strings.Replace(text, `"witnesses": 2`, `"witnesses": 3, "witnesses": 2`, 1),
		"a field unknown": strings.Replace(text, `"witnesses": 2`, `"witnesses": 2, "quorum": 2`, 1),
		"another case":    strings.Replace(text, `"witnesses"`, `"Witnesses"`, 1),
		"one witness":     strings.Replace(text, `"witnesses": 2`, `"witnesses": 1`, 1),
		"four of three":   strings.Replace(text, `"witnesses": 2`, `"witnesses": 4`, 1),
		"no log key":      strings.Replace(text, string(p.Log.Key), "", 1),
		"no trustee name": strings.Replace(text, `"trustee-1"`, `""`, 1),
		"one name twice":  strings.Replace(text, `"trustee-1"`, `"trustee-2"`, 1),
		"one key twice":   strings.Replace(text, string(p.Trustees[0].Key), string(p.Log.Key), 1),
		"too large":       strings.Repeat(" ", maxPins) + text,
	} {
		if _, err := ParsePins([]byte(bad)); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

func TestReportReads(t *testing.T) {
	s := (&story{tb: t, mode: jobs.SDC}).tell()
	r, err := Verify(s.raw(), s.pins())
	must(t, err)
	f := s.file()
	f.Salt = slices.Clone(f.Salt)
	f.Salt[0] ^= 1
	broken, err := Verify(encode(t, f), s.pins())
	if err == nil {
		t.Fatal("another salt was not found out")
	}
	for _, c := range []struct {
		name  string
		r     Report
		lang  Lang
		has   []string
		lacks []string
	}{
		{"good, Chinese", r, ZH, []string{"核验通过", runID, "未核验", "主管部门的管理员可能读到精确的和", "任一域都能从和中减去自己的部分", "12:00:00 +08:00"}, []string{"BROKEN", "未通过"}},
		{"good, English", r, EN, []string{"holds", "could read the exact sum", "each could subtract its own part", "not differential privacy"}, []string{"BROKEN", "核验"}},
		{"broken, Chinese", broken, ZH, []string{"核验未通过：结果字节（candidate）", "[未通过] 结果字节"}, []string{runID, "出域审核"}},
		{"broken, English", broken, EN, []string{"does NOT hold: the released bytes (candidate)", "[BROKEN]"}, []string{runID, "The release holds"}},
		{"nothing", Report{}, EN, []string{"does NOT hold"}, []string{"The release holds"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			must(t, c.r.Print(&b, c.lang))
			for _, want := range c.has {
				if !strings.Contains(b.String(), want) {
					t.Errorf("does not say %q:\n%s", want, b.String())
				}
			}
			for _, not := range c.lacks {
				if strings.Contains(b.String(), not) {
					t.Errorf("says %q:\n%s", not, b.String())
				}
			}
		})
	}
	for _, c := range checks {
		for _, text := range []string{c.part.ZH, c.part.EN, c.proves.ZH, c.proves.EN} {
			if text == "" {
				t.Errorf("%s: a sentence is missing", c.name)
			}
		}
	}
}
