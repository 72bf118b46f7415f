package release

import (
	"strings"
	"testing"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// prio3 has the sum of a story added by trustee-1 and trustee-2.
func prio3(t *jobs.Terms) {
	t.Protection, t.Prio = jobs.Prio3, &jobs.Prio{Leader: "trustee-1", Helper: "trustee-2", Units: 1000}
}

// parts are what a site reveals: ciphertexts, or a report for each range.
func (s *story) parts(name string) msg.Parts {
	if !s.terms.Proved() {
		return parts(name)
	}
	return msg.Parts{s.messages(name)}
}

func (s *story) messages(of string) []suite.Digest {
	var all []suite.Digest
	for range s.terms.Ranges() {
		all = append(all, digestOf("message of "+of))
	}
	return all
}

// sum is what the gate says is added.
func (s *story) sum(sites []string) msg.Parts {
	if !s.terms.Proved() {
		return parts("sum")
	}
	var list msg.Parts
	for _, name := range sites {
		list = append(list, s.parts(name)[0])
	}
	return list
}

// aggregate is what the two say when a quorum is ready; their parts of the keys
// they have said before the members committed, which the ledger need not show.
func (s *story) aggregate(n int, sum suite.Digest) {
	s.tb.Helper()
	for _, kind := range []receipt.Kind{msg.PrioPart, msg.PrioAnswer, msg.PrioClaim, msg.PrioSum} {
		for _, name := range []string{"trustee-1", "trustee-2"} {
			b := msg.PrioBody{Of: s.of(n, name), Sum: sum, Messages: s.messages(string(kind) + " of " + name)}
			if kind == msg.PrioPart {
				b.Sum = ""
			}
			s.say(kind, b, name)
		}
	}
}

// A release of prio3 holds, and says on what it stands.
func TestProvedRelease(t *testing.T) {
	for name, s := range map[string]*story{
		"two trustees":   {editTerms: prio3},
		"three trustees": {editTerms: prio3, trustees: 3, rounds: 2},
		"a quorum of three": {trustees: 3, editTerms: func(t *jobs.Terms) {
			prio3(t)
			t.Trustees.Quorum = 3
		}},
		"mode sdc": {editTerms: prio3, mode: jobs.SDC},
	} {
		t.Run(name, func(t *testing.T) {
			s.tb = t
			s.tell()
			r, err := Verify(s.raw(), s.pins())
			if err != nil {
				t.Fatal(err)
			}
			var zh, en strings.Builder
			must(t, r.Print(&zh, ZH))
			must(t, r.Print(&en, EN))
			for _, want := range []string{"可验证求和 Prio3", "聚合方验证", "待加清单", "两个聚合方没有合谋"} {
				if !strings.Contains(zh.String(), want) {
					t.Errorf("the report does not say %s", want)
				}
			}
			for _, want := range []string{"Verifiable sum, Prio3", "trustees: trustee-1, trustee-2", "every proof", "did not collude"} {
				if !strings.Contains(en.String(), want) {
					t.Errorf("the report does not say %s", want)
				}
			}
			if strings.Contains(en.String(), "ciphertexts are not in the bundle") || strings.Contains(zh.String(), "密文") {
				t.Error("the report speaks of ciphertexts")
			}
		})
	}
	s := (&story{tb: t}).tell()
	r, err := Verify(s.raw(), s.pins())
	if err != nil || !strings.Contains(r.Protection.EN, "Threshold encryption (BGV)") {
		t.Errorf("the committee's protection is %q: %v", r.Protection.EN, err)
	}
}

// What may be told of a sum of prio3, and is found out.
func TestBentProvedStories(t *testing.T) {
	const (
		gate = "gate"
		a, b = "site-a", "site-b"
		one  = "trustee-1"
		two  = "trustee-2"
	)
	say := func(kind receipt.Kind, party string, edit func(*msg.PrioBody)) story {
		return story{editBody: body(kind, party, edit)}
	}
	for _, c := range []struct {
		name  string
		want  string
		story story
	}{
		{"sealed before a trustee was there", CheckSet, story{reorder: before(place(1, msg.Commit, a), place(1, msg.Hello, two))}},
		{"a member signs another transcript", CheckSet, story{editBody: body(msg.Confirm, b, func(c *msg.ConfirmBody) { c.Set.Key = digestOf("own") })}},
		{"other reports than committed to", CheckReveals, story{editBody: body(msg.Reveal, b, func(c *msg.RevealBody) { c.Parts = msg.Parts{{digestOf("x")}} })}},
		{"a list without a member's", CheckSum, story{editBody: body(msg.Sum, gate, func(c *msg.SumBody) { c.Parts = c.Parts[:1] })}},
		{"a list with another report", CheckSum, story{editBody: body(msg.Sum, gate, func(c *msg.SumBody) { c.Parts[1] = []suite.Digest{digestOf("x")} })}},
		{"a list before all had revealed", CheckSum, story{reorder: before(place(1, msg.Sum, gate), place(1, msg.Reveal, b))}},
		{"an aggregator was ready for another list", CheckAnswers, story{trustees: 3, editBody: body(msg.Ready, two, func(c *msg.ReadyBody) { c.Sum = digestOf("x") })}},
		{"an aggregator answers about another list", CheckAnswers, say(msg.PrioAnswer, two, func(c *msg.PrioBody) { c.Sum = digestOf("x") })},
		{"an aggregator claims of another list", CheckAnswers, say(msg.PrioClaim, two, func(c *msg.PrioBody) { c.Sum = digestOf("x") })},
		{"an aggregator adds another list", CheckAnswers, say(msg.PrioSum, one, func(c *msg.PrioBody) { c.Sum = digestOf("x") })},
		{"an aggregator answers about no list", CheckAnswers, say(msg.PrioAnswer, one, func(c *msg.PrioBody) { c.Sum = "" })},
		{"an aggregator skips a range", CheckAnswers, say(msg.PrioClaim, one, func(c *msg.PrioBody) { c.Messages = nil })},
		{"answered before it was ready", CheckAnswers, story{reorder: before(place(1, msg.PrioAnswer, one), place(1, msg.Ready, two))}},
		{"claimed before the other answered", CheckAnswers, story{reorder: before(place(1, msg.PrioClaim, one), place(1, msg.PrioAnswer, two))}},
		{"added before the other claimed", CheckAnswers, story{reorder: before(place(1, msg.PrioSum, one), place(1, msg.PrioClaim, two))}},
		{"a key before there was a gate's", CheckAnswers, story{reorder: before(place(1, msg.PrioPart, one), place(1, msg.Receiver, gate))}},
		{"a candidate before the sums", CheckGate, story{reorder: before(place(0, msg.Candidate, gate), place(1, msg.PrioSum, two))}},
		{"a sum signed by another", CheckStatements, story{signer: map[string]string{two: one}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.story.tb, c.story.editTerms = t, prio3
			s := c.story.tell()
			_ = wantBroken(t, s.raw(), s.pins(), c.want)
		})
	}
	// What is left out is missed.
	for _, kind := range []receipt.Kind{msg.PrioPart, msg.PrioAnswer, msg.PrioClaim, msg.PrioSum} {
		s := (&story{tb: t, editTerms: prio3}).tell()
		f := s.file()
		without(place(1, kind, two))(&f)
		_ = wantBroken(t, encode(t, f), s.pins(), CheckAnswers)
	}
}
