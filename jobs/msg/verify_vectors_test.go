package msg

import (
	"bytes"
	"slices"
	"testing"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// A verifyVector is a query of a verification, under a permit of its own. What is
// sealed differs every time: the statements have zeros of the length, and beside
// them stands what is in a letter.
type verifyVector struct {
	Permit     permitVector      `json:"permit"`
	Statements []statementVector `json:"statements"`
	Claims     string            `json:"claims"`
	ClaimsInfo string            `json:"claims_info"`
	Answer     string            `json:"answer"`
	AnswerInfo string            `json:"answer_info"`
}

// verifyWorld is a world of a verification that is the same every time.
func verifyWorld(tb testing.TB) *world {
	tb.Helper()
	w := fixedWorld(tb, jobs.SDC)
	t := &w.terms
	t.Program, t.Limits, t.Params, t.Mode, t.Threshold, t.Profile = jobs.Program{}, jobs.Limits{}, nil, "", 0, ""
	t.KMin, t.Members, t.Shape = 1, slices.Clone(t.Members[:1]), jobs.Shape{Namespace: jobs.NaturalPerson}
	t.Members[0].Columns = []string{"district"}
	t.Verify = &jobs.Verify{Kind: jobs.YesNo, Box: fixedBox(tb, "site-a"), Batch: 10, Daily: 100, Most: 1000}
	w.bundle = w.permit(tb, w.terms)
	w.board[Subject(run, 0, Permit, Coordinator)] = w.bundle
	return w
}

const sealedBy = 48 // bytes of a letter's point and tag

func writeVerify(tb testing.TB) verifyVector {
	tb.Helper()
	s := &script{TB: tb, world: verifyWorld(tb)}
	claims := jobs.Claims{Reply: fixedBox(tb, "operator"), Claims: []jobs.Claim{{ID: "11010519491231002X", Codes: []string{"520102"}}, {ID: "110105200001010024", Codes: []string{""}}}}
	plain, err := claims.Bytes(s.terms)
	if err != nil {
		tb.Fatal(err)
	}
	body := jobs.Run{ID: run, Permit: s.terms.Digest(), Purpose: s.terms.Purpose, At: noon, Asked: 2, Claims: make([]byte, len(plain)+sealedBy)}
	start, err := receipt.Sign(s.keys["operator"], jobs.Start, receipt.About("run/"+run, body.Permit), body)
	if err != nil {
		tb.Fatal(err)
	}
	s.board[Subject(run, 0, jobs.Start, Operator)] = start.Bytes()
	s.add(jobs.Start, "operator", Subject(run, 0, jobs.Start, Operator), start)
	answer := s.terms.Verify.Answer([]bool{true, false})
	s.says(Checked, CheckedBody{Of: s.of(0, "site-a"), Asked: 2, Day: jobs.Day(noon), Daily: 2, Spent: 2, Answer: make([]byte, len(answer.Bytes())+sealedBy)})
	return verifyVector{
		Permit:     permitVector{Subject(run, 0, Permit, Coordinator), string(s.bundle), s.terms.Digest()},
		Statements: s.list, Claims: string(plain), ClaimsInfo: jobs.ClaimsInfo(run, s.terms.Digest()),
		Answer: string(answer.Bytes()), AnswerInfo: jobs.AnswerInfo(run, s.terms.Digest()),
	}
}

// taken holds the code to the vectors of a verification.
func (q verifyVector) taken(t *testing.T, v vectors, kinds map[receipt.Kind]map[string]bool) {
	t.Helper()
	view := v.view(t, vectors{Permit: q.Permit, Statements: q.Statements}.board())
	for _, s := range q.Statements {
		used(t, s, kinds)
	}
	b, ok := view.Answered()
	if !ok || !view.Over() || view.Run().Asked != b.Asked || len(view.Run().Claims) != len(q.Claims)+sealedBy {
		t.Errorf("the answer is not heard: %+v", b)
	}
	claims, err := jobs.ParseClaims([]byte(q.Claims), view.Terms(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := claims.Bytes(view.Terms()); err != nil || !bytes.Equal(raw, []byte(q.Claims)) {
		t.Errorf("the claims do not come back: %v", err)
	}
	a, err := jobs.ParseAnswers([]byte(q.Answer), *view.Terms().Verify, 2)
	if err != nil || !slices.Equal(a.Holds, []bool{true, false}) {
		t.Errorf("%+v, %v", a, err)
	}
	if d := view.Permit().Digest(); q.ClaimsInfo != jobs.ClaimsInfo(run, d) || q.AnswerInfo != jobs.AnswerInfo(run, d) {
		t.Error("other letters")
	}
}

// Of a query counts its own site's answer, a refusal and an end; an answer counts
// in no other run.
func TestVerifyStatements(t *testing.T) {
	v := writeVerify(t)
	file := readVectors(t)
	board := vectors{Permit: v.Permit, Statements: v.Statements}.board()
	w := verifyWorld(t)
	for kind, body := range map[receipt.Kind]Body{
		Round: RoundBody{w.of(1, Coordinator)}, Candidate: CandidateBody{Of: w.of(0, "gate")}, Release: ReleaseBody{Of: w.of(0, Coordinator)},
		Admitted: AdmittedBody{Of: w.of(0, "site-a")}, Hello: HelloBody{Of: w.of(1, "trustee-1")},
	} {
		by := body.of().Party
		subject, r, err := Say(w.keys[by], kind, body)
		if err != nil {
			t.Fatal(err)
		}
		board[subject] = r.Bytes()
		board[LoggedSubject(run, r.Digest())] = []byte(string(r.Digest()) + " 9")
		if view := file.view(t, board); view.Said(body.of().Round, kind, by) {
			t.Errorf("%s of %s is heard in a query", kind, by)
		}
	}
	sum := newWorld(t, jobs.SDC)
	sum.say(t, Checked, CheckedBody{Of: sum.of(0, "site-a"), Answer: []byte(suite.DigestOf(nil))})
	if _, ok := sum.view(t).Answered(); ok || sum.view(t).Said(0, Checked, "site-a") {
		t.Error("a site of a sum is heard with an answer")
	}
}
