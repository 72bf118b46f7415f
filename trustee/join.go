package trustee

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/yunei/yunei/enclave"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs/msg"
	"github.com/yunei/yunei/party"
	"github.com/yunei/yunei/suite"
)

// In a run of a join a trustee holds a share of the key that values are
// encrypted to, without which no total opens. It matches what the sites have
// answered by itself, and answers once, for the totals that it added up, if
// enough people are in both sets. It sees how many they are, and no total.

func (t *Trustee) joinSteps() []party.Step {
	return []party.Step{
		{Kind: msg.Hello, Due: t.may, Make: t.joinHello},
		{Kind: msg.Ready, Due: t.mayMatch, Make: t.joinReady},
		{Kind: msg.Answer, Due: t.called, Make: t.joinReply},
	}
}

func (t *Trustee) joinHello(_ context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	body, r, err := t.enter(v, n)
	if err != nil {
		return nil, nil, err
	}
	body.Share = r.holder.Share().Bytes
	return body, nil, nil
}

// matched: the gate has said what it matched, which both sites have answered.
func matched(v *msg.View, n int) bool {
	_, ok := v.Answers(n)
	return ok && v.Said(n, msg.Sum, v.Terms().Gate.Name)
}

// mayMatch: and the permit holds now.
func (t *Trustee) mayMatch(v *msg.View, n int) bool { return matched(v, n) && t.may(v, n) }

// joinReady holds what vouches for the gate's key against the permit, and
// matches the very lists that the gate has named.
func (t *Trustee) joinReady(ctx context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r, sum, err := t.toCheck(ctx, v, n)
	if err != nil {
		return nil, nil, err
	}
	if all, _ := v.Answers(n); !slices.EqualFunc(sum.Parts, msg.AnsweredParts(all), slices.Equal[[]suite.Digest]) {
		return nil, nil, fmt.Errorf("the gate names other lists than were answered: %w", fault.Tampered)
	}
	if r.matched == nil {
		if r.join, err = enclave.JoinOf(ctx, t.Fetch, v, n); err != nil {
			return nil, nil, err
		}
		m, err := r.join.Match(ctx, t.Fetch, t.source, t.Name, r.box)
		if err != nil {
			return nil, nil, err
		}
		r.matched = &m
	}
	if r.join.Few(*r.matched) {
		return nil, nil, fmt.Errorf("the gate goes on with too few in both: %w", fault.Tampered)
	}
	said, _ := v.Receipt(n, msg.Sum, v.Terms().Gate.Name)
	return msg.ReadyBody{Of: v.Of(n, t.Name), Sum: said.Digest()}, nil, nil
}

func (t *Trustee) source(ctx context.Context, by string, d suite.Digest, size int64) io.ReaderAt {
	return t.Blob(ctx, by, d, size)
}

// joinReply is the one answer of this round; afterwards the secret is gone. A
// join that is counted only has no totals, and an answer without parts.
func (t *Trustee) joinReply(_ context.Context, v *msg.View, n int) (msg.Body, [][]byte, error) {
	r := t.round(v, n)
	if r == nil || r.matched == nil {
		return nil, nil, party.ErrLost
	}
	gate := v.Terms().Gate.Name
	active, err := msg.Read[msg.ActiveBody](v, n, msg.Active, gate)
	if err != nil {
		return nil, nil, err
	}
	sum, _ := v.Receipt(n, msg.Sum, gate)
	if active.Sum != sum.Digest() {
		return nil, nil, fmt.Errorf("the gate calls for another join: %w", fault.Tampered)
	}
	if r.reply == nil {
		r.reply = msg.Parts{}
		if r.join.HasSlots() {
			answer, err := r.holder.Answer(r.join.Join, *r.matched)
			if err != nil {
				r.reply = nil
				return nil, nil, err
			}
			sealed, err := r.join.SealAnswer(answer)
			if err != nil {
				return nil, nil, err
			}
			r.reply, r.sealed = msg.Parts{{suite.DigestOf(sealed)}}, [][]byte{sealed}
		}
		r.holder.Erase()
	}
	said, _ := v.Receipt(n, msg.Active, gate)
	seq, err := t.number(v, n, string(msg.Answer))
	if err != nil {
		return nil, nil, err
	}
	return msg.AnswerBody{Of: v.Of(n, t.Name), Active: said.Digest(), Parts: r.reply, Seq: seq}, r.sealed, nil
}
