package sequences

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/jobs/receipt"
	"github.com/yunei/yunei/suite"
)

// A ballot is what the play knows of a vote's statement that somebody truly
// signed: what is altered afterwards is nobody's.
type ballot struct {
	kind   receipt.Kind
	of     msg.Of
	signer string
	sealed suite.Commitment // that it makes, or truly opens
	vote   msg.Vote
	salt   suite.Salt
}

// Twists of a statement. A right one has none.
const (
	byAnother    = "signed by another checker"
	ofAnotherRun = "about the other run"
	alteredBytes = "altered after it was signed"
	copiedSeal   = "the other's sealed vote"
	toOthers     = "for other recipients"
	onOthers     = "on another candidate"
	otherMind    = "another vote than was sealed"
)

var twists = []string{byAnother, ofAnotherRun, alteredBytes, copiedSeal, toOthers, onOthers, otherMind}

// vote is what a checker thinks.
func (p *play) vote(r *run, approve bool, exception, twist string) msg.Vote {
	v := msg.Vote{Candidate: r.candidate.Candidate, Record: r.candidate.Record, Recipients: r.terms.Recipients, Approve: approve, Exception: exception}
	if !approve {
		v.Reason = "other"
	}
	switch twist {
	case toOthers:
		v.Recipients = []string{"rival"}
	case onOthers:
		v.Candidate = suite.Commit(salt("x"), []byte("x"))
	}
	return v
}

// seal makes the i-th checker's commitment.
func (p *play) sealVote(r *run, i int, approve bool, exception, twist string) []byte {
	b := ballot{kind: msg.VoteCommit, of: r.of(0, checkerName(i)), signer: checkers[i], salt: salt(r.id + checkers[i]), vote: p.vote(r, approve, exception, twist)}
	if twist == ofAnotherRun {
		b.of.Run = p.other(r)
	}
	b.sealed = suite.Commit(b.salt, b.of.Bind(b.vote.Bytes()))
	if twist == copiedSeal {
		for _, o := range p.ballots {
			if o.kind == msg.VoteCommit && o.of.Run == r.id && o.signer != b.signer {
				b.sealed = o.sealed
			}
		}
	}
	return p.sign(b, msg.VoteCommitBody{Of: b.of, Vote: b.sealed}, i, twist)
}

// openVote opens what the i-th checker sealed last in this run.
func (p *play) openVote(r *run, i int, twist string) []byte {
	at := slices.IndexFunc(p.sealed, func(b ballot) bool { return b.of.Run == r.id && b.of.Party == checkerName(i) })
	if at < 0 {
		return nil
	}
	b := p.sealed[at]
	b.kind = msg.VoteOpen
	switch twist {
	case ofAnotherRun:
		b.of.Run = p.other(r)
	case otherMind:
		b.vote.Approve = !b.vote.Approve
	case toOthers:
		b.vote.Recipients = []string{"rival"}
	case onOthers:
		b.vote.Candidate = suite.Commit(salt("x"), []byte("x"))
	}
	b.sealed = suite.Commit(b.salt, b.of.Bind(b.vote.Bytes()))
	return p.sign(b, msg.VoteOpenBody{Of: b.of, Vote: b.vote, Salt: b.salt}, i, twist)
}

// sign signs a statement, and keeps in mind that it was.
func (p *play) sign(b ballot, body msg.Body, i int, twist string) []byte {
	if twist == byAnother {
		b.signer = checkers[(i+1)%len(checkers)]
	}
	_, rec, err := msg.Say(p.Keys[b.signer], b.kind, body)
	must(err)
	raw := rec.Bytes()
	p.ballots[suite.DigestOf(raw)] = b
	if b.kind == msg.VoteCommit && twist != byAnother {
		p.sealed = append([]ballot{b}, p.sealed...)
	}
	if twist != alteredBytes {
		return raw
	}
	bent := bytes.Clone(raw)
	at := bytes.Index(bent, []byte(`"sig":"`)) + len(`"sig":"`) + i
	if bent[at]++; bent[at] == '[' || bent[at] == '{' || bent[at] == ':' || bent[at] == ',' || bent[at] > 'z' {
		bent[at] = 'A'
	}
	return bent
}

func (p *play) other(r *run) string {
	for _, o := range p.runs {
		if o.id != r.id {
			return o.id
		}
	}
	return "r-elsewhere"
}

// A posted vote stands on the board.
type posted struct {
	at    uint64
	place string
	ballot
}

// cast lists the votes of a run that somebody truly signed as whom they stand
// for, in the order of the ledger.
func (p *play) cast(r *run) []posted {
	board := p.onBoard(r.id)
	var all []posted
	for subject, raw := range board {
		place, err := msg.ParseSubject(subject)
		b, ok := p.ballots[suite.DigestOf(raw)]
		if err != nil || !ok || place.Kind != b.kind || place.Party != b.of.Party || b.of != r.of(0, place.Party) {
			continue
		}
		i := slices.IndexFunc(r.terms.Checkers, func(c jobs.Signer) bool { return c.Key == p.Keys[b.signer].Public() })
		if checkerName(i) != place.Party {
			continue
		}
		all = append(all, posted{p.place(r, raw), place.Party, b})
	}
	slices.SortFunc(all, func(a, b posted) int { return cmp.Compare(a.at, b.at) })
	return all
}

// approved says, by rules of the play's own, whether two different people first
// both sealed and then both opened a vote for this candidate.
func (p *play) approved(r *run) bool {
	sealed, opened, yes := map[string]suite.Commitment{}, map[string]bool{}, 0
	for _, b := range p.cast(r) {
		switch {
		case b.kind == msg.VoteCommit && len(sealed) < 2:
			copied := false
			for _, s := range sealed {
				copied = copied || s == b.sealed
			}
			if !copied {
				sealed[b.place] = b.sealed
			}
		case b.kind == msg.VoteOpen && len(sealed) == 2 && sealed[b.place] == b.sealed && !opened[b.place] && onThis(r, b.vote) && allowed(r.verdict, b.vote):
			opened[b.place] = true
			if b.vote.Approve {
				yes++
			}
		}
	}
	return yes == 2
}

func onThis(r *run, v msg.Vote) bool {
	return v.Candidate == r.candidate.Candidate && v.Record == r.candidate.Record && slices.Equal(v.Recipients, r.terms.Recipients)
}

// allowed is what the verdict leaves to people.
func allowed(verdict string, v msg.Vote) bool {
	switch {
	case verdict == "fail" && v.Approve:
		return v.Exception == "consented" || v.Exception == "not-personal"
	case verdict == "pass" || verdict == "review" || !v.Approve:
		return v.Exception == ""
	default:
		return false
	}
}
