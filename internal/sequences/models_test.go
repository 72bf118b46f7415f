package sequences

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"

	"github.com/yunei/yunei/governance/governancetest"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

var (
	trustees = []string{"trustee-1", "trustee-2", "trustee-3"}
	sites    = []string{"site-hospital", "site-transit"}
	checkers = []string{"checker-a", "checker-b", "checker-c"}
)

// What a candidate says that nobody must hear too early.
const (
	secretFigure = "765430"
	secretTitle  = "confidential-until-released"
)

// A bend is a way in which a model is made worse than any that the play knows,
// to see that it is found.
type bend string

const (
	straight      bend = ""
	countsNoVotes bend = "a coordinator that counts no votes"
	opensUnpaid   bend = "a gate that does not look at debits"
	changesCells  bend = "a coordinator that changes a cell"
)

// Flaws of a site's debit. All but none are what no site of ours says.
const (
	none      = "none"
	noDebit   = "no debit"
	low       = "less than the cost"
	beyond    = "beyond the cap"
	foreign   = "of another namespace"
	unbooked  = "of another operator"
	crooked   = "does not add up"
	unwritten = "in no journal"
	selfish   = "the stored answer of this very run"
)

var flaws = []string{noDebit, low, beyond, foreign, unbooked, crooked, unwritten, selfish}

// A run is what the play knows of one: how its models behave, and what they
// truly signed.
type run struct {
	id      string
	terms   jobs.Terms
	flaw    string // of the second site's debit
	blind   bool   // the gate opens what is not paid for
	loses   bool   // the gate dies in the first round
	wrong   string // what the gate's candidate is not of: "set", "sum", "evidence", or nothing
	verdict string
	// What the second checker does otherwise, in a play by order.
	against, silent, mute bool   // rejects, does not open; nobody names an exception
	twist                 string // of the sealed vote

	played    bool
	candidate *msg.CandidateBody
	mutated   bool
}

// honest reports whether those whose engines this play stands for did as ours.
func (r *run) honest(b bend) bool {
	return (!r.blind || b == opensUnpaid) && r.wrong == ""
}

func (r *run) of(n int, who string) msg.Of {
	return msg.Of{Run: r.id, Round: n, Permit: r.terms.Digest(), Party: who}
}

func salt(of string) suite.Salt {
	var s suite.Salt
	copy(s[:], suite.DigestOf([]byte(of)).Hex())
	return s
}

func parts(of string) msg.Parts {
	return msg.Parts{{suite.DigestOf([]byte(of + " 1"))}, {suite.DigestOf([]byte(of + " 2"))}}
}

// say posts what parties say at the same time, and waits for the ledger.
func (h *house) say(r *run, kind receipt.Kind, who []string, body func(string) msg.Body) {
	said := map[string][]byte{}
	for _, name := range who {
		b := body(name)
		if b == nil {
			continue
		}
		subject, rec, err := msg.Say(h.Keys[name], kind, b)
		must(err)
		must(h.board.Post(h.ctx, subject, rec.Bytes()))
		said[subject] = rec.Bytes()
	}
	h.await(r.id, said)
}

func (h *house) view(r *run) *msg.View {
	v, err := msg.NewView(r.id, h.onBoard(r.id), h.flow.Pins)
	must(err)
	return v
}

// play has sites, trustees and the gate do their parts up to the candidate, in
// the round in hand; once.
func (h *house) play(r *run) {
	v := h.view(r)
	n := v.Round()
	if r.played || n == 0 || v.Over() {
		return
	}
	gate := []string{"gate"}
	h.say(r, msg.Hello, trustees, func(who string) msg.Body {
		return msg.HelloBody{Of: r.of(n, who), Box: "x25519:box", Nonce: salt(who)}
	})
	h.say(r, msg.Receiver, gate, func(who string) msg.Body {
		return msg.ReceiverBody{Of: r.of(n, who), Key: suite.DigestOf([]byte(who)), Evidence: suite.DigestOf(nil)}
	})
	if n == 1 && r.loses {
		h.say(r, msg.Lost, gate, func(who string) msg.Body { return msg.LostBody{Of: r.of(n, who)} })
		return
	}
	r.played = true
	h.key(r, n)
	if !h.seal(r, n) {
		return
	}
	h.open(r, n)
}

// key makes the key of a round, and lets the program in.
func (h *house) key(r *run, n int) {
	h.say(r, msg.KeyCommit, trustees, func(who string) msg.Body {
		return msg.KeyCommitBody{Of: r.of(n, who), Share: suite.Commit(salt(who), []byte("share"))}
	})
	h.say(r, msg.KeyOpen, trustees, func(who string) msg.Body {
		return msg.KeyOpenBody{Of: r.of(n, who), Salt: salt(who), Share: suite.DigestOf([]byte("share")), Letters: map[string]suite.Digest{}}
	})
	transcript := h.view(r).Transcript(n)
	h.say(r, msg.Key, trustees, func(who string) msg.Body {
		return msg.KeyBody{Of: r.of(n, who), Transcript: transcript, Key: suite.DigestOf([]byte("key"))}
	})
	h.say(r, msg.Admitted, sites, func(who string) msg.Body {
		return msg.AdmittedBody{
			Of: r.of(0, who), Program: r.terms.Program.Digest, Form: suite.DigestOf([]byte("form")), Rewrite: "rewrite-1", Engines: msg.Engines(r.terms),
		}
	})
}

// seal is the sites' part; it is false if our gate would have nothing to add.
func (h *house) seal(r *run, n int) bool {
	h.say(r, msg.Commit, sites, func(who string) msg.Body {
		return msg.CommitBody{Of: r.of(n, who), Parts: suite.Commit(salt(who), r.of(n, who).Bind(parts(who).Bytes()))}
	})
	set, _ := h.view(r).Set(n)
	h.say(r, msg.Confirm, sites, func(who string) msg.Body {
		b := msg.ConfirmBody{Of: r.of(n, who), Set: set}
		if r.terms.Mode == jobs.SDC {
			b.Evidence = msg.CommitEvidence(r.of(0, who), salt(who), []byte(who))
			return b
		}
		b.Debit = debit(r, none)
		if who == sites[1] {
			b.Debit = debit(r, r.flaw)
		}
		return b
	})
	if _, ok := h.view(r).Confirmed(n); !ok {
		return r.blind // nobody shows anything, and our gate would see nothing to add
	}
	h.say(r, msg.Reveal, sites, func(who string) msg.Body {
		return msg.RevealBody{Of: r.of(n, who), Salt: salt(who), Parts: parts(who)}
	})
	return true
}

// debit is a site's, from a budget of 1 of which nothing is spent, with a flaw.
func debit(r *run, flaw string) *msg.Debit {
	rho, err := r.terms.Rho()
	must(err)
	d := &msg.Debit{
		Namespace: r.terms.Shape.Namespace, Operator: r.terms.Operator.Org, Scenario: r.terms.Scenario,
		Cost: rho.RatString(), Before: "0", After: rho.RatString(), Seq: 1,
	}
	switch flaw {
	case noDebit:
		return nil
	case low:
		d.Cost, d.After = "0", "0"
	case beyond:
		d.Before, d.After = "1", new(big.Rat).Add(rho, big.NewRat(1, 1)).RatString()
	case foreign:
		d.Namespace = jobs.LegalPerson
	case unbooked:
		d.Operator = "rival"
	case crooked:
		d.After = "0"
	case unwritten:
		d.Seq = 0
	case selfish:
		d.Cost, d.After, d.Stored = "0", "0", r.id
	}
	return d
}

// open is the trustees' and the gate's part.
func (h *house) open(r *run, n int) {
	gate := []string{"gate"}
	h.say(r, msg.Sum, gate, func(who string) msg.Body { return msg.SumBody{Of: r.of(n, who), Parts: parts("sum")} })
	said, _ := h.view(r).Receipt(n, msg.Sum, "gate")
	sum := said.Digest()
	h.say(r, msg.Ready, trustees, func(who string) msg.Body { return msg.ReadyBody{Of: r.of(n, who), Sum: sum} })
	h.say(r, msg.Active, gate, func(who string) msg.Body { return msg.ActiveBody{Of: r.of(n, who), Sum: sum, Points: []int{1, 2}} })
	said, _ = h.view(r).Receipt(n, msg.Active, "gate")
	h.say(r, msg.Answer, trustees[:2], func(who string) msg.Body {
		return msg.AnswerBody{Of: r.of(n, who), Active: said.Digest(), Parts: parts(who)}
	})
	v := h.view(r)
	if !r.blind && v.Debited(n) != nil { // as the gate asks before it opens
		h.say(r, msg.Dead, gate, func(who string) msg.Body { return msg.DeadBody{Of: r.of(0, who), Code: "tampered"} })
		return
	}
	h.judge(r, v, n, sum)
}

func (h *house) judge(r *run, v *msg.View, n int, sum suite.Digest) {
	letter := msg.Letter{Salt: salt(r.id), Candidate: table(r).Bytes(), Record: []byte("the record of " + r.verdict)}
	plain, err := json.Marshal(letter)
	must(err)
	sealed, err := r.terms.Desk.Seal(msg.LetterInfo(r.id, r.terms.Digest()), plain)
	must(err)
	must(h.flow.Put(h.ctx, sealed))
	set, _ := v.Set(n)
	b := msg.CandidateBody{
		Of: r.of(0, "gate"), Set: set, Sum: sum, Candidate: suite.Commit(letter.Salt, letter.Candidate), Record: suite.Commit(letter.Blind, letter.Record),
		Verdict: r.verdict, Profile: "house", Evidence: r.terms.Gate.Evidence, Letter: suite.DigestOf(sealed),
	}
	switch r.wrong {
	case "set":
		b.Set.Members = slices.Clone(b.Set.Members[:1])
	case "sum":
		b.Sum = suite.DigestOf([]byte("another sum"))
	case "evidence":
		b.Evidence = "tdx"
	}
	h.say(r, msg.Candidate, []string{"gate"}, func(string) msg.Body { return b })
	r.candidate = &b
}

func table(r *run) jobs.Candidate {
	t := r.terms
	c := jobs.Candidate{
		Format: jobs.CandidateFormat, Terms: t.Digest(), Run: r.id, Mode: t.Mode, Title: secretTitle, Namespace: t.Shape.Namespace,
		Dims: t.Shape.Dims, Figures: []jobs.Figure{{Name: t.Shape.Units.Name, Title: t.Shape.Units.Title}},
		Statements: []jobs.Statement{{ZH: "测试。", EN: "a test"}}, Cells: []jobs.Cell{{765430}, {95}},
	}
	if t.Mode == jobs.SDC {
		c.Figures[0].Round = t.Shape.Units.Round
		return c
	}
	rho, err := t.Rho()
	must(err)
	c.Figures[0] = c.Figures[0].WithVariance(big.NewInt(200))
	c.Privacy = &jobs.Privacy{Rho: rho.RatString(), Epsilon: "1.0000", Delta: "1e-6"}
	return c
}

// terms are of an application of their own, in one of the modes.
func (h *house) terms(id string, mode jobs.Mode) jobs.Terms {
	t := h.Terms()
	t.ID, t.Mode = id, mode
	if mode == jobs.SDC {
		t.Program.Review = &jobs.Review{Reviewer: "lab", Source: suite.DigestOf([]byte(id)), Report: "read"}
	}
	must(t.Check())
	return t
}

// start is the operator's, of one of the runs of the terms.
func (h *house) startOf(r *run, who string) []byte {
	body := jobs.Run{ID: r.id, Permit: r.terms.Digest(), Purpose: r.terms.Purpose, Program: r.terms.Program.Digest, At: governancetest.Now}
	rec, err := receipt.Sign(h.Keys[who], jobs.Start, receipt.About("run/"+r.id, r.terms.Digest()), body)
	must(err)
	return rec.Bytes()
}

func (h *house) decision(t jobs.Terms, who, org string, kind receipt.Kind) []byte {
	d := jobs.Decision{Terms: t.Digest(), Org: org, At: governancetest.Now}
	rec, err := receipt.Sign(h.Keys[who], kind, receipt.About("terms/"+t.ID, t.Digest()), d)
	must(err)
	return rec.Bytes()
}

func checkerName(i int) string { return fmt.Sprintf("checker-%d", i+1) }
